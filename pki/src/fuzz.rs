//! The entry point for fuzzing: every parser of this crate at once.

use crate::{Certificate, NamePattern, PrivateKey, PublicKey, RevocationList};

/// Reads arbitrary octets as everything that this crate can read.
///
/// # Panics
/// When something that was read is not the same after being written and read again, which would be
/// a defect of this crate.
pub fn read_anything(octets: &[u8]) {
    if let Ok(certificate) = Certificate::parse(octets) {
        assert_eq!(
            Certificate::parse(certificate.der()).as_ref(),
            Ok(&certificate)
        );
        let key = certificate.public_key();
        assert_eq!(PublicKey::parse(key.spki()).as_ref(), Ok(key));
        assert!(certificate.alternative_names().len() <= octets.len());
    }
    if let Ok(list) = RevocationList::parse(octets) {
        assert_eq!(RevocationList::parse(list.der()).as_ref(), Ok(&list));
        assert!(list.replaces(&list));
    }
    if let Ok(key) = PublicKey::parse(octets) {
        assert_eq!(PublicKey::parse(key.spki()).as_ref(), Ok(&key));
    }
    if let Ok(key) = PrivateKey::parse(octets, None) {
        assert_eq!(
            PublicKey::parse(key.public().spki()).as_ref(),
            Ok(key.public())
        );
    }
    if let Ok(text) = str::from_utf8(octets)
        && let Some(pattern) = NamePattern::parse(text)
    {
        assert_eq!(pattern, pattern.clone());
    }
}

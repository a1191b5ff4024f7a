//! Certificates, lists, keys and authorities: one state of the world.

use std::{collections::BTreeMap, sync::Arc};

use holdfast_config::Secrets;
use holdfast_pki::{Certificate, KeyId, PrivateKey, PublicKey, RevocationList};

use super::{Authority, CredentialError, Subject};

/// How many there may be of each. A control message cannot carry one of more than 64 KiB.
const MOST_CERTIFICATES: usize = 4096;
const MOST_LISTS: usize = 512;
const MOST_PUBLIC_KEYS: usize = 4096;
const MOST_PRIVATE_KEYS: usize = 4096;
const MOST_AUTHORITIES: usize = 1024;

/// What a certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateUse {
    /// A peer's, or our own.
    EndEntity,
    /// An anchor of trust.
    Ca,
    /// It signs attribute certificates.
    AttributeAuthority,
    /// It signs OCSP responses.
    OcspSigner,
}

impl CertificateUse {
    /// The flag by which clients know it.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::EndEntity => "NONE",
            Self::Ca => "CA",
            Self::AttributeAuthority => "AA",
            Self::OcspSigner => "OCSP",
        }
    }

    /// The use with this flag, whatever its case.
    pub(crate) fn from_flag(flag: &str) -> Option<Self> {
        [
            Self::EndEntity,
            Self::Ca,
            Self::AttributeAuthority,
            Self::OcspSigner,
        ]
        .into_iter()
        .find(|known| known.flag().eq_ignore_ascii_case(flag))
    }
}

/// One state of the world. Cloning copies pointers.
#[derive(Clone, Default)]
pub(crate) struct Store {
    certificates: Vec<(CertificateUse, Arc<Certificate>)>,
    revocation_lists: Vec<Arc<RevocationList>>,
    public_keys: Vec<Arc<PublicKey>>,
    private_keys: BTreeMap<KeyId, Arc<PrivateKey>>,
    authorities: BTreeMap<String, Arc<Authority>>,
    files: FromFiles,
}

/// What the configuration files say; clients cannot remove it.
#[derive(Clone, Default)]
struct FromFiles {
    private_keys: BTreeMap<KeyId, Arc<PrivateKey>>,
    authorities: BTreeMap<String, Arc<Authority>>,
}

/// One entry of a listing.
pub(crate) enum Listed<'a> {
    /// A public key without a certificate, and whether we have its private key.
    PublicKey(&'a PublicKey, bool),
    /// A certificate, and whether we have its private key.
    Certificate(CertificateUse, &'a Certificate, bool),
    /// A revocation list.
    RevocationList(&'a RevocationList),
}

impl Store {
    /// Puts the keys and authorities of the configuration files in the place of those read before.
    pub(crate) fn replace_files(&mut self, secrets: &Secrets) {
        let keys = secrets.private_keys().iter();
        let authorities = secrets.authorities().iter().map(|entry| {
            let authority = Authority {
                certificate: Arc::clone(&entry.certificate),
                crl_uris: entry.crl_uris.clone(),
                ocsp_uris: entry.ocsp_uris.clone(),
                cert_uri_base: None,
            };
            (entry.name.clone(), Arc::new(authority))
        });
        self.files = FromFiles {
            private_keys: keys
                .map(|entry| (entry.key.public().id(), Arc::clone(&entry.key)))
                .collect(),
            authorities: authorities.collect(),
        };
    }

    /// Whether the configuration files have a private key of this name.
    pub(crate) fn is_key_of_files(&self, id: KeyId) -> bool {
        self.files.private_keys.contains_key(&id)
    }

    /// Whether the configuration files have an authority of this name.
    pub(crate) fn is_authority_of_files(&self, name: &str) -> bool {
        self.files.authorities.contains_key(name)
    }

    /// Adds a certificate. Whatever it was announced as, that of a CA is an anchor of trust. One
    /// that is there already takes the new use.
    pub(crate) fn add_certificate(
        &mut self,
        announced: CertificateUse,
        certificate: Certificate,
    ) -> Result<(), CredentialError> {
        let used = match announced {
            _ if certificate.is_ca() => CertificateUse::Ca,
            CertificateUse::Ca => return Err(CredentialError::NotCa),
            CertificateUse::EndEntity if certificate.signs_ocsp() => CertificateUse::OcspSigner,
            other => other,
        };
        self.certificates
            .retain(|(_, other)| other.der() != certificate.der());
        if self.certificates.len() >= MOST_CERTIFICATES {
            return Err(CredentialError::TooMany("4,096 certificates"));
        }
        self.certificates.push((used, Arc::new(certificate)));
        Ok(())
    }

    /// Adds a revocation list, unless there is a newer one of the same kind; older ones go.
    pub(crate) fn add_revocation_list(
        &mut self,
        list: RevocationList,
    ) -> Result<(), CredentialError> {
        let newer = |other: &Arc<RevocationList>| other.replaces(&list) && !list.replaces(other);
        if self.revocation_lists.iter().any(newer) {
            return Ok(());
        }
        self.revocation_lists.retain(|other| !list.replaces(other));
        if self.revocation_lists.len() >= MOST_LISTS {
            return Err(CredentialError::TooMany("512 revocation lists"));
        }
        self.revocation_lists.push(Arc::new(list));
        Ok(())
    }

    /// Adds a public key that is trusted without a certificate.
    pub(crate) fn add_public_key(&mut self, key: PublicKey) -> Result<(), CredentialError> {
        self.public_keys.retain(|other| **other != key);
        if self.public_keys.len() >= MOST_PUBLIC_KEYS {
            return Err(CredentialError::TooMany("4,096 public keys"));
        }
        self.public_keys.push(Arc::new(key));
        Ok(())
    }

    /// Adds a private key and gives its name.
    pub(crate) fn add_private_key(&mut self, key: PrivateKey) -> Result<KeyId, CredentialError> {
        let id = key.public().id();
        if self.private_keys.len() >= MOST_PRIVATE_KEYS && !self.private_keys.contains_key(&id) {
            return Err(CredentialError::TooMany("4,096 private keys"));
        }
        self.private_keys.insert(id, Arc::new(key));
        Ok(id)
    }

    /// The private key of this name.
    pub(crate) fn private_key(&self, id: KeyId) -> Option<&Arc<PrivateKey>> {
        let of_files = || self.files.private_keys.get(&id);
        self.private_keys.get(&id).or_else(of_files)
    }

    /// Certificates of ours and of peers.
    pub(crate) fn end_entities(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        let of_end_entity = |(used, _): &&(CertificateUse, _)| *used == CertificateUse::EndEntity;
        self.certificates
            .iter()
            .filter(of_end_entity)
            .map(|(_, certificate)| certificate)
    }

    /// Forgets a client's private key; `false` if there is none of that name.
    pub(crate) fn remove_private_key(&mut self, id: KeyId) -> bool {
        self.private_keys.remove(&id).is_some()
    }

    /// The names of the private keys that clients loaded: whoever lists them means to remove those
    /// that it does not know.
    pub(crate) fn private_key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.private_keys.keys().copied()
    }

    /// Adds a client's authority; a client's of the same name gives way to it.
    pub(crate) fn add_authority(
        &mut self,
        name: &str,
        authority: Authority,
    ) -> Result<(), CredentialError> {
        if self.authorities.len() >= MOST_AUTHORITIES && !self.authorities.contains_key(name) {
            return Err(CredentialError::TooMany("1,024 authorities"));
        }
        self.authorities
            .insert(name.to_owned(), Arc::new(authority));
        Ok(())
    }

    /// Forgets a client's authority; `false` if there is none of that name.
    pub(crate) fn remove_authority(&mut self, name: &str) -> bool {
        self.authorities.remove(name).is_some()
    }

    /// The authorities by name, those of the configuration files first.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = (&str, &Authority)> {
        let of_files = self.files.authorities.iter();
        of_files
            .chain(&self.authorities)
            .map(|(name, authority)| (name.as_str(), &**authority))
    }

    /// The anchors of trust: the CA certificates that were loaded, and those of authorities.
    pub(crate) fn anchors(&self) -> Vec<&Arc<Certificate>> {
        let mut anchors: Vec<_> = self
            .certificates
            .iter()
            .filter(|(used, _)| *used == CertificateUse::Ca)
            .map(|(_, certificate)| certificate)
            .collect();
        for (_, authority) in self.authorities() {
            if !anchors.contains(&&authority.certificate) {
                anchors.push(&authority.certificate);
            }
        }
        anchors
    }

    /// The revocation lists that clients loaded.
    pub(crate) fn revocation_lists(&self) -> impl Iterator<Item = &Arc<RevocationList>> {
        self.revocation_lists.iter()
    }

    /// Who may sign OCSP responses for any CA.
    pub(crate) fn ocsp_signers(&self) -> impl Iterator<Item = &Arc<Certificate>> {
        let signers = self.certificates.iter();
        signers.filter_map(|(used, certificate)| {
            (*used == CertificateUse::OcspSigner).then_some(certificate)
        })
    }

    /// Everything that has a subject: public keys, then certificates by use, then lists. As charon
    /// does, the newest comes first but for anchors.
    pub(crate) fn list<'a>(&'a self, subject: &Subject) -> Vec<Listed<'a>> {
        let has_key = |key: &PublicKey| self.private_key(key.id()).is_some();
        let used_for = |wanted: CertificateUse| {
            self.certificates
                .iter()
                .rev()
                .filter(move |(used, _)| *used == wanted)
                .map(|(_, certificate)| certificate)
        };
        let public_keys = self
            .public_keys
            .iter()
            .rev()
            .filter(|key| subject.is_key(key))
            .map(|key| Listed::PublicKey(key, has_key(key)));
        let certificates = used_for(CertificateUse::EndEntity)
            .map(|certificate| (CertificateUse::EndEntity, certificate))
            .chain(self.anchors().into_iter().map(|c| (CertificateUse::Ca, c)))
            .chain(
                [
                    CertificateUse::AttributeAuthority,
                    CertificateUse::OcspSigner,
                ]
                .into_iter()
                .flat_map(|used| used_for(used).map(move |certificate| (used, certificate))),
            )
            .filter(|(_, certificate)| subject.is_subject_of(certificate))
            .map(|(used, certificate)| {
                Listed::Certificate(used, certificate, has_key(certificate.public_key()))
            });
        let lists = self
            .revocation_lists
            .iter()
            .filter(|list| subject.is_name(list.issuer()))
            .map(|list| Listed::RevocationList(list));
        public_keys.chain(certificates).chain(lists).collect()
    }

    /// The same without what `clear-creds` forgets.
    pub(super) fn without_credentials(&self) -> Self {
        Self {
            authorities: self.authorities.clone(),
            files: self.files.clone(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests;

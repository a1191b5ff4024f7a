//! Certificate revocation lists (RFC 5280 section 5).

use std::{fmt, ops::Range, sync::OnceLock};

use x509_parser::{
    extensions::X509Extension,
    prelude::FromDer,
    revocation_list::{CertificateRevocationList, RevokedCertificate},
};

use crate::{
    MAX_LIST, Name, ParseError, PublicKey, SignatureError, Strength,
    der::{self, Element},
    general_name::{GeneralName, distribution_point_names},
    pem,
    signature::Signed,
};

/// A revocation list. Its signature is not checked here.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Box<[u8]>,
    issuer: Name,
    authority_key_id: Option<Box<[u8]>>,
    number: Option<Box<[u8]>>,
    this_update: i64,
    next_update: Option<i64>,
    /// By serial number.
    entries: Box<[Entry]>,
    is_delta: bool,
    scope: Scope,
    signed: Signed,
    verified: Verified,
}

/// By whose key the signature was found right. Lists can be long and are asked again and again.
#[derive(Default)]
struct Verified(OnceLock<(PublicKey, Strength)>);

impl Clone for Verified {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Verified {
    /// It says nothing that the list does not.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Verified {}

/// A revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Where its serial number is in the encoding.
    serial: Range<u32>,
    pub(crate) reason: Option<Reason>,
}

/// Why a certificate was revoked (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(u8);

/// Which certificates a list speaks of (RFC 5280 section 5.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// It may be somebody else's certificates too that it lists.
    pub(crate) indirect: bool,
    pub(crate) only_users: bool,
    pub(crate) only_cas: bool,
    pub(crate) only_attributes: bool,
    /// There are reasons, or critical extensions, for which it says nothing or nothing that is
    /// understood: who is not on it may be revoked nevertheless.
    pub(crate) partial: bool,
    /// It is that of these distribution points only.
    pub(crate) points: Option<Box<[GeneralName]>>,
}

impl Reason {
    pub(crate) fn new(code: u8) -> Self {
        Self(code)
    }

    /// Whether the certificate may become good again.
    pub fn is_hold(self) -> bool {
        self.0 == 6
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            1 => "key compromise",
            2 => "CA compromise",
            3 => "affiliation changed",
            4 => "superseded",
            5 => "cessation of operation",
            6 => "certificate hold",
            9 => "privilege withdrawn",
            10 => "AA compromise",
            _ => "unspecified",
        })
    }
}

impl RevocationList {
    /// Reads a list in DER or PEM.
    pub fn parse(input: &[u8]) -> Result<Self, ParseError> {
        const LABEL: &str = "X509 CRL";
        if input.len() > MAX_LIST {
            return Err(ParseError::TooLong);
        }
        if input.first() != Some(&der::SEQUENCE) && pem::is_pem(input) {
            let block = pem::block(input, &[LABEL]).map_err(|_| ParseError::Pem)?;
            return Self::from_der(&block.ok_or(ParseError::NoPem(LABEL))?.content);
        }
        Self::from_der(input)
    }

    fn from_der(octets: &[u8]) -> Result<Self, ParseError> {
        const WHAT: &str = "a revocation list";
        let Ok(([], parsed)) = CertificateRevocationList::from_der(octets) else {
            return Err(ParseError::Der(WHAT));
        };
        if parsed.signature_algorithm != parsed.tbs_cert_list.signature {
            return Err(ParseError::AlgorithmMismatch);
        }
        let mut list = Self {
            der: octets.into(),
            issuer: Name::from_parsed(parsed.issuer()),
            authority_key_id: None,
            number: None,
            this_update: parsed.last_update().timestamp(),
            next_update: parsed.next_update().map(|at| at.timestamp()),
            entries: Box::default(),
            is_delta: false,
            scope: Scope::default(),
            signed: Signed::read(octets, WHAT)?,
            verified: Verified::default(),
        };
        for extension in parsed.extensions() {
            list.put(extension)?;
        }
        let entries: Option<Vec<Entry>> = parsed
            .iter_revoked_certificates()
            .map(|revoked| list.entry(octets, revoked))
            .collect();
        let mut entries = entries.ok_or(ParseError::Der(WHAT))?;
        entries.sort_unstable_by(|a, b| list.serial(a).cmp(list.serial(b)));
        list.entries = entries.into();
        Ok(list)
    }

    fn put(&mut self, extension: &X509Extension<'_>) -> Result<(), ParseError> {
        let value = der::only(extension.value);
        match extension.oid.as_bytes() {
            [0x55, 0x1d, 35] => {
                let elements = value.ok_or(ParseError::Extension("authorityKeyIdentifier"))?;
                let id = elements.children().find(|element| element.tag == 0x80);
                self.authority_key_id = id.map(|id| id.content.into());
            }
            [0x55, 0x1d, 20] => {
                let number = value.ok_or(ParseError::Extension("cRLNumber"))?.content;
                let zeros = number.iter().take_while(|octet| **octet == 0).count();
                self.number = Some(number[zeros..].into());
            }
            // deltaCRLIndicator (RFC 5280 section 5.2.4).
            [0x55, 0x1d, 27] => self.is_delta = true,
            [0x55, 0x1d, 28] => {
                let scope = value.and_then(Scope::read);
                let partial = self.scope.partial;
                self.scope = scope.ok_or(ParseError::Extension("issuingDistributionPoint"))?;
                self.scope.partial |= partial;
            }
            _ => self.scope.partial |= extension.critical,
        }
        Ok(())
    }

    fn entry(&mut self, octets: &[u8], revoked: &RevokedCertificate<'_>) -> Option<Entry> {
        let serial = revoked.raw_serial();
        let begin = (serial.as_ptr() as usize).checked_sub(octets.as_ptr() as usize)?;
        let begin = u32::try_from(begin).ok()?;
        let mut reason = None;
        for extension in revoked.extensions() {
            match extension.oid.as_bytes() {
                [0x55, 0x1d, 21] => {
                    let code = der::only(extension.value)?.small_integer()?;
                    reason = Some(Reason(u8::try_from(code).ok()?));
                }
                // invalidityDate.
                [0x55, 0x1d, 24] => {}
                // certificateIssuer, of indirect lists, is among these.
                _ => self.scope.partial |= extension.critical,
            }
        }
        let serial = begin..begin + u32::try_from(serial.len()).ok()?;
        Some(Entry { serial, reason })
    }

    fn serial(&self, entry: &Entry) -> &[u8] {
        &self.der[entry.serial.start as usize..entry.serial.end as usize]
    }

    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose certificates it revokes.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// The issuer's key, if it says.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// When it was made, in seconds since 1970.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// When the next one will be there, in seconds since 1970.
    pub fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// How many certificates it revokes.
    pub fn revoked(&self) -> usize {
        self.entries.len()
    }

    /// What it says about the certificate with this serial number, if it revokes it.
    pub(crate) fn find(&self, serial: &[u8]) -> Option<&Entry> {
        let found = self
            .entries
            .binary_search_by(|entry| self.serial(entry).cmp(serial));
        found.ok().map(|at| &self.entries[at])
    }

    /// Whether it only says what changed since another one.
    pub fn is_delta(&self) -> bool {
        self.is_delta
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether this key signed it.
    pub(crate) fn verify_signature(
        &self,
        issuer: &PublicKey,
        strength: Strength,
    ) -> Result<(), SignatureError> {
        let known = self.verified.0.get();
        if known.is_some_and(|(key, so)| key == issuer && *so == strength) {
            return Ok(());
        }
        self.signed.verify(&self.der, issuer, strength)?;
        // Another key that signed the same list may have been faster.
        let _ = self.verified.0.set((issuer.clone(), strength));
        Ok(())
    }

    /// Whether it is a list of the same issuer, key and kind: the newer of the two makes the other
    /// one useless.
    pub fn replaces(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.authority_key_id == other.authority_key_id
            && self.is_delta == other.is_delta
            && self.scope == other.scope
            && self.age() >= other.age()
    }

    /// Numbers grow with each list (RFC 5280 section 5.2.3); without them the date tells.
    fn age(&self) -> (usize, Option<&[u8]>, i64) {
        let number = self.number.as_deref();
        (number.map_or(0, <[u8]>::len), number, self.this_update)
    }
}

impl Scope {
    fn read(value: Element<'_>) -> Option<Self> {
        let mut scope = Self::default();
        for part in value.tagged(der::SEQUENCE)?.all()? {
            match part.tag {
                der::CONTEXT_0 => scope.points = Some(distribution_point_names(part)?.into()),
                0x81 => scope.only_users = part.boolean()?,
                0x82 => scope.only_cas = part.boolean()?,
                0x83 => scope.partial = true,
                0x84 => scope.indirect = part.boolean()?,
                0x85 => scope.only_attributes = part.boolean()?,
                _ => return None,
            }
        }
        Some(scope)
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("issuer", &self.issuer)
            .field("revoked", &self.revoked())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

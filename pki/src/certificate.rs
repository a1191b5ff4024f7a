//! X.509 certificates (RFC 5280 section 4).

use std::{fmt, net::IpAddr};

use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use crate::{KeyId, MAX_INPUT, Name, ParseError, PublicKey, pem};

/// A certificate. Whether it is to be trusted is another question.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Box<[u8]>,
    subject: Name,
    issuer: Name,
    serial: Box<[u8]>,
    validity: Validity,
    public_key: PublicKey,
    alternative_names: Box<[AlternativeName]>,
    subject_key_id: Option<Box<[u8]>>,
    authority_key_id: Option<Box<[u8]>>,
    is_ca: bool,
    signs_ocsp: bool,
}

/// From when to when a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
}

/// A subject alternative name (RFC 5280 section 4.2.1.6) that can be an IKE identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternativeName {
    /// A host.
    Dns(String),
    /// A mail address.
    Rfc822(String),
    /// An address.
    Ip(IpAddr),
    /// A URI.
    Uri(String),
    /// A distinguished name.
    Directory(Name),
}

impl Certificate {
    /// Reads a certificate in DER or PEM.
    pub fn parse(input: &[u8]) -> Result<Self, ParseError> {
        const LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];
        if input.len() > MAX_INPUT {
            return Err(ParseError::TooLong);
        }
        if pem::is_pem(input) {
            let block = pem::block(input, &LABELS).map_err(|_| ParseError::Pem)?;
            return Self::from_der(&block.ok_or(ParseError::NoPem(LABELS[0]))?.content);
        }
        Self::from_der(input)
    }

    fn from_der(octets: &[u8]) -> Result<Self, ParseError> {
        let (rest, parsed) =
            X509Certificate::from_der(octets).map_err(|_| ParseError::Der("a certificate"))?;
        if !rest.is_empty() {
            return Err(ParseError::Der("a certificate"));
        }
        let is_ca = parsed
            .basic_constraints()
            .map_err(|_| ParseError::Extension("basicConstraints"))?
            .is_some_and(|constraints| constraints.value.ca);
        let signs_ocsp = parsed
            .extended_key_usage()
            .map_err(|_| ParseError::Extension("extendedKeyUsage"))?
            .is_some_and(|usage| usage.value.ocsp_signing);
        let validity = parsed.validity();
        let (subject_key_id, authority_key_id) = key_ids(&parsed);
        Ok(Self {
            der: octets.into(),
            subject: Name::from_parsed(parsed.subject()),
            issuer: Name::from_parsed(parsed.issuer()),
            serial: parsed.raw_serial().into(),
            validity: Validity {
                not_before: validity.not_before.timestamp(),
                not_after: validity.not_after.timestamp(),
            },
            public_key: PublicKey::from_parsed(parsed.public_key())?,
            alternative_names: alternative_names(&parsed)?,
            subject_key_id,
            authority_key_id,
            is_ca,
            signs_ocsp,
        })
    }

    /// The encoding, for the wire.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose it is.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// Who signed it.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// What tells it from others of the same issuer.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// When it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The key that it certifies.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Other names of the subject.
    pub fn alternative_names(&self) -> &[AlternativeName] {
        &self.alternative_names
    }

    /// What other certificates call its key (RFC 5280 section 4.2.1.2); the SHA-1 of the key if
    /// the certificate does not say.
    pub fn subject_key_id(&self) -> &[u8] {
        let key: &KeyId = self.public_key.id_ref();
        self.subject_key_id.as_deref().unwrap_or(key.as_bytes())
    }

    /// The issuer's key, if it says (RFC 5280 section 4.2.1.1).
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// Whether its basic constraints say that it is a CA's (RFC 5280 section 4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.is_ca
    }

    /// Whether it may sign OCSP responses for its issuer (RFC 6960 section 4.2.2.2).
    pub fn signs_ocsp(&self) -> bool {
        self.signs_ocsp
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("key", &self.public_key)
            .finish_non_exhaustive()
    }
}

type KeyIds = (Option<Box<[u8]>>, Option<Box<[u8]>>);

fn key_ids(parsed: &X509Certificate<'_>) -> KeyIds {
    let mut ids = (None, None);
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => ids.0 = Some(id.0.into()),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                ids.1 = authority.key_identifier.as_ref().map(|id| id.0.into());
            }
            _ => {}
        }
    }
    ids
}

fn alternative_names(parsed: &X509Certificate<'_>) -> Result<Box<[AlternativeName]>, ParseError> {
    let extension = parsed
        .subject_alternative_name()
        .map_err(|_| ParseError::Extension("subjectAltName"))?;
    let names = extension.map_or(&[][..], |extension| &extension.value.general_names);
    Ok(names.iter().filter_map(alternative_name).collect())
}

fn alternative_name(name: &GeneralName<'_>) -> Option<AlternativeName> {
    match name {
        GeneralName::DNSName(name) => Some(AlternativeName::Dns((*name).to_owned())),
        GeneralName::RFC822Name(name) => Some(AlternativeName::Rfc822((*name).to_owned())),
        GeneralName::URI(name) => Some(AlternativeName::Uri((*name).to_owned())),
        GeneralName::DirectoryName(name) => {
            Some(AlternativeName::Directory(Name::from_parsed(name)))
        }
        GeneralName::IPAddress(octets) => {
            let v4 = <[u8; 4]>::try_from(*octets).map(IpAddr::from).ok();
            let v6 = || <[u8; 16]>::try_from(*octets).map(IpAddr::from).ok();
            v4.or_else(v6).map(AlternativeName::Ip)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

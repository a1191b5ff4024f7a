//! X.509 certificates (RFC 5280 section 4).

use std::{fmt, net::IpAddr};

use x509_parser::{certificate::X509CertificateParser, nom::Parser};

use crate::{
    KeyId, MAX_INPUT, Name, ParseError, PublicKey, SignatureError, Strength,
    general_name::GeneralName, pem, signature::Signed,
};

mod extensions;
mod name_constraints;

pub(crate) use extensions::{Extensions, KeyUsage, Purpose};
pub(crate) use name_constraints::NameConstraints;

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
    extensions: Extensions,
    signed: Signed,
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
        const WHAT: &str = "a certificate";
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let Ok(([], parsed)) = parser.parse(octets) else {
            return Err(ParseError::Der(WHAT));
        };
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(ParseError::AlgorithmMismatch);
        }
        let extensions = Extensions::read(parsed.extensions())?;
        let validity = parsed.validity();
        let names = extensions.alternative_names.iter();
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
            alternative_names: names.filter_map(GeneralName::alternative).collect(),
            extensions,
            signed: Signed::read(octets, WHAT)?,
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
        self.extensions
            .subject_key_id
            .as_deref()
            .unwrap_or(key.as_bytes())
    }

    /// The issuer's key, if it says (RFC 5280 section 4.2.1.1).
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority_key_id.as_deref()
    }

    /// Whether its basic constraints say that it is a CA's (RFC 5280 section 4.2.1.9).
    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.is_ca
    }

    /// Whether it may sign OCSP responses for its issuer (RFC 6960 section 4.2.2.2).
    pub fn signs_ocsp(&self) -> bool {
        let purposes = self.extensions.extended_key_usage.as_deref();
        purposes.is_some_and(|purposes| purposes.contains(&Purpose::OcspSigning))
    }

    /// Where the lists are that may revoke it (RFC 5280 section 4.2.1.13).
    pub fn crl_uris(&self) -> &[String] {
        &self.extensions.crl_uris
    }

    /// Who may be asked about it (RFC 5280 section 4.2.2.1).
    pub fn ocsp_uris(&self) -> &[String] {
        &self.extensions.ocsp_uris
    }

    /// Whether it has the same name as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.subject.is_same(&self.issuer)
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether this key signed it.
    pub(crate) fn verify_signature(
        &self,
        issuer: &PublicKey,
        strength: Strength,
    ) -> Result<(), SignatureError> {
        self.signed.verify(&self.der, issuer, strength)
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

#[cfg(test)]
mod tests;

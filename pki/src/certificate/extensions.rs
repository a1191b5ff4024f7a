//! The extensions of a certificate that decide what it is good for (RFC 5280 section 4.2).
//!
//! x509-parser takes the certificate apart; what is inside of these extensions is read here, to the
//! last octet, because in them a part that is passed over is a constraint that does not hold.

use std::collections::BTreeSet;

use x509_parser::extensions::X509Extension;

use super::NameConstraints;
use crate::{
    ParseError,
    der::{self, Element},
    dotted,
    general_name::{GeneralName, distribution_point_names},
};

/// What the extensions say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    pub(crate) alternative_names: Box<[GeneralName]>,
    pub(crate) subject_key_id: Option<Box<[u8]>>,
    pub(crate) authority_key_id: Option<Box<[u8]>>,
    pub(crate) basic_constraints: BasicConstraints,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<Box<[Purpose]>>,
    pub(crate) name_constraints: Option<NameConstraints>,
    pub(crate) policies: Option<BTreeSet<String>>,
    pub(crate) policy_mappings: Box<[(String, String)]>,
    pub(crate) require_explicit_policy: Option<u32>,
    pub(crate) inhibit_policy_mapping: Option<u32>,
    pub(crate) inhibit_any_policy: Option<u32>,
    pub(crate) crl_uris: Box<[String]>,
    pub(crate) ocsp_uris: Box<[String]>,
    /// The responder's certificate need not be asked about (RFC 6960 section 4.2.2.2.1).
    pub(crate) ocsp_no_check: bool,
    /// A critical one that nothing here knows.
    pub(crate) unknown_critical: Option<String>,
}

/// Whether it is a CA's (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BasicConstraints {
    pub(crate) is_ca: bool,
    /// How many CAs may be below it, if that is limited.
    pub(crate) path_len: Option<u32>,
}

/// Bits of keyUsage (RFC 5280 section 4.2.1.3), the first one highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyUsage(u16);

impl KeyUsage {
    /// digitalSignature or nonRepudiation (RFC 4945 section 5.1.3.2).
    pub(crate) fn signs(self) -> bool {
        self.0 & 0xc000 != 0
    }

    /// keyCertSign.
    pub(crate) fn signs_certificates(self) -> bool {
        self.0 & 0x0400 != 0
    }

    /// cRLSign.
    pub(crate) fn signs_lists(self) -> bool {
        self.0 & 0x0200 != 0
    }
}

/// Purposes in extendedKeyUsage (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// anyExtendedKeyUsage.
    Any,
    ServerAuth,
    ClientAuth,
    OcspSigning,
    /// id-kp-ipsecIKE, or one of those for IPsec that came before it (RFC 4945 section 5.1.3.12).
    Ike,
    Other,
}

impl Purpose {
    fn from_oid(oid: &[u8]) -> Self {
        const KP: [u8; 7] = [0x2b, 6, 1, 5, 5, 7, 3];
        match oid {
            [0x55, 0x1d, 0x25, 0] => Self::Any,
            [prefix @ .., purpose] if prefix == KP => match purpose {
                1 => Self::ServerAuth,
                2 => Self::ClientAuth,
                // ipsecEndSystem, ipsecTunnel and ipsecUser; ipsecIKE.
                5..=7 | 17 => Self::Ike,
                9 => Self::OcspSigning,
                _ => Self::Other,
            },
            // iKEIntermediate.
            [0x2b, 6, 1, 5, 5, 8, 2, 2] => Self::Ike,
            _ => Self::Other,
        }
    }
}

impl Extensions {
    /// Reads them.
    pub(crate) fn read(parsed: &[X509Extension<'_>]) -> Result<Self, ParseError> {
        let mut seen = BTreeSet::new();
        let mut extensions = Self::default();
        for extension in parsed {
            let oid = extension.oid.as_bytes();
            if !seen.insert(oid) {
                return Err(ParseError::Duplicate(dotted(oid)));
            }
            let known = name_of(oid);
            let Some(name) = known else {
                if extension.critical {
                    extensions.unknown_critical = Some(dotted(oid));
                }
                continue;
            };
            der::only(extension.value)
                .and_then(|value| extensions.put(name, value))
                .ok_or(ParseError::Extension(name))?;
        }
        Ok(extensions)
    }

    fn put(&mut self, name: &'static str, value: Element<'_>) -> Option<()> {
        match name {
            "subjectAltName" => {
                let names = GeneralName::read_all(value.tagged(der::SEQUENCE)?)?;
                self.alternative_names = names.into();
            }
            "subjectKeyIdentifier" => {
                self.subject_key_id = Some(value.tagged(der::OCTET_STRING)?.content.into());
            }
            "authorityKeyIdentifier" => {
                let mut elements = value.tagged(der::SEQUENCE)?.all()?.into_iter();
                self.authority_key_id = elements
                    .find(|element| element.tag == 0x80)
                    .map(|id| id.content.into());
            }
            "basicConstraints" => self.basic_constraints = basic_constraints(value)?,
            "keyUsage" => {
                let [_unused, bits @ ..] = value.tagged(der::BIT_STRING)?.content else {
                    return None;
                };
                let octet = |at: usize| bits.get(at).copied().unwrap_or_default();
                self.key_usage = Some(KeyUsage(u16::from_be_bytes([octet(0), octet(1)])));
            }
            "extendedKeyUsage" => {
                let purposes = value.tagged(der::SEQUENCE)?.all()?;
                self.extended_key_usage = Some(
                    purposes
                        .iter()
                        .map(|oid| Purpose::from_oid(oid.content))
                        .collect(),
                );
            }
            "nameConstraints" => self.name_constraints = Some(NameConstraints::read(value)?),
            "certificatePolicies" => self.policies = Some(policies(value)?),
            "policyMappings" => self.policy_mappings = policy_mappings(value)?,
            "policyConstraints" => self.put_policy_constraints(value)?,
            "inhibitAnyPolicy" => {
                self.inhibit_any_policy = Some(value.tagged(der::INTEGER)?.small_integer()?);
            }
            "cRLDistributionPoints" => self.crl_uris = distribution_points(value)?,
            "authorityInfoAccess" => self.ocsp_uris = ocsp_uris(value)?,
            "ocspNoCheck" => self.ocsp_no_check = true,
            _ => {}
        }
        Some(())
    }

    fn put_policy_constraints(&mut self, value: Element<'_>) -> Option<()> {
        for element in value.tagged(der::SEQUENCE)?.all()? {
            match element.tag {
                0x80 => self.require_explicit_policy = Some(element.small_integer()?),
                0x81 => self.inhibit_policy_mapping = Some(element.small_integer()?),
                _ => return None,
            }
        }
        Some(())
    }
}

/// The extensions that are acted upon, or may be passed over without harm.
fn name_of(oid: &[u8]) -> Option<&'static str> {
    Some(match oid {
        [0x55, 0x1d, last] => match last {
            14 => "subjectKeyIdentifier",
            15 => "keyUsage",
            17 => "subjectAltName",
            18 => "issuerAltName",
            19 => "basicConstraints",
            30 => "nameConstraints",
            31 => "cRLDistributionPoints",
            32 => "certificatePolicies",
            33 => "policyMappings",
            35 => "authorityKeyIdentifier",
            36 => "policyConstraints",
            37 => "extendedKeyUsage",
            54 => "inhibitAnyPolicy",
            _ => return None,
        },
        [0x2b, 6, 1, 5, 5, 7, 1, 1] => "authorityInfoAccess",
        [0x2b, 6, 1, 5, 5, 7, 48, 1, 5] => "ocspNoCheck",
        _ => return None,
    })
}

fn basic_constraints(value: Element<'_>) -> Option<BasicConstraints> {
    let mut elements = value.tagged(der::SEQUENCE)?.all()?.into_iter().peekable();
    let ca = elements.next_if(|element| element.tag == der::BOOLEAN);
    let is_ca = ca.map_or(Some(false), Element::boolean)?;
    let path_len = match elements.next() {
        Some(limit) => Some(limit.tagged(der::INTEGER)?.small_integer()?),
        None => None,
    };
    let read = BasicConstraints { is_ca, path_len };
    elements.next().is_none().then_some(read)
}

fn oid_text(element: Element<'_>) -> Option<String> {
    Some(dotted(element.tagged(der::OBJECT_IDENTIFIER)?.content))
}

fn policies(value: Element<'_>) -> Option<BTreeSet<String>> {
    let policies = value.tagged(der::SEQUENCE)?.all()?;
    policies
        .into_iter()
        .map(|policy| oid_text(policy.tagged(der::SEQUENCE)?.children().next()?))
        .collect()
}

fn policy_mappings(value: Element<'_>) -> Option<Box<[(String, String)]>> {
    let mappings = value.tagged(der::SEQUENCE)?.all()?;
    mappings
        .into_iter()
        .map(|mapping| {
            let [issuer, subject] = mapping.tagged(der::SEQUENCE)?.all()?.try_into().ok()?;
            Some((oid_text(issuer)?, oid_text(subject)?))
        })
        .collect()
}

/// URIs of points that hold everything: lists of other issuers are indirect ones, and lists for some
/// reasons do not tell whether a certificate is good.
fn distribution_points(value: Element<'_>) -> Option<Box<[String]>> {
    let mut uris = Vec::new();
    for point in value.tagged(der::SEQUENCE)?.all()? {
        let parts = point.tagged(der::SEQUENCE)?.all()?;
        if let [names] = parts[..]
            && names.tag == der::CONTEXT_0
        {
            let names = distribution_point_names(names)?;
            uris.extend(GeneralName::uris(&names).map(ToOwned::to_owned));
        }
    }
    Some(uris.into())
}

fn ocsp_uris(value: Element<'_>) -> Option<Box<[String]>> {
    /// id-ad-ocsp.
    const OCSP: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 48, 1];
    let mut uris = Vec::new();
    for description in value.tagged(der::SEQUENCE)?.all()? {
        let [method, location] = description.tagged(der::SEQUENCE)?.all()?.try_into().ok()?;
        if method.content == OCSP
            && let GeneralName::Uri(uri) = GeneralName::read(location)?
        {
            uris.push(uri);
        }
    }
    Some(uris.into())
}

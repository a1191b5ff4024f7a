//! Payloads, their generic header and their chain (RFC 7296 section 3.2).

use super::{
    Configuration, Delete, Header, Notify, WireError, identification, limits, reader::Reader,
    security_association, traffic_selector, writer::sized,
};
use crate::{
    Identification, TrafficSelector,
    proposal::{KeyExchangeMethod, Proposal},
};

/// The numbers of the payload types.
pub mod payload_type {
    #![allow(missing_docs)]
    /// Ends a chain.
    pub const NONE: u8 = 0;
    pub const SECURITY_ASSOCIATION: u8 = 33;
    pub const KEY_EXCHANGE: u8 = 34;
    pub const ID_INITIATOR: u8 = 35;
    pub const ID_RESPONDER: u8 = 36;
    pub const CERTIFICATE: u8 = 37;
    pub const CERTIFICATE_REQUEST: u8 = 38;
    pub const AUTHENTICATION: u8 = 39;
    pub const NONCE: u8 = 40;
    pub const NOTIFY: u8 = 41;
    pub const DELETE: u8 = 42;
    pub const VENDOR_ID: u8 = 43;
    pub const TS_INITIATOR: u8 = 44;
    pub const TS_RESPONDER: u8 = 45;
    pub const ENCRYPTED: u8 = 46;
    pub const CONFIGURATION: u8 = 47;
    pub const EAP: u8 = 48;
    /// RFC 7383.
    pub const ENCRYPTED_FRAGMENT: u8 = 53;
}

/// One payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// SA: the proposals, or the one chosen.
    SecurityAssociation(Vec<Proposal>),
    /// KE.
    KeyExchange {
        /// The method the data belongs to.
        method: KeyExchangeMethod,
        /// The public value.
        data: Vec<u8>,
    },
    /// IDi.
    IdInitiator(Identification),
    /// IDr.
    IdResponder(Identification),
    /// CERT.
    Certificate {
        /// How the data is encoded, 4 for X.509 DER.
        encoding: u8,
        /// The certificate.
        data: Vec<u8>,
    },
    /// CERTREQ.
    CertificateRequest {
        /// The encoding asked for.
        encoding: u8,
        /// Hashes of trusted authorities' keys.
        data: Vec<u8>,
    },
    /// AUTH.
    Authentication {
        /// 2 for a shared key.
        method: u8,
        /// The signature or MAC.
        data: Vec<u8>,
    },
    /// Ni or Nr.
    Nonce(Vec<u8>),
    /// N.
    Notify(Notify),
    /// D.
    Delete(Delete),
    /// V.
    VendorId(Vec<u8>),
    /// TSi.
    TsInitiator(Vec<TrafficSelector>),
    /// TSr.
    TsResponder(Vec<TrafficSelector>),
    /// CP.
    Configuration(Configuration),
    /// EAP: the whole EAP message.
    Eap(Vec<u8>),
    /// A payload of a type that is not known here, not marked critical.
    Unknown {
        /// Its type.
        payload_type: u8,
        /// Its body.
        data: Vec<u8>,
    },
}

/// Octets of the generic header.
pub(super) const GENERIC_HEADER: usize = 4;

/// The generic header, less the length.
#[derive(Clone, Copy)]
pub(super) struct GenericHeader {
    pub(super) next_payload: u8,
    pub(super) critical: bool,
}

impl GenericHeader {
    /// Reads one with the body that its length covers.
    pub(super) fn parse<'a>(reader: &mut Reader<'a>) -> Result<(Self, &'a [u8]), WireError> {
        let [next_payload, flags] = reader.array()?;
        let length = usize::from(reader.u16()?);
        let length = length
            .checked_sub(GENERIC_HEADER)
            .ok_or(WireError::Truncated)?;
        let header = Self {
            next_payload,
            critical: flags & 0x80 != 0,
        };
        Ok((header, reader.take(length)?))
    }
}

/// Whether a payload type is one of RFC 7296 or RFC 7383.
pub(super) fn is_known(payload_type: u8) -> bool {
    matches!(
        payload_type,
        payload_type::SECURITY_ASSOCIATION..=payload_type::EAP | payload_type::ENCRYPTED_FRAGMENT
    )
}

/// Whether one message may carry several payloads of this type.
fn may_repeat(payload_type: u8) -> bool {
    matches!(
        payload_type,
        payload_type::CERTIFICATE
            | payload_type::CERTIFICATE_REQUEST
            | payload_type::NOTIFY
            | payload_type::DELETE
            | payload_type::VENDOR_ID
    ) || !is_known(payload_type)
}

/// Reads a chain of payloads: a whole unprotected message, or what an Encrypted payload held.
///
/// Unknown payloads that are not critical are kept as [`Payload::Unknown`]. The critical bit of
/// known ones is ignored (RFC 7296 section 3.2).
pub fn parse_payloads(first: u8, bytes: &[u8]) -> Result<Vec<Payload>, WireError> {
    let mut reader = Reader::new(bytes);
    let mut payloads = Vec::new();
    let mut next = first;
    // One bit for each type that has been seen and may not come again.
    let mut seen = 0_u64;
    while next != payload_type::NONE {
        if payloads.len() == limits::PAYLOADS {
            return Err(WireError::TooMany("payloads"));
        }
        let current = next;
        let (generic, body) = GenericHeader::parse(&mut reader)?;
        next = generic.next_payload;
        if !is_known(current) && generic.critical {
            return Err(WireError::UnsupportedCriticalPayload(current));
        }
        if !may_repeat(current) {
            // Types that may not repeat are known ones, all below 64.
            let bit = 1 << current;
            if seen & bit != 0 {
                return Err(WireError::DuplicatePayload(current));
            }
            seen |= bit;
        }
        payloads.push(Payload::parse(current, body)?);
    }
    if reader.is_empty() {
        Ok(payloads)
    } else {
        Err(WireError::TrailingOctets)
    }
}

/// Appends the payloads and returns the type of the first, 0 if there is none.
pub fn write_payloads(payloads: &[Payload], out: &mut Vec<u8>) -> u8 {
    let next_of = |index: usize| {
        payloads
            .get(index)
            .map_or(payload_type::NONE, Payload::number)
    };
    for (index, payload) in payloads.iter().enumerate() {
        sized(out, [next_of(index + 1), 0], |out| payload.write(out));
    }
    next_of(0)
}

/// A whole unprotected message. The header's `next_payload` and `length` are set here.
pub fn write_message(header: &Header, payloads: &[Payload]) -> Vec<u8> {
    // Most messages in the clear are IKE_SA_INIT, a little below this.
    let mut out = Vec::with_capacity(512);
    header.followed_by(payload_type::NONE, 0).write(&mut out);
    let first = write_payloads(payloads, &mut out);
    Header::complete(&mut out, first);
    out
}

/// The octet before `data` and the octets to skip after it.
fn tagged(body: &[u8], reserved: usize) -> Result<(u8, Vec<u8>), WireError> {
    let mut reader = Reader::new(body);
    let tag = reader.u8()?;
    reader.take(reserved)?;
    Ok((tag, reader.rest().to_vec()))
}

impl Payload {
    /// The number of its type.
    pub fn number(&self) -> u8 {
        match self {
            Self::SecurityAssociation(_) => payload_type::SECURITY_ASSOCIATION,
            Self::KeyExchange { .. } => payload_type::KEY_EXCHANGE,
            Self::IdInitiator(_) => payload_type::ID_INITIATOR,
            Self::IdResponder(_) => payload_type::ID_RESPONDER,
            Self::Certificate { .. } => payload_type::CERTIFICATE,
            Self::CertificateRequest { .. } => payload_type::CERTIFICATE_REQUEST,
            Self::Authentication { .. } => payload_type::AUTHENTICATION,
            Self::Nonce(_) => payload_type::NONCE,
            Self::Notify(_) => payload_type::NOTIFY,
            Self::Delete(_) => payload_type::DELETE,
            Self::VendorId(_) => payload_type::VENDOR_ID,
            Self::TsInitiator(_) => payload_type::TS_INITIATOR,
            Self::TsResponder(_) => payload_type::TS_RESPONDER,
            Self::Configuration(_) => payload_type::CONFIGURATION,
            Self::Eap(_) => payload_type::EAP,
            Self::Unknown { payload_type, .. } => *payload_type,
        }
    }

    fn parse(payload_type: u8, body: &[u8]) -> Result<Self, WireError> {
        Ok(match payload_type {
            payload_type::SECURITY_ASSOCIATION => {
                Self::SecurityAssociation(security_association::parse(body)?)
            }
            payload_type::KEY_EXCHANGE => {
                let mut reader = Reader::new(body);
                let method = KeyExchangeMethod(reader.u16()?);
                reader.u16()?;
                let data = reader.rest().to_vec();
                Self::KeyExchange { method, data }
            }
            payload_type::ID_INITIATOR => {
                Self::IdInitiator(identification::parse(payload_type, body)?)
            }
            payload_type::ID_RESPONDER => {
                Self::IdResponder(identification::parse(payload_type, body)?)
            }
            payload_type::CERTIFICATE => {
                let (encoding, data) = tagged(body, 0)?;
                Self::Certificate { encoding, data }
            }
            payload_type::CERTIFICATE_REQUEST => {
                let (encoding, data) = tagged(body, 0)?;
                Self::CertificateRequest { encoding, data }
            }
            payload_type::AUTHENTICATION => {
                let (method, data) = tagged(body, 3)?;
                Self::Authentication { method, data }
            }
            payload_type::NONCE => {
                // RFC 7296 section 3.9.
                if !(16..=256).contains(&body.len()) {
                    return Err(WireError::Malformed {
                        payload: payload_type,
                        reason: "a nonce must have 16 to 256 octets",
                    });
                }
                Self::Nonce(body.to_vec())
            }
            payload_type::NOTIFY => Self::Notify(Notify::parse(body)?),
            payload_type::DELETE => Self::Delete(Delete::parse(body)?),
            payload_type::VENDOR_ID => Self::VendorId(body.to_vec()),
            payload_type::TS_INITIATOR => {
                Self::TsInitiator(traffic_selector::parse(payload_type, body)?)
            }
            payload_type::TS_RESPONDER => {
                Self::TsResponder(traffic_selector::parse(payload_type, body)?)
            }
            payload_type::CONFIGURATION => Self::Configuration(Configuration::parse(body)?),
            payload_type::EAP => Self::Eap(body.to_vec()),
            payload_type::ENCRYPTED | payload_type::ENCRYPTED_FRAGMENT => {
                return Err(WireError::EncryptedNotLast);
            }
            payload_type => Self::Unknown {
                payload_type,
                data: body.to_vec(),
            },
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::SecurityAssociation(proposals) => security_association::write(proposals, out),
            Self::KeyExchange { method, data } => {
                out.extend_from_slice(&method.0.to_be_bytes());
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(data);
            }
            Self::IdInitiator(id) | Self::IdResponder(id) => id.write_body(out),
            Self::Certificate { encoding, data } | Self::CertificateRequest { encoding, data } => {
                out.push(*encoding);
                out.extend_from_slice(data);
            }
            Self::Authentication { method, data } => {
                out.extend_from_slice(&[*method, 0, 0, 0]);
                out.extend_from_slice(data);
            }
            Self::Notify(notify) => notify.write(out),
            Self::Delete(delete) => delete.write(out),
            Self::TsInitiator(selectors) | Self::TsResponder(selectors) => {
                traffic_selector::write(selectors, out);
            }
            Self::Configuration(configuration) => configuration.write(out),
            Self::Nonce(data)
            | Self::VendorId(data)
            | Self::Eap(data)
            | Self::Unknown { data, .. } => out.extend_from_slice(data),
        }
    }
}

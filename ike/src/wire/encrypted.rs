//! The Encrypted payload (RFC 7296 section 3.14) and the Encrypted Fragment payload (RFC 7383
//! section 2.5), as far as they can be read without keys.

use super::{
    Header, Payload, WireError, limits, parse_payloads,
    payload::{GENERIC_HEADER, GenericHeader, is_known},
    payload_type,
    reader::Reader,
};

/// What follows the header of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// Payloads that anyone can read.
    Clear(Vec<Payload>),
    /// A whole protected message.
    Encrypted(Encrypted<'a>),
    /// A part of one.
    Fragment(Fragment<'a>),
}

/// An Encrypted payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encrypted<'a> {
    /// Type of the first payload inside, 0 for none.
    pub first_payload: u8,
    /// The associated data: the datagram from its start through the generic header of this
    /// payload (RFC 5282 section 5.1).
    pub aad: &'a [u8],
    /// Initialization vector, ciphertext and integrity check value.
    pub body: &'a [u8],
}

/// An Encrypted Fragment payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Type of the first payload inside the reassembled message; only fragment 1 says it.
    pub first_payload: u8,
    /// Which fragment this is, from 1.
    pub number: u16,
    /// How many there are, at least `number`.
    pub total: u16,
    /// The associated data: the datagram from its start through the Total Fragments field.
    pub aad: &'a [u8],
    /// Initialization vector, ciphertext and integrity check value.
    pub body: &'a [u8],
}

/// Octets of fragment number and total.
const FRAGMENT_FIELDS: usize = 4;

/// Reads what follows the header that was parsed from this datagram.
///
/// An Encrypted or Encrypted Fragment payload must be the last one. Payloads before it are outside
/// of what IKEv2 uses; they are checked for their form and criticality and then ignored.
pub fn parse_body<'a>(header: &Header, datagram: &'a [u8]) -> Result<Body<'a>, WireError> {
    let payloads = datagram.get(Header::LEN..).ok_or(WireError::Truncated)?;
    let mut reader = Reader::new(payloads);
    let mut payload = header.next_payload;
    // One more turn than payloads: the last one meets the end of the chain.
    for _ in 0..=limits::PAYLOADS {
        match payload {
            payload_type::NONE => {
                return Ok(Body::Clear(parse_payloads(header.next_payload, payloads)?));
            }
            payload_type::ENCRYPTED | payload_type::ENCRYPTED_FRAGMENT => {
                let (generic, body) = GenericHeader::parse(&mut reader)?;
                if !reader.is_empty() {
                    return Err(WireError::EncryptedNotLast);
                }
                let aad = &datagram[..datagram.len() - body.len()];
                return if payload == payload_type::ENCRYPTED {
                    Ok(Body::Encrypted(Encrypted {
                        first_payload: generic.next_payload,
                        aad,
                        body,
                    }))
                } else {
                    fragment(generic.next_payload, datagram, body).map(Body::Fragment)
                };
            }
            _ => {
                let (generic, _) = GenericHeader::parse(&mut reader)?;
                if generic.critical && !is_known(payload) {
                    return Err(WireError::UnsupportedCriticalPayload(payload));
                }
                payload = generic.next_payload;
            }
        }
    }
    Err(WireError::TooMany("payloads"))
}

fn fragment<'a>(
    first_payload: u8,
    datagram: &'a [u8],
    content: &'a [u8],
) -> Result<Fragment<'a>, WireError> {
    let mut reader = Reader::new(content);
    let (number, total) = (reader.u16()?, reader.u16()?);
    if number == 0 || number > total {
        return Err(WireError::Malformed {
            payload: payload_type::ENCRYPTED_FRAGMENT,
            reason: "the fragment number is not within the total",
        });
    }
    let body = reader.rest();
    Ok(Fragment {
        first_payload,
        number,
        total,
        aad: &datagram[..datagram.len() - body.len()],
        body,
    })
}

/// The header and the generic header of an Encrypted payload, with the lengths they have once
/// `body_len` octets (initialization vector, ciphertext and integrity check value) are appended.
/// It is the associated data, too.
pub fn write_encrypted_prefix(header: &Header, first_inner: u8, body_len: usize) -> Vec<u8> {
    prefix(header, payload_type::ENCRYPTED, first_inner, &[], body_len)
}

/// The same for fragment `number` of `total`. `first_inner` is used in the first fragment only.
pub fn write_fragment_prefix(
    header: &Header,
    first_inner: u8,
    number: u16,
    total: u16,
    body_len: usize,
) -> Vec<u8> {
    let first_inner = if number == 1 {
        first_inner
    } else {
        payload_type::NONE
    };
    let [a, b] = number.to_be_bytes();
    let [c, d] = total.to_be_bytes();
    let fields: [u8; FRAGMENT_FIELDS] = [a, b, c, d];
    prefix(
        header,
        payload_type::ENCRYPTED_FRAGMENT,
        first_inner,
        &fields,
        body_len,
    )
}

fn prefix(header: &Header, own_type: u8, first: u8, fields: &[u8], body_len: usize) -> Vec<u8> {
    let payload_len = GENERIC_HEADER + fields.len() + body_len;
    let total = Header::LEN + payload_len;
    // Room for the whole message: the caller appends the body to it.
    let mut out = Vec::with_capacity(total);
    header.followed_by(own_type, total).write(&mut out);
    let [high, low] = u16::try_from(payload_len).unwrap_or(u16::MAX).to_be_bytes();
    out.extend_from_slice(&[first, 0, high, low]);
    out.extend_from_slice(fields);
    out
}

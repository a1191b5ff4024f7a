//! The Security Association payload: proposals and transforms (RFC 7296 section 3.3).

use super::{WireError, limits, payload_type, reader::Reader, writer::sized};
use crate::{
    EspSpi, IkeSpi,
    proposal::{
        EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Proposal, ProposalSpi, Protocol, Slot,
        Transform,
    },
};

const LAST: u8 = 0;
const MORE_PROPOSALS: u8 = 2;
const MORE_TRANSFORMS: u8 = 3;

/// Set in an attribute's type when its value stands where a length would (RFC 7296 section 3.3.5).
const SHORT_ATTRIBUTE: u16 = 0x8000;
const KEY_LENGTH: u16 = 14;
/// From the private-use range: see [`write_transform`].
const UNKNOWN_ATTRIBUTE: u16 = 0x7fff;

fn malformed(reason: &'static str) -> WireError {
    WireError::Malformed {
        payload: payload_type::SECURITY_ASSOCIATION,
        reason,
    }
}

/// The protocol with this number.
pub(super) fn protocol(number: u8) -> Option<Protocol> {
    match number {
        1 => Some(Protocol::Ike),
        2 => Some(Protocol::Ah),
        3 => Some(Protocol::Esp),
        _ => None,
    }
}

/// The number of this protocol.
pub(super) fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Ike => 1,
        Protocol::Ah => 2,
        Protocol::Esp => 3,
    }
}

/// One substructure: whether it says that it is the last one, and what it holds.
fn substructure<'a>(reader: &mut Reader<'a>, more: u8) -> Result<(bool, Reader<'a>), WireError> {
    let [last, _] = reader.array()?;
    let length = usize::from(reader.u16()?);
    let content = length
        .checked_sub(4)
        .ok_or(malformed("a substructure shorter than its header"))?;
    let content = Reader::new(reader.take(content)?);
    // RFC 7296 calls the field redundant, but a message that contradicts itself is not to be
    // guessed at.
    if last != LAST && last != more {
        return Err(malformed("an unknown Last Substruc value"));
    }
    if (last == LAST) != reader.is_empty() {
        return Err(malformed("Last Substruc contradicts the length"));
    }
    Ok((last == LAST, content))
}

/// Proposals for protocols that we do not know are left out: they cannot be chosen.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Proposal>, WireError> {
    let mut reader = Reader::new(body);
    let mut proposals = Vec::new();
    let mut seen = 0;
    while !reader.is_empty() {
        if seen == limits::PROPOSALS {
            return Err(WireError::TooMany("proposals"));
        }
        seen += 1;
        let (_, content) = substructure(&mut reader, MORE_PROPOSALS)?;
        proposals.extend(parse_proposal(content)?);
    }
    Ok(proposals)
}

fn parse_proposal(mut reader: Reader<'_>) -> Result<Option<Proposal>, WireError> {
    let [number, protocol_octet, spi_size, count] = reader.array()?;
    let spi = reader.take(spi_size.into())?;
    let transforms = parse_transforms(reader, count.into())?;
    let Some(protocol) = protocol(protocol_octet) else {
        return Ok(None);
    };
    let spi = match protocol {
        Protocol::Ike if spi.is_empty() => Some(ProposalSpi::None),
        Protocol::Ike => spi.try_into().ok().map(|spi| ProposalSpi::Ike(IkeSpi(spi))),
        Protocol::Ah | Protocol::Esp => spi
            .try_into()
            .ok()
            .map(|spi| ProposalSpi::Esp(EspSpi(u32::from_be_bytes(spi)))),
    };
    let spi = spi.ok_or(malformed("wrong SPI size"))?;
    Ok(Some(Proposal {
        number,
        protocol,
        spi,
        transforms,
    }))
}

fn parse_transforms(mut reader: Reader<'_>, count: usize) -> Result<Vec<Transform>, WireError> {
    if count > limits::TRANSFORMS {
        return Err(WireError::TooMany("transforms"));
    }
    // A transform has at least eight octets: those present bound the allocation.
    let mut transforms = Vec::with_capacity(count.min(reader.len() / 8));
    while !reader.is_empty() {
        if transforms.len() == count {
            return Err(malformed("more transforms than announced"));
        }
        let (_, content) = substructure(&mut reader, MORE_TRANSFORMS)?;
        transforms.push(parse_transform(content)?);
    }
    if transforms.len() < count {
        return Err(malformed("fewer transforms than announced"));
    }
    Ok(transforms)
}

fn parse_transform(mut reader: Reader<'_>) -> Result<Transform, WireError> {
    let [transform_type, _] = reader.array()?;
    let id = reader.u16()?;
    let unknown = Transform::Unknown { transform_type, id };
    let mut key_bits = None;
    let mut understood = true;
    while !reader.is_empty() {
        let attribute = reader.u16()?;
        let value = reader.u16()?;
        if attribute & SHORT_ATTRIBUTE == 0 {
            // No attribute in this form is known; the value is its length.
            reader.take(value.into())?;
            understood = false;
        } else if attribute & !SHORT_ATTRIBUTE == KEY_LENGTH
            && transform_type == 1
            && key_bits.is_none()
        {
            key_bits = Some(value);
        } else {
            understood = false;
        }
    }
    if !understood {
        return Ok(unknown);
    }
    Ok(match transform_type {
        1 => Transform::Encryption(EncryptionId(id), key_bits),
        2 => Transform::Prf(PrfId(id)),
        3 => Transform::Integrity(IntegrityId(id)),
        4 => Transform::KeyExchange(KeyExchangeMethod(id)),
        5 if id <= 1 => Transform::ExtendedSequenceNumbers(id == 1),
        _ => match Slot::of_transform_type(transform_type) {
            Some(slot) => Transform::AdditionalKeyExchange(slot, KeyExchangeMethod(id)),
            None => unknown,
        },
    })
}

pub(super) fn write(proposals: &[Proposal], out: &mut Vec<u8>) {
    let mut remaining = proposals.len();
    for proposal in proposals {
        remaining -= 1;
        let more = if remaining == 0 { LAST } else { MORE_PROPOSALS };
        sized(out, [more, 0], |out| write_proposal(proposal, out));
    }
}

fn write_proposal(proposal: &Proposal, out: &mut Vec<u8>) {
    let (ike, esp);
    let spi: &[u8] = match proposal.spi {
        ProposalSpi::None => &[],
        ProposalSpi::Ike(IkeSpi(octets)) => {
            ike = octets;
            &ike
        }
        ProposalSpi::Esp(EspSpi(number)) => {
            esp = number.to_be_bytes();
            &esp
        }
    };
    // The count is one octet. The least preferred transforms are those that do not fit.
    let fitting = proposal.transforms.len().min(limits::TRANSFORMS);
    let transforms = &proposal.transforms[..fitting];
    out.extend_from_slice(&[
        proposal.number,
        protocol_number(proposal.protocol),
        spi.len() as u8,
        transforms.len() as u8,
    ]);
    out.extend_from_slice(spi);
    let mut remaining = transforms.len();
    for transform in transforms {
        remaining -= 1;
        let more = if remaining == 0 {
            LAST
        } else {
            MORE_TRANSFORMS
        };
        sized(out, [more, 0], |out| write_transform(*transform, out));
    }
}

fn write_transform(transform: Transform, out: &mut Vec<u8>) {
    let (transform_type, id, attribute) = match transform {
        Transform::Encryption(EncryptionId(id), key_bits) => {
            (1, id, key_bits.map(|bits| (KEY_LENGTH, bits)))
        }
        Transform::Prf(PrfId(id)) => (2, id, None),
        Transform::Integrity(IntegrityId(id)) => (3, id, None),
        Transform::KeyExchange(KeyExchangeMethod(id)) => (4, id, None),
        Transform::ExtendedSequenceNumbers(used) => (5, u16::from(used), None),
        Transform::AdditionalKeyExchange(slot, KeyExchangeMethod(id)) => {
            (slot.transform_type(), id, None)
        }
        // What must not be chosen must not become choosable by being written: a type that we know
        // carries an attribute that nobody knows.
        Transform::Unknown {
            transform_type: transform_type @ 1..=12,
            id,
        } => (transform_type, id, Some((UNKNOWN_ATTRIBUTE, 0))),
        Transform::Unknown { transform_type, id } => (transform_type, id, None),
    };
    out.extend_from_slice(&[transform_type, 0]);
    out.extend_from_slice(&id.to_be_bytes());
    if let Some((attribute, value)) = attribute {
        out.extend_from_slice(&(attribute | SHORT_ATTRIBUTE).to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

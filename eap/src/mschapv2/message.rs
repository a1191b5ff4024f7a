//! The messages of EAP-MSCHAPv2, without the type before them (draft-kamath section 2).

/// The messages by their OpCode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Challenge {
        id: u8,
        challenge: [u8; 16],
        name: &'a [u8],
    },
    Response {
        id: u8,
        peer_challenge: [u8; 16],
        nt_response: [u8; 24],
        name: &'a [u8],
    },
    /// A request tells what the server proves, and a text.
    Success { id: u8, text: &'a [u8] },
    /// A request tells the error, and a text.
    Failure { id: u8, text: &'a [u8] },
    /// The peer has taken note of success.
    SuccessAck,
    /// The peer has taken note of failure.
    FailureAck,
}

const CHALLENGE: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;

/// Octets of a response's value: two challenges' worth, the NT-Response and the flags.
const RESPONSE_VALUE: u8 = 49;

impl<'a> Message<'a> {
    /// Reads one, if it is one.
    pub(super) fn parse(octets: &'a [u8]) -> Option<Self> {
        let (code, id, body) = match *octets {
            // Answers to the last two have no header (sections 2.4 and 2.6); some peers send one.
            [SUCCESS] => return Some(Self::SuccessAck),
            [FAILURE] => return Some(Self::FailureAck),
            [code, id, high, low, ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                (code, id, octets.get(4..length)?)
            }
            _ => return None,
        };
        match code {
            CHALLENGE => {
                let (&[size], rest) = body.split_first_chunk()?;
                let (challenge, name) = rest.split_first_chunk()?;
                (size == 16).then_some(Self::Challenge {
                    id,
                    challenge: *challenge,
                    name,
                })
            }
            RESPONSE => {
                let (&[size], rest) = body.split_first_chunk()?;
                let (peer_challenge, rest) = rest.split_first_chunk()?;
                let (_reserved, rest) = rest.split_first_chunk::<8>()?;
                let (nt_response, rest) = rest.split_first_chunk()?;
                let (_flags, name) = rest.split_first()?;
                (size == RESPONSE_VALUE).then_some(Self::Response {
                    id,
                    peer_challenge: *peer_challenge,
                    nt_response: *nt_response,
                    name,
                })
            }
            SUCCESS => Some(Self::Success { id, text: body }),
            FAILURE => Some(Self::Failure { id, text: body }),
            _ => None,
        }
    }

    /// Writes it.
    pub(super) fn to_vec(&self) -> Vec<u8> {
        let (code, id, body) = match *self {
            Self::SuccessAck => return vec![SUCCESS],
            Self::FailureAck => return vec![FAILURE],
            Self::Challenge {
                id,
                ref challenge,
                name,
            } => (CHALLENGE, id, [&[16], challenge.as_slice(), name].concat()),
            Self::Response {
                id,
                ref peer_challenge,
                ref nt_response,
                name,
            } => {
                let value = [peer_challenge.as_slice(), &[0; 8], nt_response, &[0]].concat();
                (
                    RESPONSE,
                    id,
                    [&[RESPONSE_VALUE], value.as_slice(), name].concat(),
                )
            }
            Self::Success { id, text } => (SUCCESS, id, text.to_vec()),
            Self::Failure { id, text } => (FAILURE, id, text.to_vec()),
        };
        let mut octets = vec![code, id];
        octets.extend_from_slice(&((body.len() + 4) as u16).to_be_bytes());
        octets.extend(body);
        octets
    }
}

/// What the server proves, out of a success (`S=` and 40 hexadecimal digits, RFC 2759 section 5).
pub(super) fn authenticator_response(text: &[u8]) -> Option<[u8; 20]> {
    let digits = text.strip_prefix(b"S=")?.get(..40)?;
    let mut octets = [0; 20];
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).ok()?;
        *octet = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(octets)
}

/// The error code out of a failure (`E=` and a number, RFC 2759 section 6).
pub(super) fn error_code(text: &[u8]) -> Option<u32> {
    text.split(|octet| *octet == b' ')
        .find_map(|word| word.strip_prefix(b"E="))
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
}

//! Requests, before and after they are meant for a certain server.

use super::{
    HEADER, Kind, MAX_PACKET, Secret,
    md5::{hmac, md5},
};

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u8);

#[expect(missing_docs, reason = "they are called what the RFCs call them")]
impl Code {
    pub const ACCESS_REQUEST: Self = Self(1);
    pub const ACCESS_ACCEPT: Self = Self(2);
    pub const ACCESS_REJECT: Self = Self(3);
    pub const ACCOUNTING_REQUEST: Self = Self(4);
    pub const ACCOUNTING_RESPONSE: Self = Self(5);
    pub const ACCESS_CHALLENGE: Self = Self(11);
}

/// A request that any server may get.
#[derive(Clone, Debug)]
pub struct Template {
    code: Code,
    attributes: Vec<u8>,
}

impl Template {
    /// One without attributes.
    pub fn new(code: Code) -> Self {
        let attributes = Vec::new();
        Self { code, attributes }
    }

    /// Adds an attribute. What is longer than an attribute can be is cut.
    pub fn push(&mut self, kind: Kind, value: &[u8]) -> &mut Self {
        const MOST: usize = 253;
        let value = &value[..value.len().min(MOST)];
        self.attributes.push(kind.0);
        self.attributes.push(value.len() as u8 + 2);
        self.attributes.extend_from_slice(value);
        self
    }

    /// Adds a number.
    pub fn push_number(&mut self, kind: Kind, value: u32) -> &mut Self {
        self.push(kind, &value.to_be_bytes())
    }

    /// Adds an EAP packet, in pieces that follow each other (RFC 3579 section 3.1).
    pub fn push_eap(&mut self, packet: &[u8]) -> &mut Self {
        for piece in packet.chunks(253) {
            self.push(Kind::EAP_MESSAGE, piece);
        }
        self
    }

    /// The packet for the server with this secret; `None` if it is longer than one can be.
    pub(super) fn seal(
        &self,
        identifier: u8,
        random: [u8; 16],
        secret: &Secret,
    ) -> Option<SealedRequest> {
        let mut octets = vec![self.code.0, identifier, 0, 0];
        if self.code == Code::ACCESS_REQUEST {
            octets.extend_from_slice(&random);
            octets.extend_from_slice(&[Kind::MESSAGE_AUTHENTICATOR.0, 18]);
            octets.extend_from_slice(&[0; 16]);
        } else {
            octets.extend_from_slice(&[0; 16]);
        }
        octets.extend_from_slice(&self.attributes);
        let length = u16::try_from(octets.len()).ok()?;
        if octets.len() > MAX_PACKET {
            return None;
        }
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        if self.code == Code::ACCESS_REQUEST {
            // RFC 3579 section 3.2: over all of it, this one being zero.
            let mac = hmac(secret.octets(), &[&octets]);
            octets[HEADER + 2..HEADER + 18].copy_from_slice(&mac);
        } else {
            // RFC 2866 section 3: the authenticator is itself a digest.
            let digest = md5(&[&octets, secret.octets()]);
            octets[4..HEADER].copy_from_slice(&digest);
        }
        Some(SealedRequest { octets })
    }
}

/// A request for one server.
#[derive(Clone, Debug)]
pub(super) struct SealedRequest {
    octets: Vec<u8>,
}

impl SealedRequest {
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn code(&self) -> Code {
        Code(self.octets[0])
    }

    pub(super) fn identifier(&self) -> u8 {
        self.octets[1]
    }

    pub(super) fn authenticator(&self) -> &[u8] {
        &self.octets[4..HEADER]
    }
}

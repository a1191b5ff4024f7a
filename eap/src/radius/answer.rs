//! Answers: checked first, then read.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Attributes, Code, HEADER, Kind, MAX_PACKET, Secret,
    md5::{hmac, md5},
    request::SealedRequest,
};
use crate::Msk;

/// Why an answer is none. It is to be passed over, as if it had never come: it may be forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("a malformed RADIUS packet")]
    Malformed,
    /// It answers another request.
    #[error("an answer to another request")]
    Other,
    /// Its Response Authenticator is wrong.
    #[error("the Response Authenticator is wrong: is the secret the server's?")]
    Authenticator,
    /// It has no Message-Authenticator.
    #[error("no Message-Authenticator: the server must send one (Blast-RADIUS)")]
    NoMessageAuthenticator,
    /// Its Message-Authenticator is wrong.
    #[error("the Message-Authenticator is wrong")]
    MessageAuthenticator,
}

/// An answer that the server made.
#[derive(Clone, Debug)]
pub struct Answer {
    octets: Vec<u8>,
    request_authenticator: [u8; 16],
    secret: Secret,
}

impl Answer {
    pub(super) fn check(
        octets: &[u8],
        request: &SealedRequest,
        secret: &Secret,
    ) -> Result<Self, Error> {
        let &[code, identifier, high, low, ..] = octets else {
            return Err(Error::Malformed);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(HEADER..=MAX_PACKET).contains(&length) {
            return Err(Error::Malformed);
        }
        // Octets beyond are padding (RFC 2865 section 3).
        let octets = octets.get(..length).ok_or(Error::Malformed)?;
        let attributes = Attributes::parse(&octets[HEADER..]).ok_or(Error::Malformed)?;
        let accounting = request.code() == Code::ACCOUNTING_REQUEST;
        let fits = match Code(code) {
            Code::ACCOUNTING_RESPONSE => accounting,
            Code::ACCESS_ACCEPT | Code::ACCESS_REJECT | Code::ACCESS_CHALLENGE => !accounting,
            _ => false,
        };
        if !fits || identifier != request.identifier() {
            return Err(Error::Other);
        }
        let authenticator = request.authenticator();
        let digest = md5(&[
            &octets[..4],
            authenticator,
            &octets[HEADER..],
            secret.octets(),
        ]);
        if !bool::from(digest.ct_eq(&octets[4..HEADER])) {
            return Err(Error::Authenticator);
        }
        check_message_authenticator(octets, attributes, authenticator, secret, accounting)?;
        Ok(Self {
            octets: octets.to_vec(),
            request_authenticator: authenticator.try_into().map_err(|_| Error::Malformed)?,
            secret: secret.clone(),
        })
    }

    /// What it says.
    pub fn code(&self) -> Code {
        Code(self.octets[0])
    }

    /// Its attributes.
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes::parse(&self.octets[HEADER..]).expect("checked on arrival")
    }

    /// The EAP packet in it, put together.
    pub fn eap(&self) -> Option<Vec<u8>> {
        let pieces: Vec<&[u8]> = self.attributes().all(Kind::EAP_MESSAGE).collect();
        (!pieces.is_empty()).then(|| pieces.concat())
    }

    /// The key that EAP made (RFC 2548 section 2.4): what the server calls receiving comes first.
    pub fn msk(&self) -> Option<Msk> {
        const SEND: u8 = 16;
        const RECEIVE: u8 = 17;
        let mut octets = self.mppe_key(RECEIVE)?;
        octets.extend_from_slice(&self.mppe_key(SEND)?);
        Some(Msk::new(&octets))
    }

    /// The address that the peer is given, unless the choice is left to us.
    pub fn framed_ipv4(&self) -> Option<Ipv4Addr> {
        let number = self.attributes().number(Kind::FRAMED_IP_ADDRESS)?;
        // All ones: the peer chooses; with a zero at the end: we do (RFC 2865 section 5.8).
        (number < 0xffff_fffe).then(|| Ipv4Addr::from(number))
    }

    /// The IPv6 address that the peer is given (RFC 6911).
    pub fn framed_ipv6(&self) -> Option<Ipv6Addr> {
        let value = self.attributes().first(Kind::FRAMED_IPV6_ADDRESS)?;
        Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?))
    }

    /// A number of seconds.
    pub fn seconds(&self, kind: Kind) -> Option<Duration> {
        let seconds = self.attributes().number(kind)?;
        Some(Duration::from_secs(seconds.into()))
    }

    /// RFC 2548 section 2.4.2: a salt, then the length, the key and padding, encrypted.
    fn mppe_key(&self, kind: u8) -> Option<Zeroizing<Vec<u8>>> {
        const MICROSOFT: u32 = 311;
        let value = self.attributes().of_vendor(MICROSOFT, kind).next()?;
        let (salt, cipher) = value.split_first_chunk::<2>()?;
        if cipher.is_empty() || cipher.len() % 16 != 0 {
            return None;
        }
        let mut clear = Zeroizing::new(Vec::with_capacity(cipher.len()));
        let mut before = [self.request_authenticator.as_slice(), salt].concat();
        for block in cipher.chunks_exact(16) {
            let mask = Zeroizing::new(md5(&[self.secret.octets(), &before]));
            clear.extend(block.iter().zip(mask.iter()).map(|(a, b)| a ^ b));
            before = block.to_vec();
        }
        let length = usize::from(*clear.first()?);
        let key = clear.get(1..=length)?;
        Some(Zeroizing::new(key.to_vec()))
    }
}

/// RFC 3579 section 3.2: over all of the answer, with the authenticator of the request, and this
/// one being zero. Answers about accounting need none; one that is there must be right.
fn check_message_authenticator(
    octets: &[u8],
    attributes: Attributes<'_>,
    request_authenticator: &[u8],
    secret: &Secret,
    accounting: bool,
) -> Result<(), Error> {
    let Some((at, length)) = attributes.place(Kind::MESSAGE_AUTHENTICATOR) else {
        return if accounting {
            Ok(())
        } else {
            Err(Error::NoMessageAuthenticator)
        };
    };
    if length != 16 {
        return Err(Error::Malformed);
    }
    let at = HEADER + at;
    let (before, after) = (&octets[HEADER..at], &octets[at + 16..]);
    let parts = [&octets[..4], request_authenticator, before, &[0; 16], after];
    let mac = hmac(secret.octets(), &parts);
    if mac.ct_eq(&octets[at..at + 16]).into() {
        Ok(())
    } else {
        Err(Error::MessageAuthenticator)
    }
}

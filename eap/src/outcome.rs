//! What a packet leads to.

use std::fmt;

use zeroize::Zeroizing;

use crate::Type;

/// Fills octets with random ones.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

/// What is to be done after a packet.
#[derive(Debug)]
pub enum Step {
    /// Send this, and wait for the answer.
    Send(Vec<u8>),
    /// The conversation is over.
    Done {
        /// What the other side is still to be told.
        packet: Option<Vec<u8>>,
        /// How it ended.
        result: Result<Success, Failure>,
    },
    /// The packet is to be treated as if it had never come (RFC 3748 section 4). Where nothing can
    /// be lost on the way, nothing better will follow.
    Discard(Discard),
}

/// Whoever the other side is has been proven.
#[derive(Debug)]
pub struct Success {
    /// The method that proved it.
    pub method: Type,
    /// To the authenticator, who the peer is, in the words that were proven; to the peer, who it
    /// said it was.
    pub identity: Vec<u8>,
    /// The key that both sides now have.
    pub msk: Msk,
}

/// The Master Session Key (RFC 3748 section 7.10).
#[derive(Clone)]
pub struct Msk(Zeroizing<[u8; Self::LENGTH]>);

impl Msk {
    /// Its octets, as RFC 3748 wants at least.
    pub const LENGTH: usize = 64;

    /// Takes up to 64 octets; zeros make up for what is missing.
    pub fn new(octets: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; Self::LENGTH]);
        let used = octets.len().min(Self::LENGTH);
        key[..used].copy_from_slice(&octets[..used]);
        Self(key)
    }

    /// The key itself.
    pub fn octets(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for Msk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Msk(..)")
    }
}

/// Why a packet is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Discard {
    /// It cannot be read.
    #[error("a malformed EAP packet")]
    Malformed,
    /// It is none that the other role sends, or none that can come now.
    #[error("an EAP packet that is not expected now")]
    Unexpected,
    /// It answers another request than the last one.
    #[error("an EAP response with the identifier of another request")]
    WrongIdentifier,
    /// The conversation is over.
    #[error("an EAP packet after the end")]
    Over,
}

/// Why the conversation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The other side said no, without saying why.
    #[error("refused by the other side")]
    Refused,
    /// The server refused what we proved, with this error (RFC 2759 section 6).
    #[error("refused by the server: {}", describe(*.code))]
    MsChap {
        /// Its error code.
        code: u32,
    },
    /// The password that the peer used is wrong, or nobody has that name: who asks is not told.
    #[error("the user is unknown or the password is wrong")]
    WrongPassword,
    /// The server could not prove that it knows the password.
    #[error("the server does not know the password")]
    ServerUnproven,
    /// No method suits both sides.
    #[error("the two sides have no EAP method in common")]
    NoCommonMethod,
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The other side does not keep to the protocol.
    #[error("{0}")]
    Protocol(&'static str),
}

fn describe(code: u32) -> String {
    let text = match code {
        646 => "logging on is not allowed at this hour",
        647 => "the account is disabled",
        648 => "the password has expired, and is not changed here",
        649 => "no permission to dial in",
        691 => "the user is unknown or the password is wrong",
        709 => "the password could not be changed",
        _ => return format!("error {code}"),
    };
    format!("{text} (error {code})")
}

//! The peer's side: proves that it knows the password, and wants the same proof back.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    NtHash,
    hash::{self, Transcript},
    message::{self, Message},
};
use crate::{Discard, Failure, Msk, Random};

/// What a request leads to.
pub(crate) enum Reply {
    /// Send this.
    Send(Vec<u8>),
    /// Send this: the server has proven itself.
    Proven(Vec<u8>, Msk),
    /// Send this: the server said no.
    Refused(Vec<u8>, Failure),
    /// It is no use going on.
    Failed(Failure),
    /// As if it had never come.
    Discard(Discard),
}

/// The peer of one conversation.
pub(crate) struct Peer {
    username: Vec<u8>,
    hash: NtHash,
    sent: Option<Sent>,
}

/// What the server has to prove.
struct Sent {
    nt_response: [u8; 24],
    expected: Zeroizing<[u8; 20]>,
}

impl Peer {
    pub(crate) fn new(username: Vec<u8>, hash: NtHash) -> Self {
        Self {
            username,
            hash,
            sent: None,
        }
    }

    pub(crate) fn handle(&mut self, data: &[u8], random: Random<'_>) -> Reply {
        match (Message::parse(data), &self.sent) {
            (Some(Message::Challenge { id, challenge, .. }), None) => {
                self.respond(id, &challenge, random)
            }
            (Some(Message::Success { text, .. }), Some(sent)) => {
                let proven = message::authenticator_response(text)
                    .is_some_and(|response| response.ct_eq(sent.expected.as_slice()).into());
                if !proven {
                    return Reply::Failed(Failure::ServerUnproven);
                }
                let msk = hash::msk(&self.hash, &sent.nt_response);
                Reply::Proven(Message::SuccessAck.to_vec(), msk)
            }
            (Some(Message::Failure { text, .. }), Some(_)) => {
                // Whether the server lets us try again or not: we have no other password, and one
                // that expired is not changed here.
                let failure = match message::error_code(text) {
                    Some(code) => Failure::MsChap { code },
                    None => Failure::Refused,
                };
                Reply::Refused(Message::FailureAck.to_vec(), failure)
            }
            (Some(_), _) => Reply::Discard(Discard::Unexpected),
            (None, _) => Reply::Discard(Discard::Malformed),
        }
    }

    fn respond(&mut self, id: u8, challenge: &[u8; 16], random: Random<'_>) -> Reply {
        let mut peer_challenge = [0; 16];
        random(&mut peer_challenge);
        let transcript = Transcript {
            authenticator_challenge: challenge,
            peer_challenge: &peer_challenge,
            username: &self.username,
        };
        let nt_response = transcript.nt_response(&self.hash);
        let expected = transcript.authenticator_response(&self.hash, &nt_response);
        self.sent = Some(Sent {
            nt_response,
            expected: Zeroizing::new(expected),
        });
        let response = Message::Response {
            id,
            peer_challenge,
            nt_response,
            name: &self.username,
        };
        Reply::Send(response.to_vec())
    }
}

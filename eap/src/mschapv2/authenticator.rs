//! The authenticator's side: asks for proof of the password, and gives the same proof back.

use std::fmt::Write;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    NtHash,
    hash::{self, Transcript},
    message::Message,
};
use crate::{Discard, Failure, Msk, Random, authenticator::Hashes};

/// What a response leads to.
pub(crate) enum Progress {
    /// Send this, and wait.
    Send(Vec<u8>),
    /// The peer has proven itself, and has seen our proof.
    Proven {
        username: Vec<u8>,
        msk: Msk,
    },
    Failed(Failure),
    Discard(Discard),
}

enum State {
    /// Waiting for the response to our challenge.
    Challenged([u8; 16]),
    /// The peer is right, and has to take note of it.
    Succeeding { username: Vec<u8>, msk: Msk },
    /// The peer is wrong, and has to take note of it.
    Failing,
}

/// The authenticator of one conversation.
pub(crate) struct Authenticator {
    state: State,
    id: u8,
}

impl Authenticator {
    /// Begins with a challenge in the name of this server.
    pub(crate) fn start(name: &[u8], id: u8, random: Random<'_>) -> (Self, Vec<u8>) {
        let mut challenge = [0; 16];
        random(&mut challenge);
        let message = Message::Challenge {
            id,
            challenge,
            name,
        };
        let octets = message.to_vec();
        let state = State::Challenged(challenge);
        (Self { state, id }, octets)
    }

    /// Why the peer is refused, once it is.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        matches!(self.state, State::Failing).then_some(Failure::WrongPassword)
    }

    pub(crate) fn handle(&mut self, data: &[u8], hashes: &Hashes, random: Random<'_>) -> Progress {
        let Some(message) = Message::parse(data) else {
            return Progress::Discard(Discard::Malformed);
        };
        match (&self.state, message) {
            (
                State::Challenged(challenge),
                Message::Response {
                    id,
                    peer_challenge,
                    nt_response,
                    name,
                },
            ) if id == self.id => {
                let transcript = Transcript {
                    authenticator_challenge: challenge,
                    peer_challenge: &peer_challenge,
                    username: name,
                };
                let (state, octets) = self.judge(&transcript, &nt_response, hashes, random);
                self.state = state;
                Progress::Send(octets)
            }
            (
                State::Succeeding { username, msk },
                Message::SuccessAck | Message::Success { .. },
            ) => Progress::Proven {
                username: username.clone(),
                msk: msk.clone(),
            },
            // Whatever it says to that, and be it a new password.
            (State::Failing, _) => Progress::Failed(Failure::WrongPassword),
            _ => Progress::Discard(Discard::Unexpected),
        }
    }

    fn judge(
        &self,
        transcript: &Transcript<'_>,
        nt_response: &[u8; 24],
        hashes: &Hashes,
        random: Random<'_>,
    ) -> (State, Vec<u8>) {
        // Whoever has no password gets one that nobody knows, so that an unknown name takes the
        // same steps and the same time as a wrong password.
        let mut nobodys = Zeroizing::new([0; 16]);
        random(nobodys.as_mut_slice());
        let nobodys = NtHash::from_octets(*nobodys);
        let found = hashes(transcript.username);
        let hash = found.as_ref().unwrap_or(&nobodys);
        let right: bool = transcript.nt_response(hash).ct_eq(nt_response).into();
        if right && found.is_some() {
            let mut text = "S=".to_owned();
            for octet in transcript.authenticator_response(hash, nt_response) {
                write!(text, "{octet:02X}").expect("a string takes anything");
            }
            text.push_str(" M=Welcome");
            let message = Message::Success {
                id: self.id,
                text: text.as_bytes(),
            };
            let state = State::Succeeding {
                username: transcript.username.to_vec(),
                msk: hash::msk(hash, nt_response),
            };
            return (state, message.to_vec());
        }
        // No retry (R=0): one wrong password a conversation. The challenge is not used again.
        let mut challenge = [0; 16];
        random(&mut challenge);
        let mut text = "E=691 R=0 C=".to_owned();
        for octet in challenge {
            write!(text, "{octet:02X}").expect("a string takes anything");
        }
        text.push_str(" V=3 M=Authentication failed");
        let message = Message::Failure {
            id: self.id,
            text: text.as_bytes(),
        };
        (State::Failing, message.to_vec())
    }
}

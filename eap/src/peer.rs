//! The peer: answers what the authenticator asks (RFC 3748, RFC 4137 section 4).

use crate::{
    Discard, Failure, Msk, NtHash, Random, Step, Success, Type,
    mschapv2::{self, Reply},
    packet::{Body, Packet},
    tls::{self, Progress},
};

/// What a peer can prove itself with.
#[derive(Debug)]
pub enum PeerMethod {
    /// EAP-MSCHAPv2.
    MsChapV2 {
        /// The name of the account, perhaps with a domain and a backslash before it.
        username: Vec<u8>,
        /// The hash of its password.
        hash: NtHash,
    },
    /// EAP-TLS.
    Tls(tls::Endpoint),
}

impl PeerMethod {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::MsChapV2 { .. } => Type::MSCHAPV2,
            Self::Tls(_) => Type::TLS,
        }
    }
}

enum Running {
    MsChapV2(Box<mschapv2::Peer>),
    Tls(Box<tls::Session>),
}

impl Running {
    fn kind(&self) -> Type {
        match self {
            Self::MsChapV2(_) => Type::MSCHAPV2,
            Self::Tls(_) => Type::TLS,
        }
    }
}

/// The last request and what was said to it.
struct Answered {
    request: Vec<u8>,
    response: Vec<u8>,
}

/// Packets that one conversation may have: more than any method here needs.
const MOST_PACKETS: u16 = 300;

/// The peer of one conversation.
pub struct Peer {
    identity: Vec<u8>,
    methods: Vec<PeerMethod>,
    running: Option<Running>,
    answered: Option<Answered>,
    proven: Option<Msk>,
    failure: Option<Failure>,
    notice: Option<Vec<u8>>,
    packets: u16,
    over: bool,
}

impl Peer {
    /// A peer that says it has this identity, and proves it with one of these methods; the best
    /// comes first.
    pub fn new(identity: Vec<u8>, methods: Vec<PeerMethod>) -> Self {
        Self {
            identity,
            methods,
            running: None,
            answered: None,
            proven: None,
            failure: None,
            notice: None,
            packets: 0,
            over: false,
        }
    }

    /// The last text that the authenticator wanted the user to read, as it came.
    pub fn notice(&self) -> Option<&[u8]> {
        self.notice.as_deref()
    }

    /// Takes a packet of the authenticator.
    pub fn handle(&mut self, packet: &[u8], random: Random<'_>) -> Step {
        if self.over {
            return Step::Discard(Discard::Over);
        }
        self.packets += 1;
        if self.packets > MOST_PACKETS {
            return self.end(Err(Failure::Protocol("the EAP conversation does not end")));
        }
        match Packet::parse(packet) {
            Ok(Packet::Request(body)) => {
                if let Some(answered) = &self.answered
                    && answered.request == packet
                {
                    // "a peer MUST resend the original Response" (RFC 3748 section 4.1).
                    return Step::Send(answered.response.clone());
                }
                self.answer(packet, body, random)
            }
            Ok(Packet::Success(_)) => self.success(),
            Ok(Packet::Failure(_)) => {
                let failure = self.failure.take().unwrap_or(Failure::Refused);
                self.end(Err(failure))
            }
            Ok(Packet::Response(_)) => Step::Discard(Discard::Unexpected),
            Err(discard) => Step::Discard(discard),
        }
    }

    /// A success before the authenticator has proven itself is a forgery (RFC 3748 section 4.2).
    fn success(&mut self) -> Step {
        let (Some(msk), Some(running)) = (self.proven.take(), &self.running) else {
            return Step::Discard(Discard::Unexpected);
        };
        let success = Success {
            method: running.kind(),
            identity: self.identity.clone(),
            msk,
        };
        self.end(Ok(success))
    }

    fn answer(&mut self, packet: &[u8], body: Body<'_>, random: Random<'_>) -> Step {
        let data = match body.kind {
            Type::IDENTITY if self.running.is_none() => Ok((Type::IDENTITY, self.identity.clone())),
            Type::NOTIFICATION => {
                self.notice = Some(body.data.to_vec());
                Ok((Type::NOTIFICATION, Vec::new()))
            }
            kind => self.run(kind, body.data, random).map(|data| match data {
                Some(data) => (kind, data),
                None => (Type::NAK, self.wanted()),
            }),
        };
        let (kind, data) = match data {
            Ok(answer) => answer,
            Err(step) => return step,
        };
        let response = Packet::Response(Body {
            identifier: body.identifier,
            kind,
            data: &data,
        });
        let response = response.to_vec();
        self.answered = Some(Answered {
            request: packet.to_vec(),
            response: response.clone(),
        });
        Step::Send(response)
    }

    /// What a Nak asks for instead: zero is nothing (RFC 3748 section 5.3.1).
    fn wanted(&self) -> Vec<u8> {
        let wanted: Vec<u8> = self.methods.iter().map(|method| method.kind().0).collect();
        if wanted.is_empty() { vec![0] } else { wanted }
    }

    /// The method's answer; `None` if it is none of ours.
    fn run(
        &mut self,
        kind: Type,
        data: &[u8],
        random: Random<'_>,
    ) -> Result<Option<Vec<u8>>, Step> {
        if self.failure.is_some() || self.proven.is_some() {
            // The method is through; only its verdict can follow.
            return Err(Step::Discard(Discard::Unexpected));
        }
        if self.running.is_none() {
            let Some(at) = self.methods.iter().position(|method| method.kind() == kind) else {
                return Ok(None);
            };
            let running = match self.methods.swap_remove(at) {
                PeerMethod::MsChapV2 { username, hash } => {
                    Running::MsChapV2(Box::new(mschapv2::Peer::new(username, hash)))
                }
                PeerMethod::Tls(endpoint) => match tls::Session::peer(&endpoint) {
                    Ok(session) => Running::Tls(Box::new(session)),
                    Err(failure) => return Err(self.end(Err(failure))),
                },
            };
            self.running = Some(running);
        }
        match &mut self.running {
            Some(running) if running.kind() != kind => Err(Step::Discard(Discard::Unexpected)),
            Some(Running::MsChapV2(peer)) => {
                let reply = peer.handle(data, random);
                self.after_mschapv2(reply).map(Some)
            }
            Some(Running::Tls(session)) => {
                let progress = session.handle(data);
                self.after_tls(progress).map(Some)
            }
            None => Ok(None),
        }
    }

    fn after_mschapv2(&mut self, reply: Reply) -> Result<Vec<u8>, Step> {
        match reply {
            Reply::Send(data) => Ok(data),
            Reply::Proven(data, msk) => {
                self.proven = Some(msk);
                Ok(data)
            }
            Reply::Refused(data, failure) => {
                self.failure = Some(failure);
                Ok(data)
            }
            Reply::Failed(failure) => Err(self.end(Err(failure))),
            Reply::Discard(discard) => Err(Step::Discard(discard)),
        }
    }

    fn after_tls(&mut self, progress: Progress) -> Result<Vec<u8>, Step> {
        match progress {
            Progress::Send(data) => Ok(data),
            Progress::Proven(data, msk) => {
                self.proven = Some(msk);
                Ok(data)
            }
            Progress::Failed(Some(data), failure) => {
                self.failure = Some(failure);
                Ok(data)
            }
            Progress::Failed(None, failure) => Err(self.end(Err(failure))),
            Progress::Discard(discard) => Err(Step::Discard(discard)),
        }
    }

    fn end(&mut self, result: Result<Success, Failure>) -> Step {
        self.over = true;
        self.running = None;
        Step::Done {
            packet: None,
            result,
        }
    }
}

#[cfg(test)]
mod tests;

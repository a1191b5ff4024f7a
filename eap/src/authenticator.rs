//! The authenticator: asks who the peer is, and lets a method prove it (RFC 3748, RFC 4137 section
//! 5).

use crate::{
    Discard, Failure, NtHash, Random, Step, Success, Type, mschapv2,
    packet::{Body, Packet},
    tls,
};

/// Finds the hash of a user's password. The name is as the user gave it, perhaps with a domain.
/// Whether there is such a user must not be told by the time that it takes.
pub type Hashes = Box<dyn Fn(&[u8]) -> Option<NtHash> + Send>;

/// What an authenticator accepts as proof.
pub enum AuthenticatorMethod {
    /// EAP-MSCHAPv2.
    MsChapV2 {
        /// What this server is called in the challenge.
        name: Vec<u8>,
        /// The users.
        hashes: Hashes,
    },
    /// EAP-TLS.
    Tls(tls::Endpoint),
}

impl AuthenticatorMethod {
    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Self::MsChapV2 { .. } => Type::MSCHAPV2,
            Self::Tls(_) => Type::TLS,
        }
    }
}

enum State {
    /// Nothing is sent yet.
    New,
    /// Who are you?
    Asking,
    MsChapV2(Box<mschapv2::Authenticator>, Hashes),
    Tls(Box<tls::Session>),
    Over,
}

/// Packets that one conversation may have: more than any method here needs.
const MOST_PACKETS: u16 = 300;

/// The authenticator of one conversation.
pub struct Authenticator {
    identity: Option<Vec<u8>>,
    methods: Vec<AuthenticatorMethod>,
    state: State,
    /// Whether the peer has answered the method's first request with something of that method.
    accepted: bool,
    identifier: u8,
    packets: u16,
}

impl Authenticator {
    /// An authenticator that tries these methods in this order. Who the peer is it asks, unless it
    /// is known.
    pub fn new(identity: Option<Vec<u8>>, mut methods: Vec<AuthenticatorMethod>) -> Self {
        methods.reverse();
        Self {
            identity,
            methods,
            state: State::New,
            accepted: false,
            identifier: 0,
            packets: 0,
        }
    }

    /// Who the peer says it is, proven or not.
    pub fn identity(&self) -> Option<&[u8]> {
        self.identity.as_deref()
    }

    /// Why the peer is refused, when that is certain but the peer is only being told: many go away
    /// without listening to the end.
    pub fn refusal(&self) -> Option<Failure> {
        match &self.state {
            State::MsChapV2(method, _) => method.refusal(),
            State::Tls(session) => session.refusal(),
            State::New | State::Asking | State::Over => None,
        }
    }

    /// The first request. To be called once, before anything else.
    pub fn start(&mut self, random: Random<'_>) -> Vec<u8> {
        let mut first = [0];
        random(&mut first);
        self.identifier = first[0];
        if self.identity.is_some() {
            return match self.begin_method(None, random) {
                Step::Send(packet)
                | Step::Done {
                    packet: Some(packet),
                    ..
                } => packet,
                Step::Done { packet: None, .. } | Step::Discard(_) => self.failure(),
            };
        }
        self.state = State::Asking;
        self.request(Type::IDENTITY, &[])
    }

    /// Takes a packet of the peer.
    pub fn handle(&mut self, packet: &[u8], random: Random<'_>) -> Step {
        let body = match Packet::parse(packet) {
            Ok(Packet::Response(body)) => body,
            Ok(_) => return Step::Discard(Discard::Unexpected),
            Err(discard) => return Step::Discard(discard),
        };
        if matches!(self.state, State::Over | State::New) {
            return Step::Discard(Discard::Over);
        }
        if body.identifier != self.identifier {
            return Step::Discard(Discard::WrongIdentifier);
        }
        self.packets += 1;
        if self.packets > MOST_PACKETS {
            return self.end(Failure::Protocol("the EAP conversation does not end"));
        }
        match (&self.state, body.kind) {
            (State::Asking, Type::IDENTITY) => {
                self.identity = Some(body.data.to_vec());
                self.begin_method(None, random)
            }
            (State::Asking, Type::NAK) => self.end(Failure::Protocol("the peer has no identity")),
            (State::MsChapV2(..) | State::Tls(_), Type::NAK) if !self.accepted => {
                self.begin_method(Some(body.data), random)
            }
            (State::MsChapV2(..), Type::MSCHAPV2) | (State::Tls(_), Type::TLS) => {
                self.run(body.data, random)
            }
            _ => Step::Discard(Discard::Unexpected),
        }
    }

    /// Tries the next method, of those that the peer wants if it said so.
    fn begin_method(&mut self, wanted: Option<&[u8]>, random: Random<'_>) -> Step {
        let fits = |method: &AuthenticatorMethod| match wanted {
            Some(types) => types.contains(&method.kind().0),
            None => true,
        };
        let Some(at) = self.methods.iter().rposition(fits) else {
            return self.end(Failure::NoCommonMethod);
        };
        self.identifier = self.identifier.wrapping_add(1);
        let method = self.methods.remove(at);
        let kind = method.kind();
        let data = match method {
            AuthenticatorMethod::MsChapV2 { name, hashes } => {
                let id = self.identifier;
                let (method, data) = mschapv2::Authenticator::start(&name, id, random);
                self.state = State::MsChapV2(Box::new(method), hashes);
                data
            }
            AuthenticatorMethod::Tls(endpoint) => {
                match tls::Session::authenticator(&endpoint, self.identity.as_deref()) {
                    Ok((session, data)) => {
                        self.state = State::Tls(Box::new(session));
                        data
                    }
                    Err(failure) => return self.end(failure),
                }
            }
        };
        Step::Send(self.request(kind, &data))
    }

    fn run(&mut self, data: &[u8], random: Random<'_>) -> Step {
        match &mut self.state {
            State::MsChapV2(method, hashes) => match method.handle(data, hashes, random) {
                mschapv2::Progress::Send(data) => self.ask(Type::MSCHAPV2, &data),
                mschapv2::Progress::Proven { username, msk } => self.succeed(Success {
                    method: Type::MSCHAPV2,
                    identity: username,
                    msk,
                }),
                mschapv2::Progress::Failed(failure) => self.end(failure),
                mschapv2::Progress::Discard(discard) => Step::Discard(discard),
            },
            State::Tls(session) => match session.handle(data) {
                tls::Progress::Send(data) => self.ask(Type::TLS, &data),
                tls::Progress::Proven(_, msk) => {
                    let identity = self.identity.clone().unwrap_or_default();
                    self.succeed(Success {
                        method: Type::TLS,
                        identity,
                        msk,
                    })
                }
                tls::Progress::Failed(_, failure) => self.end(failure),
                tls::Progress::Discard(discard) => Step::Discard(discard),
            },
            State::New | State::Asking | State::Over => Step::Discard(Discard::Unexpected),
        }
    }

    fn ask(&mut self, kind: Type, data: &[u8]) -> Step {
        self.accepted = true;
        self.identifier = self.identifier.wrapping_add(1);
        Step::Send(self.request(kind, data))
    }

    fn request(&self, kind: Type, data: &[u8]) -> Vec<u8> {
        let identifier = self.identifier;
        Packet::Request(Body {
            identifier,
            kind,
            data,
        })
        .to_vec()
    }

    /// Success and failure carry the identifier of the response that they follow (RFC 3748 section
    /// 4.2).
    fn succeed(&mut self, success: Success) -> Step {
        self.state = State::Over;
        Step::Done {
            packet: Some(Packet::Success(self.identifier).to_vec()),
            result: Ok(success),
        }
    }

    fn end(&mut self, failure: Failure) -> Step {
        self.state = State::Over;
        Step::Done {
            packet: Some(self.failure()),
            result: Err(failure),
        }
    }

    fn failure(&self) -> Vec<u8> {
        Packet::Failure(self.identifier).to_vec()
    }
}

#[cfg(test)]
mod tests;

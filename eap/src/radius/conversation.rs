//! EAP through RADIUS (RFC 3579): the server is the authenticator, we carry.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use super::{Answer, Code, Kind, Template};
use crate::{
    Failure, Msk,
    packet::{Body, Packet, Type},
};

/// Who we are to the server, and about whom we ask.
#[derive(Clone, Debug, Default)]
pub struct Nas {
    /// What we are called.
    pub identifier: String,
    /// Our address.
    pub address: Option<IpAddr>,
    /// Where the peer connects to.
    pub called_station: String,
    /// Where the peer is.
    pub calling_station: String,
    /// The connection, in words.
    pub port_id: String,
}

impl Nas {
    /// Writes it into a request.
    pub(super) fn describe(&self, request: &mut Template) {
        const VIRTUAL: u32 = 5;
        const FRAMED: u32 = 2;
        request.push_number(Kind::NAS_PORT_TYPE, VIRTUAL);
        request.push_number(Kind::SERVICE_TYPE, FRAMED);
        match self.address {
            Some(IpAddr::V4(address)) => {
                request.push(Kind::NAS_IP_ADDRESS, &address.octets());
            }
            Some(IpAddr::V6(address)) => {
                request.push(Kind::NAS_IPV6_ADDRESS, &address.octets());
            }
            None => {}
        }
        for (kind, text) in [
            (Kind::NAS_IDENTIFIER, &self.identifier),
            (Kind::CALLED_STATION_ID, &self.called_station),
            (Kind::CALLING_STATION_ID, &self.calling_station),
            (Kind::NAS_PORT_ID, &self.port_id),
        ] {
            if !text.is_empty() {
                request.push(kind, text.as_bytes());
            }
        }
    }
}

/// What the server decided.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing yet: this goes to the peer.
    Continue(Vec<u8>),
    /// The peer is who it says; the packet goes to it.
    Granted(Vec<u8>, Box<Grant>),
    /// It is not; the packet goes to it.
    Denied(Vec<u8>, Failure),
}

/// What the server grants.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The key that the server and the peer made.
    pub msk: Msk,
    /// Who the peer is to the server, when it says so.
    pub user_name: Option<Vec<u8>>,
    /// Its groups: Filter-Id.
    pub filters: Vec<Vec<u8>>,
    /// To be given back in accounting; a group to some.
    pub classes: Vec<Vec<u8>>,
    /// Its IPv4 address.
    pub framed_ipv4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub framed_ipv6: Option<Ipv6Addr>,
    /// How long it may stay.
    pub session_timeout: Option<Duration>,
    /// How long it may be idle.
    pub idle_timeout: Option<Duration>,
    /// How often the server wants to be told.
    pub interim_interval: Option<Duration>,
}

/// One peer's EAP conversation with a server.
#[derive(Debug)]
pub struct Conversation {
    nas: Nas,
    user_name: Vec<u8>,
    state: Option<Vec<u8>>,
    /// The server that knows this conversation.
    server: Option<usize>,
    identifier: u8,
    /// Of the peer's last response.
    eap_identifier: u8,
}

impl Conversation {
    /// About a peer that says it is this user.
    pub fn new(nas: Nas, user_name: Vec<u8>) -> Self {
        Self {
            nas,
            user_name,
            state: None,
            server: None,
            identifier: 0,
            eap_identifier: 0,
        }
    }

    /// The response to an identity request, for a peer that nobody asked.
    pub fn identity(&self) -> Vec<u8> {
        Packet::Response(Body {
            identifier: self.eap_identifier,
            kind: Type::IDENTITY,
            data: &self.user_name,
        })
        .to_vec()
    }

    /// The server that has to get the next request; any, before the first was answered.
    pub fn server(&self) -> Option<usize> {
        self.server
    }

    /// The request that carries a response of the peer, and its identifier.
    pub fn request(&mut self, response: &[u8]) -> (Template, u8) {
        if let Some(identifier) = response.get(1) {
            self.eap_identifier = *identifier;
        }
        let mut request = Template::new(Code::ACCESS_REQUEST);
        request.push(Kind::USER_NAME, &self.user_name);
        self.nas.describe(&mut request);
        request.push_eap(response);
        if let Some(state) = &self.state {
            request.push(Kind::STATE, state);
        }
        self.identifier = self.identifier.wrapping_add(1);
        (request, self.identifier)
    }

    /// Reads a server's answer.
    pub fn answered(&mut self, server: usize, answer: &Answer) -> Verdict {
        self.server = Some(server);
        let attributes = answer.attributes();
        self.state = attributes.first(Kind::STATE).map(<[u8]>::to_vec);
        let eap = answer.eap();
        let failure = || Packet::Failure(self.eap_identifier).to_vec();
        match (answer.code(), eap) {
            (Code::ACCESS_CHALLENGE, Some(eap)) => Verdict::Continue(eap),
            (Code::ACCESS_CHALLENGE, None) => Verdict::Denied(
                failure(),
                Failure::Protocol("the RADIUS server sends no EAP message"),
            ),
            (Code::ACCESS_ACCEPT, eap) => {
                // A packet that contradicts the code counts as refusal (RFC 3579 section 2.6.3).
                let eap = match eap.as_deref().map(Packet::parse) {
                    None => Packet::Success(self.eap_identifier).to_vec(),
                    Some(Ok(success @ Packet::Success(_))) => success.to_vec(),
                    Some(_) => return Verdict::Denied(failure(), Failure::Refused),
                };
                let Some(msk) = answer.msk() else {
                    let why = "the RADIUS server gives no key: its EAP method makes none";
                    return Verdict::Denied(failure(), Failure::Protocol(why));
                };
                Verdict::Granted(eap, Box::new(grant(answer, msk)))
            }
            (_, eap) => {
                let said = eap.filter(|eap| matches!(Packet::parse(eap), Ok(Packet::Failure(_))));
                Verdict::Denied(said.unwrap_or_else(failure), Failure::Refused)
            }
        }
    }
}

fn grant(answer: &Answer, msk: Msk) -> Grant {
    let attributes = answer.attributes();
    let all = |kind| attributes.all(kind).map(<[u8]>::to_vec).collect();
    Grant {
        msk,
        user_name: attributes.first(Kind::USER_NAME).map(<[u8]>::to_vec),
        filters: all(Kind::FILTER_ID),
        classes: all(Kind::CLASS),
        framed_ipv4: answer.framed_ipv4(),
        framed_ipv6: answer.framed_ipv6(),
        session_timeout: answer.seconds(Kind::SESSION_TIMEOUT),
        idle_timeout: answer.seconds(Kind::IDLE_TIMEOUT),
        interim_interval: answer.seconds(Kind::ACCT_INTERIM_INTERVAL),
    }
}

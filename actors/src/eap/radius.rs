//! The peer proves itself to a RADIUS server.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use arc_swap::ArcSwap;
use holdfast_config::Radius as Config;
use holdfast_eap::{
    Discard, Failure as EapFailure, Packet, Step, Success,
    packet::{Body, Type},
    radius::{Action, Answer, Conversation, Exchange, Health, Nas, Secret, Timing, Verdict},
};
use holdfast_ike::sa::{Failure, credential::Eap};
use tokio::{
    net::UdpSocket,
    sync::Semaphore,
    time::{Instant as Deadline, timeout_at},
};

use crate::environment::Shared;

/// Requests on their way at once, each with a socket; more wait, for as long as their IKE_SAs have
/// patience.
const MOST_REQUESTS: usize = 256;

/// The servers and how they are.
pub(crate) struct Radius {
    servers: ArcSwap<Servers>,
    seats: Semaphore,
}

/// One state of the configuration.
struct Servers {
    config: Config,
    secrets: Vec<Secret>,
    health: Mutex<Health>,
}

impl Radius {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            servers: ArcSwap::from_pointee(Servers::new(config)),
            seats: Semaphore::new(MOST_REQUESTS),
        }
    }

    /// Takes over what the files say now. Conversations that go on keep what they began with.
    pub(crate) fn replace(&self, config: &Config) {
        if self.servers.load().config != *config {
            self.servers.store(Arc::new(Servers::new(config.clone())));
        }
    }
}

impl Servers {
    fn new(config: Config) -> Self {
        let secret = |server: &holdfast_config::RadiusServer| Secret::new(server.secret.expose());
        Self {
            secrets: config.servers.iter().map(secret).collect(),
            health: Mutex::new(Health::new(config.servers.len())),
            config,
        }
    }

    fn timing(&self) -> Timing {
        Timing {
            timeout: self.config.timeout,
            tries: self.config.tries,
            dead_time: self.config.dead_time,
        }
    }

    fn health<T>(&self, change: impl FnOnce(&mut Health) -> T) -> T {
        change(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One peer's conversation.
pub(super) struct PassThrough {
    servers: Arc<Servers>,
    nas: Nas,
    /// There once the peer's identity is known.
    conversation: Option<Conversation>,
    identity: Option<Vec<u8>>,
    /// The type of the server's last request.
    method: Type,
}

impl PassThrough {
    pub(super) fn begin(
        shared: &Shared,
        question: &Eap,
        identity: Option<Vec<u8>>,
        remote: SocketAddr,
    ) -> Result<Self, Failure> {
        let servers = shared.radius.servers.load_full();
        if servers.config.servers.is_empty() {
            tracing::warn!("eap-radius without a server: add a table [radius.servers.NAME]");
            return Err(Failure::Eap("no RADIUS server is configured"));
        }
        let nas = Nas {
            identifier: servers.config.nas_identifier.clone(),
            address: None,
            called_station: question.local_id.to_string(),
            calling_station: remote.ip().to_string(),
            port_id: question.connection.name.to_string(),
        };
        Ok(Self {
            servers,
            nas,
            conversation: None,
            identity,
            method: Type::IDENTITY,
        })
    }

    /// The peer's message goes to the server, and the server's answer to the peer.
    pub(super) async fn step(&mut self, shared: &Shared, message: Option<Vec<u8>>) -> Step {
        let response = match (&mut self.conversation, message) {
            (Some(_), Some(message)) => match Packet::parse(&message) {
                Ok(Packet::Response(_)) => message,
                Ok(_) => return Step::Discard(Discard::Unexpected),
                Err(discard) => return Step::Discard(discard),
            },
            (None, Some(message)) => match Packet::parse(&message) {
                Ok(Packet::Response(body)) if body.kind == Type::IDENTITY => {
                    self.identify(body.data.to_vec());
                    message
                }
                Ok(_) => return Step::Discard(Discard::Unexpected),
                Err(discard) => return Step::Discard(discard),
            },
            (_, None) => match self.identity.clone() {
                // The peer is not asked: we answer the server in its place.
                Some(identity) => self.identify(identity).identity(),
                None => return Step::Send(ask()),
            },
        };
        self.exchange(shared, &response).await
    }

    fn identify(&mut self, identity: Vec<u8>) -> &Conversation {
        self.identity = Some(identity.clone());
        let conversation = Conversation::new(self.nas.clone(), identity);
        self.conversation.insert(conversation)
    }

    async fn exchange(&mut self, shared: &Shared, response: &[u8]) -> Step {
        let Some(conversation) = &mut self.conversation else {
            return Step::Discard(Discard::Unexpected);
        };
        let Ok(_seat) = shared.radius.seats.acquire().await else {
            return Step::Discard(Discard::Over);
        };
        let servers = Arc::clone(&self.servers);
        let order = match conversation.server() {
            Some(server) => vec![server],
            None => servers.health(|health| health.order(Instant::now())),
        };
        let (template, identifier) = conversation.request(response);
        let timing = servers.timing();
        let exchange = Exchange::new(template, identifier, &servers.secrets, order, timing);
        let Some((server, answer)) = carry(shared, &servers, exchange).await else {
            return Step::Done {
                packet: Some(Packet::Failure(response.get(1).copied().unwrap_or(0)).to_vec()),
                result: Err(EapFailure::Protocol("no RADIUS server answers")),
            };
        };
        match conversation.answered(server, &answer) {
            Verdict::Continue(request) => {
                if let Ok(Packet::Request(body)) = Packet::parse(&request) {
                    self.method = body.kind;
                }
                Step::Send(request)
            }
            Verdict::Granted(packet, grant) => {
                let identity = self.identity.clone().unwrap_or_default();
                tracing::info!(
                    server = %servers.config.servers[server].name,
                    identity = %super::text(&identity),
                    filters = grant.filters.len(),
                    "the RADIUS server accepts the peer"
                );
                Step::Done {
                    packet: Some(packet),
                    result: Ok(Success {
                        method: self.method,
                        identity,
                        msk: grant.msk,
                    }),
                }
            }
            Verdict::Denied(packet, why) => Step::Done {
                packet: Some(packet),
                result: Err(match why {
                    EapFailure::Refused => {
                        EapFailure::Protocol("the RADIUS server refused the peer")
                    }
                    other => other,
                }),
            },
        }
    }
}

/// Who are you?
fn ask() -> Vec<u8> {
    Packet::Request(Body {
        identifier: 0,
        kind: Type::IDENTITY,
        data: &[],
    })
    .to_vec()
}

/// Sends and waits until somebody answers or nobody is left.
async fn carry(
    shared: &Shared,
    servers: &Servers,
    mut exchange: Exchange<'_>,
) -> Option<(usize, Answer)> {
    let mut random = |octets: &mut [u8]| shared.random(octets);
    let mut socket = None::<(usize, UdpSocket)>;
    let mut buffer = vec![0; holdfast_eap::radius::MAX_PACKET];
    loop {
        match exchange.poll(Instant::now(), &mut random) {
            Action::Send(server, octets) => {
                if socket.as_ref().is_none_or(|(of, _)| *of != server) {
                    socket = connect(servers.config.servers[server].address)
                        .await
                        .map(|socket| (server, socket));
                }
                if let Some((_, socket)) = &socket {
                    // What cannot be sent is as good as lost.
                    let _ = socket.send(&octets).await;
                }
            }
            Action::Wait(server, until) => {
                let Some((_, socket)) = &socket else {
                    tokio::time::sleep_until(Deadline::from_std(until)).await;
                    continue;
                };
                let received = timeout_at(Deadline::from_std(until), socket.recv(&mut buffer));
                match received.await {
                    Ok(Ok(length)) => match exchange.handle(server, &buffer[..length]) {
                        Ok(answer) => {
                            servers.health(|health| health.answered(server));
                            return Some((server, answer));
                        }
                        Err(error) => {
                            let server = &servers.config.servers[server].name;
                            tracing::warn!(%server, %error, "an answer of the RADIUS server is not taken");
                        }
                    },
                    // An ICMP error proves nothing: it waits for its time like silence.
                    Ok(Err(_)) => tokio::time::sleep_until(Deadline::from_std(until)).await,
                    Err(_) => {}
                }
            }
            Action::Silent(server) => {
                let name = &servers.config.servers[server].name;
                tracing::warn!(server = %name, "the RADIUS server does not answer");
                let timing = servers.timing();
                servers.health(|health| health.silent(server, Instant::now(), &timing));
            }
            Action::GiveUp => return None,
        }
    }
}

/// A socket of its own for each request: the port tells them apart, and is hard to guess.
async fn connect(server: SocketAddr) -> Option<UdpSocket> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(server).await.ok()?;
    Some(socket)
}

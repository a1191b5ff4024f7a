//! The validated configuration.
//!
//! Every type here compares by value, so that a reload can tell what changed.

mod agent;
mod hooks;
mod log;

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;

pub use self::{
    agent::{Agent, DataPlaneKind, Limits, Readiness, StateDir, Tun, ViciAddress},
    hooks::{Command, Hooks},
    log::{Log, LogFormat, LogLevel},
};
use crate::{Pool, Secrets};

/// Everything the agent is told to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// How the agent itself runs.
    pub agent: Agent,
    /// The connections by name.
    pub connections: BTreeMap<String, Arc<Connection>>,
    /// The secrets that authenticate them.
    pub secrets: Arc<Secrets>,
    /// Addresses for peers, by the names of the pools.
    pub pools: BTreeMap<String, Pool>,
    /// Who decides about peers that use EAP, where a connection says so.
    pub radius: Radius,
}

/// The RADIUS servers.
#[derive(Clone, Debug, PartialEq)]
pub struct Radius {
    /// The servers, the one that is asked first in front.
    pub servers: Vec<RadiusServer>,
    /// What we are called (NAS-Identifier).
    pub nas_identifier: String,
    /// How long to wait for the first answer; each further wait is half as long again.
    pub timeout: Duration,
    /// How often a request is sent to one server.
    pub tries: u32,
    /// How long a server that was silent comes last.
    pub dead_time: Duration,
}

impl Default for Radius {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            nas_identifier: "holdfast".to_owned(),
            timeout: Duration::from_secs(2),
            tries: 3,
            dead_time: Duration::from_secs(60),
        }
    }
}

/// A RADIUS server.
#[derive(Clone, Debug, PartialEq)]
pub struct RadiusServer {
    /// Its name in the configuration.
    pub name: String,
    /// Where it listens for authentication.
    pub address: SocketAddr,
    /// The secret that it shares with us.
    pub secret: Arc<holdfast_ike::Secret>,
}

/// One connection: the peer, how to reach it, what to keep up, and what is negotiated.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is up, or on its way up, for as long as it is configured.
    pub persistent: bool,
    /// Addresses we may use, never empty.
    pub local_addrs: Vec<Endpoint>,
    /// Addresses the peer may use, in order of preference, never empty.
    pub remote_addrs: Vec<Endpoint>,
    /// The port we start from: `agent.port` or `agent.port_nat_t`.
    pub local_port: u16,
    /// The port of the peer that we start with.
    pub remote_port: u16,
    /// Rounds of retransmissions before an attempt counts as failed; 0 is no end.
    pub keyingtries: u32,
    /// When a failed attempt is followed by the next.
    pub reconnect: Reconnect,
    /// What is negotiated.
    pub ike: Arc<holdfast_ike::Connection>,
    /// The children by name; the same [`holdfast_ike::ChildConfig`]s as in [`Connection::ike`].
    pub children: BTreeMap<String, Child>,
    /// What is run when something happens to it.
    pub hooks: Hooks,
    /// Traffic that passes by the tunnels or never leaves, by names that no child has.
    pub shunts: BTreeMap<String, Shunt>,
}

impl Connection {
    /// The addresses that we can send a first message to, in order of preference.
    pub fn usable_remotes(&self) -> impl Iterator<Item = &Endpoint> {
        self.remote_addrs
            .iter()
            .filter(|endpoint| endpoint.is_usable())
    }

    /// Whether anything is run for it.
    pub fn runs_commands(&self) -> bool {
        let Hooks {
            on_up,
            on_down,
            on_alert,
            timeout: _,
        } = &self.hooks;
        let hooks = [on_up, on_down, on_alert];
        hooks.into_iter().any(Option::is_some)
            || self.children.values().any(|child| child.updown.is_some())
    }
}

/// An address, or a set of them, that one end may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Every address.
    Any,
    /// This address.
    Address(IpAddr),
    /// An address inside this network; good for accepting, not for starting.
    Net(IpNet),
    /// An address between these two, both included and of one family; likewise.
    Range(RangeInclusive<IpAddr>),
    /// What this name resolves to at the time of use.
    Host(String),
}

impl Endpoint {
    /// Whether a first message can be sent there.
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Host(_))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("%any"),
            Self::Address(address) => address.fmt(f),
            Self::Net(net) => net.fmt(f),
            Self::Range(range) => write!(f, "{}-{}", range.start(), range.end()),
            Self::Host(name) => f.write_str(name),
        }
    }
}

/// Waits between attempts of a persistent connection: exponential with full jitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reconnect {
    /// The first wait.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
    /// Growth from one wait to the next, at least 1.
    pub multiplier: f64,
    /// The first wait after a failure that will likely repeat: authentication, configuration.
    pub slow: Duration,
    /// How long a connection must have been up for its failures to be forgotten.
    pub stable_after: Duration,
    /// Handshake packets that a silent peer is sent in any hour, at most; `None` is no limit.
    pub budget: Option<u32>,
}

impl Reconnect {
    /// The longest wait after failures that will likely repeat.
    pub fn slow_max(&self) -> Duration {
        self.max.saturating_mul(10).max(self.slow)
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(60),
            multiplier: 2.0,
            slow: Duration::from_secs(60),
            stable_after: Duration::from_secs(60),
            budget: None,
        }
    }
}

/// One child and what is done about it without being asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// What is negotiated.
    pub ike: Arc<holdfast_ike::ChildConfig>,
    /// What happens when the configuration is loaded. A persistent connection brings a child up
    /// unless this is [`StartAction::None`], which it is only when the file says so.
    pub start_action: StartAction,
    /// What happens when the peer closes it.
    pub close_action: CloseAction,
    /// What happens when the peer is found dead.
    pub dpd_action: DpdAction,
    /// What is run for each pair of selectors that comes up or goes, as charon does.
    pub updown: Option<Command>,
    /// How its path is probed, if it is.
    pub probe: Option<Probe>,
}

/// How it is found out whether packets get through a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What is sent.
    pub kind: ProbeKind,
    /// Where to.
    pub target: IpAddr,
    /// Where from; `None` is one of our addresses in the local selectors, or the first one there.
    pub source: Option<IpAddr>,
    /// Time from one probe to the next.
    pub interval: Duration,
    /// A probe without an answer for so long is lost; no longer than the interval.
    pub timeout: Duration,
    /// So many lost in a row make the path count as dead; at least 1.
    pub threshold: u32,
    /// What is done then.
    pub action: ProbeAction,
}

/// What a probe is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// An ICMP echo request.
    Icmp,
    /// A TCP segment with SYN to this port.
    Tcp(u16),
}

/// What is done about a dead path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeAction {
    /// The CHILD_SA is rekeyed, then the connection made anew.
    Repair,
    /// It is told.
    Report,
}

/// Traffic that no CHILD_SA carries. Nothing of it is negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shunt {
    /// Its name.
    pub name: Arc<str>,
    /// What becomes of the traffic.
    pub action: ShuntAction,
    /// Where it comes from; `dynamic` is anywhere.
    pub local_ts: Vec<holdfast_ike::config::SelectorTemplate>,
    /// Where it goes to; `dynamic` is anywhere.
    pub remote_ts: Vec<holdfast_ike::config::SelectorTemplate>,
    /// Whether it is installed when the configuration is loaded.
    pub installed: bool,
}

/// What becomes of the traffic of a [`Shunt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShuntAction {
    /// It leaves in the clear.
    Pass,
    /// It does not leave.
    Drop,
}

/// What happens to a child when the configuration is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAction {
    /// Nothing: it waits for the peer or for an operator.
    #[default]
    None,
    /// Traffic that matches brings it up.
    Trap,
    /// It is brought up.
    Start,
    /// Both.
    TrapStart,
}

impl StartAction {
    /// Whether it is brought up at once.
    pub fn starts(self) -> bool {
        matches!(self, Self::Start | Self::TrapStart)
    }

    /// Whether matching traffic brings it up.
    pub fn traps(self) -> bool {
        matches!(self, Self::Trap | Self::TrapStart)
    }
}

/// What happens to a child that the peer closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloseAction {
    /// Nothing.
    #[default]
    None,
    /// Traffic that matches brings it up again.
    Trap,
    /// It is brought up again.
    Start,
}

/// What happens to a child whose peer no longer answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DpdAction {
    /// It is removed.
    #[default]
    Clear,
    /// It is removed, and traffic that matches brings it up again.
    Trap,
    /// It is brought up again.
    Restart,
}

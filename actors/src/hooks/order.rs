//! What the agent and its runner of commands say to each other: a JSON object a line, orders one
//! way, reports the other.
//!
//! An order says what happened, never what is to be run: the runner looks that up in the
//! configuration by itself. So whoever takes over the agent cannot have commands of its own run.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// From the agent to the runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Run what is configured for this.
    Run(Box<Happening>),
    /// The configuration has changed.
    Reload,
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Its name.
    pub connection: String,
    /// What happened.
    pub event: Event,
    /// The IKE_SA that it happened to, where it was one.
    pub ike_sa: Option<IkeSaFacts>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A CHILD_SA came up.
    Up(ChildFacts),
    /// A CHILD_SA went.
    Down(ChildFacts),
    /// Somebody should look.
    Alert {
        /// What the matter is.
        kind: String,
        /// In words, where there are any.
        reason: Option<String>,
    },
}

/// An IKE_SA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IkeSaFacts {
    /// Its number in listings.
    pub id: u32,
    /// Our end.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
    /// Who we are, once that is settled.
    pub local_id: Option<String>,
    /// Who the peer is.
    pub remote_id: Option<String>,
    /// Who the peer is for EAP.
    pub remote_eap_id: Option<String>,
    /// Addresses that the peer gave us.
    pub local_vips: Vec<IpAddr>,
    /// Addresses that we gave the peer.
    pub remote_vips: Vec<IpAddr>,
    /// Name servers that the peer told us of.
    pub name_servers: Vec<IpAddr>,
    /// The domains that these are for.
    pub dns_domains: Vec<String>,
    /// Networks behind the peer that it told us of.
    pub subnets: Vec<String>,
}

/// A CHILD_SA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildFacts {
    /// Its name in the configuration.
    pub name: String,
    /// Its number in listings.
    pub id: u32,
    /// The number of its policies.
    pub reqid: u32,
    /// ESP travels in UDP.
    pub encapsulation: bool,
    /// The device that its traffic takes, where that is ours.
    pub interface: Option<String>,
    /// Our side's traffic.
    pub local_ts: Vec<Selector>,
    /// The peer's side's traffic.
    pub remote_ts: Vec<Selector>,
}

/// A traffic selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// As listings print it.
    pub text: String,
    /// Its addresses: a network, or the first and last one.
    pub network: String,
    /// Whether they are one address, and which.
    pub host: Option<IpAddr>,
    /// IPv6.
    pub v6: bool,
    /// An IP protocol; 0 is all of them.
    pub protocol: u8,
    /// The port, where it is just one; 0 is all of them.
    pub port: u16,
}

/// From the runner to the agent: what became of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whose.
    pub connection: String,
    /// Which of them: `on_up`, `on_down`, `on_alert` or `updown`.
    pub hook: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it printed, cut where it is long.
    pub output: String,
    /// How long it took, in milliseconds.
    pub took: u64,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It exited with this status.
    Exited(i32),
    /// A signal ended it.
    Killed(i32),
    /// It took too long, and was killed.
    TimedOut,
    /// It could not be run.
    NotStarted(String),
    /// There was no room for it: too many wait.
    Refused,
    /// The new configuration cannot be read, and the former one goes on.
    NotReloaded(String),
}

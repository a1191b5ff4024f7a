//! What a connection wants negotiated: validated values, no files, no policy about when.

mod authentication;
mod identity;
mod signature;

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;

use crate::{
    ChildOptions, Mode, TrafficSelector, child_sa::Lifetime, proposal::Proposal,
    sa::redirect::Redirect,
};

pub use authentication::{
    Der, LocalAuth, LocalEap, LocalPublicKey, LocalRound, RemoteAuth, RemoteEap, RemotePublicKey,
    RemoteRound, Revocation, SendCertificate,
};
pub use identity::IdMatch;
pub use signature::{KeyRule, SignatureHash, SignatureKey, SignatureRules};

/// What happens to older IKE_SAs with the same peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Unique {
    /// Replace them only when the peer sends INITIAL_CONTACT.
    #[default]
    No,
    /// Ignore INITIAL_CONTACT and never send it.
    Never,
    /// Keep the old one, refuse the new one.
    Keep,
    /// The new one replaces the old one.
    Replace,
}

/// What is done with IKE messages that are too large for one datagram (RFC 7383). Fragments of
/// the peer are taken in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Fragmentation {
    /// Tell the peer that we take fragments, send it fragments if it does.
    #[default]
    Yes,
    /// Tell the peer, but leave our own messages whole.
    Accept,
    /// Neither.
    No,
}

impl Fragmentation {
    /// Whether the peer is told that we take fragments.
    pub fn is_announced(self) -> bool {
        self != Self::No
    }
}

/// Whether there are IKE_SAs without a CHILD_SA (RFC 6023).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Childless {
    /// The peer may begin one; our own have a child, unless none is asked for.
    #[default]
    Allow,
    /// The peer may begin one, and so do we if it takes them: the child comes in an exchange of its own.
    Prefer,
    /// There are no others.
    Force,
    /// The peer may begin none.
    Never,
}

impl Childless {
    /// Responder: whether such IKE_SAs are taken.
    pub fn is_taken(self) -> bool {
        self != Self::Never
    }

    /// Responder: whether a request for an IKE_SA is granted.
    pub fn permits(self, with_child: bool) -> bool {
        match self {
            Self::Allow | Self::Prefer => true,
            Self::Force => !with_child,
            Self::Never => with_child,
        }
    }

    /// Initiator: whether the child waits for the IKE_SA, with a peer that takes childless ones or not.
    pub fn defers(self, is_taken: bool) -> bool {
        match self {
            Self::Force => true,
            Self::Prefer => is_taken,
            Self::Allow | Self::Never => false,
        }
    }
}

/// Retransmission of requests: the n-th wait is `timeout * base^n`, `tries` retransmissions are
/// made (RFC 7296 section 2.1 leaves the numbers open; defaults are strongSwan's).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retransmit {
    /// First wait.
    pub timeout: Duration,
    /// Growth of each further wait, at least 1.
    pub base: f64,
    /// Retransmissions before giving up.
    pub tries: u32,
    /// Share of each wait that may be taken off at random, in percent, at most 20.
    pub jitter: u8,
    /// Cap on a single wait; zero means none.
    pub limit: Duration,
}

impl Default for Retransmit {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(4),
            base: 1.8,
            tries: 5,
            jitter: 0,
            limit: Duration::ZERO,
        }
    }
}

/// Age at which an IKE_SA is replaced by one that is authenticated anew. Rekeying does not make it
/// younger. All zero means never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reauthentication {
    /// When whoever created it replaces it.
    pub time: Duration,
    /// Up to this much is taken off `time` at random, but never more than half of it.
    pub rand_time: Duration,
    /// When it is closed if it has not been replaced.
    pub over_time: Duration,
}

/// A post-quantum pre-shared key (RFC 8784).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ppk {
    /// Its name. As responder we take any that matches, as initiator it must be exact.
    pub id: IdMatch,
    /// Whether there can be no IKE_SA without it.
    pub required: bool,
}

/// A configured traffic selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectorTemplate {
    /// A fixed range.
    Fixed(TrafficSelector),
    /// The address of that end of the IKE_SA, with this protocol and port range.
    Dynamic {
        /// IP protocol; 0 is any.
        protocol: u8,
        /// First port.
        start_port: u16,
        /// Last port.
        end_port: u16,
    },
}

/// One connection: how its IKE_SA is negotiated and which CHILD_SAs it may carry.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// IKE proposals in order of preference.
    pub proposals: Vec<Proposal>,
    /// How we authenticate: at least one round.
    pub local: Vec<LocalRound>,
    /// How the peer must authenticate: at least one round.
    pub remote: Vec<RemoteRound>,
    /// Offer and take MOBIKE (RFC 4555).
    pub mobike: bool,
    /// The addresses of ours that may be used; none means all.
    pub local_addrs: Vec<IpNet>,
    /// The CHILD_SAs that may be negotiated.
    pub children: Vec<Arc<ChildConfig>>,
    /// Retransmission of our requests.
    pub retransmit: Retransmit,
    /// Silence after which the peer is probed; zero means never.
    pub dpd_delay: Duration,
    /// Age at which the IKE_SA is rekeyed; zero means never.
    pub rekey_time: Duration,
    /// Up to this much is taken off `rekey_time` at random, but never more than half of it, so that
    /// two ends do not rekey at the same instant (RFC 7296 section 2.8).
    pub rand_time: Duration,
    /// Age at which it is closed; zero means never.
    pub over_time: Duration,
    /// When both ends prove again who they are.
    pub reauth: Reauthentication,
    /// Age at which a half-open responder is forgotten.
    pub half_open_timeout: Duration,
    /// Interval of NAT keepalives (RFC 3948 section 4).
    pub keep_alive: Duration,
    /// Ask for UDP encapsulation even where no NAT is.
    pub encap: bool,
    /// What is done with large IKE messages.
    pub fragmentation: Fragmentation,
    /// Whether there are IKE_SAs without a CHILD_SA.
    pub childless: Childless,
    /// Where clients that ask for this connection are sent instead (RFC 5685).
    pub redirect: Option<Redirect>,
    /// What happens to older IKE_SAs with the same peer.
    pub unique: Unique,
    /// Virtual addresses to ask for; an unspecified one is any of its family.
    pub vips: Vec<std::net::IpAddr>,
    /// Pools whose addresses peers may have, in order of preference.
    pub pools: Vec<Arc<str>>,
    /// The post-quantum pre-shared key that is mixed in, where each end has one round.
    pub ppk: Option<Ppk>,
    /// Ask for tickets, give tickets, and resume sessions with them (RFC 5723): not together with a
    /// PPK or a time for reauthentication.
    pub resumption: bool,
    /// Write the keys of this connection to the key log.
    pub key_log: bool,
}

/// One child: what its CHILD_SA protects and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildConfig {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// ESP proposals in order of preference.
    pub proposals: Vec<Proposal>,
    /// Our side's traffic.
    pub local_ts: Vec<SelectorTemplate>,
    /// The peer's side's traffic.
    pub remote_ts: Vec<SelectorTemplate>,
    /// Tunnel or transport.
    pub mode: Mode,
    /// Anti-replay window in packets.
    pub replay_window: u32,
    /// Age at which it is rekeyed; zero means never.
    pub rekey_time: Duration,
    /// Up to this much is taken off `rekey_time` at random, but never more than half of it.
    pub rand_time: Duration,
    /// Limits kept by the data plane.
    pub lifetime: Lifetime,
    /// What else it asks for.
    pub options: ChildOptions,
}

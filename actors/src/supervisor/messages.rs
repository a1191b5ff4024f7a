//! What is said to the supervisor.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Message;
use holdfast_config::Connection;
use holdfast_ike::{
    EspSpi, IkeSpi, Path, TrafficSelector,
    sa::{
        CloseCause, Role,
        admission::InitRequest,
        event::{ChildUp, Established, Event, Failure},
    },
};
use holdfast_ipsec::{PolicyAction, PolicyId, Usage};
use tokio::sync::watch;

use super::{attempt::Waiter, connection::status::ConnectionStatus};
use crate::{handle::IkeSaId, transport::InitKey};

macro_rules! messages {
    ($($type:ty => $result:ty),* $(,)?) => {
        $(impl Message for $type {
            type Result = $result;
        })*
    };
}

messages! {
    IkeSaReported => (),
    IkeSaExited => (),
    InitReceived => (),
    PeerUnreachable => (),
    ChildExpired => (),
    PeerMoved => (),
    NetworkChanged => (),
    Resolved => (),
    Initiate => Result<Initiated, String>,
    Terminate => Result<Vec<Victim>, String>,
    ForceClose => (),
    Down => Result<usize, String>,
    Up => Result<(), String>,
    ListIkeSas => Vec<IkeSaListing>,
    ListStatus => Vec<ConnectionStatus>,
    ListConnections => Vec<Arc<Connection>>,
    LoadConnections => Result<(), String>,
    UnloadConnection => Result<(), String>,
    Acquire => (),
    ProbeAnswered => (),
    InstallPolicy => Result<(), String>,
    UninstallPolicy => Result<(), String>,
    ListPolicies => Vec<PolicyListing>,
    LoadedConnections => Vec<Arc<str>>,
    ApplyFiles => Applied,
    Rekey => Result<usize, String>,
    Redirect => Result<usize, String>,
    Drain => watch::Receiver<usize>,
    ForceRest => Vec<String>,
}

/// What happened in one step of an IKE_SA.
pub(crate) struct IkeSaReported {
    pub(crate) id: IkeSaId,
    pub(crate) events: Vec<Event>,
    /// What CHILD_SAs that were removed in it had carried.
    pub(crate) carried: Vec<(EspSpi, Usage)>,
}

/// How an IKE_SA's actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The core was done.
    Closed(CloseCause),
    /// No IKE_SA came of the request; `None` where the initiator will ask again in another form.
    Refused(Option<Failure>),
    /// It panicked.
    Panicked,
    /// Its arbiter dropped it.
    Dropped,
}

/// An IKE_SA's actor is gone. Comes exactly once for each.
#[derive(Debug)]
pub(crate) struct IkeSaExited {
    pub(crate) id: IkeSaId,
    pub(crate) exit: Exit,
}

/// A peer asks for an IKE_SA, and admission has let it in.
pub(crate) struct InitReceived {
    pub(crate) request: Box<InitRequest>,
    pub(crate) key: InitKey,
}

/// Something on the way says that a peer cannot be reached.
pub(crate) struct PeerUnreachable {
    pub(crate) remote: SocketAddr,
    pub(crate) reason: &'static str,
}

/// The data plane reports a CHILD_SA at its limits.
pub(crate) struct ChildExpired {
    pub(crate) owner: IkeSaId,
    pub(crate) inbound: EspSpi,
    pub(crate) hard: bool,
}

/// The data plane hears the peer of a CHILD_SA at another address.
pub(crate) struct PeerMoved {
    pub(crate) owner: IkeSaId,
    pub(crate) inbound: EspSpi,
    pub(crate) path: Path,
}

/// Our own routes have changed, and perhaps our addresses.
pub(crate) struct NetworkChanged {
    pub(crate) addresses: bool,
}

/// A connection's names have been looked up.
pub(crate) struct Resolved {
    pub(crate) connection: Arc<str>,
    pub(crate) ticket: u64,
    pub(crate) addresses: Vec<IpAddr>,
}

/// Bring something up. Joins what is under way for the same.
pub(crate) struct Initiate {
    pub(crate) ike: Option<String>,
    pub(crate) child: Option<String>,
}

/// The answer to [`Initiate`], given at once.
pub(crate) enum Initiated {
    /// It is up already; nothing was sent.
    Already {
        /// Of which connection it is.
        connection: Arc<str>,
        /// What is up.
        text: String,
    },
    /// It is on its way.
    Joined {
        /// Of which connection it is.
        connection: Arc<str>,
        /// Where to hear how it ends.
        waiter: Waiter,
    },
}

/// Which SAs an operator means. With a child or its number only CHILD_SAs are meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    pub(crate) ike: Option<String>,
    pub(crate) ike_id: Option<u32>,
    pub(crate) child: Option<String>,
    pub(crate) child_id: Option<u32>,
}

/// Take SAs down, and no longer want them.
pub(crate) struct Terminate(pub(crate) Selector);

/// Begin maintenance: take a connection down and keep it so until [`Up`], restarts included. The
/// answer counts the SAs that are ordered to go.
pub(crate) struct Down {
    pub(crate) name: String,
    /// What the operator says about it.
    pub(crate) reason: Option<String>,
}

/// End maintenance.
pub(crate) struct Up(pub(crate) String);

/// An SA that was ordered to go.
pub(crate) struct Victim {
    /// Its IKE_SA, if the whole of it goes.
    pub(crate) ike_sa: Option<IkeSaId>,
    /// Its connection, where that is known.
    pub(crate) connection: Option<Arc<str>>,
    /// Closed when it is gone. `None`: only an attempt without an SA, gone already.
    pub(crate) gone: Option<watch::Receiver<()>>,
}

/// Forget these IKE_SAs without waiting for their peers any longer.
pub(crate) struct ForceClose(pub(crate) Vec<IkeSaId>);

/// A page of IKE_SAs.
pub(crate) struct ListIkeSas {
    /// The last one of the page before.
    pub(crate) cursor: Option<IkeSaId>,
    /// Only these.
    pub(crate) selector: Selector,
    /// At most so many.
    pub(crate) limit: usize,
}

/// An IKE_SA as listed.
#[derive(Clone, Debug)]
pub(crate) struct IkeSaListing {
    pub(crate) id: IkeSaId,
    pub(crate) connection: Arc<str>,
    pub(crate) state: &'static str,
    pub(crate) role: Role,
    pub(crate) path: Path,
    pub(crate) local_spi: IkeSpi,
    pub(crate) established: Option<Arc<Established>>,
    pub(crate) established_at: Option<Instant>,
    pub(crate) children: Vec<ChildListing>,
    /// How its connection is configured, while it is.
    pub(crate) config: Option<Arc<Connection>>,
}

/// A CHILD_SA as listed.
#[derive(Clone, Debug)]
pub(crate) struct ChildListing {
    pub(crate) id: u32,
    /// The same for all CHILD_SAs that replaced one another.
    pub(crate) reqid: u32,
    pub(crate) closing: bool,
    pub(crate) replaced: bool,
    /// What it had carried when it was removed; until then the data plane knows.
    pub(crate) carried: Option<Usage>,
    pub(crate) up: Arc<ChildUp>,
}

/// A page of connections with their status.
pub(crate) struct ListStatus {
    /// Only this one.
    pub(crate) name: Option<String>,
    /// The last one of the page before.
    pub(crate) cursor: Option<Arc<str>>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// A page of connections as configured.
pub(crate) struct ListConnections {
    /// Only this one.
    pub(crate) name: Option<String>,
    /// The last one of the page before.
    pub(crate) cursor: Option<Arc<str>>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// Take over these connections from a control client: all or, with an error, none.
pub(crate) struct LoadConnections(pub(crate) Vec<Arc<Connection>>);

/// Forget a connection that a control client has loaded.
pub(crate) struct UnloadConnection(pub(crate) String);

/// Traffic waits in a trap.
pub(crate) struct Acquire {
    pub(crate) policy: PolicyId,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
}

/// A probe was answered.
pub(crate) struct ProbeAnswered {
    pub(crate) token: u64,
    pub(crate) round_trip: Duration,
}

/// Let traffic bring this child up, or install this shunt.
pub(crate) struct InstallPolicy {
    pub(crate) ike: Option<String>,
    pub(crate) child: String,
}

/// No longer.
pub(crate) struct UninstallPolicy {
    pub(crate) ike: Option<String>,
    pub(crate) child: String,
}

/// The policies that are installed.
pub(crate) struct ListPolicies {
    /// Only those that do this.
    pub(crate) actions: Vec<PolicyAction>,
    /// Only of this connection.
    pub(crate) ike: Option<String>,
    /// Only this one.
    pub(crate) child: Option<String>,
}

/// A policy as listed.
#[derive(Clone, Debug)]
pub(crate) struct PolicyListing {
    pub(crate) connection: Arc<str>,
    pub(crate) child: Arc<str>,
    /// Of the CHILD_SA, while there is one.
    pub(crate) reqid: Option<u32>,
    /// A trap or a shunt.
    pub(crate) action: PolicyAction,
    pub(crate) local_ts: Vec<TrafficSelector>,
    pub(crate) remote_ts: Vec<TrafficSelector>,
}

/// The names of those that control clients have loaded.
pub(crate) struct LoadedConnections;

/// The files were read again.
pub(crate) struct ApplyFiles {
    /// The connections that they hold.
    pub(crate) connections: BTreeMap<String, Arc<Connection>>,
    /// Only tell what would change.
    pub(crate) dry_run: bool,
}

/// What reading the files again has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    pub(crate) added: Vec<Arc<str>>,
    pub(crate) changed: Vec<Arc<str>>,
    pub(crate) removed: Vec<Arc<str>>,
    pub(crate) unchanged: usize,
}

/// Negotiate new keys for SAs; the answer counts the SAs that were meant.
pub(crate) struct Rekey {
    /// Which ones.
    pub(crate) selector: Selector,
    /// Authenticate anew as well, with a new IKE_SA.
    pub(crate) reauth: bool,
}

/// Send established clients to another gateway; the answer counts them.
pub(crate) struct Redirect {
    /// Which ones.
    pub(crate) clients: super::redirect::Clients,
    /// Where to.
    pub(crate) to: holdfast_ike::sa::redirect::Gateway,
}

/// Say goodbye to every peer, spread over at most this time. The answer counts who is left.
pub(crate) struct Drain {
    pub(crate) within: Duration,
}

/// The deadline has passed: forget who is left, and say who that was.
pub(crate) struct ForceRest;

/// Break an IKE_SA, to test that nobody else is hurt.
#[cfg(feature = "fault-injection")]
pub(crate) struct InjectPanic(pub(crate) IkeSaId);

#[cfg(feature = "fault-injection")]
messages! { InjectPanic => bool }

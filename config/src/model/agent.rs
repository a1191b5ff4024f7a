//! How the agent itself runs.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::Log;

/// The agent itself: sockets, threads, limits, logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    /// Where the control protocol listens.
    pub vici: ViciAddress,
    /// Access mode of the control socket's file: who may control the agent.
    pub vici_mode: u32,
    /// Group of the control socket's file, by name or number; `None` leaves it as it is made.
    pub vici_group: Option<String>,
    /// Whether the control protocol may listen on other addresses than loopback ones.
    pub vici_expose: bool,
    /// Where health checks are answered over HTTP; `None` turns them off.
    pub health: Option<SocketAddr>,
    /// When the agent says that it is ready.
    pub readiness: Readiness,
    /// Where events are told as JSON lines; `None` turns that off.
    pub events: Option<ViciAddress>,
    /// Where errors are told as charon's error-notify plugin tells them; `None` turns that off.
    pub error_notify: Option<ViciAddress>,
    /// What carries the traffic.
    pub dataplane: DataPlaneKind,
    /// Addresses the IKE sockets are bound to.
    pub listen: Vec<IpAddr>,
    /// UDP port of plain IKE.
    pub port: u16,
    /// UDP port of encapsulated IKE and ESP (RFC 3948).
    pub port_nat_t: u16,
    /// IP datagrams with fragments of IKE messages are no larger than this (RFC 7383).
    pub fragment_size: u16,
    /// Whether gateways may send us to other ones (RFC 5685).
    pub follow_redirects: bool,
    /// The TUN device of the userspace data plane.
    pub tun: Tun,
    /// Threads that run IKE_SAs; 0 is one per core.
    pub workers: usize,
    /// How long a shutdown may take to say goodbye to every peer.
    pub drain_timeout: Duration,
    /// Directory for the key log; `None` (the default) keeps keys to ourselves.
    pub keylog: Option<PathBuf>,
    /// Where what outlives a restart is kept.
    pub state_dir: StateDir,
    /// Protection of the responder against floods.
    pub limits: Limits,
    /// Control clients served at once.
    pub max_control_clients: usize,
    /// What is logged and how.
    pub log: Log,
    /// Whether routes to the remote selectors are installed and removed.
    pub install_routes: bool,
    /// Whether the agent gives up what it does not need once its sockets are open.
    pub sandbox: bool,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            vici: ViciAddress::default(),
            vici_mode: 0o660,
            vici_group: None,
            vici_expose: false,
            health: None,
            readiness: Readiness::default(),
            events: None,
            error_notify: None,
            dataplane: DataPlaneKind::default(),
            listen: vec![
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            ],
            port: 500,
            port_nat_t: 4500,
            fragment_size: 1280,
            follow_redirects: true,
            tun: Tun::default(),
            workers: 0,
            drain_timeout: Duration::from_secs(10),
            keylog: None,
            state_dir: StateDir::default(),
            limits: Limits::default(),
            max_control_clients: 2048,
            log: Log::default(),
            install_routes: true,
            sandbox: true,
        }
    }
}

/// Where leases, maintenance and histories are kept over restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StateDir {
    /// `/var/lib/holdfast`, if that is there: the package and the unit make it.
    #[default]
    Usual,
    /// This one; it is made where it is missing.
    At(PathBuf),
    /// Nowhere: a restart forgets them.
    Memory,
}

/// Where the control protocol listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViciAddress {
    /// A Unix domain socket.
    Unix(PathBuf),
    /// A TCP address; the protocol has no authentication of its own.
    Tcp(SocketAddr),
}

impl Default for ViciAddress {
    fn default() -> Self {
        Self::Unix(PathBuf::from("/run/holdfast/holdfast.vici"))
    }
}

impl fmt::Display for ViciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// When the agent says that it is ready (`/readyz`). One that is shutting down never is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// It runs.
    #[default]
    Running,
    /// Every connection that is wanted is up.
    All,
    /// At least one connection is up.
    Any,
    /// These connections are up.
    Connections(Vec<String>),
}

/// What carries the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataPlaneKind {
    /// The kernel where it can do ESP, else userspace.
    #[default]
    Auto,
    /// ESP in this process, on a TUN device.
    Userspace,
    /// The kernel's XFRM.
    Kernel,
    /// Nothing: SAs are negotiated and carry no traffic.
    None,
}

/// The TUN device of the userspace data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tun {
    /// Interface name.
    pub name: String,
    /// Interface MTU.
    pub mtu: u16,
}

impl Default for Tun {
    fn default() -> Self {
        Self {
            name: "holdfast0".to_owned(),
            mtu: 1400,
        }
    }
}

/// Protection of the responder against floods of IKE_SA_INIT requests. 0 turns a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Half-open IKE_SAs from which on every new one must return a cookie (RFC 7296 section 2.6).
    pub cookie_threshold: u32,
    /// The same, counted for each source address.
    pub cookie_threshold_ip: u32,
    /// Half-open IKE_SAs of one source address from which on more are dropped.
    pub block_threshold: u32,
    /// Half-open IKE_SAs in total from which on more are dropped.
    pub init_limit_half_open: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cookie_threshold: 30,
            cookie_threshold_ip: 3,
            block_threshold: 5,
            init_limit_half_open: 0,
        }
    }
}

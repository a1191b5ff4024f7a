//! What every data plane can do, and what it has to say.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::{Duration, Instant},
};

use holdfast_ike::{ChildSa, EspSpi, Path, TrafficSelector};

use crate::{
    policy::{Policy, PolicyId},
    probe::{Probe, ProbeError},
};

/// Work that may have to wait for the operating system.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A back end that carries the traffic of CHILD_SAs. They are named by their inbound SPI.
///
/// What a call changes in the tables of SAs and policies it changes before it returns; the futures
/// cover only what waits for the operating system (routes, devices, threads). They may be dropped
/// unfinished: the work is done all the same, in the order of the calls.
pub trait DataPlane: Send + Sync {
    /// What the configuration calls it: "userspace", "kernel" or "none".
    fn name(&self) -> &'static str;

    /// Whether it can carry nothing but ESP in UDP (RFC 3948).
    fn forces_encapsulation(&self) -> bool;

    /// Reserves a random inbound SPI that nobody uses, or `None` when there is no room. Never
    /// blocks.
    fn allocate_spi(&self) -> Option<EspSpi>;

    /// Gives back an SPI that was never installed. Unknown ones are ignored, and so are those of
    /// installed SAs: [`DataPlane::remove`] frees them.
    fn release_spi(&self, spi: EspSpi);

    /// Traffic of an installed CHILD_SA. Never blocks.
    fn usage(&self, inbound: EspSpi) -> Option<Usage>;

    /// Installs both SAs, the policy and the routes of a CHILD_SA. On error nothing of it is left
    /// but its reserved SPI.
    fn install(&self, sa: ChildSa) -> BoxFuture<Result<(), InstallError>>;

    /// Lets packets leave by an installed CHILD_SA that was installed with
    /// [`Sending::OnceHeard`](holdfast_ike::child_sa::Sending::OnceHeard). Never blocks. Where
    /// several CHILD_SAs have the same selectors, packets leave by the newest that sends.
    fn start_sending(&self, inbound: EspSpi);

    /// Lets no packet leave by an installed CHILD_SA any more; it goes on receiving. Never blocks.
    fn stop_sending(&self, inbound: EspSpi);

    /// From now on the packets of an installed CHILD_SA leave by this path, in UDP or not. On error
    /// all stays as it was. Unknown ones are ignored.
    fn update_path(
        &self,
        inbound: EspSpi,
        path: Path,
        encapsulation: bool,
    ) -> BoxFuture<Result<(), InstallError>>;

    /// Removes a CHILD_SA with its policy and routes and frees its SPI, or cancels its
    /// installation. Unknown ones are ignored.
    fn remove(&self, inbound: EspSpi) -> BoxFuture<()>;

    /// Gives the host a virtual address (RFC 7296 section 2.19) once more, before anything that was
    /// asked for later. What fails is logged: traffic then needs another source. Never blocks.
    fn add_address(&self, address: IpAddr);

    /// Takes a virtual address from the host once it has been removed as often as it was added.
    /// Never blocks.
    fn remove_address(&self, address: IpAddr);

    /// Installs a policy and its routes. On error nothing of it is left.
    fn install_policy(&self, policy: Policy) -> BoxFuture<Result<(), InstallError>>;

    /// Removes a policy and its routes, and drops what waits for it. Unknown ones are ignored.
    fn remove_policy(&self, id: PolicyId) -> BoxFuture<()>;

    /// The CHILD_SA that a trap has asked for will not come: what waits for it is dropped, and the
    /// next packet asks anew. Never blocks.
    fn acquire_failed(&self, id: PolicyId);

    /// Sends a probe by an installed CHILD_SA; its answer is [`PlaneEvent::ProbeAnswered`]. Never
    /// blocks.
    fn probe(&self, inbound: EspSpi, probe: Probe) -> Result<(), ProbeError>;

    /// What happened to packets so far.
    fn counters(&self) -> PlaneCounters;

    /// Stops everything: afterwards threads are joined, routes and devices gone.
    fn shutdown(&self) -> BoxFuture<()>;
}

/// Traffic of one CHILD_SA. Bytes are those of the protected IP packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Packets received.
    pub packets_in: u64,
    /// Packets sent.
    pub packets_out: u64,
    /// Packets dropped because their sequence number was seen before or is too old.
    pub replayed: u64,
    /// Packets dropped because their integrity check failed.
    pub integrity_failed: u64,
    /// When the last authentic packet arrived, but for answers to probes.
    pub last_in: Option<Instant>,
    /// When the last packet was sent, but for probes.
    pub last_out: Option<Instant>,
}

/// What a data plane reports by itself.
#[derive(Clone, Debug)]
pub enum PlaneEvent {
    /// A CHILD_SA reached a limit of its lifetime.
    Expired {
        /// Which one.
        inbound: EspSpi,
        /// Hard: it no longer carries traffic. Soft: it should be replaced.
        hard: bool,
    },
    /// The peer's newest authentic packet on a CHILD_SA came from another address or port than where
    /// ours go to: a NAT may have given it another one. Told at most once a second, until packets
    /// come from the path's address again or the path is updated.
    PeerMoved {
        /// Which one.
        inbound: EspSpi,
        /// Where the packet arrived and where it came from.
        path: Path,
    },
    /// Traffic of a trap waits for a CHILD_SA. Told once, and again when more of it comes seconds
    /// later or after [`DataPlane::acquire_failed`].
    Acquire {
        /// The trap.
        policy: PolicyId,
        /// Where the first packet comes from.
        source: IpAddr,
        /// Where it goes to.
        destination: IpAddr,
        /// Its IP protocol.
        protocol: u8,
        /// Its source and destination port where the protocol has ports.
        ports: Option<(u16, u16)>,
    },
    /// A probe was answered.
    ProbeAnswered {
        /// The probe's.
        token: u64,
        /// From its departure on.
        round_trip: Duration,
    },
    /// A packet was to be protected, and neither a CHILD_SA nor a trap was there for it. Rate
    /// limited.
    PacketWithoutSa {
        /// Its source.
        source: IpAddr,
        /// Its destination.
        destination: IpAddr,
        /// Its IP protocol.
        protocol: u8,
        /// Source and destination port where the protocol has ports.
        ports: Option<(u16, u16)>,
    },
    /// The data plane cannot go on: the reason, for people.
    Failed(String),
}

/// An IKE message that arrived on a NAT traversal socket read by the data plane.
#[derive(Clone, Debug)]
pub struct NatTDatagram {
    /// Where it arrived and where it came from.
    pub path: Path,
    /// The message without the non-ESP marker (RFC 3948 section 2.2).
    pub data: Vec<u8>,
    /// When it was read.
    pub received: Instant,
}

/// Why a CHILD_SA cannot be installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The back end lacks the cipher.
    #[error("the {plane} data plane has no {cipher}: take it out of `esp_proposals`")]
    UnsupportedCipher {
        /// The back end.
        plane: &'static str,
        /// The cipher.
        cipher: String,
    },
    /// The selectors do not fit transport mode.
    #[error(
        "transport mode is for traffic between the two ends themselves: leave `local_ts` and `remote_ts` out, or set `mode = \"tunnel\"`"
    )]
    TransportMode,
    /// The back end cannot send bare ESP.
    #[error("the userspace data plane carries ESP in UDP only: set `encap = true` at either end")]
    NoEncapsulation,
    /// The keys do not fit the cipher.
    #[error("the ESP keys are {actual} octets long where the cipher needs {needed}")]
    KeyLength {
        /// What the suite needs.
        needed: usize,
        /// What it got.
        actual: usize,
    },
    /// The window would waste memory.
    #[error("a replay window of {asked} packets is too large: `replay_window` may be up to {most}")]
    ReplayWindow {
        /// What was asked for.
        asked: u32,
        /// The limit.
        most: u32,
    },
    /// No selectors, or more than the tables may hold.
    #[error("the traffic selectors make {0} policies: summarise `local_ts` and `remote_ts`")]
    Selectors(usize),
    /// No NAT traversal socket fits the path.
    #[error("no NAT traversal socket can send from {0}: add its address to `agent.listen`")]
    NoSocket(SocketAddr),
    /// The SPI is installed already.
    #[error("the inbound SPI {0} is installed already")]
    SpiInUse(EspSpi),
    /// The operating system refused a route.
    #[error("cannot route {selector} into the tunnel: {reason}")]
    Route {
        /// The remote selector.
        selector: TrafficSelector,
        /// What the system said.
        reason: String,
    },
    /// A drop shunt that no route can express.
    #[error(
        "what is dropped is dropped by a route, which sees destinations only: leave `local_ts` out and name whole networks in `remote_ts`, or use a firewall"
    )]
    DropByDestination,
    /// A pass shunt that no route can express, and no socket either.
    #[error(
        "cannot let packets pass by source, protocol or port: {0} (grant CAP_NET_RAW, or leave `local_ts` out and name whole networks in `remote_ts`)"
    )]
    Pass(String),
    /// The number of the policy is in use.
    #[error("a policy {0:?} is installed already")]
    PolicyInUse(PolicyId),
    /// It was removed before it was up.
    #[error("removed while it was being installed")]
    Cancelled,
    /// The data plane is gone.
    #[error("the data plane has been shut down")]
    ShutDown,
}

macro_rules! plane_counters {
    ($(#[doc = $doc:literal] $field:ident = $name:literal),* $(,)?) => {
        /// What happened to packets, over all CHILD_SAs, since the start.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct PlaneCounters {
            $(#[doc = $doc] pub $field: u64,)*
        }

        impl PlaneCounters {
            /// Every counter with its public name, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field)),*].into_iter()
            }

            /// What each counts, by its public name, in the same order.
            pub fn meanings() -> impl Iterator<Item = (&'static str, &'static str)> {
                [$(($name, $doc)),*].into_iter()
            }
        }

        /// The live counters behind [`PlaneCounters`].
        #[derive(Debug, Default)]
        #[allow(dead_code, reason = "a back end has no use for every counter")]
        pub(crate) struct Counts {
            $(pub(crate) $field: std::sync::atomic::AtomicU64,)*
        }

        impl Counts {
            /// The present values.
            pub(crate) fn snapshot(&self) -> PlaneCounters {
                PlaneCounters {
                    $($field: self.$field.load(std::sync::atomic::Ordering::Relaxed),)*
                }
            }
        }
    };
}

plane_counters! {
    /// Authentic or not, their sequence number was seen before or is too old.
    replayed = "esp-replayed",
    /// The integrity check failed.
    integrity_failed = "esp-integrity-failed",
    /// ESP for an SPI that is not installed.
    unknown_spi = "esp-unknown-spi",
    /// Authentic packets whose content the SA is not for (RFC 4301 section 5.2).
    policy_mismatch = "esp-policy-mismatch",
    /// Neither ESP, IKE nor a keepalive, or an inner packet that is not IP.
    malformed = "esp-malformed",
    /// Dropped because the outer header says congestion and the inner cannot (RFC 6040).
    congestion_dropped = "esp-congestion-dropped",
    /// Packets from the device without a CHILD_SA.
    no_policy = "esp-no-policy",
    /// Packets that had to wait for the CHILD_SA of a trap.
    trapped = "esp-trapped",
    /// Of these, dropped: too many, too old, or the CHILD_SA did not come.
    trap_dropped = "esp-trap-dropped",
    /// Packets from the device that a shunt let pass in the clear. What a route keeps out of the
    /// device is not seen here.
    shunt_passed = "esp-shunt-passed",
    /// Packets from the device that a shunt dropped.
    shunt_dropped = "esp-shunt-dropped",
    /// Packets of a CHILD_SA whose hard lifetime is over.
    expired = "esp-expired",
    /// Packets not sent because the sequence numbers are used up.
    sequence_exhausted = "esp-sequence-exhausted",
    /// Packets from the device that are not IP or too large.
    device_malformed = "esp-device-malformed",
    /// Datagrams the socket refused.
    send_failed = "esp-send-failed",
    /// Packets the device refused.
    deliver_failed = "esp-deliver-failed",
    /// IKE messages dropped because their queue was full.
    dropped_queue_full = "esp-ike-queue-full",
    /// NAT keepalives received.
    keepalives = "esp-keepalives",
}

impl fmt::Display for PlaneCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().filter(|(_, value)| *value > 0).enumerate() {
            write!(f, "{}{name} {value}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

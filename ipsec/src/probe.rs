//! Probes of the path through a CHILD_SA.

use std::net::IpAddr;

/// A packet of the data plane's own that asks for an answer from behind the peer. It is made, sent
/// and caught in the data plane: neither end of it need be an address of this host, no route matters,
/// and it goes by the very CHILD_SA that it is to prove.
///
/// Probes are counted as traffic, but not as use: they keep no idle CHILD_SA alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Comes back with the answer.
    pub token: u64,
    /// What is sent.
    pub kind: ProbeKind,
    /// Where it says it comes from: in our side's traffic.
    pub source: IpAddr,
    /// Where it goes to: in the other side's traffic.
    pub target: IpAddr,
}

/// What a probe is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// An ICMP echo request (RFC 792, RFC 4443 section 4.1).
    Icmp,
    /// A TCP segment with SYN to this port. Both answers to it prove the path; a connection that
    /// begins is reset at once.
    Tcp(u16),
}

/// Why a probe was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// This back end has no packets.
    #[error("the data plane sends no probes")]
    NoPackets,
    /// There is no CHILD_SA to send it by.
    #[error("no CHILD_SA sends now")]
    NoSa,
    /// The ends are of different families.
    #[error("the source and the target of the probe are of different address families")]
    Families,
    /// The CHILD_SA is for other traffic.
    #[error(
        "the probe is not in the negotiated traffic selectors: choose another target or source"
    )]
    NotCovered,
    /// Too many are under way.
    #[error("too many probes are under way")]
    Full,
}

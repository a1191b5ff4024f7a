//! Policies that stand apart from CHILD_SAs: what happens to traffic that none protects.
//!
//! For a packet on its way out the order is: shunts first, the longest prefixes winning among them;
//! then CHILD_SAs; then traps. A packet that nothing of these covers is dropped.

use std::net::IpAddr;

use holdfast_ike::TrafficSelector;

/// Names a policy for as long as it is installed. Whoever installs it chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyId(pub u32);

/// What happens to the traffic of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// It waits for a CHILD_SA, which is asked for ([`PlaneEvent::Acquire`]). Never leaves in the
    /// clear.
    ///
    /// [`PlaneEvent::Acquire`]: crate::PlaneEvent::Acquire
    Trap,
    /// It goes the system's ordinary way, unprotected, also where a CHILD_SA would protect it.
    Pass,
    /// It is dropped, also where a CHILD_SA would protect it.
    Drop,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub id: PolicyId,
    /// What happens to its traffic.
    pub kind: PolicyKind,
    /// Our side's traffic.
    pub local_ts: Vec<TrafficSelector>,
    /// The other side's traffic.
    pub remote_ts: Vec<TrafficSelector>,
    /// Outer addresses that are never led into the tunnel, whatever the selectors cover: those of
    /// the peer that is to be reached through it.
    pub peers: Vec<IpAddr>,
}

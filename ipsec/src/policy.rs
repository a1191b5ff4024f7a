//! Traps: policies that stand apart from CHILD_SAs and catch what none protects.
//!
//! A packet on its way out goes to the CHILD_SA that it matches, else to the trap that it matches,
//! and is dropped if there is neither.

use std::net::IpAddr;

use holdfast_ike::TrafficSelector;

/// Names a policy for as long as it is installed. Whoever installs it chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyId(pub u32);

/// A trap. Its traffic waits for a CHILD_SA, which is asked for ([`PlaneEvent::Acquire`]), and never
/// leaves in the clear.
///
/// [`PlaneEvent::Acquire`]: crate::PlaneEvent::Acquire
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub id: PolicyId,
    /// Our side's traffic.
    pub local_ts: Vec<TrafficSelector>,
    /// The other side's traffic.
    pub remote_ts: Vec<TrafficSelector>,
    /// Outer addresses that are never led into the tunnel, whatever the selectors cover: those of
    /// the peer that is to be reached through it.
    pub peers: Vec<IpAddr>,
}

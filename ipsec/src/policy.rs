//! Policies that stand apart from CHILD_SAs: traps catch what no CHILD_SA protects, shunts let
//! traffic pass by all of them or stop it.
//!
//! Of everything that a packet on its way out matches, the narrowest decides. Between equals
//! [`PolicyAction::Bypass`] comes first, then a CHILD_SA, then a trap, then
//! [`PolicyAction::Discard`]. What matches nothing is dropped.

use std::net::IpAddr;

use holdfast_ike::TrafficSelector;

/// Names a policy for as long as it is installed. Whoever installs it chooses the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyId(pub u32);

/// What becomes of the traffic (RFC 4301 section 4.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyAction {
    /// A trap. The traffic waits for a CHILD_SA, which is asked for ([`PlaneEvent::Acquire`]), and
    /// never leaves in the clear.
    ///
    /// [`PlaneEvent::Acquire`]: crate::PlaneEvent::Acquire
    Protect,
    /// It leaves in the clear.
    Bypass,
    /// It does not leave.
    Discard,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub id: PolicyId,
    /// What becomes of the traffic.
    pub action: PolicyAction,
    /// Our side's traffic.
    pub local_ts: Vec<TrafficSelector>,
    /// The other side's traffic.
    pub remote_ts: Vec<TrafficSelector>,
    /// Outer addresses that are never led into the tunnel, whatever the selectors cover: those of
    /// the peer that is to be reached through it. Shunts have none.
    pub peers: Vec<IpAddr>,
}

impl Policy {
    /// Whether the destination's address alone tells what it is for.
    pub(crate) fn is_by_destination(&self) -> bool {
        let whole = |selector: &TrafficSelector| selector.protocol == 0 && selector.is_any_port();
        let everywhere = |v4: bool| {
            self.local_ts.iter().any(|selector| {
                let nets = selector.subnets();
                whole(selector)
                    && selector.start.is_ipv4() == v4
                    && nets.first().is_some_and(|net| net.prefix_len() == 0)
            })
        };
        self.remote_ts
            .iter()
            .all(|selector| whole(selector) && everywhere(selector.start.is_ipv4()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors(texts: &[&str]) -> Vec<TrafficSelector> {
        let net = |text: &&str| TrafficSelector::from_net(text.parse().unwrap());
        texts.iter().map(net).collect()
    }

    fn by_destination(local: &[&str], remote: &[&str], protocol: u8) -> bool {
        let mut remote_ts = selectors(remote);
        remote_ts[0].protocol = protocol;
        let policy = Policy {
            id: PolicyId(1),
            action: PolicyAction::Discard,
            local_ts: selectors(local),
            remote_ts,
            peers: vec![],
        };
        policy.is_by_destination()
    }

    #[test]
    fn a_destination_is_enough_where_nothing_else_is_asked_for() {
        let everything = ["0.0.0.0/0", "::/0"];
        assert!(by_destination(&everything, &["10.2.0.9/32"], 0));
        assert!(by_destination(&everything, &["::/0", "10.2.0.0/16"], 0));
        assert!(by_destination(&["0.0.0.0/0"], &["10.2.0.9/32"], 0));
        assert!(!by_destination(&["0.0.0.0/0"], &["2001:db8::/32"], 0));
        assert!(!by_destination(&["10.1.0.0/16"], &["10.2.0.9/32"], 0));
        assert!(!by_destination(&everything, &["10.2.0.9/32"], 6));
    }
}

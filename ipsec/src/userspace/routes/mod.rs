//! Routes of the tunnels.
//!
//! They are kept in a table of their own ([`TABLE`]) that is looked up before the main one:
//! - a route into the device for each prefix of the remote selectors;
//! - a `throw` route for each prefix of the local selectors, so that a wide remote selector
//!   (10.0.0.0/8 beside 10.1.0.0/16) does not swallow the networks at home;
//! - a `throw` route for the address of each peer that a remote selector covers (0.0.0.0/0), so
//!   that ESP and IKE themselves never enter the tunnel. `throw` says "go on with the next table":
//!   the way to the peer stays the system's business and may change at any time.
//!
//! - a `throw` route for each prefix that a shunt lets pass, and a `prohibit` route for each that one
//!   drops. They hold also while no tunnel is up. A route sees destinations only: what a shunt lets
//!   pass by source, protocol or port comes into the device and is sent on from there
//!   ([`super::clear`]); what is to be dropped so is refused;
//! - behind the route into the device of each trap a `prohibit` route of a worse metric: when the
//!   device is gone because the agent was killed, its traffic still does not leave in the clear. The
//!   next agent takes it over ([`Netlink::begin`]).
//!
//! A remote selector that *is* the peer's outer address is refused: a route cannot tell the two
//! apart.
//!
//! Each prefix is counted: the CHILD_SAs of a rekeying share theirs, and a trap shares its own with
//! the CHILD_SA that it brought up. While the trap stays its routes stay, so that nothing it is for
//! leaves in the clear while the CHILD_SA is down.

mod demand;
mod keeper;
mod ledger;
mod netlink;

pub(crate) use keeper::Keeper;
pub(crate) use ledger::{Ledger, Operation, Owner, Route};
pub(crate) use netlink::{Netlink, describe};

/// The routing table, named after the IP protocol number of ESP.
pub(crate) const TABLE: u8 = 50;

/// Priority of the rules that lead to it: after `local` (0), before `main` (32766).
pub(crate) const RULE_PRIORITY: u32 = 210;

#[cfg(test)]
mod tests;

//! What is needed of one prefix, by how many, and which routes follow from that.

use ipnet::IpNet;

use super::Route;

/// What an owner needs of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A route into the device.
    Tunnel,
    /// A shunt lets it pass.
    Pass,
    /// It is a peer's own address.
    Peer,
    /// A shunt drops it.
    Prohibit,
    /// It is a network at home.
    Home,
    /// Its traffic is held back also when there is no device.
    Backstop,
}

/// How many need what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Demand([u32; 6]);

impl Demand {
    pub(super) fn add(&mut self, need: Need) {
        self.0[need as usize] += 1;
    }

    pub(super) fn remove(&mut self, need: Need) {
        self.0[need as usize] -= 1;
    }

    /// Whether nobody needs anything.
    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Whether a tunnel leads there.
    pub(super) fn tunnelled(&self) -> bool {
        self.has(Need::Tunnel)
    }

    /// The one route that packets take. What enters the device is judged there, packet by packet, so
    /// a tunnel comes first; what was written down comes before what follows from a tunnel.
    pub(super) fn first(self, net: IpNet) -> Option<Route> {
        let order = [
            (Need::Tunnel, Route::Tunnel(net)),
            (Need::Pass, Route::Throw(net)),
            (Need::Peer, Route::Throw(net)),
            (Need::Prohibit, Route::Prohibit(net)),
            (Need::Home, Route::Throw(net)),
        ];
        let mut needed = order.into_iter().filter(|(need, _)| self.has(*need));
        needed.next().map(|(_, route)| route)
    }

    /// The one that is left when the device is gone.
    pub(super) fn backstop(self, net: IpNet) -> Option<Route> {
        self.has(Need::Backstop).then_some(Route::Backstop(net))
    }

    /// Both.
    pub(super) fn routes(self, net: IpNet) -> impl Iterator<Item = Route> {
        self.first(net).into_iter().chain(self.backstop(net))
    }

    fn has(self, need: Need) -> bool {
        self.0[need as usize] > 0
    }
}

//! A NAT in front of one end, which forgets its mappings when it is restarted.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use holdfast_ike::Path;

/// Ports of the outside that one life of the NAT uses.
const PORTS: u16 = 64;

pub(crate) struct Nat {
    inside: IpAddr,
    /// Counts its lives: each has other ports, and now and then another address.
    life: u16,
    open: BTreeSet<u16>,
}

impl Nat {
    pub(crate) fn new(inside: IpAddr) -> Self {
        Self {
            inside,
            life: 0,
            open: BTreeSet::new(),
        }
    }

    pub(crate) fn restart(&mut self) {
        self.life += 1;
        self.open.clear();
    }

    fn outside(&self, port: u16) -> SocketAddr {
        // Ports 500 and 4500.
        let offset = u16::from(port >= 1024);
        let address = [203, 0, 113, 1 + (self.life / 4) as u8];
        SocketAddr::from((address, 10_000 + self.life * PORTS + offset))
    }

    /// A path as its receiver sees it, seen through the NAT; nothing if it leads nowhere.
    pub(crate) fn translate(&mut self, mut path: Path) -> Option<Path> {
        if path.remote.ip() == self.inside {
            let port = path.remote.port();
            self.open.insert(port);
            path.remote = self.outside(port);
        } else if path.local.ip() == self.inside {
            // Nobody outside knows that address.
            return None;
        } else {
            let mapped = |port: &&u16| self.outside(**port) == path.local;
            let port = *self.open.iter().find(mapped)?;
            path.local = SocketAddr::new(self.inside, port);
        }
        Some(path)
    }
}

//! Addresses for peers: nobody gets one that another has, and each is given back once.

use std::{collections::BTreeSet, net::IpAddr};

use holdfast_ike::configuration::{Lease, LeaseRequest};

#[derive(Debug, Default)]
pub(crate) struct Lending {
    pub(crate) lent: BTreeSet<IpAddr>,
    pub(crate) faults: Vec<String>,
    /// How many addresses of each family there are.
    pub(crate) size: u8,
}

impl Lending {
    /// The wanted address where it is free, otherwise the lowest one.
    pub(crate) fn lease(&mut self, request: &LeaseRequest<'_>) -> Option<Lease> {
        let pool = request.pools.first()?.clone();
        let numbered = |host: u8| match request.wanted {
            IpAddr::V4(_) => IpAddr::from([10, 3, 0, host]),
            IpAddr::V6(_) => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(host)]),
        };
        let mut all = (1..=self.size).map(numbered).collect::<Vec<_>>();
        all.retain(|address| !self.lent.contains(address));
        let wish = all.iter().find(|address| **address == request.wanted);
        let address = *wish.or(all.first())?;
        self.lent.insert(address);
        Some(Lease { pool, address })
    }

    pub(crate) fn release(&mut self, lease: &Lease) {
        if !self.lent.remove(&lease.address) {
            self.faults.push(format!("{} was not lent", lease.address));
        }
    }
}

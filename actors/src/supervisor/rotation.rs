//! Which of the peer's addresses is tried next.

use std::net::IpAddr;

/// Remembers what was tried since the last success.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rotation {
    last_good: Option<IpAddr>,
    tried: Vec<IpAddr>,
    untried: usize,
}

impl Rotation {
    /// The next address of `addresses`, which come in order of preference: first the one that last
    /// worked, then those not tried since, then all over again.
    pub(crate) fn next(&mut self, addresses: &[IpAddr]) -> Option<IpAddr> {
        let chosen = self.fresh(addresses).or_else(|| {
            self.tried.clear();
            self.fresh(addresses)
        })?;
        self.tried.push(chosen);
        self.untried = addresses
            .iter()
            .filter(|address| !self.tried.contains(address))
            .count();
        Some(chosen)
    }

    fn fresh(&self, addresses: &[IpAddr]) -> Option<IpAddr> {
        let fresh = |address: &IpAddr| addresses.contains(address) && !self.tried.contains(address);
        self.last_good
            .filter(&fresh)
            .or_else(|| addresses.iter().copied().find(fresh))
    }

    /// Whether an address remains that was not tried in this round.
    pub(crate) fn more(&self) -> bool {
        self.untried > 0
    }

    /// This address worked before the agent was started.
    pub(crate) fn remember(&mut self, address: IpAddr) {
        self.last_good = Some(address);
    }

    /// This address works.
    pub(crate) fn succeeded(&mut self, address: IpAddr) {
        self.last_good = Some(address);
        self.tried.clear();
        self.untried = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(names: &[&str]) -> Vec<IpAddr> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn every_address_gets_its_turn_in_order() {
        let all = addresses(&["192.0.2.1", "192.0.2.2", "2001:db8::3"]);
        let mut rotation = Rotation::default();
        for round in 0..2 {
            for (index, address) in all.iter().enumerate() {
                assert_eq!(rotation.next(&all), Some(*address), "round {round}");
                assert_eq!(rotation.more(), index < 2);
            }
        }
    }

    #[test]
    fn the_last_good_one_is_first_until_it_fails() {
        let all = addresses(&["192.0.2.1", "192.0.2.2"]);
        let mut rotation = Rotation::default();
        rotation.next(&all);
        rotation.next(&all);
        rotation.succeeded(all[1]);
        assert!(!rotation.more());
        assert_eq!(rotation.next(&all), Some(all[1]));
        assert_eq!(rotation.next(&all), Some(all[0]));
        assert_eq!(rotation.next(&all), Some(all[1]));
    }

    #[test]
    fn names_that_resolve_anew_bring_new_addresses() {
        let mut rotation = Rotation::default();
        let old = addresses(&["192.0.2.1"]);
        rotation.next(&old);
        rotation.succeeded(old[0]);
        let new = addresses(&["192.0.2.9"]);
        assert_eq!(rotation.next(&new), Some(new[0]));
        assert_eq!(rotation.next(&[]), None);
    }
}

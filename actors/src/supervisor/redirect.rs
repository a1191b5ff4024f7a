//! `redirect`: established clients are sent to another gateway (RFC 5685 section 5).

use std::net::IpAddr;

use actix::{Context, Handler};
use holdfast_ike::{
    Identification,
    sa::{Command, redirect::Gateway},
};
use ipnet::IpNet;

use super::{
    Supervisor,
    messages::{Redirect, Selector},
};

/// Which clients are meant. What is not given fits everybody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients {
    /// By their IKE_SAs.
    pub(crate) selector: Selector,
    /// By their addresses.
    pub(crate) addresses: Option<Addresses>,
    /// By their identities: one, or the end of many after a `*`.
    pub(crate) identity: Option<String>,
}

/// Some addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    Net(IpNet),
    Range(IpAddr, IpAddr),
}

impl Addresses {
    /// Reads `192.0.2.1`, `192.0.2.0/24` or `192.0.2.1-192.0.2.9`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            return Some(Self::Range(first, last));
        }
        let address = text.parse().map(|address: IpAddr| IpNet::from(address));
        address.or_else(|_| text.parse()).ok().map(Self::Net)
    }

    fn contain(self, address: IpAddr) -> bool {
        match self {
            Self::Net(net) => net.contains(&address),
            Self::Range(first, last) => {
                first.is_ipv4() == address.is_ipv4() && (first..=last).contains(&address)
            }
        }
    }
}

/// Whether an identity is this one, or ends as the pattern does after its `*`.
fn is_meant(pattern: &str, id: &Identification) -> bool {
    let id = id.to_string();
    match pattern.strip_prefix('*') {
        Some(end) => id.to_ascii_lowercase().ends_with(&end.to_ascii_lowercase()),
        None => id.eq_ignore_ascii_case(pattern),
    }
}

impl Handler<Redirect> for Supervisor {
    type Result = Result<usize, String>;

    fn handle(&mut self, message: Redirect, _: &mut Context<Self>) -> Self::Result {
        let Redirect { clients, to } = message;
        let mut ids = Vec::new();
        let mut deaf = 0;
        for record in self.registry.after(None) {
            let Some(facts) = record.established.as_ref().filter(|_| record.usable()) else {
                continue;
            };
            let remote = record.path.remote.ip();
            let meant = clients.selector.takes_ike(record)
                && clients.addresses.is_none_or(|some| some.contain(remote))
                && clients
                    .identity
                    .as_ref()
                    .is_none_or(|pattern| is_meant(pattern, &facts.remote_id));
            match (meant, facts.follows_redirects) {
                (true, true) => ids.push(record.id),
                (true, false) => deaf += 1,
                (false, _) => {}
            }
        }
        if ids.is_empty() && deaf > 0 {
            return Err("the peers do not follow redirects, or are no clients of ours".to_owned());
        }
        for id in &ids {
            self.command(*id, Command::Redirect(Gateway::clone(&to)));
        }
        Ok(ids.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_a_network_or_a_range() {
        let contains = |text: &str, address: &str| {
            Addresses::read(text).map(|some| some.contain(address.parse().unwrap()))
        };
        assert_eq!(contains("192.0.2.1", "192.0.2.1"), Some(true));
        assert_eq!(contains("192.0.2.1", "192.0.2.2"), Some(false));
        assert_eq!(contains("192.0.2.0/24", "192.0.2.9"), Some(true));
        assert_eq!(contains("192.0.2.3-192.0.2.9", "192.0.2.9"), Some(true));
        assert_eq!(contains("192.0.2.3-192.0.2.9", "192.0.2.10"), Some(false));
        assert_eq!(contains("::/0", "192.0.2.10"), Some(false));
        assert_eq!(contains("gw.example", "192.0.2.10"), None);
    }

    #[test]
    fn identities_may_be_many_of_one_domain() {
        let id = Identification::from_config("alice@example.net").unwrap();
        for (pattern, meant) in [
            ("alice@example.net", true),
            ("Alice@Example.NET", true),
            ("*@example.net", true),
            ("*", true),
            ("bob@example.net", false),
            ("*@example.org", false),
        ] {
            assert_eq!(is_meant(pattern, &id), meant, "{pattern}");
        }
    }
}

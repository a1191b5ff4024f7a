//! The payloads of MOBIKE (RFC 4555): support, the addresses of either end, and the INFORMATIONAL
//! exchanges that move an IKE_SA to another path.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::{
    nat,
    payloads::{Payloads, notify},
};
use crate::{
    Connection, Environment, IkeSpis, Path,
    wire::{Notify, NotifyType, Payload},
};

/// So many addresses of either end beside the one in use are kept, and told.
const MOST_ADDRESSES: usize = 8;

/// COOKIE2 is 8 to 64 octets long (RFC 4555 section 4.2.5).
pub(in super::super) type Cookie = [u8; 16];
const COOKIE_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

/// Our addresses beside the one in use.
pub(in super::super) fn further_addresses(
    connection: &Connection,
    path: Path,
    env: &dyn Environment,
) -> Vec<IpAddr> {
    env.local_addresses()
        .into_iter()
        .filter(|address| *address != path.local.ip() && may_be_used(connection, *address))
        .take(MOST_ADDRESSES)
        .collect()
}

/// Whether a connection may use this address of ours.
pub(in super::super) fn may_be_used(connection: &Connection, address: IpAddr) -> bool {
    let allowed = &connection.local_addrs;
    allowed.is_empty() || allowed.iter().any(|net| net.contains(&address))
}

/// In IKE_AUTH, either end: MOBIKE is supported, from these addresses too.
pub(in super::super) fn support(further: &[IpAddr]) -> Vec<Payload> {
    let mut payloads = vec![notify(NotifyType::MOBIKE_SUPPORTED, Vec::new())];
    payloads.extend(addresses(further));
    payloads
}

/// What the peer says of it: its further addresses.
pub(in super::super) fn read_support(payloads: &Payloads) -> Option<Vec<IpAddr>> {
    payloads.notify(NotifyType::MOBIKE_SUPPORTED)?;
    Some(read_addresses(payloads).unwrap_or_default())
}

/// Our further addresses, replacing what was told before.
pub(in super::super) fn addresses(further: &[IpAddr]) -> Vec<Payload> {
    if further.is_empty() {
        return vec![notify(NotifyType::NO_ADDITIONAL_ADDRESSES, Vec::new())];
    }
    let address = |address: &IpAddr| match address {
        IpAddr::V4(address) => notify(
            NotifyType::ADDITIONAL_IP4_ADDRESS,
            address.octets().to_vec(),
        ),
        IpAddr::V6(address) => notify(
            NotifyType::ADDITIONAL_IP6_ADDRESS,
            address.octets().to_vec(),
        ),
    };
    further.iter().map(address).collect()
}

/// The peer's; `None` when it says nothing of them.
pub(in super::super) fn read_addresses(payloads: &Payloads) -> Option<Vec<IpAddr>> {
    let mut told = payloads
        .notify(NotifyType::NO_ADDITIONAL_ADDRESSES)
        .is_some();
    let mut addresses = Vec::new();
    for notify in payloads.notifies() {
        if let Some(address) = read_address(notify) {
            told = true;
            let good = !(address.is_unspecified() || address.is_multicast());
            if good && addresses.len() < MOST_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    told.then_some(addresses)
}

fn read_address(notify: &Notify) -> Option<IpAddr> {
    let data = notify.data.as_slice();
    match notify.notify_type {
        NotifyType::ADDITIONAL_IP4_ADDRESS => {
            Some(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into())
        }
        NotifyType::ADDITIONAL_IP6_ADDRESS => {
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into())
        }
        _ => None,
    }
}

/// The request by which the initiator moves the IKE_SA to `path` (RFC 4555 section 3.5).
pub(in super::super) fn update(
    spis: IkeSpis,
    path: Path,
    fake_nat: bool,
    further: &[IpAddr],
) -> Vec<Payload> {
    let mut payloads = vec![notify(NotifyType::UPDATE_SA_ADDRESSES, Vec::new())];
    payloads.extend(nat::detection_payloads(spis, path, fake_nat));
    payloads.extend(addresses(further));
    payloads
}

/// The request by which an end makes sure that the peer is where it seems to be
/// (RFC 4555 section 3.7). Libreswan returns a cookie only beside NAT detection.
pub(in super::super) fn route_check(
    cookie: &Cookie,
    spis: IkeSpis,
    path: Path,
    fake_nat: bool,
) -> Vec<Payload> {
    let mut payloads = vec![notify(NotifyType::COOKIE2, cookie.to_vec())];
    payloads.extend(nat::detection_payloads(spis, path, fake_nat));
    payloads
}

/// Whether a response brings that back.
pub(in super::super) fn returns_cookie(payloads: &Payloads, cookie: &Cookie) -> bool {
    payloads
        .notify(NotifyType::COOKIE2)
        .is_some_and(|notify| notify.data == cookie)
}

/// The cookie of a request, for the response.
pub(in super::super) fn copied_cookie(payloads: &Payloads) -> Option<Payload> {
    payloads
        .notify(NotifyType::COOKIE2)
        .filter(|cookie| COOKIE_LENGTHS.contains(&cookie.data.len()))
        .map(|cookie| notify(NotifyType::COOKIE2, cookie.data.clone()))
}

/// Whether the sender forbids NATs and there is one: addresses and ports are not those with which
/// the request was sent (RFC 4555 section 3.9).
pub(in super::super) fn meets_forbidden_nat(payloads: &Payloads, path: Path) -> bool {
    payloads
        .notify(NotifyType::NO_NATS_ALLOWED)
        .is_some_and(|notify| notify.data != sent_along(path.remote, path.local))
}

/// Addresses, then ports (RFC 4555 section 4.2.6).
fn sent_along(from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut octets = Vec::with_capacity(36);
    for end in [from, to] {
        match end.ip() {
            IpAddr::V4(address) => octets.extend(address.octets()),
            IpAddr::V6(address) => octets.extend(address.octets()),
        }
    }
    for end in [from, to] {
        octets.extend(end.port().to_be_bytes());
    }
    octets
}

/// Whether the peer does not take the path.
pub(in super::super) fn is_refused(payloads: &Payloads) -> bool {
    payloads
        .notifies()
        .any(|notify| notify.notify_type.is_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_addresses_are_read_as_they_are_written() {
        let both: Vec<IpAddr> = vec![
            "192.0.2.7".parse().expect("a literal"),
            "2001:db8::7".parse().expect("a literal"),
        ];
        for list in [both, Vec::new()] {
            let payloads = Payloads(support(&list));
            assert_eq!(read_support(&payloads), Some(list.clone()));
            assert_eq!(read_addresses(&Payloads(addresses(&list))), Some(list));
        }
        assert_eq!(read_support(&Payloads(Vec::new())), None);
        assert_eq!(read_addresses(&Payloads(Vec::new())), None);
    }

    #[test]
    fn a_peer_cannot_fill_the_memory_with_addresses() {
        let many = (0..100).map(|n| IpAddr::from([192, 0, 2, n]));
        let payloads: Vec<_> = many.flat_map(|address| addresses(&[address])).collect();
        let read = read_addresses(&Payloads(payloads)).expect("a list");
        assert_eq!(read.len(), MOST_ADDRESSES);
        let odd = vec![
            notify(NotifyType::ADDITIONAL_IP4_ADDRESS, vec![1, 2, 3]),
            notify(NotifyType::ADDITIONAL_IP6_ADDRESS, vec![0; 16]),
            notify(NotifyType::ADDITIONAL_IP4_ADDRESS, vec![224, 0, 0, 1]),
        ];
        assert_eq!(read_addresses(&Payloads(odd)), Some(Vec::new()));
    }

    #[test]
    fn a_nat_shows_in_the_addresses_that_it_changed() {
        let path = Path {
            local: "192.0.2.2:4500".parse().expect("a literal"),
            remote: "192.0.2.1:4500".parse().expect("a literal"),
        };
        let data = vec![192, 0, 2, 1, 192, 0, 2, 2, 0x11, 0x94, 0x11, 0x94];
        let request = Payloads(vec![notify(NotifyType::NO_NATS_ALLOWED, data)]);
        assert!(!meets_forbidden_nat(&request, path));
        let mut translated = path;
        translated.remote.set_port(61_000);
        assert!(meets_forbidden_nat(&request, translated));
        assert!(!meets_forbidden_nat(&Payloads(Vec::new()), translated));
    }

    #[test]
    fn a_cookie_comes_back_unless_it_is_none() {
        let spis = IkeSpis {
            initiator: crate::IkeSpi([1; 8]),
            responder: crate::IkeSpi([2; 8]),
        };
        let path = Path {
            local: "192.0.2.2:4500".parse().expect("a literal"),
            remote: "192.0.2.1:4500".parse().expect("a literal"),
        };
        let request = Payloads(route_check(&[7; 16], spis, path, false));
        let answer = copied_cookie(&request).expect("a cookie");
        assert!(returns_cookie(&Payloads(vec![answer]), &[7; 16]));
        assert!(!returns_cookie(&request, &[8; 16]));
        assert!(!returns_cookie(&Payloads(Vec::new()), &[7; 16]));
        for length in [7, 65] {
            let odd = Payloads(vec![notify(NotifyType::COOKIE2, vec![1; length])]);
            assert!(copied_cookie(&odd).is_none());
        }
    }
}

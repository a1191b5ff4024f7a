//! Addresses of either end.

use std::net::IpAddr;

use ipnet::{IpNet, IpSubnets, Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

use crate::{Endpoint, quantity::TextList, report::Scope};

const REMEDY: &str = "write an address (192.0.2.1), a network (192.0.2.0/24), a range (192.0.2.1-192.0.2.9), a host \
     name, \"%any\", \"%any4\" or \"%any6\"";

/// The addresses of one end; nothing at all is any address.
pub(super) fn endpoints(list: Option<&TextList>, scope: &Scope<'_>) -> Vec<Endpoint> {
    let Some(list) = list else {
        return vec![Endpoint::Any];
    };
    if list.0.is_empty() {
        scope.error(
            "the list is empty",
            "name an address, or leave the key out for any address",
        );
    }
    let parsed = super::elements(list, scope, REMEDY, endpoint);
    if let Some(position) = super::repeated(&parsed)
        && parsed.len() == list.0.len()
    {
        let message = format!("{} stands here twice", parsed[position]);
        scope.index(position).warning(message, "remove one of them");
    }
    if parsed.is_empty() {
        vec![Endpoint::Any]
    } else {
        parsed
    }
}

/// The same as networks, to be compared with addresses of ours; none means every address.
pub(super) fn nets(endpoints: &[Endpoint]) -> Vec<IpNet> {
    let nets_of = |endpoint: &Endpoint| match endpoint {
        Endpoint::Address(address) => Some(vec![IpNet::from(*address)]),
        Endpoint::Net(net) => Some(vec![*net]),
        Endpoint::Range(range) => Some(subnets(*range.start(), *range.end())),
        Endpoint::Any | Endpoint::Host(_) => None,
    };
    let nets: Option<Vec<_>> = endpoints.iter().map(nets_of).collect();
    nets.unwrap_or_default().concat()
}

/// The networks that a range consists of.
fn subnets(first: IpAddr, last: IpAddr) -> Vec<IpNet> {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            IpSubnets::V4(Ipv4Subnets::new(first, last, 0)).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            IpSubnets::V6(Ipv6Subnets::new(first, last, 0)).collect()
        }
        _ => Vec::new(),
    }
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    match text {
        "%any" | "any" => return Ok(Endpoint::Any),
        "%any4" => return Ok(Endpoint::Net(Ipv4Net::default().into())),
        "%any6" => return Ok(Endpoint::Net(Ipv6Net::default().into())),
        _ => {}
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return address_endpoint(address);
    }
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(Endpoint::Net(net.trunc()));
    }
    if let Some((first, last)) = text.split_once('-').or_else(|| text.split_once(".."))
        && let Ok(first) = first.trim().parse()
    {
        return range(first, last.trim())
            .ok_or_else(|| format!("\"{text}\" is no range of addresses"));
    }
    if is_host_name(text) {
        return Ok(Endpoint::Host(text.to_ascii_lowercase()));
    }
    Err(format!("\"{text}\" is neither an address nor a host name"))
}

fn range(first: IpAddr, last: &str) -> Option<Endpoint> {
    let last: IpAddr = last.parse().ok()?;
    let fits = first.is_ipv4() == last.is_ipv4() && first <= last;
    fits.then(|| {
        if first == last {
            Endpoint::Address(first)
        } else {
            Endpoint::Range(first..=last)
        }
    })
}

fn address_endpoint(address: IpAddr) -> Result<Endpoint, String> {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    if address.is_multicast() || broadcast {
        return Err(format!("{address} is not the address of one machine"));
    }
    if address.is_unspecified() {
        return Ok(Endpoint::Any);
    }
    Ok(Endpoint::Address(address.to_canonical()))
}

/// RFC 1123 section 2.1; a name whose last label is a number is a mistyped address.
fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(label_fits)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_as_networks() {
        let shown = |text: &str| {
            let nets = nets(&[endpoint(text).unwrap()]);
            nets.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            shown("192.0.2.1-192.0.2.9"),
            [
                "192.0.2.1/32",
                "192.0.2.2/31",
                "192.0.2.4/30",
                "192.0.2.8/31"
            ]
        );
        assert_eq!(shown("2001:db8::-2001:db8::f"), ["2001:db8::/124"]);
    }

    #[test]
    fn tells_addresses_networks_and_names_apart() {
        let net = "192.0.2.0/24".parse().unwrap();
        assert_eq!(endpoint("%any"), Ok(Endpoint::Any));
        assert_eq!(endpoint("0.0.0.0"), Ok(Endpoint::Any));
        assert_eq!(endpoint("192.0.2.7/24"), Ok(Endpoint::Net(net)));
        assert_eq!(
            endpoint("2001:db8::1"),
            Ok(Endpoint::Address("2001:db8::1".parse().unwrap()))
        );
        assert_eq!(
            endpoint("GW.example."),
            Ok(Endpoint::Host("gw.example.".to_owned()))
        );
        let (first, last) = ("10.0.0.1".parse().unwrap(), "10.0.0.9".parse().unwrap());
        for range in [
            "10.0.0.1-10.0.0.9",
            "10.0.0.1 - 10.0.0.9",
            "10.0.0.1..10.0.0.9",
        ] {
            assert_eq!(endpoint(range), Ok(Endpoint::Range(first..=last)));
        }
        assert_eq!(endpoint("10.0.0.1-10.0.0.1"), Ok(Endpoint::Address(first)));
        assert_eq!(endpoint("%any4").unwrap().to_string(), "0.0.0.0/0");
        assert_eq!(endpoint("%any6").unwrap().to_string(), "::/0");
        for wrong in [
            "192.0.2.300",
            "192.0.2",
            "",
            "a b",
            "-a.example",
            "224.0.0.1",
            "255.255.255.255",
            "10.0.0.9-10.0.0.1",
            "10.0.0.1-2001:db8::1",
            "10.0.0.1-",
            "10.0.0.1..10.0.0.300",
            "%defaultroute",
            "ä.example",
        ] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}

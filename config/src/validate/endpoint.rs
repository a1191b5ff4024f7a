//! Addresses of either end.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{Endpoint, quantity::TextList, report::Scope};

const REMEDY: &str =
    "write an address (192.0.2.1), a network (192.0.2.0/24), a host name, or \"%any\"";

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
    let net = |endpoint: &Endpoint| match endpoint {
        Endpoint::Address(address) => Some(IpNet::from(*address)),
        Endpoint::Net(net) => Some(*net),
        Endpoint::Any | Endpoint::Host(_) => None,
    };
    let nets: Option<Vec<_>> = endpoints.iter().map(net).collect();
    nets.unwrap_or_default()
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    if matches!(text, "%any" | "any" | "%any4" | "%any6") {
        return match text {
            "%any4" => {
                Err("\"%any4\" is not supported by this version, use \"0.0.0.0/0\"".to_owned())
            }
            "%any6" => Err("\"%any6\" is not supported by this version, use \"::/0\"".to_owned()),
            _ => Ok(Endpoint::Any),
        };
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return address_endpoint(address);
    }
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(Endpoint::Net(net.trunc()));
    }
    let range = |separator| text.split_once(separator);
    if let Some((start, _)) = range("-").or_else(|| range(".."))
        && start.trim().parse::<IpAddr>().is_ok()
    {
        return Err(format!(
            "\"{text}\": ranges are not supported by this version, use networks"
        ));
    }
    if is_host_name(text) {
        return Ok(Endpoint::Host(text.to_ascii_lowercase()));
    }
    Err(format!("\"{text}\" is neither an address nor a host name"))
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
        for wrong in [
            "192.0.2.300",
            "192.0.2",
            "",
            "a b",
            "-a.example",
            "224.0.0.1",
            "255.255.255.255",
            "10.0.0.1-10.0.0.9",
            "10.0.0.1..10.0.0.9",
            "%any6",
            "%defaultroute",
            "ä.example",
        ] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}

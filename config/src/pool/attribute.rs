//! What a pool tells peers beside their address, as clients write it.

use std::net::IpAddr;

use holdfast_ike::{configuration::Attribute, wire::AttributeType};
use ipnet::IpNet;

/// Why an attribute is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// There is none of that name.
    #[error("invalid attribute: {0}")]
    Unknown(String),
    /// The value is not one of its kind.
    #[error("invalid attribute value for {0}")]
    Value(String),
}

/// The type has 15 bits; 0 is reserved.
const MOST: u16 = 0x7fff;

/// Cisco's `UNITY_SPLIT_INCLUDE` and `UNITY_LOCAL_LAN`.
const SPLIT_INCLUDE: u16 = 28676;
const SPLIT_EXCLUDE: u16 = 28678;

/// Reads one value of the attribute with this name or number.
///
/// # Errors
/// When there is none of that name, or the value is not one of its kind.
pub fn parse_attribute(name: &str, value: &[u8]) -> Result<Attribute, AttributeError> {
    let wrong = || AttributeError::Value(name.to_owned());
    let text = str::from_utf8(value).ok();
    let address = || {
        text.and_then(|text| text.parse::<IpAddr>().ok())
            .ok_or_else(wrong)
    };
    let v4 = || match address()? {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(wrong()),
    };
    let net = || text.and_then(network).ok_or_else(wrong);
    Ok(match name {
        "address" => Attribute::Address(address()?),
        "dns" => Attribute::Dns(address()?),
        "nbns" => Attribute::Nbns(v4()?),
        "dhcp" => Attribute::Dhcp(address()?),
        "netmask" => Attribute::Netmask(v4()?),
        "server" => Attribute::Server(address()?),
        "p_cscf" => Attribute::PCscf(address()?),
        "subnet" => Attribute::Subnet(net()?),
        "split_include" => Attribute::Other(SPLIT_INCLUDE, of_net(net()?)),
        "split_exclude" => Attribute::Other(SPLIT_EXCLUDE, of_net(net()?)),
        "dns_domain" => {
            Attribute::read(AttributeType::INTERNAL_DNS_DOMAIN, value).ok_or_else(wrong)?
        }
        number => match number.parse() {
            Ok(number @ 1..=MOST) => Attribute::Other(number, octets(value)),
            _ => return Err(AttributeError::Unknown(name.to_owned())),
        },
    })
}

/// A network; a single address is one of its own.
fn network(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok();
    net.or_else(|| text.parse().ok().map(|address: IpAddr| address.into()))
}

/// A network as in the subnet attributes.
fn of_net(net: IpNet) -> Box<[u8]> {
    Attribute::Subnet(net).value().into()
}

/// The octets of a value whose meaning is not known: an address, a network as in the subnet
/// attributes (RFC 7296 section 3.15.1: address and mask, or address and prefix length), or the
/// text itself.
fn octets(value: &[u8]) -> Box<[u8]> {
    let Ok(text) = str::from_utf8(value) else {
        return value.into();
    };
    match (text.parse(), text.parse()) {
        (Ok(IpAddr::V4(address)), _) => address.octets().into(),
        (Ok(IpAddr::V6(address)), _) => address.octets().into(),
        (_, Ok(net)) => of_net(net),
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let v4 = IpAddr::from([10, 0, 0, 1]);
        let net: IpNet = "10.0.0.0/8".parse().expect("a network");
        for (name, value, attribute) in [
            ("dns", "10.0.0.1", Attribute::Dns(v4)),
            (
                "dns",
                "2001:db8::1",
                Attribute::Dns("2001:db8::1".parse().expect("an address")),
            ),
            ("nbns", "10.0.0.1", Attribute::Nbns([10, 0, 0, 1].into())),
            ("dhcp", "10.0.0.1", Attribute::Dhcp(v4)),
            (
                "netmask",
                "255.255.255.0",
                Attribute::Netmask([255, 255, 255, 0].into()),
            ),
            ("server", "10.0.0.1", Attribute::Server(v4)),
            ("p_cscf", "10.0.0.1", Attribute::PCscf(v4)),
            ("address", "10.0.0.1", Attribute::Address(v4)),
            ("subnet", "10.0.0.0/8", Attribute::Subnet(net)),
            ("subnet", "10.0.0.1", Attribute::Subnet(IpNet::from(v4))),
            (
                "split_include",
                "10.0.0.0/8",
                Attribute::Other(28676, [10, 0, 0, 0, 255, 0, 0, 0].into()),
            ),
            (
                "split_exclude",
                "10.0.0.0/8",
                Attribute::Other(28678, [10, 0, 0, 0, 255, 0, 0, 0].into()),
            ),
            ("25", "10.0.0.1", Attribute::Other(25, [10, 0, 0, 1].into())),
            (
                "28672",
                "welcome",
                Attribute::Other(28672, b"welcome"[..].into()),
            ),
            (
                "13",
                "10.0.0.0/8",
                Attribute::Other(13, [10, 0, 0, 0, 255, 0, 0, 0].into()),
            ),
        ] {
            assert_eq!(
                parse_attribute(name, value.as_bytes()),
                Ok(attribute),
                "{name} {value}"
            );
        }
        let v6 = parse_attribute("15", b"2001:db8::/32").expect("an attribute");
        assert!(
            matches!(v6, Attribute::Other(15, octets) if octets.len() == 17 && octets[16] == 32)
        );
    }

    #[test]
    fn refusals() {
        for (name, value, refusal) in [
            ("dns", "foo", "invalid attribute value for dns"),
            ("dns", "10.0.0.0/8", "invalid attribute value for dns"),
            ("netmask", "24", "invalid attribute value for netmask"),
            ("nbns", "2001::1", "invalid attribute value for nbns"),
            ("subnet", "x", "invalid attribute value for subnet"),
            ("dnsx", "10.0.0.1", "invalid attribute: dnsx"),
            ("0", "x", "invalid attribute: 0"),
            ("32768", "x", "invalid attribute: 32768"),
            ("25x", "x", "invalid attribute: 25x"),
        ] {
            let error = parse_attribute(name, value.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(error, Err(refusal.to_owned()), "{name} {value}");
        }
    }
}

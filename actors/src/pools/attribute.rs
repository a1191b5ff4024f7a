//! What a pool tells peers beside their address, as clients write it.

use std::net::IpAddr;

use ipnet::IpNet;

/// One attribute of the configuration payload (RFC 7296 section 3.15.1), before it is encoded for a
/// peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// INTERNAL_IP4_ADDRESS, INTERNAL_IP6_ADDRESS: one more address.
    Address(IpAddr),
    /// INTERNAL_IP4_DNS, INTERNAL_IP6_DNS.
    Dns(IpAddr),
    /// INTERNAL_IP4_NBNS.
    Nbns(IpAddr),
    /// INTERNAL_IP4_DHCP, INTERNAL_IP6_DHCP.
    Dhcp(IpAddr),
    /// INTERNAL_IP4_NETMASK.
    Netmask(IpAddr),
    /// INTERNAL_IP4_SERVER, INTERNAL_IP6_SERVER.
    Server(IpAddr),
    /// P_CSCF_IP4_ADDRESS, P_CSCF_IP6_ADDRESS (RFC 7651).
    PCscf(IpAddr),
    /// INTERNAL_IP4_SUBNET, INTERNAL_IP6_SUBNET.
    Subnet(IpNet),
    /// Cisco's UNITY_SPLIT_INCLUDE.
    SplitInclude(IpNet),
    /// Cisco's UNITY_LOCAL_LAN.
    SplitExclude(IpNet),
    /// Any other, by its number.
    Number(u16, Box<[u8]>),
}

/// Why an attribute is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AttributeError {
    /// There is none of that name.
    #[error("invalid attribute: {0}")]
    Unknown(String),
    /// The value is not one of its kind.
    #[error("invalid attribute value for {0}")]
    Value(String),
}

/// The type has 15 bits; 0 is reserved.
const MOST: u16 = 0x7fff;

impl Attribute {
    /// Reads one value of the attribute with this name or number.
    pub(crate) fn parse(name: &str, value: &[u8]) -> Result<Self, AttributeError> {
        let wrong = || AttributeError::Value(name.to_owned());
        let text = str::from_utf8(value).ok();
        let address = || {
            text.and_then(|text| text.parse::<IpAddr>().ok())
                .ok_or_else(wrong)
        };
        let v4 =
            || address().and_then(|address| address.is_ipv4().then_some(address).ok_or_else(wrong));
        let net = || text.and_then(network).ok_or_else(wrong);
        Ok(match name {
            "address" => Self::Address(address()?),
            "dns" => Self::Dns(address()?),
            "nbns" => Self::Nbns(v4()?),
            "dhcp" => Self::Dhcp(address()?),
            "netmask" => Self::Netmask(v4()?),
            "server" => Self::Server(address()?),
            "p_cscf" => Self::PCscf(address()?),
            "subnet" => Self::Subnet(net()?),
            "split_include" => Self::SplitInclude(net()?),
            "split_exclude" => Self::SplitExclude(net()?),
            number => match number.parse() {
                Ok(number @ 1..=MOST) => Self::Number(number, octets(value)),
                _ => return Err(AttributeError::Unknown(name.to_owned())),
            },
        })
    }
}

/// A network; a single address is one of its own.
fn network(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok();
    net.or_else(|| text.parse().ok().map(|address: IpAddr| address.into()))
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
        (_, Ok(IpNet::V4(net))) => [net.addr().octets(), net.netmask().octets()]
            .concat()
            .into(),
        (_, Ok(IpNet::V6(net))) => [&net.addr().octets()[..], &[net.prefix_len()]]
            .concat()
            .into(),
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
            ("nbns", "10.0.0.1", Attribute::Nbns(v4)),
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
            ("split_include", "10.0.0.0/8", Attribute::SplitInclude(net)),
            ("split_exclude", "10.0.0.0/8", Attribute::SplitExclude(net)),
            (
                "25",
                "10.0.0.1",
                Attribute::Number(25, [10, 0, 0, 1].into()),
            ),
            (
                "28672",
                "welcome",
                Attribute::Number(28672, b"welcome"[..].into()),
            ),
            (
                "13",
                "10.0.0.0/8",
                Attribute::Number(13, [10, 0, 0, 0, 255, 0, 0, 0].into()),
            ),
        ] {
            assert_eq!(
                Attribute::parse(name, value.as_bytes()),
                Ok(attribute),
                "{name} {value}"
            );
        }
        let v6 = Attribute::parse("15", b"2001:db8::/32").expect("an attribute");
        assert!(
            matches!(v6, Attribute::Number(15, octets) if octets.len() == 17 && octets[16] == 32)
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
            let error = Attribute::parse(name, value.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(error, Err(refusal.to_owned()), "{name} {value}");
        }
    }
}

//! Attributes as they are written in the payload.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::Attribute;
use crate::wire::AttributeType;

/// Longest domain name (RFC 1035 section 2.3.4).
const LONGEST_DOMAIN: usize = 255;

impl Attribute {
    /// Its type.
    pub fn attribute_type(&self) -> AttributeType {
        use AttributeType as Type;
        let by_family = |address: &IpAddr, v4, v6| if address.is_ipv4() { v4 } else { v6 };
        match self {
            Self::Address(address) => by_family(
                address,
                Type::INTERNAL_IP4_ADDRESS,
                Type::INTERNAL_IP6_ADDRESS,
            ),
            Self::Netmask(_) => Type::INTERNAL_IP4_NETMASK,
            Self::Dns(address) => {
                by_family(address, Type::INTERNAL_IP4_DNS, Type::INTERNAL_IP6_DNS)
            }
            Self::Nbns(_) => Type::INTERNAL_IP4_NBNS,
            Self::Dhcp(address) => {
                by_family(address, Type::INTERNAL_IP4_DHCP, Type::INTERNAL_IP6_DHCP)
            }
            Self::Subnet(IpNet::V4(_)) => Type::INTERNAL_IP4_SUBNET,
            Self::Subnet(IpNet::V6(_)) => Type::INTERNAL_IP6_SUBNET,
            Self::DnsDomain(_) => Type::INTERNAL_DNS_DOMAIN,
            Self::PCscf(address) => {
                by_family(address, Type::P_CSCF_IP4_ADDRESS, Type::P_CSCF_IP6_ADDRESS)
            }
            Self::Server(address) => by_family(
                address,
                Type::INTERNAL_IP4_SERVER,
                Type::INTERNAL_IP6_SERVER,
            ),
            Self::Other(number, _) => AttributeType(*number),
        }
    }

    /// Its value.
    pub fn value(&self) -> Vec<u8> {
        match self {
            // Its network is not told: the address stands for itself.
            Self::Address(IpAddr::V6(address)) => [&address.octets()[..], &[128]].concat(),
            Self::Address(address)
            | Self::Dns(address)
            | Self::Dhcp(address)
            | Self::PCscf(address)
            | Self::Server(address) => octets(*address),
            Self::Netmask(address) | Self::Nbns(address) => address.octets().to_vec(),
            Self::Subnet(IpNet::V4(net)) => [net.addr().octets(), net.netmask().octets()].concat(),
            Self::Subnet(IpNet::V6(net)) => {
                [&net.addr().octets()[..], &[net.prefix_len()]].concat()
            }
            Self::DnsDomain(name) => name.as_bytes().to_vec(),
            Self::Other(_, value) => value.to_vec(),
        }
    }

    /// What an attribute of a reply says; `None` where it says nothing, or nothing that makes sense.
    /// Those of an unknown type are kept as they are.
    pub fn read(attribute_type: AttributeType, value: &[u8]) -> Option<Self> {
        use AttributeType as Type;
        if value.is_empty() {
            return None;
        }
        Some(match attribute_type {
            Type::INTERNAL_IP4_ADDRESS => Self::Address(v4(value)?.into()),
            Type::INTERNAL_IP6_ADDRESS => Self::Address(v6_with_prefix(value)?),
            Type::INTERNAL_IP4_NETMASK => Self::Netmask(v4(value)?),
            Type::INTERNAL_IP4_DNS => Self::Dns(v4(value)?.into()),
            Type::INTERNAL_IP6_DNS => Self::Dns(v6(value)?.into()),
            Type::INTERNAL_IP4_NBNS => Self::Nbns(v4(value)?),
            Type::INTERNAL_IP4_DHCP => Self::Dhcp(v4(value)?.into()),
            Type::INTERNAL_IP6_DHCP => Self::Dhcp(v6(value)?.into()),
            Type::INTERNAL_IP4_SUBNET => Self::Subnet(v4_net(value)?),
            Type::INTERNAL_IP6_SUBNET => Self::Subnet(v6_net(value)?),
            Type::INTERNAL_DNS_DOMAIN => Self::DnsDomain(domain(value)?),
            Type::P_CSCF_IP4_ADDRESS => Self::PCscf(v4(value)?.into()),
            Type::P_CSCF_IP6_ADDRESS => Self::PCscf(v6(value)?.into()),
            Type::INTERNAL_IP4_SERVER => Self::Server(v4(value)?.into()),
            Type::INTERNAL_IP6_SERVER => Self::Server(v6(value)?.into()),
            AttributeType(number) => Self::Other(number, value.into()),
        })
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn v4(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

fn v6(value: &[u8]) -> Option<Ipv6Addr> {
    <[u8; 16]>::try_from(value).ok().map(Ipv6Addr::from)
}

/// An IPv6 address with the length of its prefix, which some leave out.
fn v6_with_prefix(value: &[u8]) -> Option<IpAddr> {
    let (address, prefix) = value.split_at_checked(16)?;
    let known = matches!(prefix, [] | [0..=128]);
    known.then(|| v6(address).map(IpAddr::V6)).flatten()
}

fn v4_net(value: &[u8]) -> Option<IpNet> {
    let (address, mask) = value.split_at_checked(4)?;
    let net = Ipv4Net::with_netmask(v4(address)?, v4(mask)?).ok()?;
    Some(net.into())
}

fn v6_net(value: &[u8]) -> Option<IpNet> {
    let (address, prefix) = value.split_at_checked(16)?;
    let [prefix] = *prefix else { return None };
    Some(Ipv6Net::new(v6(address)?, prefix).ok()?.into())
}

/// A name in presentation format (RFC 8598 section 4.1). It may come to stand in files and logs, so
/// nothing but letters, digits, hyphens, underscores and dots is believed.
fn domain(value: &[u8]) -> Option<String> {
    let plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.".contains(octet);
    let name = std::str::from_utf8(value).ok()?.trim_end_matches('.');
    let labels = name
        .split('.')
        .all(|label| (1..=63).contains(&label.len()) && !label.starts_with('-'));
    let good = name.len() <= LONGEST_DOMAIN && labels && name.bytes().all(|octet| plain(&octet));
    good.then(|| name.to_owned())
}

//! What one end is told in the Configuration payload beside its keys: addresses, name servers,
//! networks (RFC 7296 sections 2.19 and 3.15.1, RFC 8598).

mod codec;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// One attribute of the Configuration payload.
///
/// What an address is unspecified in asks for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `INTERNAL_IP4_ADDRESS`, `INTERNAL_IP6_ADDRESS`: an address inside the tunnel.
    Address(IpAddr),
    /// `INTERNAL_IP4_NETMASK`: of the network that the address belongs to.
    Netmask(Ipv4Addr),
    /// `INTERNAL_IP4_DNS`, `INTERNAL_IP6_DNS`: a name server inside the tunnel.
    Dns(IpAddr),
    /// `INTERNAL_IP4_NBNS`: a NetBIOS name server.
    Nbns(Ipv4Addr),
    /// `INTERNAL_IP4_DHCP`, `INTERNAL_IP6_DHCP`: a DHCP server.
    Dhcp(IpAddr),
    /// `INTERNAL_IP4_SUBNET`, `INTERNAL_IP6_SUBNET`: a network behind the gateway.
    Subnet(IpNet),
    /// `INTERNAL_DNS_DOMAIN`: a domain whose names the name servers above know (RFC 8598).
    DnsDomain(String),
    /// `P_CSCF_IP4_ADDRESS`, `P_CSCF_IP6_ADDRESS` (RFC 7651).
    PCscf(IpAddr),
    /// `INTERNAL_IP4_SERVER`, `INTERNAL_IP6_SERVER`: Microsoft's.
    Server(IpAddr),
    /// Any other, by its number, with its value as it is.
    Other(u16, Box<[u8]>),
}

/// What the Configuration payload of IKE_AUTH gave both ends of an IKE_SA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// Addresses that the peer assigned to us.
    pub local_vips: Vec<IpAddr>,
    /// Addresses that we assigned to the peer.
    pub remote_vips: Vec<IpAddr>,
    /// What else the peer told us.
    pub attributes: Vec<Attribute>,
}

impl Configured {
    /// Name servers inside the tunnel that the peer told us of.
    pub fn name_servers(&self) -> impl Iterator<Item = IpAddr> {
        self.attributes
            .iter()
            .filter_map(|attribute| match attribute {
                Attribute::Dns(address) => Some(*address),
                _ => None,
            })
    }

    /// The domains that these name servers are for: all of them if there is none (RFC 8598
    /// section 4).
    pub fn dns_domains(&self) -> impl Iterator<Item = &str> {
        self.attributes
            .iter()
            .filter_map(|attribute| match attribute {
                Attribute::DnsDomain(name) => Some(name.as_str()),
                _ => None,
            })
    }

    /// Networks behind the peer that it told us of.
    pub fn subnets(&self) -> impl Iterator<Item = IpNet> {
        self.attributes
            .iter()
            .filter_map(|attribute| match attribute {
                Attribute::Subnet(net) => Some(*net),
                _ => None,
            })
    }
}

/// What an end that asks for an address is judged by.
#[derive(Clone, Copy, Debug)]
pub struct LeaseRequest<'a> {
    /// The pools that may be used, in order of preference.
    pub pools: &'a [std::sync::Arc<str>],
    /// Who asks: it has authenticated itself.
    pub identity: &'a crate::Identification,
    /// Where it asks from.
    pub peer: IpAddr,
    /// The address it would like, or the unspecified one of the family it needs.
    pub wanted: IpAddr,
    /// Its former IKE_SAs are about to be closed: what they hold may be given to it at once.
    pub replaces: bool,
}

/// An address lent to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// From which pool.
    pub pool: std::sync::Arc<str>,
    /// The address.
    pub address: IpAddr,
}

#[cfg(test)]
mod tests;

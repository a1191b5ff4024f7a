//! The addresses of a pool.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Leases are numbered in 31 bits; what a larger network has beyond that is not used.
const MOST_BITS: u32 = 31;

/// Consecutive addresses, at least one and at most 2^31.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRange {
    /// As it was written.
    base: IpAddr,
    /// The first address that can be leased.
    first: IpAddr,
    size: u32,
}

impl AddressRange {
    /// Reads `address/prefix`, `from-to` or a single address.
    ///
    /// Of a network with more than two addresses the first and the last are not used: they are the
    /// network's own and the broadcast address (RFC 919), or the routers' anycast address
    /// (RFC 4291 section 2.6.1). An address inside the network says where to begin.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((from, to)) = text.split_once('-') {
            return Self::between(from.trim().parse().ok()?, to.trim().parse().ok()?);
        }
        if let Some((address, prefix)) = text.split_once('/') {
            return Self::network(address.parse().ok()?, prefix.parse().ok()?);
        }
        let address = text.parse().ok()?;
        Self::between(address, address)
    }

    fn between(from: IpAddr, to: IpAddr) -> Option<Self> {
        if from.is_ipv4() != to.is_ipv4() {
            return None;
        }
        let size = number(to).checked_sub(number(from))?.checked_add(1)?;
        let size = u32::try_from(size)
            .ok()
            .filter(|size| *size <= 1 << MOST_BITS)?;
        Some(Self {
            base: from,
            first: from,
            size,
        })
    }

    fn network(address: IpAddr, prefix: u32) -> Option<Self> {
        let bits: u32 = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = bits.checked_sub(prefix)?.min(MOST_BITS);
        let hosts = (1_u128 << host_bits) - 1;
        let base = number(address);
        let (mut first, mut last) = (base & !hosts, base | hosts);
        if hosts > 1 {
            first += 1;
            last -= 1;
        }
        let first = first.max(base);
        // Someone who begins with the broadcast address gets nothing.
        let size = last.checked_sub(first)? + 1;
        Some(Self {
            base: address,
            first: address_like(address, first),
            size: u32::try_from(size).ok()?,
        })
    }

    /// The address that was written, or that the network was written with.
    pub fn base(&self) -> IpAddr {
        self.base
    }

    /// How many addresses can be leased.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The address with this number, counting from 0.
    pub fn address(&self, offset: u32) -> IpAddr {
        debug_assert!(offset < self.size);
        address_like(self.base, number(self.first) + u128::from(offset))
    }

    /// The number of an address; `None` if it is not in the range.
    pub fn offset(&self, address: IpAddr) -> Option<u32> {
        if address.is_ipv4() != self.base.is_ipv4() {
            return None;
        }
        let offset = number(address).checked_sub(number(self.first))?;
        u32::try_from(offset)
            .ok()
            .filter(|offset| *offset < self.size)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of the same family with this number.
fn address_like(family: IpAddr, number: u128) -> IpAddr {
    match family {
        IpAddr::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What charon 5.9.8 answers to get-pools for the same text, and where it begins to lease.
    #[test]
    fn sizes() {
        for (text, base, first, size) in [
            ("10.3.0.0/24", "10.3.0.0", "10.3.0.1", 254),
            ("10.3.0.7/24", "10.3.0.7", "10.3.0.7", 248),
            ("10.3.0.0/31", "10.3.0.0", "10.3.0.0", 2),
            ("10.3.0.0/32", "10.3.0.0", "10.3.0.0", 1),
            ("10.3.0.0/30", "10.3.0.0", "10.3.0.1", 2),
            ("10.0.0.0/1", "10.0.0.0", "10.0.0.0", 1_979_711_487),
            ("10.3.0.1-10.3.0.9", "10.3.0.1", "10.3.0.1", 9),
            ("10.9.0.0 - 10.9.0.3", "10.9.0.0", "10.9.0.0", 4),
            ("10.3.0.1-10.3.0.1", "10.3.0.1", "10.3.0.1", 1),
            ("10.0.0.1", "10.0.0.1", "10.0.0.1", 1),
            ("2001:db8::/64", "2001:db8::", "2001:db8::1", 2_147_483_646),
            ("2001:db8::/97", "2001:db8::", "2001:db8::1", 2_147_483_646),
            ("2001:db8::/120", "2001:db8::", "2001:db8::1", 254),
            (
                "2001:db8::1-2001:db8::ff",
                "2001:db8::1",
                "2001:db8::1",
                255,
            ),
            ("fec::/128", "fec::", "fec::", 1),
            ("0.0.0.0-127.255.255.255", "0.0.0.0", "0.0.0.0", 1 << 31),
        ] {
            let range = AddressRange::parse(text).expect(text);
            assert_eq!(range.base().to_string(), base, "{text}");
            assert_eq!(range.address(0).to_string(), first, "{text}");
            assert_eq!(range.size(), size, "{text}");
            let last = range.address(size - 1);
            assert_eq!(range.offset(last), Some(size - 1), "{text}");
        }
    }

    #[test]
    fn what_is_no_range() {
        for text in [
            "",
            "x",
            "10.3.0.0/33",
            "10.3.0.0/-1",
            "10.3.0.0/",
            "10.3.0.9-10.3.0.1",
            "10.0.0.1-2001::1",
            "2001:db8::-2001:db8:1::",
            "0.0.0.0-255.255.255.255",
            "%any",
            "10.3.0.255/24",
            "2001:db8::/129",
        ] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_outside() {
        let range = AddressRange::parse("10.3.0.0/24").expect("a range");
        for outside in ["10.3.0.0", "10.3.0.255", "10.2.0.1", "::a03:1"] {
            assert_eq!(
                range.offset(outside.parse().expect("an address")),
                None,
                "{outside}"
            );
        }
    }
}

use super::*;
use crate::wire::AttributeType as Type;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

/// Types and values as RFC 7296 section 3.15.1 and RFC 8598 section 4 draw them.
#[test]
fn layout() {
    let v6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    for (attribute, number, value) in [
        (Attribute::Address(ip("10.3.0.1")), 1, vec![10, 3, 0, 1]),
        (
            Attribute::Netmask([255, 255, 255, 0].into()),
            2,
            vec![255, 255, 255, 0],
        ),
        (Attribute::Dns(ip("10.0.0.53")), 3, vec![10, 0, 0, 53]),
        (
            Attribute::Nbns([10, 0, 0, 54].into()),
            4,
            vec![10, 0, 0, 54],
        ),
        (Attribute::Dhcp(ip("10.0.0.67")), 6, vec![10, 0, 0, 67]),
        (
            Attribute::Address(ip("2001:db8::1")),
            8,
            [&v6[..], &[128]].concat(),
        ),
        (Attribute::Dns(ip("2001:db8::1")), 10, v6.to_vec()),
        (Attribute::Dhcp(ip("2001:db8::1")), 12, v6.to_vec()),
        (
            Attribute::Subnet(net("10.1.0.0/16")),
            13,
            vec![10, 1, 0, 0, 255, 255, 0, 0],
        ),
        (
            Attribute::Subnet(net("2001:db8::1/64")),
            15,
            [&v6[..], &[64]].concat(),
        ),
        (Attribute::PCscf(ip("10.0.0.1")), 20, vec![10, 0, 0, 1]),
        (Attribute::PCscf(ip("2001:db8::1")), 21, v6.to_vec()),
        (
            Attribute::DnsDomain("corp.example".to_owned()),
            25,
            b"corp.example".to_vec(),
        ),
        (
            Attribute::Other(28672, b"welcome"[..].into()),
            28672,
            b"welcome".to_vec(),
        ),
    ] {
        assert_eq!(attribute.attribute_type(), Type(number), "{attribute:?}");
        assert_eq!(attribute.value(), value, "{attribute:?}");
        assert_eq!(Attribute::read(Type(number), &value), Some(attribute));
    }
}

#[test]
fn what_makes_no_sense_is_not_believed() {
    for (attribute_type, value) in [
        (Type::INTERNAL_IP4_ADDRESS, &b""[..]),
        (Type::INTERNAL_IP4_ADDRESS, &[10, 3, 0]),
        (Type::INTERNAL_IP4_ADDRESS, &[10, 3, 0, 1, 24]),
        (Type::INTERNAL_IP6_ADDRESS, &[0; 15]),
        (Type::INTERNAL_IP6_ADDRESS, &[129; 17]),
        (Type::INTERNAL_IP6_ADDRESS, &[0; 18]),
        (Type::INTERNAL_IP4_SUBNET, &[10, 0, 0, 0, 255, 0, 255, 0]),
        (Type::INTERNAL_IP4_SUBNET, &[10, 0, 0, 0]),
        (Type::INTERNAL_IP6_SUBNET, &[129; 17]),
        (Type::INTERNAL_IP6_SUBNET, &[0; 16]),
        (Type::INTERNAL_DNS_DOMAIN, b"corp\nnameserver 10.0.0.1"),
        (Type::INTERNAL_DNS_DOMAIN, b"-o.example"),
        (Type::INTERNAL_DNS_DOMAIN, b"a..b"),
        (Type::INTERNAL_DNS_DOMAIN, b"."),
        (Type::INTERNAL_DNS_DOMAIN, &[b'a'; 64]),
        (Type::INTERNAL_DNS_DOMAIN, b"\xff"),
    ] {
        assert_eq!(
            Attribute::read(attribute_type, value),
            None,
            "{attribute_type:?} {value:?}"
        );
    }
}

/// Some leave the prefix of an IPv6 address out, some end a domain with a dot.
#[test]
fn what_others_write_otherwise() {
    assert_eq!(
        Attribute::read(Type::INTERNAL_IP6_ADDRESS, &[0x20; 16]),
        Some(Attribute::Address([0x20; 16].into()))
    );
    assert_eq!(
        Attribute::read(Type::INTERNAL_DNS_DOMAIN, b"corp.example."),
        Some(Attribute::DnsDomain("corp.example".to_owned()))
    );
}

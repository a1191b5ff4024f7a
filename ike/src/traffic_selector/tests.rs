use proptest::prelude::*;

use super::*;
use crate::config::SelectorTemplate;

fn ts(text: &str) -> TrafficSelector {
    TrafficSelector::from_config(text).unwrap()
}

fn all(texts: &[&str]) -> Vec<TrafficSelector> {
    texts.iter().map(|text| ts(text)).collect()
}

fn notation(selectors: &[TrafficSelector]) -> Vec<String> {
    selectors.iter().map(ToString::to_string).collect()
}

/// Any selector that keeps the invariants.
pub(crate) fn any_selector() -> impl Strategy<Value = TrafficSelector> {
    let addresses = prop_oneof![
        (any::<u32>(), any::<u32>()).prop_map(|(a, b)| {
            let address = |bits: u32| IpAddr::V4(bits.into());
            (address(a.min(b)), address(a.max(b)))
        }),
        (any::<u128>(), any::<u128>()).prop_map(|(a, b)| {
            let address = |bits: u128| IpAddr::V6(bits.into());
            (address(a.min(b)), address(a.max(b)))
        }),
        // Networks are what people have.
        (any::<u32>(), 0..=32_u8).prop_map(|(bits, prefix)| {
            let net = IpNet::new(IpAddr::V4(bits.into()), prefix).unwrap();
            (net.network(), net.broadcast())
        }),
    ];
    let ports = prop_oneof![
        Just((0, u16::MAX)),
        Just((u16::MAX, 0)),
        (any::<u16>(), any::<u16>()).prop_map(|(a, b)| (a.min(b), a.max(b))),
    ];
    let protocol = prop_oneof![Just(0), Just(1), Just(6), Just(58), any::<u8>()];
    (protocol, ports, addresses).prop_map(|(protocol, (start_port, end_port), (start, end))| {
        TrafficSelector {
            protocol,
            start_port,
            end_port,
            start,
            end,
        }
    })
}

/// Selectors out of so small a world that they overlap and that all of its packets can be tried.
fn small_selector() -> impl Strategy<Value = TrafficSelector> {
    let ports = prop_oneof![
        Just((0, u16::MAX)),
        (0..4_u16, 0..4_u16).prop_map(|(a, b)| (a.min(b), a.max(b))),
    ];
    (0..3_u8, ports, 0..6_u8, 0..6_u8).prop_map(|(protocol, ports, a, b)| TrafficSelector {
        protocol,
        start_port: ports.0,
        end_port: ports.1,
        start: IpAddr::from([10, 0, 0, a.min(b)]),
        end: IpAddr::from([10, 0, 0, a.max(b)]),
    })
}

fn matches(selector: &TrafficSelector, packet: (u8, u8, u16)) -> bool {
    let (host, protocol, port) = packet;
    selector.contains_address(IpAddr::from([10, 0, 0, host]))
        && (selector.protocol == 0 || selector.protocol == protocol)
        && (selector.start_port..=selector.end_port).contains(&port)
}

fn packets() -> impl Iterator<Item = (u8, u8, u16)> {
    (0..6).flat_map(|host| {
        (1..4).flat_map(move |protocol| {
            [0, 1, 2, 3, 4, u16::MAX]
                .into_iter()
                .map(move |port| (host, protocol, port))
        })
    })
}

#[test]
fn notation_is_read_and_printed() {
    for (text, printed) in [
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("10.1.0.10", "10.1.0.10/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:db8::/32[udp/4500]", "2001:db8::/32[udp/4500]"),
        ("10.1.0.10/32[tcp/443]", "10.1.0.10/32[tcp/443]"),
        ("10.1.0.0/16[6/1024-2048]", "10.1.0.0/16[tcp/1024-2048]"),
        ("10.1.0.0/16[gre]", "10.1.0.0/16[gre]"),
        ("10.1.0.0/16[200]", "10.1.0.0/16[200]"),
        ("10.1.0.0/16[tcp/any]", "10.1.0.0/16[tcp]"),
        ("10.1.0.0/16[any/any]", "10.1.0.0/16"),
        ("10.1.0.0/16[/53]", "10.1.0.0/16[0/53]"),
        ("10.1.0.0/16[0/opaque]", "10.1.0.0/16[0/OPAQUE]"),
        ("10.1.0.0/16[icmp/8]", "10.1.0.0/16[icmp/8]"),
        ("10.1.0.0/16[icmp/3(1)]", "10.1.0.0/16[icmp/3(1)]"),
        ("10.1.0.0/16[icmp/8-10]", "10.1.0.0/16[icmp/8-10]"),
        ("10.1.0.0/16[icmp/3(1)-3(4)]", "10.1.0.0/16[icmp/3(1)-3(4)]"),
        ("10.1.0.0/16[icmpv6/128]", "10.1.0.0/16[ipv6-icmp/128]"),
        ("10.1.0.1-10.1.0.9", "10.1.0.1..10.1.0.9"),
        ("10.1.0.1..10.1.0.9[udp]", "10.1.0.1..10.1.0.9[udp]"),
        ("10.1.0.0-10.1.0.255", "10.1.0.0/24"),
        (" 10.1.0.0/16 [tcp] ", "10.1.0.0/16[tcp]"),
    ] {
        assert_eq!(ts(text).to_string(), printed, "{text}");
    }
    assert_eq!(ts("10.0.0.0/8[icmp/8]").start_port, 0x0800);
    assert_eq!(ts("10.0.0.0/8[icmp/8]").end_port, 0x08ff);
}

#[test]
fn wrong_notation_names_what_is_wrong() {
    use ParseTrafficSelectorError as Error;
    for (text, error) in [
        ("", Error::Addresses(String::new())),
        ("lan", Error::Addresses("lan".into())),
        ("10.1.0.0/33", Error::Addresses("10.1.0.0/33".into())),
        (
            "10.1.0.9-10.1.0.1",
            Error::Range("10.1.0.9-10.1.0.1".into()),
        ),
        ("10.1.0.9-::1", Error::Range("10.1.0.9-::1".into())),
        ("10.1.0.0/16[tcp", Error::Bracket("10.1.0.0/16[tcp".into())),
        (
            "10.1.0.0/16[tcp]x",
            Error::Bracket("10.1.0.0/16[tcp]x".into()),
        ),
        ("10.1.0.0/16[tpc/80]", Error::Protocol("tpc".into())),
        ("10.1.0.0/16[256]", Error::Protocol("256".into())),
        ("10.1.0.0/16[tcp/http]", Error::Port("http".into())),
        ("10.1.0.0/16[tcp/65536]", Error::Port("65536".into())),
        ("10.1.0.0/16[tcp/9-1]", Error::Port("9-1".into())),
        ("10.1.0.0/16[icmp/256]", Error::Port("256".into())),
        ("10.1.0.0/16[icmp/3(1]", Error::Port("3(1".into())),
        ("dynamic[tcp]", Error::Dynamic),
    ] {
        assert_eq!(TrafficSelector::from_config(text), Err(error), "{text}");
    }
}

#[test]
fn dynamic_is_a_template() {
    assert_eq!(
        SelectorTemplate::from_config("dynamic"),
        Ok(SelectorTemplate::Dynamic {
            protocol: 0,
            start_port: 0,
            end_port: u16::MAX,
        })
    );
    assert_eq!(
        SelectorTemplate::from_config("dynamic[udp/1701]"),
        Ok(SelectorTemplate::Dynamic {
            protocol: 17,
            start_port: 1701,
            end_port: 1701,
        })
    );
    assert_eq!(
        SelectorTemplate::from_config("10.0.0.0/8"),
        Ok(SelectorTemplate::Fixed(ts("10.0.0.0/8")))
    );
}

#[test]
fn intersections() {
    for (one, two, both) in [
        ("10.0.0.0/8", "10.1.0.0/16", Some("10.1.0.0/16")),
        (
            "10.0.0.0/8",
            "10.1.0.0/16[tcp/80]",
            Some("10.1.0.0/16[tcp/80]"),
        ),
        (
            "10.1.0.0/16[tcp]",
            "10.0.0.0/8[0/80]",
            Some("10.1.0.0/16[tcp/80]"),
        ),
        (
            "10.0.0.0/8[tcp/1-100]",
            "10.0.0.0/8[tcp/50-200]",
            Some("10.0.0.0/8[tcp/50-100]"),
        ),
        (
            "10.0.0.1-10.0.0.5",
            "10.0.0.4-10.0.0.9",
            Some("10.0.0.4/31"),
        ),
        ("10.0.0.0/8[tcp]", "10.0.0.0/8[udp]", None),
        ("10.0.0.0/8[tcp/80]", "10.0.0.0/8[tcp/81]", None),
        ("10.0.0.0/16", "10.1.0.0/16", None),
        ("0.0.0.0/0", "::/0", None),
        // OPAQUE (RFC 4301 section 4.4.1.1).
        (
            "10.0.0.0/8[tcp/opaque]",
            "10.0.0.0/8",
            Some("10.0.0.0/8[tcp/OPAQUE]"),
        ),
        (
            "10.0.0.0/8[tcp/opaque]",
            "10.0.0.0/8[tcp/opaque]",
            Some("10.0.0.0/8[tcp/OPAQUE]"),
        ),
        ("10.0.0.0/8[tcp/opaque]", "10.0.0.0/8[tcp/80]", None),
    ] {
        let expected = both.map(str::to_owned);
        let forth = ts(one).intersection(&ts(two));
        assert_eq!(
            forth.map(|common| common.to_string()),
            expected,
            "{one} {two}"
        );
        assert_eq!(forth, ts(two).intersection(&ts(one)), "{one} {two}");
    }
}

#[test]
fn narrowing_keeps_the_order_offered() {
    for (offered, allowed, expected) in [
        (vec!["0.0.0.0/0"], vec!["10.1.0.0/16"], vec!["10.1.0.0/16"]),
        (
            vec!["0.0.0.0/0", "::/0"],
            vec!["::/0", "10.1.0.0/16"],
            vec!["10.1.0.0/16", "::/0"],
        ),
        // RFC 7296 section 2.9: the packet's own selector first, which the second includes.
        (
            vec!["10.1.0.5/32[tcp/80]", "10.1.0.0/16"],
            vec!["10.1.0.0/16"],
            vec!["10.1.0.0/16"],
        ),
        (
            vec!["10.2.0.0/16", "10.1.0.0/16"],
            vec!["10.1.1.0/24", "10.2.1.0/24", "10.2.2.0/24"],
            vec!["10.2.1.0/24", "10.2.2.0/24", "10.1.1.0/24"],
        ),
        (
            vec!["10.1.0.0/16", "10.1.0.0/16"],
            vec!["10.0.0.0/8"],
            vec!["10.1.0.0/16"],
        ),
        (vec!["10.1.0.0/16"], vec!["10.2.0.0/16"], vec![]),
        (vec![], vec!["10.2.0.0/16"], vec![]),
        (vec!["10.1.0.0/16"], vec![], vec![]),
    ] {
        let narrowed = TrafficSelector::narrow(&all(&offered), &all(&allowed));
        assert_eq!(notation(&narrowed), expected, "{offered:?} {allowed:?}");
    }
}

#[test]
fn narrowing_is_bounded() {
    // 255 even hosts, allowed twice over in halves of ports.
    let offered: Vec<_> = (0..255_u8)
        .map(|host| ts(&format!("10.0.{host}.2/32[tcp]")))
        .collect();
    let allowed = all(&["10.0.0.0/8[tcp/0-9]", "10.0.0.0/8[tcp/20-29]"]);
    assert_eq!(TrafficSelector::narrow(&offered, &allowed).len(), 255);
}

#[test]
fn ranges_become_networks() {
    for (text, expected) in [
        ("10.0.0.0/8", vec!["10.0.0.0/8"]),
        (
            "10.0.0.1-10.0.0.6",
            vec!["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"],
        ),
        ("0.0.0.0/0", vec!["0.0.0.0/0"]),
        ("::/0", vec!["::/0"]),
        ("::1-::2", vec!["::1/128", "::2/128"]),
    ] {
        let subnets: Vec<_> = ts(text).subnets().iter().map(ToString::to_string).collect();
        assert_eq!(subnets, expected, "{text}");
    }
}

#[test]
fn addresses_belong_by_family() {
    let net = ts("10.1.0.0/16");
    assert!(net.contains_address("10.1.255.255".parse().unwrap()));
    assert!(!net.contains_address("10.2.0.0".parse().unwrap()));
    assert!(!net.contains_address("::ffff:10.1.0.1".parse().unwrap()));
    assert!(!ts("0.0.0.0/0").contains_address("::1".parse().unwrap()));
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(selector in any_selector()) {
        prop_assert_eq!(TrafficSelector::from_config(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        if let Ok(selector) = TrafficSelector::from_config(&text) {
            prop_assert!(selector.start <= selector.end);
        }
    }

    #[test]
    fn networks_cover_the_range_exactly(selector in any_selector()) {
        let subnets = selector.subnets();
        prop_assert_eq!(subnets[0].network(), selector.start);
        prop_assert_eq!(subnets.last().unwrap().broadcast(), selector.end);
        for pair in subnets.windows(2) {
            let next: IpAddr = match pair[0].broadcast() {
                IpAddr::V4(last) => IpAddr::V4((last.to_bits() + 1).into()),
                IpAddr::V6(last) => IpAddr::V6((last.to_bits() + 1).into()),
            };
            prop_assert_eq!(next, pair[1].network());
        }
    }

    #[test]
    fn an_intersection_is_a_subset_of_both(one in any_selector(), two in any_selector()) {
        if let Some(both) = one.intersection(&two) {
            prop_assert!(both.is_subset_of(&one) && both.is_subset_of(&two));
            prop_assert!(one.contains(&both) && two.contains(&both));
        }
        prop_assert!(one.is_subset_of(&one));
    }

    #[test]
    fn narrowing_passes_exactly_what_both_pass(
        offered in proptest::collection::vec(small_selector(), 0..4),
        allowed in proptest::collection::vec(small_selector(), 0..4),
    ) {
        let narrowed = TrafficSelector::narrow(&offered, &allowed);
        let passes = |selectors: &[TrafficSelector], packet| {
            selectors.iter().any(|selector| matches(selector, packet))
        };
        for packet in packets() {
            prop_assert_eq!(
                passes(&narrowed, packet),
                passes(&offered, packet) && passes(&allowed, packet),
                "{:?} of {:?}", packet, notation(&narrowed)
            );
        }
        for (index, one) in narrowed.iter().enumerate() {
            for (other_index, other) in narrowed.iter().enumerate() {
                prop_assert!(index == other_index || !one.is_subset_of(other));
            }
        }
    }
}

//! Which policy decides about a packet.

use holdfast_ike::TrafficSelector;

use super::{child, installed};
use crate::{
    Policy, PolicyAction, PolicyId,
    packet::header::Header,
    userspace::{
        shunts::{Fate, Shunts},
        tables::Tables,
        traps::Traps,
    },
};

fn selectors(nets: &[&str], protocol: u8, port: Option<u16>) -> Vec<TrafficSelector> {
    let selector = |net: &&str| {
        let mut selector = TrafficSelector::from_net(net.parse().unwrap());
        selector.protocol = protocol;
        if let Some(port) = port {
            (selector.start_port, selector.end_port) = (port, port);
        }
        selector
    };
    nets.iter().map(selector).collect()
}

/// A TCP segment from 10.1.0.1 to this host and port.
fn packet(host: u8, port: u16) -> Header {
    let mut packet = [0; 40];
    packet[0] = 0x45;
    packet[3] = 40;
    packet[9] = 6;
    packet[12..20].copy_from_slice(&[10, 1, 0, 1, 10, 2, 0, host]);
    packet[22..24].copy_from_slice(&port.to_be_bytes());
    Header::parse(&packet).unwrap()
}

/// A tunnel from 10.1.0.0/16 to 10.2.0.0/16, perhaps only its trap, and shunts.
#[derive(Default)]
struct Desk {
    tunnel: bool,
    trap: bool,
    shunts: Vec<(Fate, Vec<TrafficSelector>, Vec<TrafficSelector>)>,
}

impl Desk {
    fn judge(&self, header: &Header) -> Option<Fate> {
        let (tables, traps, shunts) = (Tables::new(), Traps::new(), Shunts::new());
        let local_ts = selectors(&["10.1.0.0/16"], 0, None);
        let remote_ts = selectors(&["10.2.0.0/16"], 0, None);
        if self.tunnel {
            let child = child(300, local_ts.clone(), remote_ts.clone());
            assert!(tables.publish(&installed(&child, 0)));
        }
        let mut policy = Policy {
            id: PolicyId(1),
            action: PolicyAction::Protect,
            local_ts,
            remote_ts,
            peers: vec![],
        };
        if self.trap {
            assert!(traps.publish(&policy, 1).is_some());
        }
        for (number, (fate, local, remote)) in self.shunts.iter().enumerate() {
            policy.id = PolicyId(number as u32 + 2);
            policy.local_ts.clone_from(local);
            policy.remote_ts.clone_from(remote);
            assert!(shunts.publish(&policy, *fate, number as u64).is_some());
            assert!(shunts.publish(&policy, *fate, 9).is_none(), "once");
        }
        let fit = tables.outbound_with_fit(header).map(|(_, fit)| fit);
        let judged = shunts.judge(header, fit.or_else(|| traps.fit(header)));
        for number in 0..self.shunts.len() {
            assert!(shunts.withdraw(PolicyId(number as u32 + 2)));
        }
        assert!(shunts.is_empty() && shunts.judge(header, None).is_none());
        judged
    }
}

fn everything() -> Vec<TrafficSelector> {
    selectors(&["0.0.0.0/0"], 0, None)
}

#[test]
fn the_narrowest_decides() {
    let host = selectors(&["10.2.0.9/32"], 0, None);
    for (tunnel, trap) in [(true, true), (true, false), (false, true), (false, false)] {
        for fate in [Fate::Passes, Fate::Drops] {
            let narrow = Desk {
                tunnel,
                trap,
                shunts: vec![(fate, everything(), host.clone())],
            };
            assert_eq!(narrow.judge(&packet(9, 80)), Some(fate));
            assert_eq!(narrow.judge(&packet(8, 80)), None);
            let wide = Desk {
                tunnel,
                trap,
                shunts: vec![(fate, everything(), everything())],
            };
            let protected = tunnel || trap;
            assert_eq!(wide.judge(&packet(9, 80)), (!protected).then_some(fate));
        }
    }
}

#[test]
fn between_equals_who_lets_pass_comes_first_and_who_drops_last() {
    let local = || selectors(&["10.1.0.0/16"], 0, None);
    let remote = || selectors(&["10.2.0.0/16"], 0, None);
    let mut desk = Desk {
        tunnel: true,
        trap: false,
        shunts: vec![(Fate::Drops, local(), remote())],
    };
    assert_eq!(desk.judge(&packet(9, 80)), None, "the tunnel is up");
    (desk.tunnel, desk.trap) = (false, true);
    assert_eq!(desk.judge(&packet(9, 80)), None, "it will come");
    desk.trap = false;
    assert_eq!(desk.judge(&packet(9, 80)), Some(Fate::Drops));
    desk.shunts.insert(0, (Fate::Passes, local(), remote()));
    desk.tunnel = true;
    assert_eq!(desk.judge(&packet(9, 80)), Some(Fate::Passes));
}

#[test]
fn protocol_and_port_are_told_apart() {
    let web = selectors(&["10.2.0.0/16"], 6, Some(80));
    let desk = Desk {
        tunnel: true,
        trap: true,
        shunts: vec![(Fate::Passes, selectors(&["10.1.0.0/16"], 0, None), web)],
    };
    assert_eq!(desk.judge(&packet(9, 80)), Some(Fate::Passes));
    assert_eq!(desk.judge(&packet(9, 443)), None);
}

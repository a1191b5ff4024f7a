//! Two userspace data planes on loopback sockets, with good and bad networks between them.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

#[path = "userspace/early.rs"]
mod early;
#[path = "userspace/moving.rs"]
mod moving;
#[path = "userspace/padding.rs"]
mod padding;
#[path = "userspace/rekeying.rs"]
mod rekeying;
mod support;
#[path = "userspace/transport.rs"]
mod transport;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, executor::block_on};
use holdfast_ike::{EspSpi, Mode, proposal::EncryptionId};
use holdfast_ipsec::{DataPlane, InstallError, PlaneEvent};

use support::{Gateway, Network, PATIENCE, child, packet};

/// Two gateways with a tunnel; the first sends through `network`, if there is one.
fn tunnel(one: &Gateway, two: &Gateway, network: Option<&Network>) {
    let towards_two = network.map_or(two.address, |network| network.address);
    for (gateway, sa) in [
        (one, child(1, one.address, towards_two)),
        (two, child(2, two.address, one.address)),
    ] {
        block_on(gateway.plane.install(sa)).unwrap();
    }
}

const AT_ONE: EspSpi = EspSpi(0x1001);
const AT_TWO: EspSpi = EspSpi(0x1002);

#[test]
fn packets_of_both_families_pass_both_ways() {
    let (one, two) = (Gateway::start(), Gateway::start());
    tunnel(&one, &two, None);
    assert_eq!(one.plane.usage(AT_ONE).unwrap().last_out, None);
    for (from, to, source, destination) in [
        (&one, &two, "10.1.0.1", "10.2.0.1"),
        (&two, &one, "10.2.0.9", "10.1.255.255"),
        (&one, &two, "fd00:1::1", "fd00:2::1"),
        (&two, &one, "fd00:2::1", "fd00:1:5::1"),
    ] {
        for length in [0, 1, 2, 3, 1000, 20_000] {
            let sent = packet(source, destination, &vec![7; length]);
            from.application.inject(sent.clone()).unwrap();
            assert_eq!(to.application.receive_timeout(PATIENCE), Some(sent));
        }
    }
    // Who sends counts after it has sent.
    one.wait_for("twelve packets", |plane| {
        plane.usage(AT_ONE).unwrap().packets_out == 12
    });
    let (sender, receiver) = (
        one.plane.usage(AT_ONE).unwrap(),
        two.plane.usage(AT_TWO).unwrap(),
    );
    assert_eq!(receiver.packets_in, 12);
    assert_eq!(sender.bytes_out, receiver.bytes_in);
    assert_eq!(sender.bytes_in, receiver.bytes_out);
    assert!(sender.last_in.is_some() && sender.last_out.is_some());
    for gateway in [&one, &two] {
        let failures: Vec<_> = gateway
            .plane
            .counters()
            .iter()
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(failures, []);
    }
}

#[test]
fn every_cipher_carries_traffic() {
    for (encryption, key_bits, length) in [
        (EncryptionId::AES_GCM_16, 128, 20),
        (EncryptionId::AES_GCM_16, 256, 36),
        (EncryptionId::CHACHA20_POLY1305, 0, 36),
    ] {
        for extended in [false, true] {
            let (one, two) = (Gateway::start(), Gateway::start());
            for (gateway, end, remote) in [(&one, 1, two.address), (&two, 2, one.address)] {
                let mut sa = child(end, gateway.address, remote);
                sa.suite.encryption = encryption;
                sa.suite.key_bits = key_bits;
                sa.suite.extended_sequence_numbers = extended;
                for key in [&mut sa.inbound_key, &mut sa.outbound_key] {
                    let cut = key.encryption.expose()[..length].to_vec();
                    key.encryption = holdfast_ike::Secret::new(cut);
                }
                block_on(gateway.plane.install(sa)).unwrap();
            }
            let sent = packet("10.1.0.1", "10.2.0.1", b"hello");
            one.application.inject(sent.clone()).unwrap();
            assert_eq!(two.application.receive_timeout(PATIENCE), Some(sent));
        }
    }
}

#[test]
fn loss_duplication_and_reordering_are_survived() {
    const COUNT: u32 = 2000;
    let (one, two) = (Gateway::start(), Gateway::start());
    let mut number = 0;
    let mut held = Vec::new();
    let (seen, forwarded) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let [sees, forwards] = [&seen, &forwarded].map(Arc::clone);
    let network = Network::to(two.address, move |datagram| {
        number += 1;
        let fate = match number % 20 {
            3 => vec![],
            7 => vec![datagram.clone(), datagram],
            11 => {
                held.push(datagram);
                vec![]
            }
            // Two rounds late, and then again.
            12 if held.len() > 2 => {
                let late = held.remove(0);
                vec![late.clone(), datagram, late]
            }
            _ => vec![datagram],
        };
        forwards.fetch_add(fate.len() as u64, Ordering::SeqCst);
        sees.fetch_add(1, Ordering::SeqCst);
        fate
    });
    tunnel(&one, &two, Some(&network));
    let mut received = BTreeMap::new();
    for number in 0..COUNT {
        let payload = number.to_be_bytes();
        while one
            .application
            .inject(packet("10.1.0.1", "10.2.0.1", &payload))
            .is_err()
        {
            std::thread::yield_now();
        }
        // Not faster than a socket's buffer can take.
        if number % 50 == 49 {
            two.wait_for("arrival", |plane| {
                let arrived = plane.usage(AT_TWO).unwrap().packets_in + plane.counters().replayed;
                seen.load(Ordering::SeqCst) > u64::from(number)
                    && arrived == forwarded.load(Ordering::SeqCst)
            });
        }
        while let Some(packet) = two.application.try_receive() {
            *received.entry(packet).or_insert(0) += 1;
        }
    }
    let (lost, late) = (u64::from(COUNT) / 20, u64::from(COUNT) / 20 - 2);
    let expected = u64::from(COUNT) - lost - 2;
    let doubled = u64::from(COUNT) / 20 + late;
    two.wait_for("everything", |plane| {
        let usage = plane.usage(AT_TWO).unwrap();
        usage.packets_in >= expected && plane.counters().replayed >= doubled
    });
    while let Some(packet) = two.application.try_receive() {
        *received.entry(packet).or_insert(0) += 1;
    }
    assert_eq!(two.plane.usage(AT_TWO).unwrap().packets_in, expected);
    assert_eq!(two.plane.counters().replayed, doubled);
    assert_eq!(received.len() as u64, expected);
    assert!(received.values().all(|times| *times == 1));
}

#[test]
fn replayed_packets_never_arrive_twice() {
    let (one, two) = (Gateway::start(), Gateway::start());
    let network = Network::to(two.address, |datagram| vec![datagram; 5]);
    tunnel(&one, &two, Some(&network));
    for number in 0..20 {
        let sent = packet("10.1.0.1", "10.2.0.1", &[number]);
        one.application.inject(sent.clone()).unwrap();
        assert_eq!(two.application.receive_timeout(PATIENCE), Some(sent));
    }
    two.wait_for("the replays", |plane| plane.counters().replayed == 80);
    assert_eq!(two.application.try_receive(), None);
}

#[test]
fn tampered_packets_are_counted_and_dropped() {
    let (one, two) = (Gateway::start(), Gateway::start());
    let mut number = 0;
    let network = Network::to(two.address, move |mut datagram| {
        // Everything behind the SPI, again and again.
        let at = 4 + number % (datagram.len() - 4);
        number += 1;
        datagram[at] ^= 1;
        vec![datagram]
    });
    tunnel(&one, &two, Some(&network));
    for number in 0..200 {
        let sent = packet("10.1.0.1", "10.2.0.1", &[number; 40]);
        one.application.inject(sent).unwrap();
    }
    two.wait_for("rejection", |plane| {
        let counters = plane.counters();
        counters.integrity_failed + counters.replayed == 200
    });
    assert!(two.plane.counters().integrity_failed >= 190);
    assert_eq!(two.application.try_receive(), None);
    let usage = two.plane.usage(AT_TWO).unwrap();
    assert_eq!((usage.packets_in, usage.last_in), (0, None));
}

#[test]
fn bad_datagrams_are_counted_by_what_they_are() {
    let (one, mut two) = (Gateway::start(), Gateway::start());
    tunnel(&one, &two, None);
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let send = |datagram: &[u8]| {
        stranger.send_to(datagram, two.address).unwrap();
    };
    send(&[0xff]);
    send(&[0xfe]);
    send(b"short");
    let unknown = [&[0xde, 0xad, 0xbe, 0xef][..], &[0; 100]].concat();
    send(&unknown);
    send(&vec![0xaa; 60_000]);
    // Truncated ESP of a known SA.
    let known = [&0x1002_u32.to_be_bytes()[..], &[0, 0, 0, 1], &[0; 28]].concat();
    send(&known);
    send(&known[..23]);
    two.wait_for("counting", |plane| {
        let counters = plane.counters();
        counters.keepalives == 1
            && counters.malformed == 3
            && counters.unknown_spi == 2
            && counters.integrity_failed == 1
    });
    // And the tunnel lives.
    let sent = packet("10.1.0.1", "10.2.0.1", b"still here");
    one.application.inject(sent.clone()).unwrap();
    assert_eq!(two.application.receive_timeout(PATIENCE), Some(sent));

    // IKE behind its marker is passed on, as far as there is room.
    for number in 0..10 {
        send(&[0, 0, 0, 0, number]);
    }
    two.wait_for("the queue to fill", |plane| {
        plane.counters().dropped_queue_full == 6
    });
    let message = two.ike.try_recv().unwrap();
    assert_eq!(message.data, [0]);
    assert_eq!(message.path.local, two.address);
    assert_eq!(message.path.remote, stranger.local_addr().unwrap());
}

#[test]
fn what_an_sa_is_not_for_is_dropped() {
    let (one, two) = (Gateway::start(), Gateway::start());
    // The sender believes in wider selectors than the receiver agreed to.
    let mut sa = child(1, one.address, two.address);
    sa.local_ts = vec![
        "0.0.0.0/0"
            .parse()
            .map(holdfast_ike::TrafficSelector::from_net)
            .unwrap(),
    ];
    sa.remote_ts = sa.local_ts.clone();
    block_on(one.plane.install(sa)).unwrap();
    block_on(two.plane.install(child(2, two.address, one.address))).unwrap();
    for (source, destination) in [("10.9.0.1", "10.2.0.1"), ("10.1.0.1", "10.9.0.1")] {
        let sent = packet(source, destination, b"x");
        one.application.inject(sent).unwrap();
    }
    two.wait_for("the check", |plane| plane.counters().policy_mismatch == 2);
    // Neither IPv4 nor IPv6, and a length that lies.
    for bad in [
        vec![],
        vec![0x50; 40],
        packet("10.1.0.1", "10.2.0.1", b"cut")[..25].to_vec(),
    ] {
        one.application.inject(bad).unwrap();
    }
    one.wait_for("the parser", |plane| plane.counters().device_malformed == 3);
    let huge = packet("10.1.0.1", "10.2.0.1", &vec![0; 65_500]);
    one.application.inject(huge).unwrap();
    one.wait_for("the limit", |plane| plane.counters().device_malformed == 4);
    assert_eq!(two.application.try_receive(), None);
}

#[test]
fn packets_without_an_sa_are_reported() {
    let mut one = Gateway::start();
    for number in 0..50 {
        let stray = packet("10.1.0.1", "10.77.0.1", &[number]);
        one.application.inject(stray).unwrap();
        // Nobody wants to hear of these.
        one.application
            .inject(packet("fe80::1", "ff02::2", &[number]))
            .unwrap();
    }
    one.wait_for("counting", |plane| plane.counters().no_policy == 50);
    let PlaneEvent::PacketWithoutSa {
        source,
        destination,
        protocol,
        ports,
    } = one.event()
    else {
        panic!("not the event");
    };
    assert_eq!(source.to_string(), "10.1.0.1");
    assert_eq!(destination.to_string(), "10.77.0.1");
    assert_eq!((protocol, ports), (17, Some((12345, 53))));
}

#[test]
fn packet_limits_replace_and_then_end_an_sa() {
    let (mut one, two) = (Gateway::start(), Gateway::start());
    let mut sa = child(1, one.address, two.address);
    sa.lifetime.soft_packets = 3;
    sa.lifetime.hard_packets = 5;
    block_on(one.plane.install(sa)).unwrap();
    block_on(two.plane.install(child(2, two.address, one.address))).unwrap();
    for number in 0..8 {
        one.application
            .inject(packet("10.1.0.1", "10.2.0.1", &[number]))
            .unwrap();
    }
    for expected in [false, true] {
        let event = one.event();
        assert!(
            matches!(event, PlaneEvent::Expired { inbound: AT_ONE, hard } if hard == expected),
            "{event:?}"
        );
    }
    one.wait_for("the end", |plane| plane.counters().expired == 3);
    two.wait_for("the rest", |plane| {
        plane.usage(AT_TWO).unwrap().packets_in == 5
    });
    // It does not receive any more either.
    two.application
        .inject(packet("10.2.0.1", "10.1.0.1", b"late"))
        .unwrap();
    one.wait_for("the refusal", |plane| plane.counters().expired == 4);
}

#[test]
fn an_sa_ends_at_its_age() {
    let (mut one, two) = (Gateway::start(), Gateway::start());
    let mut sa = child(1, one.address, two.address);
    sa.lifetime.hard_time = Duration::from_millis(20);
    block_on(one.plane.install(sa)).unwrap();
    let event = one.event();
    assert!(
        matches!(
            event,
            PlaneEvent::Expired {
                inbound: AT_ONE,
                hard: true
            }
        ),
        "{event:?}"
    );
    one.application
        .inject(packet("10.1.0.1", "10.2.0.1", b"late"))
        .unwrap();
    one.wait_for("the end", |plane| plane.counters().expired == 1);
    // One that was removed in time says nothing.
    let mut sa = child(2, one.address, two.address);
    sa.lifetime.hard_time = Duration::from_millis(20);
    block_on(one.plane.install(sa)).unwrap();
    block_on(one.plane.remove(AT_TWO));
    std::thread::sleep(Duration::from_millis(50));
    assert!(one.events.try_recv().is_err());
}

#[test]
fn what_cannot_be_carried_is_refused() {
    let one = Gateway::start();
    let good = || child(1, one.address, "192.0.2.9:4500".parse().unwrap());
    let install = |sa| one.plane.install(sa).now_or_never().unwrap();
    let mut sa = good();
    sa.mode = Mode::Transport;
    assert_eq!(install(sa), Err(InstallError::TransportMode));
    let mut sa = good();
    sa.encapsulation = false;
    assert_eq!(install(sa), Err(InstallError::NoEncapsulation));
    let mut sa = good();
    sa.suite.key_bits = 128;
    assert!(matches!(install(sa), Err(InstallError::KeyLength { .. })));
    let mut sa = good();
    sa.remote_ts.clear();
    assert_eq!(install(sa), Err(InstallError::Selectors(0)));
    let mut sa = good();
    sa.path.local = "[::1]:4500".parse().unwrap();
    sa.path.remote = "[::1]:4500".parse().unwrap();
    assert!(matches!(install(sa), Err(InstallError::NoSocket(_))));
    let mut sa = good();
    sa.path.local = "192.0.2.77:4500".parse().unwrap();
    assert!(matches!(install(sa), Err(InstallError::NoSocket(_))));
    assert_eq!(one.plane.usage(AT_ONE), None, "nothing of these is left");
    assert_eq!(install(good()), Ok(()));
    assert_eq!(install(good()), Err(InstallError::SpiInUse(AT_ONE)));
}

#[test]
fn spis_are_free_again_after_removal() {
    let (one, two) = (Gateway::start(), Gateway::start());
    let spi = one.plane.allocate_spi().unwrap();
    let mut sa = child(1, one.address, two.address);
    sa.inbound_spi = spi;
    block_on(one.plane.install(sa.clone())).unwrap();
    assert!(one.plane.usage(spi).is_some());
    block_on(one.plane.remove(spi));
    assert_eq!(one.plane.usage(spi), None);
    block_on(one.plane.remove(spi));
    one.application
        .inject(packet("10.1.0.1", "10.2.0.1", b"x"))
        .unwrap();
    one.wait_for("the policy to be gone", |plane| {
        plane.counters().no_policy == 1
    });
    block_on(one.plane.install(sa)).unwrap();
}

#[test]
fn changes_under_traffic_lose_nothing_of_others() {
    let (one, two) = (Gateway::start(), Gateway::start());
    tunnel(&one, &two, None);
    let churn = |gateway: &Gateway, number: u32| {
        let mut sa = child(1, gateway.address, two.address);
        sa.inbound_spi = EspSpi(0x5000 + number);
        sa.local_ts = vec![
            "10.200.0.0/16"
                .parse()
                .map(holdfast_ike::TrafficSelector::from_net)
                .unwrap(),
        ];
        let spi = sa.inbound_spi;
        block_on(gateway.plane.install(sa)).unwrap();
        spi
    };
    let mut spis = Vec::new();
    for number in 0..300 {
        spis.push(churn(&one, number));
        let sent = packet("10.1.0.1", "10.2.0.1", &number.to_be_bytes());
        one.application.inject(sent.clone()).unwrap();
        assert_eq!(two.application.receive_timeout(PATIENCE), Some(sent));
        if spis.len() > 20 {
            block_on(one.plane.remove(spis.remove(0)));
        }
    }
}

#[test]
fn shutdown_ends_everything() {
    let one = Gateway::start();
    let address: SocketAddr = one.address;
    block_on(one.plane.shutdown());
    block_on(one.plane.shutdown());
    let refused = block_on(one.plane.install(child(1, address, address)));
    assert_eq!(refused, Err(InstallError::ShutDown));
    assert!(
        one.application.inject(vec![0]).is_err(),
        "the device is closed"
    );
    block_on(one.plane.remove(AT_ONE));
    let Gateway { plane, mut ike, .. } = one;
    drop(plane);
    // The data plane was the only sender.
    assert!(block_on(ike.recv()).is_none());
    UdpSocket::bind(address).unwrap();
}

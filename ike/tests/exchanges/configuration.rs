//! The Configuration payload: virtual addresses asked for and handed out
//! (RFC 7296 sections 2.19 and 3.15).

use std::{net::IpAddr, sync::Arc};

use holdfast_ike::{
    Configured,
    config::SelectorTemplate,
    configuration::Attribute,
    sa::{CloseCause, Command, Event, Failure, Input},
};

use crate::pair::{End, Pair, child, connection};

const DYNAMIC: SelectorTemplate = SelectorTemplate::Dynamic {
    protocol: 0,
    start_port: 0,
    end_port: u16::MAX,
};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A road warrior that asks for these addresses, and a gateway with a pool of so many.
fn road_warrior(vips: &[&str], size: u8) -> Pair {
    let mut local = child("net", "0.0.0.0/0", "0.0.0.0/0");
    local.local_ts = vec![DYNAMIC];
    let mut remote = child("net", "0.0.0.0/0", "0.0.0.0/0");
    remote.remote_ts = vec![DYNAMIC];
    for (mine, all) in [
        (&mut local.remote_ts, "::/0"),
        (&mut remote.local_ts, "::/0"),
    ] {
        mine.push(crate::pair::net(all));
    }
    let mut pair = Pair::with(
        connection("moon", "sun", vec![local]),
        connection("sun", "moon", vec![remote]),
    );
    pair.initiator.connection.vips = vips.iter().map(|vip| ip(vip)).collect();
    pair.responder.connection.pools = vec!["guests".into()];
    pair.responder.env.lending.size = size;
    pair
}

fn configured(end: &End) -> Arc<Configured> {
    let established = |event: &Event| match event {
        Event::Established(established) => Some(Arc::clone(&established.configured)),
        _ => None,
    };
    end.events
        .iter()
        .find_map(established)
        .expect("established")
}

fn addresses(selectors: &[holdfast_ike::TrafficSelector]) -> Vec<String> {
    selectors.iter().map(ToString::to_string).collect()
}

#[test]
fn addresses_of_both_families() {
    let mut pair = road_warrior(&["0.0.0.0", "::"], 9);
    let told = [
        Attribute::Dns(ip("10.0.0.53")),
        Attribute::Subnet("10.1.0.0/16".parse().expect("a network")),
        Attribute::DnsDomain("corp.example".to_owned()),
    ];
    pair.responder.env.told = told.to_vec();
    let mut pair = pair.up();
    let both = [ip("10.3.0.1"), ip("fd00::1")];
    assert_eq!(pair.initiator.assigned, both);
    assert_eq!(configured(&pair.initiator).local_vips, both);
    assert_eq!(configured(&pair.initiator).attributes, told);
    assert_eq!(configured(&pair.responder).remote_vips, both);
    assert!(configured(&pair.responder).local_vips.is_empty());
    let (ours, theirs) = (&pair.initiator.installed[0], &pair.responder.installed[0]);
    assert_eq!(addresses(&ours.local_ts), ["10.3.0.1/32", "fd00::1/128"]);
    assert_eq!(ours.local_ts, theirs.remote_ts);
    assert_eq!(addresses(&theirs.local_ts), ["0.0.0.0/0", "::/0"]);
    // The end gives everything back; `End` checks.
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Terminate), now);
    pair.settle();
    assert!(pair.initiator.closed().is_some() && pair.responder.closed().is_some());
}

#[test]
fn a_wish_is_granted_where_it_can_be() {
    let pair = road_warrior(&["10.3.0.5"], 9).up();
    assert_eq!(pair.initiator.assigned, [ip("10.3.0.5")]);
    let pair = road_warrior(&["192.0.2.77"], 9).up();
    assert_eq!(pair.initiator.assigned, [ip("10.3.0.1")]);
    let ts = &pair.initiator.installed[0].local_ts;
    assert_eq!(addresses(ts), ["10.3.0.1/32"]);
}

/// What is made later has the address too, and so has what replaces the IKE_SA's keys.
#[test]
fn addresses_stay_through_rekeying() {
    let mut pair = road_warrior(&["0.0.0.0"], 9).up();
    let now = pair.now;
    for command in [
        Command::Rekey,
        Command::RekeyChild(pair.initiator.installed[0].inbound_spi),
    ] {
        pair.initiator.feed(Input::Command(command), now);
        pair.settle();
    }
    assert_eq!(pair.initiator.assigned, [ip("10.3.0.1")]);
    let newest = pair.initiator.installed.last().expect("a child");
    assert_eq!(addresses(&newest.local_ts), ["10.3.0.1/32"]);
    assert_eq!(pair.responder.env.lending.lent.len(), 1);
    // The responder's own wish for one more of them is for that address.
    let config = Arc::new({
        let mut further = child("more", "10.9.0.0/16", "0.0.0.0/0");
        further.remote_ts = vec![DYNAMIC];
        further
    });
    let mut connection = pair.initiator.connection.clone();
    connection.children.push(Arc::new({
        let mut further = child("more", "0.0.0.0/0", "10.9.0.0/16");
        further.local_ts = vec![DYNAMIC];
        further
    }));
    let configure = Command::Configure(Arc::new(connection));
    pair.initiator.feed(Input::Command(configure), now);
    pair.responder
        .feed(Input::Command(Command::Initiate(config)), now);
    pair.settle();
    let newest = pair.responder.installed.last().expect("a child");
    assert_eq!(addresses(&newest.remote_ts), ["10.3.0.1/32"]);
}

#[test]
fn without_an_address_there_is_no_child() {
    let mut pair = road_warrior(&["0.0.0.0"], 0);
    pair.start();
    pair.settle();
    let failure = Failure::InternalAddressFailure;
    assert_eq!(pair.initiator.child_failures(), [failure]);
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Failed(failure)));
    // Whoever is told of the failure can know that this IKE_SA will not try again.
    let closing = |event: &&Event| matches!(event, Event::Closing);
    assert_eq!(pair.initiator.events.iter().filter(closing).count(), 1);
    assert_eq!(pair.responder.closed(), Some(CloseCause::PeerDeleted));
    let refused = |event: &Event| matches!(event, Event::ChildRefused { failure } if *failure == Failure::InternalAddressFailure);
    assert!(pair.responder.has_event(refused));
    assert!(pair.responder.installed.is_empty());
}

#[test]
fn whoever_needs_an_address_must_ask() {
    let mut pair = road_warrior(&[], 9);
    pair.start();
    pair.settle();
    assert_eq!(pair.initiator.child_failures(), [Failure::FailedCpRequired]);
    assert!(pair.initiator.is_established(), "it may be childless");
    assert!(pair.responder.env.lending.lent.is_empty());
}

/// A gateway that hands out addresses to those who have asked for none is not believed, nor is one
/// that grants the CHILD_SA and forgets the address.
#[test]
fn a_gateway_that_ignores_the_wish() {
    let mut pair = road_warrior(&["0.0.0.0"], 9);
    pair.responder.connection.pools.clear();
    pair.start();
    pair.settle();
    let failure = Failure::InternalAddressFailure;
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Failed(failure)));
    assert!(pair.initiator.installed.is_empty());
}

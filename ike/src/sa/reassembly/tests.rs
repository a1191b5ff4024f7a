use proptest::prelude::*;

use super::*;
use crate::{IkeSpi, IkeSpis, wire::Flags};

fn header(message_id: u32) -> Header {
    Header {
        spis: IkeSpis {
            initiator: IkeSpi(*b"initiatr"),
            responder: IkeSpi(*b"responds"),
        },
        next_payload: 53,
        major: 2,
        minor: 0,
        exchange: ExchangeType::IkeAuth,
        flags: Flags::default(),
        message_id: MessageId(message_id),
        length: 0,
    }
}

fn fragment(number: u16, total: u16) -> Fragment<'static> {
    Fragment {
        first_payload: if number == 1 { 35 } else { 0 },
        number,
        total,
        aad: &[0; 36],
        body: &[0; 100],
    }
}

/// Adds one if it is wanted.
fn add(
    reassembly: &mut Reassembly,
    message_id: u32,
    (number, total): (u16, u16),
    plaintext: &[u8],
) -> Option<Reassembled> {
    let (header, fragment) = (header(message_id), fragment(number, total));
    if !reassembly.wants(&header, &fragment) {
        return None;
    }
    let plaintext = Zeroizing::new(plaintext.to_vec());
    reassembly
        .add(&header, &fragment, plaintext)
        .expect("it is not too large")
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut reassembly = Reassembly::default();
    assert!(add(&mut reassembly, 1, (3, 3), b"c").is_none());
    assert!(add(&mut reassembly, 1, (1, 3), b"a").is_none());
    assert!(add(&mut reassembly, 1, (3, 3), b"x").is_none(), "again");
    let whole = add(&mut reassembly, 1, (2, 3), b"bb").expect("nothing is missing");
    assert_eq!((&whole.octets[..], whole.first_payload), (&b"abbc"[..], 35));
    assert_eq!(whole.largest_datagram, 136);
    assert_eq!(reassembly.octets(), 0);
}

#[test]
fn more_fragments_begin_anew_and_fewer_are_late() {
    let mut reassembly = Reassembly::default();
    assert!(add(&mut reassembly, 1, (1, 2), b"large").is_none());
    assert!(add(&mut reassembly, 1, (2, 3), b"m").is_none());
    assert_eq!(reassembly.octets(), 1, "the larger one is forgotten");
    assert!(add(&mut reassembly, 1, (2, 2), b"late").is_none());
    assert!(add(&mut reassembly, 1, (3, 3), b"n").is_none());
    let whole = add(&mut reassembly, 1, (1, 3), b"l").expect("nothing is missing");
    assert_eq!(&whole.octets[..], b"lmn");
}

#[test]
fn another_message_takes_the_place_of_one_that_never_came() {
    let mut reassembly = Reassembly::default();
    assert!(add(&mut reassembly, 1, (1, 2), b"a").is_none());
    let whole = add(&mut reassembly, 2, (1, 1), b"b").expect("it is whole");
    assert_eq!(&whole.octets[..], b"b");
    assert!(add(&mut reassembly, 1, (2, 2), b"a").is_none());
}

#[test]
fn too_many_fragments_are_not_wanted_and_too_many_octets_forgotten() {
    let mut reassembly = Reassembly::default();
    assert!(!reassembly.wants(&header(1), &fragment(1, MOST_FRAGMENTS + 1)));
    let plaintext = || Zeroizing::new(vec![0; MOST_OCTETS / 2]);
    for number in [1, 2] {
        let added = reassembly.add(&header(1), &fragment(number, 9), plaintext());
        assert!(added.is_ok_and(|whole| whole.is_none()));
    }
    let added = reassembly.add(&header(1), &fragment(3, 9), Zeroizing::new(vec![0]));
    assert!(added.is_err());
    assert_eq!(reassembly.octets(), 0);
}

proptest! {
    /// What the fuzz target `fragments` does: whatever comes in whatever order, no more is kept
    /// than allowed, and what comes out is what a sender may have sent.
    #[test]
    fn memory_is_bounded(
        arrivals in proptest::collection::vec((0_u32..3, 1_u16..40, 1_u16..600, 0_usize..3000), 0..300)
    ) {
        let mut reassembly = Reassembly::default();
        for (message_id, number, total, len) in arrivals {
            let (header, fragment) = (header(message_id), fragment(number.min(total), total));
            if !reassembly.wants(&header, &fragment) {
                continue;
            }
            let plaintext = Zeroizing::new(vec![number as u8; len]);
            if let Ok(Some(whole)) = reassembly.add(&header, &fragment, plaintext) {
                prop_assert!(whole.octets.len() <= MOST_OCTETS);
                prop_assert!(whole.octets.is_sorted(), "the fragments are in order");
                prop_assert_eq!(reassembly.octets(), 0);
            }
            prop_assert!(reassembly.octets() <= MOST_OCTETS);
        }
    }
}

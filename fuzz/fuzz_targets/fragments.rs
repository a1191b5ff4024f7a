//! Fragments of protected messages in any order, as a peer that holds the keys may send them. Each
//! record of the input: message ID, number, total (one octet each), length of the plaintext in
//! units of 16 octets.
#![no_main]

use holdfast_ike::{
    IkeSpi, IkeSpis, MessageId,
    sa::reassembly::{MOST_OCTETS, Reassembly},
    wire::{ExchangeType, Flags, Fragment, Header},
};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

fuzz_target!(|input: &[u8]| {
    let mut reassembly = Reassembly::default();
    for record in input.chunks_exact(4) {
        let &[message_id, number, total, units] = record else {
            return;
        };
        let total = u16::from(total).max(1);
        let fragment = Fragment {
            first_payload: 35,
            number: u16::from(number).clamp(1, total),
            total,
            aad: &[],
            body: &[],
        };
        let header = Header {
            spis: IkeSpis {
                initiator: IkeSpi([1; 8]),
                responder: IkeSpi([2; 8]),
            },
            next_payload: 53,
            major: 2,
            minor: 0,
            exchange: ExchangeType::Informational,
            flags: Flags::default(),
            message_id: MessageId(message_id.into()),
            length: 0,
        };
        if !reassembly.wants(&header, &fragment) {
            continue;
        }
        let plaintext = Zeroizing::new(vec![fragment.number as u8; usize::from(units) * 16]);
        if let Ok(Some(whole)) = reassembly.add(&header, &fragment, plaintext) {
            assert!(whole.octets.len() <= MOST_OCTETS);
            assert!(whole.octets.is_sorted(), "the fragments are in order");
            assert_eq!(reassembly.octets(), 0);
        }
        assert!(reassembly.octets() <= MOST_OCTETS);
    }
});

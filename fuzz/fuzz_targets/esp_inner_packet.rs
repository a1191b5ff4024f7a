//! Arbitrary packets from an authenticated peer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_ipsec::fuzzing::inner_packet(octets));

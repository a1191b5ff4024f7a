//! Arbitrary datagrams on the NAT traversal port.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_ipsec::fuzzing::datagram(octets));

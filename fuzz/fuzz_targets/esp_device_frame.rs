//! Arbitrary frames from the TUN device.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_ipsec::fuzzing::device_frame(octets));

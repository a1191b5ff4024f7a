//! The control protocol: streams of frames, packets and their messages.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_vici::fuzz::read_anything(octets));

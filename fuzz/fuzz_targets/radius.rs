//! What may come instead of a RADIUS server's answer.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_eap::fuzz::radius(octets));

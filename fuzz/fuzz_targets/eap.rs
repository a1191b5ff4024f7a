//! EAP packets, and whole conversations in both roles.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    holdfast_eap::fuzz::packet(octets);
    holdfast_eap::fuzz::conversation(octets);
});

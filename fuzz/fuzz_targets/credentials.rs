//! Certificates, revocation lists and keys: whatever a control client may load.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_pki::fuzz::read_anything(octets));

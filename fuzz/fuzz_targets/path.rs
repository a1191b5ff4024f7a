//! Certificates of a peer among which a path to an anchor is looked for.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_pki::fuzz::find_path(octets));

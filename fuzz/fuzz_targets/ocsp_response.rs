//! OCSP responses.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_pki::fuzz::read_ocsp_response(octets));

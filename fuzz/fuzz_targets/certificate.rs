//! Certificates, in DER or PEM.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| holdfast_pki::fuzz::read_certificate(octets));

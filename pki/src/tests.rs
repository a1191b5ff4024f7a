//! Test data, and inputs that nobody thinks of.

pub(crate) mod forge;
pub(crate) mod forge_revocation;

use proptest::prelude::*;

/// A file of `testdata`, see `testdata/make`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const FILES: [&str; 12] = [
    "moon.der",
    "ca.pem",
    "sun.pem",
    "ocsp.pem",
    "crl.pem",
    "rsa.public.pem",
    "rsa.pkcs1.der",
    "rsa.pkcs8.pem",
    "prime256v1.sec1.der",
    "secp384r1.pkcs8.pem",
    "secp521r1.sec1.pem",
    "ed25519.pkcs8.pem",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn anything(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        crate::fuzz::read_anything(&octets);
    }

    #[test]
    fn almost_right(
        file in proptest::sample::select(&FILES[..]),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut octets = data(file);
        for (at, value) in edits {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        if let Some(cut) = cut {
            octets.truncate(cut.index(octets.len()));
        }
        crate::fuzz::read_anything(&octets);
    }
}

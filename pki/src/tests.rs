//! Test data, and inputs that nobody thinks of.

pub(crate) mod forge;
pub(crate) mod forge_revocation;

use proptest::prelude::*;

/// A file of `testdata`, see `testdata/make`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

const FILES: [&str; 14] = [
    "moon.der",
    "ca.pem",
    "sun.pem",
    "ocsp.pem",
    "crl.pem",
    "signed-pss.pem",
    "ocsp-response.der",
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
        read_all(&octets);
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
        read_all(&octets);
    }

    /// A path of three with damage here and there.
    #[test]
    fn almost_a_path(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut octets = path_of_three();
        for (at, value) in edits {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        crate::fuzz::find_path(&octets);
    }
}

fn read_all(octets: &[u8]) {
    crate::fuzz::read_anything(octets);
    crate::fuzz::read_ocsp_response(octets);
    crate::fuzz::find_path(octets);
}

/// What the fuzz target of paths reads.
fn path_of_three() -> Vec<u8> {
    use forge::{Forge, Signer};
    static PATH: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let [root, middle, peer] = ["root", "middle", "peer"].map(Signer::new);
        [
            Forge::leaf().der(&peer, &middle),
            Forge::ca().der(&middle, &root),
            Forge::ca().der(&root, &root),
        ]
        .iter()
        .flat_map(|der| [&(der.len() as u16).to_be_bytes()[..], der].concat())
        .collect()
    });
    PATH.clone()
}

/// A fuzz target: its name and what it runs.
type Target = (&'static str, fn(&[u8]));

/// The committed seeds of the fuzz targets: each is read, and does what it is there for.
#[test]
fn seeds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds");
    let targets: [Target; 4] = [
        ("certificate", crate::fuzz::read_certificate),
        ("crl", crate::fuzz::read_revocation_list),
        ("ocsp_response", crate::fuzz::read_ocsp_response),
        ("path", crate::fuzz::find_path),
    ];
    for (target, run) in targets {
        let seeds = std::fs::read_dir(format!("{folder}/{target}")).expect(target);
        let seeds: Vec<_> = seeds.map(|seed| seed.expect(target).path()).collect();
        assert!(!seeds.is_empty(), "{target}");
        for seed in seeds {
            run(&std::fs::read(seed).expect(target));
        }
    }
}

use super::*;
use crate::crypto::test_vectors;

const PRFS: [(&str, PrfId, usize); 5] = [
    ("md5", PrfId::HMAC_MD5, 16),
    ("sha1", PrfId::HMAC_SHA1, 20),
    ("sha256", PrfId::HMAC_SHA2_256, 32),
    ("sha384", PrfId::HMAC_SHA2_384, 48),
    ("sha512", PrfId::HMAC_SHA2_512, 64),
];

#[test]
fn published_vectors() {
    let mut checked = 0;
    for vector in test_vectors::read(include_str!("../../../testdata/hmac.txt")) {
        let data = vector.bytes("data");
        let (front, back) = data.split_at(data.len() / 3);
        for (name, id, output_len) in PRFS {
            let Some(expected) = vector.find(name) else {
                continue;
            };
            let prf = Prf::new(id).unwrap();
            assert_eq!(prf.output_len(), output_len);
            let output = prf.compute(&vector.bytes("key"), &[front, back]);
            assert_eq!(output.expose(), test_vectors::hex(expected), "{name}");
            checked += 1;
        }
    }
    assert_eq!(checked, 6 * 3 + 3 + 7);
}

/// prf+ over the NIST vectors: DKM = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr).
#[test]
fn plus_published_vectors() {
    for vector in test_vectors::read(include_str!("../../../testdata/nist_ikev2_kdf.txt")) {
        let (name, id, _) = PRFS
            .into_iter()
            .find(|prf| prf.0 == vector.text("prf"))
            .unwrap();
        let prf = Prf::new(id).unwrap();
        let seed = ["ni", "nr", "spi_i", "spi_r"].map(|part| vector.bytes(part));
        let seed: Vec<&[u8]> = seed.iter().map(Vec::as_slice).collect();
        let key = vector.bytes("skeyseed");
        let expected = vector.bytes("dkm");
        // A shorter stream is the beginning of a longer one, wherever it is cut.
        for len in (0..=expected.len()).rev() {
            let stream = prf.plus(&key, &seed, len);
            assert_eq!(stream.expose(), &expected[..len], "{name}, {len} octets");
        }
    }
}

/// RFC 7296 section 2.18: SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr).
#[test]
fn seed_of_a_rekeyed_ike_sa() {
    for vector in test_vectors::read(include_str!("../../../testdata/nist_ikev2_kdf.txt")) {
        let (name, id, output_len) = PRFS
            .into_iter()
            .find(|prf| prf.0 == vector.text("prf"))
            .unwrap();
        let parts = ["g_ir_new", "ni", "nr"].map(|part| vector.bytes(part));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let sk_d = &vector.bytes("dkm")[..output_len];
        assert_eq!(
            Prf::new(id).unwrap().compute(sk_d, &parts).expose(),
            vector.bytes("rekey"),
            "{name}"
        );
    }
}

#[test]
fn plus_ends_where_its_counter_does() {
    let prf = Prf::new(PrfId::HMAC_SHA2_256).unwrap();
    let longest = prf.plus(b"key", &[b"seed"], 255 * 32);
    assert_eq!(longest.expose().len(), 255 * 32);
    let last = prf.compute(
        b"key",
        &[&longest.expose()[253 * 32..254 * 32], b"seed", &[255]],
    );
    assert_eq!(&longest.expose()[254 * 32..], last.expose());
}

#[test]
#[should_panic(expected = "counter of one octet")]
fn plus_never_wraps_its_counter() {
    let prf = Prf::new(PrfId::HMAC_SHA2_256).unwrap();
    let _ = prf.plus(b"key", &[b"seed"], 255 * 32 + 1);
}

#[test]
fn functions_of_a_block_cipher() {
    let vectors = test_vectors::read(include_str!("../../../testdata/cbc_mac_prf.txt"));
    assert_eq!(vectors.len(), 2 * 3);
    for vector in vectors {
        let id = match vector.text("prf") {
            "xcbc" => PrfId::AES128_XCBC,
            "cmac" => PrfId::AES128_CMAC,
            other => panic!("{other}"),
        };
        let prf = Prf::new(id).unwrap();
        assert_eq!(prf.output_len(), 16);
        let (key, data) = (vector.bytes("key"), vector.bytes("data"));
        let (front, back) = data.split_at(7);
        let output = prf.compute(&key, &[front, back]);
        assert_eq!(output.expose(), vector.bytes("output"));
        // T1 | T2 of prf+ (RFC 7296 section 2.13).
        let stream = prf.plus(&key, &[&data], 30);
        let first = prf.compute(&key, &[&data, &[1]]);
        let second = prf.compute(&key, &[first.expose(), &data, &[2]]);
        assert_eq!(
            stream.expose(),
            [first.expose(), &second.expose()[..14]].concat()
        );
    }
}

/// RFC 7296 section 2.14.
#[test]
fn nonces_as_a_key() {
    let (ni, nr) = ([1; 32], [2; 20]);
    for (id, ours, theirs) in [
        (PrfId::HMAC_SHA2_256, 32, 20),
        (PrfId::HMAC_SHA1, 32, 20),
        (PrfId::AES128_XCBC, 8, 8),
        (PrfId::AES128_CMAC, 8, 8),
    ] {
        let key = Prf::new(id).unwrap().nonce_key(&ni, &nr);
        assert_eq!(key, [&ni[..ours], &nr[..theirs]].concat());
    }
    // Shorter than any peer may send, but no reason to panic.
    let prf = Prf::new(PrfId::AES128_CMAC).unwrap();
    assert_eq!(prf.nonce_key(&[1; 3], &[]), [1; 3]);
}

#[test]
fn unknown_functions_are_refused() {
    assert_eq!(
        Prf::new(PrfId(3)).unwrap_err(),
        UnsupportedAlgorithm::Prf(PrfId(3))
    );
}

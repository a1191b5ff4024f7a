use super::*;
use crate::{
    IkeSpi,
    crypto::test_vectors::{self, Vector},
    proposal::{AdditionalKeyExchanges, EncryptionId, IntegrityId, KeyExchangeMethod, PrfId},
};

fn prf_id(vector: &Vector) -> PrfId {
    match vector.text("prf") {
        "sha1" => PrfId::HMAC_SHA1,
        "sha256" => PrfId::HMAC_SHA2_256,
        "sha384" => PrfId::HMAC_SHA2_384,
        "sha512" => PrfId::HMAC_SHA2_512,
        other => panic!("{other}"),
    }
}

fn ike_suite(encryption: EncryptionId, key_bits: u16, prf: PrfId) -> IkeSuite {
    IkeSuite {
        encryption,
        key_bits,
        integrity: None,
        prf,
        key_exchange: KeyExchangeMethod::CURVE_25519,
        additional: AdditionalKeyExchanges::NONE,
    }
}

fn esp_suite(encryption: EncryptionId, key_bits: u16) -> EspSuite {
    EspSuite {
        encryption,
        key_bits,
        integrity: None,
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: false,
    }
}

/// Ciphers with the octets that they take: key and salt.
const CIPHERS: [(EncryptionId, u16, usize); 5] = [
    (EncryptionId::AES_GCM_16, 128, 20),
    (EncryptionId::AES_GCM_16, 256, 36),
    (EncryptionId::CHACHA20_POLY1305, 0, 36),
    (EncryptionId::AES_CCM_16, 128, 19),
    (EncryptionId::AES_GCM_8, 192, 28),
];

fn vectors() -> Vec<Vector> {
    let vectors = test_vectors::read(include_str!("../../../testdata/nist_ikev2_kdf.txt"));
    assert_eq!(vectors.len(), 4);
    vectors
}

fn spis(vector: &Vector) -> IkeSpis {
    IkeSpis {
        initiator: IkeSpi(vector.bytes("spi_i").try_into().unwrap()),
        responder: IkeSpi(vector.bytes("spi_r").try_into().unwrap()),
    }
}

/// The keys of an IKE_SA are NIST's derived keying material, cut in the order of RFC 7296 section
/// 2.14.
#[test]
fn ike_keys_published_vectors() {
    for vector in vectors() {
        let prf = prf_id(&vector);
        let h = Prf::new(prf).unwrap().output_len();
        let (ni, nr) = (vector.bytes("ni"), vector.bytes("nr"));
        let shared = Secret::new(vector.bytes("g_ir"));
        let dkm = vector.bytes("dkm");
        for (encryption, key_bits, e) in CIPHERS {
            let keys = IkeKeys::derive(
                &ike_suite(encryption, key_bits, prf),
                Nonces {
                    initiator: &ni,
                    responder: &nr,
                },
                &shared,
                spis(&vector),
            )
            .unwrap();
            assert_eq!(keys.sk_d.expose(), &dkm[..h]);
            assert!(keys.sk_ai.expose().is_empty());
            assert!(keys.sk_ar.expose().is_empty());
            assert_eq!(keys.sk_ei.expose(), &dkm[h..h + e]);
            assert_eq!(keys.sk_er.expose(), &dkm[h + e..h + 2 * e]);
            assert_eq!(keys.sk_pi.expose(), &dkm[h + 2 * e..2 * h + 2 * e]);
            assert_eq!(keys.sk_pr.expose(), &dkm[2 * h + 2 * e..3 * h + 2 * e]);
        }
    }
}

#[test]
fn child_keys_published_vectors() {
    for vector in vectors() {
        let prf = Prf::new(prf_id(&vector)).unwrap();
        let sk_d = Secret::new(&vector.bytes("dkm")[..prf.output_len()]);
        let (ni, nr) = (vector.bytes("ni"), vector.bytes("nr"));
        let nonces = Nonces {
            initiator: &ni,
            responder: &nr,
        };
        let shared = Secret::new(vector.bytes("g_ir_new"));
        for (shared, expected) in [(vec![], "child"), (vec![shared], "child_dh")] {
            let expected = vector.bytes(expected);
            for (encryption, key_bits, e) in CIPHERS {
                let suite = esp_suite(encryption, key_bits);
                let keys = child_keys(&prf, &sk_d, &shared, nonces, &suite).unwrap();
                assert_eq!(keys.initiator.encryption.expose(), &expected[..e]);
                assert_eq!(keys.responder.encryption.expose(), &expected[e..2 * e]);
                assert!(keys.initiator.integrity.expose().is_empty());
                assert!(keys.responder.integrity.expose().is_empty());
            }
        }
    }
}

/// With a separate integrity algorithm: "SK_ai | SK_ar" before "SK_ei | SK_er" in an IKE_SA (RFC 7296
/// section 2.14), in a CHILD_SA each direction's encryption key before its integrity key (section
/// 2.17).
#[test]
fn integrity_keys_have_their_place() {
    for vector in vectors() {
        let prf_id = prf_id(&vector);
        let prf = Prf::new(prf_id).unwrap();
        let h = prf.output_len();
        let (ni, nr) = (vector.bytes("ni"), vector.bytes("nr"));
        let nonces = Nonces {
            initiator: &ni,
            responder: &nr,
        };
        let shared = Secret::new(vector.bytes("g_ir"));
        let (dkm, child) = (vector.bytes("dkm"), vector.bytes("child"));
        for (encryption, key_bits, e, integrity, a) in [
            (
                EncryptionId::AES_CBC,
                128,
                16,
                IntegrityId::HMAC_SHA1_96,
                20,
            ),
            (EncryptionId::AES_CBC, 192, 24, IntegrityId::AES_XCBC_96, 16),
            (EncryptionId::AES_CTR, 128, 20, IntegrityId::AES_CMAC_96, 16),
        ] {
            let suite = IkeSuite {
                integrity: Some(integrity),
                ..ike_suite(encryption, key_bits, prf_id)
            };
            let keys = IkeKeys::derive(&suite, nonces, &shared, spis(&vector)).unwrap();
            let mut rest = &dkm[..];
            let mut next = |len| {
                let (key, after) = rest.split_at(len);
                rest = after;
                key
            };
            assert_eq!(keys.sk_d.expose(), next(h));
            assert_eq!(keys.sk_ai.expose(), next(a));
            assert_eq!(keys.sk_ar.expose(), next(a));
            assert_eq!(keys.sk_ei.expose(), next(e));
            assert_eq!(keys.sk_er.expose(), next(e));
            assert_eq!(keys.sk_pi.expose(), next(h));

            let suite = EspSuite {
                integrity: Some(integrity),
                ..esp_suite(encryption, key_bits)
            };
            let sk_d = Secret::new(&dkm[..h]);
            let keys = child_keys(&prf, &sk_d, &[], nonces, &suite).unwrap();
            assert_eq!(keys.initiator.encryption.expose(), &child[..e]);
            assert_eq!(keys.initiator.integrity.expose(), &child[e..e + a]);
            assert_eq!(keys.responder.encryption.expose(), &child[e + a..2 * e + a]);
            if child.len() >= 2 * (e + a) {
                let key = &child[2 * e + a..2 * (e + a)];
                assert_eq!(keys.responder.integrity.expose(), key);
            }
        }
    }
}

#[test]
fn what_cannot_be_done_is_named() {
    let nonces = Nonces {
        initiator: &[1; 16],
        responder: &[2; 16],
    };
    let spis = spis(&vectors()[0]);
    let shared = Secret::new([3; 32]);
    let good = ike_suite(EncryptionId::AES_GCM_16, 256, PrfId::HMAC_SHA2_256);
    let derive = |suite| IkeKeys::derive(&suite, nonces, &shared, spis).map(|_| ());
    assert_eq!(derive(good), Ok(()));
    assert_eq!(
        derive(IkeSuite {
            encryption: EncryptionId::AES_CBC,
            ..good
        }),
        Err(UnsupportedAlgorithm::Integrity(IntegrityId::NONE)),
        "never without integrity"
    );
    assert_eq!(
        derive(IkeSuite {
            encryption: EncryptionId::AES_CBC,
            integrity: Some(IntegrityId(3)),
            ..good
        }),
        Err(UnsupportedAlgorithm::Integrity(IntegrityId(3)))
    );
    assert_eq!(
        derive(IkeSuite {
            prf: PrfId(3),
            ..good
        }),
        Err(UnsupportedAlgorithm::Prf(PrfId(3)))
    );
    assert_eq!(
        derive(IkeSuite {
            integrity: Some(IntegrityId::HMAC_SHA2_256_128),
            ..good
        }),
        Err(UnsupportedAlgorithm::Integrity(
            IntegrityId::HMAC_SHA2_256_128
        ))
    );
    for (id, key_bits) in [
        (EncryptionId::AES_CBC, 0),
        (EncryptionId::AES_CTR, 64),
        (EncryptionId::AES_CCM_16, 0),
        (EncryptionId::AES_GCM_16, 0),
        (EncryptionId::AES_GCM_16, 64),
        (EncryptionId::NULL, 128),
        (EncryptionId::TRIPLE_DES, 192),
        (EncryptionId(2), 0),
        (EncryptionId::CHACHA20_POLY1305, 256),
    ] {
        let error = UnsupportedAlgorithm::Encryption { id, key_bits };
        assert_eq!(
            derive(IkeSuite {
                encryption: id,
                key_bits,
                ..good
            }),
            Err(error)
        );
        let prf = Prf::new(PrfId::HMAC_SHA2_256).unwrap();
        let child = child_keys(&prf, &shared, &[], nonces, &esp_suite(id, key_bits));
        assert_eq!(child.map(|_| ()), Err(error));
    }
}

#[test]
fn debug_shows_no_key() {
    let vector = &vectors()[1];
    let shared = Secret::new(vector.bytes("g_ir"));
    let nonces = Nonces {
        initiator: &[1; 16],
        responder: &[2; 16],
    };
    let suite = ike_suite(EncryptionId::AES_GCM_16, 128, PrfId::HMAC_SHA2_256);
    let keys = IkeKeys::derive(&suite, nonces, &shared, spis(vector)).unwrap();
    let shown = format!("{keys:?}");
    assert_eq!(shown.matches("Secret(").count(), 7);
    assert!(shown.contains("sk_d: Secret(32 bytes)"), "{shown}");
    assert!(shown.contains("sk_ei: Secret(20 bytes)"), "{shown}");
}

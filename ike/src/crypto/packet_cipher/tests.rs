use proptest::prelude::*;

use super::*;
use crate::{
    Secret,
    crypto::test_vectors::hex,
    proposal::{AdditionalKeyExchanges, EncryptionId, IntegrityId},
};

const INTEGRITY: [IntegrityId; 7] = [
    IntegrityId::HMAC_MD5_96,
    IntegrityId::HMAC_SHA1_96,
    IntegrityId::HMAC_SHA2_256_128,
    IntegrityId::HMAC_SHA2_384_192,
    IntegrityId::HMAC_SHA2_512_256,
    IntegrityId::AES_XCBC_96,
    IntegrityId::AES_CMAC_96,
];

/// Every suite of this build.
fn suites() -> Vec<EspSuite> {
    let suite = |encryption, key_bits, integrity| EspSuite {
        encryption,
        key_bits,
        integrity,
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: false,
    };
    let mut suites = vec![suite(EncryptionId::CHACHA20_POLY1305, 0, None)];
    for key_bits in [128, 192, 256] {
        for id in [
            EncryptionId::AES_GCM_8,
            EncryptionId::AES_GCM_12,
            EncryptionId::AES_GCM_16,
            EncryptionId::AES_CCM_8,
            EncryptionId::AES_CCM_12,
            EncryptionId::AES_CCM_16,
        ] {
            suites.push(suite(id, key_bits, None));
        }
        for integrity in INTEGRITY {
            suites.push(suite(EncryptionId::AES_CBC, key_bits, Some(integrity)));
            suites.push(suite(EncryptionId::AES_CTR, key_bits, Some(integrity)));
        }
    }
    suites.extend(INTEGRITY.map(|integrity| suite(EncryptionId::TRIPLE_DES, 0, Some(integrity))));
    suites.extend(INTEGRITY.map(|integrity| suite(EncryptionId::NULL, 0, Some(integrity))));
    suites
}

/// A cipher whose keys are made of `seed`.
fn cipher(suite: &EspSuite, seed: u8) -> PacketCipher {
    let protection =
        algorithm::protection(suite.encryption, suite.key_bits, suite.integrity).unwrap();
    let key = EspKey {
        encryption: Secret::new(vec![seed; protection.encryption_key_len()]),
        integrity: Secret::new(vec![seed; protection.integrity_key_len()]),
    };
    PacketCipher::for_esp(suite, &key).unwrap()
}

const DATA: AssociatedData<'_> = AssociatedData {
    before: b"before",
    after: b"",
};

/// A body with this text, filled up with zeros to whole blocks.
fn sealed(cipher: &PacketCipher, counter: u64, text: &[u8]) -> Vec<u8> {
    let layout = cipher.layout();
    let text_len = text.len().next_multiple_of(layout.block_len);
    let mut body = vec![0; layout.iv_len + text_len + layout.icv_len];
    body[layout.iv_len..][..text.len()].copy_from_slice(text);
    cipher.seal(counter, DATA, &mut body);
    body
}

#[test]
fn every_bit_counts_and_nothing_may_be_missing() {
    for suite in suites() {
        let cipher = cipher(&suite, 7);
        let body = sealed(&cipher, 3, b"some text");
        cipher.open(DATA, &mut body.clone()).unwrap();
        for bit in 0..body.len() * 8 {
            let mut tampered = body.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                cipher.open(DATA, &mut tampered),
                Err(IntegrityError),
                "{suite:?}, bit {bit}"
            );
        }
        for len in 0..body.len() {
            let mut short = body[..len].to_vec();
            assert_eq!(cipher.open(DATA, &mut short), Err(IntegrityError), "{len}");
            let mut headless = body[len + 1..].to_vec();
            assert_eq!(cipher.open(DATA, &mut headless), Err(IntegrityError));
        }
        let other = AssociatedData {
            before: b"befort",
            after: b"",
        };
        assert_eq!(
            cipher.open(other, &mut body.clone()),
            Err(IntegrityError),
            "{suite:?}"
        );
        if !cipher.is_aead() {
            let followed = AssociatedData {
                before: b"before",
                after: b"!",
            };
            assert_eq!(
                cipher.open(followed, &mut body.clone()),
                Err(IntegrityError)
            );
        }
    }
}

#[test]
fn failure_decrypts_nothing() {
    for suite in suites() {
        if suite.encryption == EncryptionId::NULL {
            continue;
        }
        let cipher = cipher(&suite, 7);
        let mut body = sealed(&cipher, 3, b"plaintext of some length");
        *body.last_mut().unwrap() ^= 1;
        assert_eq!(cipher.open(DATA, &mut body), Err(IntegrityError));
        assert!(
            !body.windows(4).any(|window| window == b"text"),
            "{suite:?}"
        );
    }
}

/// AES-CBC and HMAC-SHA-256 as Python's cryptography makes them. The first block of the body is the
/// IV: the counter, encrypted.
#[test]
fn encrypt_then_mac_by_another_library() {
    let suite = EspSuite {
        encryption: EncryptionId::AES_CBC,
        key_bits: 256,
        integrity: Some(IntegrityId::HMAC_SHA2_256_128),
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: true,
    };
    let cipher = cipher(&suite, 7);
    let data = AssociatedData {
        before: b"before",
        after: b"after",
    };
    let layout = cipher.layout();
    let mut body = vec![0; layout.iv_len + 32 + layout.icv_len];
    body[layout.iv_len..][..32].copy_from_slice(b"two blocks of text, of 32 octets");
    cipher.seal(0x0102_0304_0506_0708, data, &mut body);
    assert_eq!(
        body,
        hex(include_str!("../../../testdata/cbc_hmac_body.hex"))
    );
}

#[test]
fn cbc_ivs_are_unpredictable_and_all_different() {
    let suite = suites()
        .into_iter()
        .find(|suite| suite.encryption == EncryptionId::AES_CBC)
        .unwrap();
    let cipher = cipher(&suite, 7);
    let mut seen = std::collections::HashSet::new();
    for counter in 0..1000 {
        let body = sealed(&cipher, counter, b"the same text");
        let (iv, rest) = body.split_first_chunk::<BLOCK>().unwrap();
        assert!(seen.insert(*iv));
        assert!(seen.insert(rest[..BLOCK].try_into().unwrap()));
        // Nothing of the counter is to be seen: half of its bits differ, give or take.
        let plain = u128::from(counter).to_be_bytes();
        let distance: u32 = iv
            .iter()
            .zip(plain)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum();
        assert!((25..=103).contains(&distance), "{distance}");
    }
}

/// What an authenticated peer may send, and no cipher can decrypt.
#[test]
fn authentic_but_no_whole_blocks() {
    let suite = EspSuite {
        encryption: EncryptionId::AES_CBC,
        key_bits: 128,
        integrity: Some(IntegrityId::HMAC_SHA2_256_128),
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: false,
    };
    let cipher = cipher(&suite, 7);
    let integrity = IntegrityKey::new(
        IntegrityAlgorithm::Hmac(super::super::provider::digest::Hash::Sha256),
        &[7; 32],
    );
    for text_len in [1, 15, 17, 31] {
        let mut body = vec![9; BLOCK + text_len + 16];
        let (front, icv) = body.split_at_mut(BLOCK + text_len);
        integrity.sign([DATA.before, front, DATA.after], icv);
        assert_eq!(cipher.open(DATA, &mut body), Err(IntegrityError));
    }
    let mut body = vec![9; BLOCK + 32 + 16];
    let (front, icv) = body.split_at_mut(BLOCK + 32);
    integrity.sign([DATA.before, front, DATA.after], icv);
    assert_eq!(cipher.open(DATA, &mut body), Ok(()));
}

#[test]
fn short_tags_are_the_beginning_of_long_ones() {
    for key_bits in [128, 192, 256] {
        let [long, middle, short] = [
            EncryptionId::AES_GCM_16,
            EncryptionId::AES_GCM_12,
            EncryptionId::AES_GCM_8,
        ]
        .map(|encryption| {
            let suite = EspSuite {
                encryption,
                key_bits,
                integrity: None,
                key_exchange: None,
                additional: AdditionalKeyExchanges::NONE,
                extended_sequence_numbers: false,
            };
            sealed(&cipher(&suite, 7), 3, b"some text")
        });
        assert_eq!(short.len() + 8, long.len());
        assert_eq!(short, long[..short.len()]);
        assert_eq!(middle, long[..middle.len()]);
    }
}

#[test]
fn keys_of_the_wrong_length() {
    for suite in suites() {
        let protection =
            algorithm::protection(suite.encryption, suite.key_bits, suite.integrity).unwrap();
        let (e, a) = (
            protection.encryption_key_len(),
            protection.integrity_key_len(),
        );
        for (encryption, integrity) in [(e + 1, a), (e, a + 1), (e + 1, a.saturating_sub(1))] {
            let key = EspKey {
                encryption: Secret::new(vec![0; encryption]),
                integrity: Secret::new(vec![0; integrity]),
            };
            assert_eq!(
                PacketCipher::for_esp(&suite, &key).err(),
                Some(CipherError::KeyLength {
                    needed: e + a,
                    actual: encryption + integrity
                })
            );
        }
    }
}

proptest! {
    #[test]
    fn opens_what_it_sealed(
        which in 0..suites().len(),
        seed: u8,
        counter: u64,
        blocks in 0..20_usize,
        octet: u8,
    ) {
        let cipher = cipher(&suites()[which], seed);
        let layout = cipher.layout();
        // Any length at all where blocks have one octet.
        let text = vec![octet; blocks * layout.block_len];
        let mut body = sealed(&cipher, counter, &text);
        cipher.open(DATA, &mut body).unwrap();
        prop_assert_eq!(&body[layout.iv_len..body.len() - layout.icv_len], &text);
    }

    #[test]
    fn arbitrary_bodies_are_refused(
        which in 0..suites().len(),
        mut body in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let cipher = cipher(&suites()[which], 7);
        prop_assert_eq!(cipher.open(DATA, &mut body), Err(IntegrityError));
    }
}

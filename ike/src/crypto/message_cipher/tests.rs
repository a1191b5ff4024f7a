use proptest::prelude::*;

use super::*;
use crate::{
    crypto::test_vectors::hex,
    proposal::{AdditionalKeyExchanges, EncryptionId, IntegrityId, KeyExchangeMethod, PrfId},
};

const CHACHA20: (EncryptionId, u16) = (EncryptionId::CHACHA20_POLY1305, 0);
const GCM_128: (EncryptionId, u16) = (EncryptionId::AES_GCM_16, 128);
const GCM_256: (EncryptionId, u16) = (EncryptionId::AES_GCM_16, 256);

fn suite((encryption, key_bits): (EncryptionId, u16)) -> IkeSuite {
    IkeSuite {
        encryption,
        key_bits,
        integrity: None,
        prf: PrfId::HMAC_SHA2_256,
        key_exchange: KeyExchangeMethod::CURVE_25519,
        additional: AdditionalKeyExchanges::NONE,
    }
}

fn cipher(id: (EncryptionId, u16), key: &[u8]) -> MessageCipher {
    MessageCipher::new(&suite(id), &Secret::new(key), &Secret::new([])).unwrap()
}

/// The key of RFC 7634 appendix B, or its first half for the shorter cipher, with its salt.
fn rfc_cipher(id: (EncryptionId, u16)) -> MessageCipher {
    let key_len = if id == GCM_128 { 16 } else { 32 };
    let key: Vec<u8> = (0x80..0x80 + key_len).collect();
    cipher(id, &[key, hex("a0a1a2a3")].concat())
}

/// The IKE header and the generic header of the SK payload in RFC 7634 appendix B.
fn prefix() -> Vec<u8> {
    hex("c0c1c2c3c4c5c6c7 d0d1d2d3d4d5d6d7 2e202500 00000009 00000045 29000029")
}

const IV: u64 = 0x1011_1213_1415_1617;

/// A Notify payload, as in RFC 7634 appendix B.
fn plaintext() -> Vec<u8> {
    hex("0000000c 00004001 0000000a")
}

/// RFC 7634 appendix B: a whole IKEv2 message. There is none for AES-GCM in any RFC: the other two
/// are from Python's cryptography over the same message, with the key cut to the cipher's length.
#[test]
fn whole_messages() {
    for (id, ciphertext, tag) in [
        (
            CHACHA20,
            "610394701f8d017f7c12924889",
            "6b71bfe25236efd7cdc67066906315b2",
        ),
        (
            GCM_256,
            "9440c4dcb893200cfb55f6fdcc",
            "30045d78376cd938f8f24d89b4ab48f2",
        ),
        (
            GCM_128,
            "9146c4ffacb89c2bc9f175a7fa",
            "300a7cc3736a7d6febaa1cde9ff2970d",
        ),
    ] {
        let cipher = rfc_cipher(id);
        let message = cipher.seal(prefix(), IV, &plaintext());
        let expected = [prefix(), hex("1011121314151617"), hex(ciphertext), hex(tag)].concat();
        assert_eq!(message, expected);
        assert_eq!(message.len(), 0x45, "the length in the header");
        let (aad, body) = message.split_at(prefix().len());
        assert_eq!(body.len(), cipher.sealed_len(plaintext().len()));
        assert_eq!(*cipher.open(aad, body).unwrap(), plaintext());
    }
}

/// The same message under ciphers with a MAC, from Python's cryptography: the MAC is over everything
/// before it, the first block of AES-CBC is the IV.
#[test]
fn whole_messages_with_a_mac() {
    for (encryption, integrity, keys, lengths, expected) in [
        (
            (EncryptionId::AES_CBC, 256),
            IntegrityId::HMAC_SHA2_256_128,
            [(0x80..0xa0).collect::<Vec<u8>>(), (0x40..0x60).collect()],
            ("00000050", "0034"),
            "799d0cf4702cce031ddfd15c7e40a7c2ff1a9cacab438c56dd02668dac921e88
             583ff0aaeb8833cfec4e39980be060b1",
        ),
        (
            (EncryptionId::AES_CTR, 128),
            IntegrityId::HMAC_SHA1_96,
            [
                (0x80..0x90).chain(0xa0..0xa4).collect(),
                (0x40..0x54).collect(),
            ],
            ("00000041", "0025"),
            "101112131415161752cbf873cac0a57587418494c3a1682e3abd89c0eac3e35b14",
        ),
    ] {
        let suite = IkeSuite {
            integrity: Some(integrity),
            ..suite(encryption)
        };
        let [encryption_key, integrity_key] = keys.map(Secret::new);
        let cipher = MessageCipher::new(&suite, &encryption_key, &integrity_key).unwrap();
        let prefix = hex(&format!(
            "c0c1c2c3c4c5c6c7 d0d1d2d3d4d5d6d7 2e202500 00000009 {} 2900 {}",
            lengths.0, lengths.1
        ));
        let message = cipher.seal(prefix.clone(), IV, &plaintext());
        assert_eq!(message, [prefix.clone(), hex(expected)].concat());
        let (before, body) = message.split_at(prefix.len());
        assert_eq!(body.len(), cipher.sealed_len(plaintext().len()));
        assert_eq!(*cipher.open(before, body).unwrap(), plaintext());
        for bit in 0..message.len() * 8 {
            let mut tampered = message.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            let (before, body) = tampered.split_at(prefix.len());
            assert_eq!(cipher.open(before, body), Err(IntegrityError), "bit {bit}");
        }
        // More padding than there is.
        let block = cipher.protection.layout().block_len;
        let padded = vec![0xff; 2 * block];
        let before = self::prefix();
        let body = seal_padded(&cipher, &padded);
        assert_eq!(cipher.open(&before, &body), Err(IntegrityError));
        assert_eq!(
            cipher.open(&before, &seal_padded(&cipher, &[])),
            Err(IntegrityError)
        );
    }
}

/// The GCM specification's test cases 4 and 16, whose nonce is salt and IV and whose plaintext
/// ends with 0x39: as an SK payload it has 57 octets of padding.
#[test]
fn gcm_specification() {
    for (id, key, ciphertext, tag) in [
        (
            GCM_128,
            "feffe9928665731c6d6a8f9467308308",
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e
             21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
            "5bc94fbc3221a5db94fae95ae7121a47",
        ),
        (
            GCM_256,
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ] {
        let cipher = cipher(id, &[hex(key), hex("cafebabe")].concat());
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let body = [hex("facedbaddecaf888"), hex(ciphertext), hex(tag)].concat();
        let content = cipher.open(&aad, &body).unwrap();
        assert_eq!(*content, hex("d931"));
    }
}

/// Seals a plaintext that already has its padding.
fn seal_padded(cipher: &MessageCipher, padded: &[u8]) -> Vec<u8> {
    let layout = cipher.protection.layout();
    let mut body = vec![0; layout.iv_len];
    body.extend_from_slice(padded);
    body.resize(body.len() + layout.icv_len, 0);
    cipher.cipher().seal(IV, associated(&prefix()), &mut body);
    body
}

#[test]
fn padding_of_the_peer() {
    for id in [CHACHA20, GCM_128, GCM_256] {
        let cipher = rfc_cipher(id);
        let open = |padded: &[u8]| cipher.open(&prefix(), &seal_padded(&cipher, padded));
        assert_eq!(*open(b"content\x00").unwrap(), b"content");
        // RFC 7296 section 3.14: "arbitrary" padding, up to 255 octets.
        assert_eq!(*open(b"content\x09\x08\x07\x03").unwrap(), b"content");
        let long = [&b"content"[..], &[0xaa; 255], &[255]].concat();
        assert_eq!(*open(&long).unwrap(), b"content");
        // Empty: a liveness check.
        assert_eq!(*open(b"\x00").unwrap(), b"");
        assert_eq!(*open(b"\xaa\xaa\x02").unwrap(), b"");
        // More padding than there is, and not even a length.
        assert_eq!(open(b"\xaa\xaa\x03").unwrap_err(), IntegrityError);
        assert_eq!(open(b"\x01").unwrap_err(), IntegrityError);
        assert_eq!(open(b"").unwrap_err(), IntegrityError);
    }
}

#[test]
fn every_bit_counts() {
    for id in [CHACHA20, GCM_128, GCM_256] {
        let cipher = rfc_cipher(id);
        let message = cipher.seal(prefix(), IV, &plaintext());
        for bit in 0..message.len() * 8 {
            let mut tampered = message.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            let (aad, body) = tampered.split_at(prefix().len());
            assert_eq!(cipher.open(aad, body), Err(IntegrityError), "bit {bit}");
        }
    }
}

#[test]
fn truncated_and_extended_bodies() {
    for id in [CHACHA20, GCM_128, GCM_256] {
        let cipher = rfc_cipher(id);
        let message = cipher.seal(prefix(), IV, &plaintext());
        let (aad, body) = message.split_at(prefix().len());
        for len in 0..body.len() {
            assert_eq!(cipher.open(aad, &body[..len]), Err(IntegrityError), "{len}");
            assert_eq!(cipher.open(aad, &body[len + 1..]), Err(IntegrityError));
        }
        let longer = [body, &[0]].concat();
        assert_eq!(cipher.open(aad, &longer), Err(IntegrityError));
        assert_eq!(cipher.open(&aad[1..], body), Err(IntegrityError));
        assert_eq!(cipher.open(&[], body), Err(IntegrityError));
    }
}

#[test]
fn wrong_keys() {
    for id in [CHACHA20, GCM_128, GCM_256] {
        let good = rfc_cipher(id);
        let message = good.seal(prefix(), IV, &plaintext());
        let (aad, body) = message.split_at(prefix().len());
        // Every octet of the key counts, those of the salt too.
        for position in 0..good.keys.expose().len() {
            let mut key = good.keys.expose().to_vec();
            key[position] ^= 0x80;
            assert_eq!(cipher(id, &key).open(aad, body), Err(IntegrityError));
        }
    }
    // The same octets under another cipher.
    let message = rfc_cipher(GCM_256).seal(prefix(), IV, &plaintext());
    let (aad, body) = message.split_at(prefix().len());
    assert!(rfc_cipher(CHACHA20).open(aad, body).is_err());
}

#[test]
fn what_cannot_be_done_is_named() {
    let refused = |suite: IkeSuite| {
        MessageCipher::new(&suite, &Secret::new([0; 36]), &Secret::new([])).unwrap_err()
    };
    assert_eq!(
        refused(suite((EncryptionId::AES_CBC, 512))),
        UnsupportedAlgorithm::Encryption {
            id: EncryptionId::AES_CBC,
            key_bits: 512
        }
    );
    // RFC 7296 section 3.3.3: never without integrity.
    assert_eq!(
        refused(suite((EncryptionId::AES_CBC, 256))),
        UnsupportedAlgorithm::Integrity(IntegrityId::NONE)
    );
    assert_eq!(
        refused(IkeSuite {
            integrity: Some(IntegrityId::HMAC_SHA2_256_128),
            ..suite(GCM_256)
        }),
        UnsupportedAlgorithm::Integrity(IntegrityId::HMAC_SHA2_256_128)
    );
}

#[test]
#[should_panic(expected = "another suite")]
fn a_key_of_another_suite_is_a_mistake() {
    cipher(GCM_128, &[0; 36]);
}

#[test]
fn small_and_silent() {
    let cipher = rfc_cipher(GCM_256);
    assert!(
        size_of::<MessageCipher>() <= 24,
        "one per direction and IKE_SA"
    );
    assert_eq!(
        format!("{cipher:?}"),
        "MessageCipher { protection: Aead(AeadAlgorithm { cipher: Aes256Gcm, tag_len: 16 }), \
         keys: Secret(36 bytes) }"
    );
}

proptest! {
    #[test]
    fn opens_what_it_sealed(
        which in 0..3_usize,
        key in prop::collection::vec(any::<u8>(), 36),
        prefix in prop::collection::vec(any::<u8>(), 0..64),
        iv: u64,
        plaintext in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let id = [CHACHA20, GCM_128, GCM_256][which];
        let key = if id == GCM_128 { &key[..20] } else { &key[..] };
        let cipher = cipher(id, key);
        let message = cipher.seal(prefix.clone(), iv, &plaintext);
        let (aad, body) = message.split_at(prefix.len());
        prop_assert_eq!(aad, &prefix[..]);
        prop_assert_eq!(&body[..8], &iv.to_be_bytes()[..]);
        prop_assert_eq!(body.len(), cipher.sealed_len(plaintext.len()));
        prop_assert_eq!(&*cipher.open(aad, body).unwrap(), &plaintext);
    }

    #[test]
    fn noise_never_opens(
        aad in prop::collection::vec(any::<u8>(), 0..64),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for id in [CHACHA20, GCM_128, GCM_256] {
            prop_assert_eq!(rfc_cipher(id).open(&aad, &body), Err(IntegrityError));
        }
    }
}

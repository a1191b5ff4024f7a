//! Published vectors, and what must never be accepted.

mod replay;
mod vectors;

use holdfast_ike::{
    EspKey, EspSuite, Secret,
    proposal::{AdditionalKeyExchanges, EncryptionId, IntegrityId},
};
use proptest::prelude::*;

use super::{Cipher, Datagram, SequenceNumbers, classify, open, seal};
use crate::plane::InstallError;

/// A cipher with this key and salt.
fn cipher(encryption: EncryptionId, material: &[u8]) -> Result<Cipher, InstallError> {
    let key_bits = match encryption {
        EncryptionId::CHACHA20_POLY1305 => 0,
        EncryptionId::AES_CCM_12 => (material.len() as u16).saturating_sub(3) * 8,
        _ => (material.len() as u16).saturating_sub(4) * 8,
    };
    let suite = EspSuite {
        encryption,
        key_bits,
        integrity: None,
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: false,
    };
    let key = EspKey {
        encryption: Secret::new(material),
        integrity: Secret::new([]),
    };
    Cipher::new(&suite, &key)
}

/// A cipher with a separate integrity algorithm, with keys of sevens.
fn classic(
    (encryption, key_bits, key_len): (EncryptionId, u16, usize),
    (integrity, integrity_len): (IntegrityId, usize),
) -> Cipher {
    let suite = EspSuite {
        encryption,
        key_bits,
        integrity: Some(integrity),
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: false,
    };
    let key = EspKey {
        encryption: Secret::new(vec![7; key_len]),
        integrity: Secret::new(vec![7; integrity_len]),
    };
    Cipher::new(&suite, &key).unwrap()
}

const CBC_256: (EncryptionId, u16, usize) = (EncryptionId::AES_CBC, 256, 32);
const CTR_128: (EncryptionId, u16, usize) = (EncryptionId::AES_CTR, 128, 20);
const NULL: (EncryptionId, u16, usize) = (EncryptionId::NULL, 0, 0);
const SHA256: (IntegrityId, usize) = (IntegrityId::HMAC_SHA2_256_128, 32);
const SHA512: (IntegrityId, usize) = (IntegrityId::HMAC_SHA2_512_256, 64);
const SHA1: (IntegrityId, usize) = (IntegrityId::HMAC_SHA1_96, 20);
const XCBC: (IntegrityId, usize) = (IntegrityId::AES_XCBC_96, 16);

/// One of each kind, with the octets of IV and ICV and of what the encrypted part is a multiple of.
fn kinds() -> Vec<(Cipher, usize, usize, usize)> {
    vec![
        (
            cipher(EncryptionId::AES_GCM_16, &[7; 36]).unwrap(),
            8,
            16,
            4,
        ),
        (cipher(EncryptionId::AES_GCM_8, &[7; 20]).unwrap(), 8, 8, 4),
        (
            cipher(EncryptionId::AES_GCM_12, &[7; 28]).unwrap(),
            8,
            12,
            4,
        ),
        (
            cipher(EncryptionId::AES_CCM_12, &[7; 19]).unwrap(),
            8,
            12,
            4,
        ),
        (classic(CBC_256, SHA256), 16, 16, 16),
        (classic(CBC_256, SHA512), 16, 32, 16),
        (classic(CTR_128, SHA1), 8, 12, 4),
        (classic(CTR_128, XCBC), 8, 12, 4),
        (classic(NULL, SHA256), 0, 16, 4),
    ]
}

fn sealed(cipher: &Cipher, sequence: u64, extended: bool, inner: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; cipher.sealed_len(inner.len())];
    packet[cipher.header()..][..inner.len()].copy_from_slice(inner);
    seal(
        cipher,
        0x1234_5678,
        sequence,
        extended,
        4,
        inner.len(),
        &mut packet,
    );
    packet
}

#[test]
fn ciphers_that_we_lack_are_refused_by_name() {
    for (encryption, length, name) in [
        (EncryptionId::AES_GCM_16, 22, "AES_GCM_16_144"),
        (EncryptionId(23), 32, "(23)_224"),
        // Without integrity.
        (EncryptionId::AES_CBC, 36, "no NONE"),
    ] {
        let error = cipher(encryption, &vec![0; length]).err().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn keys_of_the_wrong_length_are_refused() {
    for length in [0, 3, 35, 37] {
        let error = cipher(EncryptionId::CHACHA20_POLY1305, &vec![0; length]).err();
        assert_eq!(
            error,
            Some(InstallError::KeyLength {
                needed: 36,
                actual: length
            })
        );
    }
}

#[test]
fn datagrams_are_told_apart() {
    assert_eq!(classify(&[]), Datagram::Malformed);
    assert_eq!(classify(&[0xff]), Datagram::Keepalive);
    assert_eq!(classify(&[0xfe]), Datagram::Malformed);
    assert_eq!(classify(&[0xff, 0xff]), Datagram::Malformed);
    assert_eq!(classify(&[0; 4]), Datagram::Malformed);
    assert_eq!(classify(&[0; 5]), Datagram::Ike);
    let mut esp = vec![1, 2, 3, 4, 0, 0, 0, 9];
    esp.resize(23, 0);
    assert_eq!(classify(&esp), Datagram::Malformed);
    esp.push(0);
    assert_eq!(
        classify(&esp),
        Datagram::Esp {
            spi: 0x0102_0304,
            sequence: 9
        }
    );
}

#[test]
fn sizes() {
    for (cipher, iv, icv, alignment) in kinds() {
        assert_eq!(cipher.header(), 8 + iv);
        for inner in 0..100 {
            let length = cipher.sealed_len(inner);
            let text = length - 8 - iv - icv;
            // RFC 4303 section 2.4: whole blocks of the cipher, and of four octets.
            assert!(text.is_multiple_of(alignment) && text < inner + 2 + alignment);
            assert!(length <= inner + Cipher::MOST_OVERHEAD);
        }
    }
}

#[test]
fn no_octet_may_be_changed() {
    for (cipher, ..) in kinds() {
        let packet = sealed(&cipher, 1, false, &[0x45; 61]);
        for index in 0..packet.len() {
            let mut tampered = packet.clone();
            tampered[index] ^= 0x80;
            // The low half of the sequence number is handed in by the caller, who read it from
            // there.
            let sequence = u64::from(u32::from_be_bytes(tampered[4..8].try_into().unwrap()));
            assert_eq!(
                open(&cipher, sequence, false, &mut tampered),
                None,
                "{index}"
            );
        }
        for length in 0..packet.len() {
            assert_eq!(
                open(&cipher, 1, false, &mut packet[..length].to_vec()),
                None
            );
        }
    }
}

#[test]
fn the_high_half_of_the_sequence_number_is_authenticated() {
    for (cipher, ..) in kinds() {
        let sequence = 5 << 32 | 9;
        let packet = sealed(&cipher, sequence, true, b"inner");
        assert_eq!(packet[4..8], 9_u32.to_be_bytes());
        assert_eq!(open(&cipher, 9, true, &mut packet.clone()), None);
        assert_eq!(open(&cipher, 6 << 32 | 9, true, &mut packet.clone()), None);
        assert_eq!(open(&cipher, sequence, false, &mut packet.clone()), None);
        assert!(open(&cipher, sequence, true, &mut packet.clone()).is_some());
    }
}

#[test]
fn padding_cannot_reach_before_the_payload() {
    for (cipher, iv, icv, alignment) in kinds() {
        // Authentic, but its pad length is more than there is.
        for excess in [0_u8, 1, 200] {
            let mut packet = vec![0; 8 + iv + alignment + icv];
            packet[..8].copy_from_slice(&[0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1]);
            packet[8 + iv + alignment - 2] = alignment as u8 - 2 + excess;
            cipher.seal(0x1234_5678, 1, false, &mut packet[8..]);
            let opened = open(&cipher, 1, false, &mut packet);
            if excess == 0 {
                assert_eq!(
                    opened,
                    Some((8 + iv..8 + iv, 0)),
                    "padding and nothing else"
                );
            } else {
                assert_eq!(opened, None);
            }
        }
    }
}

#[test]
fn sequence_numbers_end_and_never_wrap() {
    let numbers = SequenceNumbers::starting_after(u64::from(u32::MAX) - 3, false);
    let last = numbers.reserve(2).unwrap();
    assert_eq!(last.first, u64::from(u32::MAX) - 2);
    assert!(last.running_out);
    assert_eq!(numbers.reserve(2), None);
    assert_eq!(numbers.reserve(1).unwrap().first, u64::from(u32::MAX));
    assert_eq!(numbers.reserve(1), None);
    assert_eq!(numbers.reserve(u64::MAX), None);

    let numbers = SequenceNumbers::starting_after(u64::MAX - 1, true);
    assert_eq!(numbers.reserve(1).unwrap().first, u64::MAX);
    assert_eq!(numbers.reserve(1), None);
    assert_eq!(SequenceNumbers::new(true).reserve(1).unwrap().first, 1);
    assert!(!SequenceNumbers::new(false).reserve(1).unwrap().running_out);
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        inner in prop::collection::vec(any::<u8>(), 0..2000),
        sequence in 1..=u64::MAX,
        extended: bool,
        which in 0..kinds().len(),
    ) {
        let sequence = if extended { sequence } else { u64::from(sequence as u32) };
        let (cipher, ..) = kinds().swap_remove(which);
        let mut packet = sealed(&cipher, sequence, extended, &inner);
        let (range, next_header) = open(&cipher, sequence, extended, &mut packet).unwrap();
        prop_assert_eq!(next_header, 4);
        prop_assert_eq!(&packet[range], &inner[..]);
    }

    #[test]
    fn arbitrary_datagrams_are_refused(
        mut datagram in prop::collection::vec(any::<u8>(), 0..200),
        which in 0..kinds().len(),
    ) {
        let (cipher, ..) = kinds().swap_remove(which);
        classify(&datagram);
        prop_assert_eq!(open(&cipher, 1, false, &mut datagram), None);
    }
}

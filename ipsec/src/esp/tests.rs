//! Published vectors, and what must never be accepted.

mod replay;
mod vectors;

use holdfast_ike::{EspKey, EspSuite, Secret, proposal::EncryptionId};
use proptest::prelude::*;

use super::{Cipher, Datagram, HEADER, SequenceNumbers, classify, open, seal, sealed_len};
use crate::plane::InstallError;

/// A cipher with this key and salt.
fn cipher(encryption: EncryptionId, material: &[u8]) -> Result<Cipher, InstallError> {
    let key_bits = match encryption {
        EncryptionId::CHACHA20_POLY1305 => 0,
        _ => (material.len() as u16).saturating_sub(4) * 8,
    };
    let suite = EspSuite {
        encryption,
        key_bits,
        integrity: None,
        key_exchange: None,
        extended_sequence_numbers: false,
    };
    let key = EspKey {
        encryption: Secret::new(material),
        integrity: Secret::new([]),
    };
    Cipher::new(&suite, &key)
}

fn sealed(cipher: &Cipher, sequence: u64, extended: bool, inner: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; sealed_len(inner.len())];
    packet[HEADER..HEADER + inner.len()].copy_from_slice(inner);
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
fn ciphers_that_ring_lacks_are_refused_by_name() {
    for (encryption, length, name) in [
        (EncryptionId::AES_GCM_16, 28, "AES_GCM_16_192"),
        (EncryptionId::AES_GCM_8, 36, "AES_GCM_8_256"),
        (EncryptionId::AES_CBC, 36, "AES_CBC_256"),
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
    esp.resize(35, 0);
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
fn no_octet_may_be_changed() {
    let cipher = cipher(EncryptionId::AES_GCM_16, &[7; 20]).unwrap();
    let packet = sealed(&cipher, 1, false, &[0x45; 61]);
    for index in 0..packet.len() {
        let mut tampered = packet.clone();
        tampered[index] ^= 0x80;
        // The low half of the sequence number is handed in by the caller, who read it from there.
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

#[test]
fn the_high_half_of_the_sequence_number_is_authenticated() {
    let cipher = cipher(EncryptionId::AES_GCM_16, &[7; 36]).unwrap();
    let sequence = 5 << 32 | 9;
    let packet = sealed(&cipher, sequence, true, b"inner");
    assert_eq!(packet[4..8], 9_u32.to_be_bytes());
    assert_eq!(open(&cipher, 9, true, &mut packet.clone()), None);
    assert_eq!(open(&cipher, 6 << 32 | 9, true, &mut packet.clone()), None);
    assert_eq!(open(&cipher, sequence, false, &mut packet.clone()), None);
    assert!(open(&cipher, sequence, true, &mut packet.clone()).is_some());
}

#[test]
fn padding_cannot_reach_before_the_payload() {
    let cipher = cipher(EncryptionId::AES_GCM_16, &[7; 20]).unwrap();
    // Authentic, but its pad length is more than there is.
    let mut packet = sealed(&cipher, 1, false, &[]);
    let icv_at = packet.len() - Cipher::ICV;
    let aad = [0x12, 0x34, 0x56, 0x78, 0, 0, 0, 1];
    let mut text = [0, 0, 200, 4];
    let icv = cipher.seal(1_u64.to_be_bytes(), &aad, &mut text);
    packet[HEADER..icv_at].copy_from_slice(&text);
    packet[icv_at..].copy_from_slice(&icv);
    assert_eq!(open(&cipher, 1, false, &mut packet), None);
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
        chacha: bool,
    ) {
        let encryption = if chacha { EncryptionId::CHACHA20_POLY1305 } else { EncryptionId::AES_GCM_16 };
        let sequence = if extended { sequence } else { u64::from(sequence as u32) };
        let cipher = cipher(encryption, &[3; 36]).unwrap();
        let mut packet = sealed(&cipher, sequence, extended, &inner);
        // RFC 4303 section 2.4: pad length and next header end on a four-octet boundary.
        prop_assert_eq!((packet.len() - Cipher::ICV) % 4, 0);
        prop_assert!(packet.len() <= HEADER + inner.len() + 2 + 3 + Cipher::ICV);
        let (range, next_header) = open(&cipher, sequence, extended, &mut packet).unwrap();
        prop_assert_eq!(next_header, 4);
        prop_assert_eq!(&packet[range], &inner[..]);
    }

    #[test]
    fn arbitrary_datagrams_are_refused(mut datagram in prop::collection::vec(any::<u8>(), 0..200)) {
        let cipher = cipher(EncryptionId::AES_GCM_16, &[7; 20]).unwrap();
        classify(&datagram);
        prop_assert_eq!(open(&cipher, 1, false, &mut datagram), None);
    }
}

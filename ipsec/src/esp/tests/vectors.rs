//! RFC 7634 appendix A, and the cases for RFC 4106 of draft-mcgrew-gcm-test-01 section 4.

use holdfast_ike::proposal::EncryptionId;

use super::cipher;
use crate::esp::{Datagram, classify, open};

struct Vector {
    encryption: EncryptionId,
    /// Key and salt.
    material: &'static str,
    /// SPI and all of the sequence number that is authenticated.
    aad: &'static str,
    iv: &'static str,
    /// Payload, padding, pad length, next header.
    plain: &'static str,
    /// Ciphertext and ICV.
    sealed: &'static str,
}

const VECTORS: [Vector; 5] = [
    Vector {
        encryption: EncryptionId::CHACHA20_POLY1305,
        material: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3",
        aad: "0102030400000005",
        iv: "1011121314151617",
        plain: "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10\
                0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223\
                2425262728292a2b2c2d2e2f303132333435363701020204",
        sealed: "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6\
                 14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3\
                 cbec163fac469b502773f6fb94e664da9165b82829f641e0\
                 76aaa8266b7fb0f7b11b369907e1ad43",
    },
    Vector {
        encryption: EncryptionId::AES_GCM_16,
        material: "4c80cdefbb5d10da906ac73c3613a6342e443b68",
        aad: "000043218765432100000000",
        iv: "4956ed7e3b244cfe",
        plain: "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000\
                00000000045f736970045f756470037369700963796265726369747902646b00\
                0021000101020201",
        sealed: "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34\
                 cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce\
                 61bc17d768fd9732459018148f6cbe722fd04796562dfdb4",
    },
    Vector {
        encryption: EncryptionId::AES_GCM_16,
        material: "abbccddef00112233445566778899aababbccddef00112233445566778899aab11223344",
        aad: "4a2cbfe300000002",
        iv: "0102030405060708",
        plain: "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee000000000\
                7002400020bf0000020405b40101040201020201",
        sealed: "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763\
                 748a637985771d347f0545659f14e99def842d8eb335f4eecfdbf831824b4c49\
                 15956c96",
    },
    Vector {
        encryption: EncryptionId::AES_GCM_16,
        material: "3de09874b388e6491988d0c3607eae1f57690e43",
        aad: "42f67e3f1010101010101010",
        iv: "4e280000a2fca1a3",
        plain: "4500001c42a200008001441f406793b6e00000020a00f5ff01020201",
        sealed: "fba2ca845e5df9f0f22c3e6e86dd831e1fc65792cd1af9130e1379ed369f071f\
                 35e034be95f112e4e7d05d35",
    },
    Vector {
        encryption: EncryptionId::AES_GCM_16,
        material: "abbccddef00112233445566778899aabdecaf888",
        aad: "000001000000000000000001",
        iv: "cafedebaceface74",
        plain: "4500004933ba00007f119106c3fb1d10c2b1d326c02831ce0035dd7b800302d5\
                00004e20001e8c18d75b81dc91baa0476b91b924b280389d92c963bac046ec95\
                9b6266c04722b14923010101",
        sealed: "18a6fd42f72cbf4ab2a2ea901f73d814e3e7f243d95412e1c349c1d2fbec168f\
                 9190feebaf2cb01984e65863965d7472b79da345e0e780191f0d2f0e0f496c22\
                 6f2127b27db35724e7845d68651f57e65f354f75ff17015769623436",
    },
];

#[test]
fn published_packets_open() {
    for vector in &VECTORS {
        let (aad, plain) = (hex(vector.aad), hex(vector.plain));
        let cipher = cipher(vector.encryption, &hex(vector.material)).unwrap();
        let extended = aad.len() == 12;
        let sequence = aad[4..]
            .iter()
            .fold(0_u64, |sequence, octet| sequence << 8 | u64::from(*octet));
        let packet = [
            &aad[..4],
            &(sequence as u32).to_be_bytes(),
            &hex(vector.iv),
            &hex(vector.sealed),
        ]
        .concat();
        assert!(matches!(classify(&packet), Datagram::Esp { .. }));
        let mut opened = packet.clone();
        let (range, next_header) = open(&cipher, sequence, extended, &mut opened).unwrap();
        let [payload @ .., padding, last] = &plain[..] else {
            unreachable!("no vector is empty");
        };
        assert_eq!(next_header, *last);
        assert_eq!(
            opened[range],
            payload[..payload.len() - usize::from(*padding)]
        );
    }
}

/// IVs of the vectors are arbitrary, ours count: what comes out of sealing is compared where the
/// cipher itself is tested, and here with what opens.
#[test]
fn packets_that_we_make_open_as_published_ones_do() {
    for vector in &VECTORS {
        let cipher = cipher(vector.encryption, &hex(vector.material)).unwrap();
        let iv = u64::from_be_bytes(hex(vector.iv).try_into().unwrap());
        let plain = hex(vector.plain);
        let mut body = [&[0; 8], &plain[..], &[0; 16]].concat();
        let spi = u32::from_be_bytes(hex(vector.aad)[..4].try_into().unwrap());
        cipher.seal(spi, iv, vector.aad.len() == 24, &mut body);
        // The text does not depend on what is authenticated beside it.
        assert_eq!(body[..8], hex(vector.iv));
        assert_eq!(body[8..8 + plain.len()], hex(vector.sealed)[..plain.len()]);
    }
}

/// A packet as charon's kernel-libipsec or Linux would make it, from Python's cryptography: AES-CBC,
/// HMAC-SHA-256-128 and extended sequence numbers, whose high half follows what is sent.
#[test]
fn encrypt_then_mac_by_another_library() {
    let packet = hex(include_str!("cbc_esn_packet.hex").trim());
    let cipher = super::classic(super::CBC_256, super::SHA256);
    let mut opened = packet.clone();
    let (range, next_header) = open(&cipher, 5 << 32 | 9, true, &mut opened).unwrap();
    assert_eq!((&opened[range], next_header), (&b"an inner packet"[..], 4));
    assert_eq!(open(&cipher, 6 << 32 | 9, true, &mut packet.clone()), None);
    // Our own packet with this sequence number is the same.
    let ours = super::sealed(&cipher, 5 << 32 | 9, true, b"an inner packet");
    assert_eq!(ours, packet);
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

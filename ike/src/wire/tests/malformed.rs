//! Messages and chains of payloads that are not to be believed.

use super::*;

#[test]
fn headers() {
    let (_, good) = datagram(0, &[]);
    let with = |index: usize, octet| {
        let mut octets = good.clone();
        octets[index] = octet;
        Header::parse(&octets)
    };
    assert_eq!(with(17, 0x10), Err(WireError::UnsupportedVersion));
    assert_eq!(with(17, 0x30), Err(WireError::UnsupportedVersion));
    assert!(with(17, 0x2f).is_ok(), "the minor version is ignored");
    let mismatch = |header| WireError::LengthMismatch {
        header,
        datagram: 28,
    };
    assert_eq!(with(27, 27), Err(mismatch(27)));
    assert_eq!(with(27, 29), Err(mismatch(29)));
    assert_eq!(with(24, 0xff), Err(mismatch(0xff00_001c)));
    let mut no_spi = good.clone();
    no_spi[..8].fill(0);
    assert_eq!(Header::parse(&no_spi), Err(WireError::ZeroInitiatorSpi));
    for length in 0..28 {
        assert_eq!(Header::parse(&good[..length]), Err(WireError::Truncated));
    }
}

#[test]
fn generic_lengths() {
    for length in 0..4 {
        // Shorter than its own header: with a length of zero a careless reader never ends.
        let octets = [43, 0, 0, length, 0, 0, 0, 4];
        assert_eq!(parse_payloads(43, &octets), Err(WireError::Truncated));
        let (header, datagram) = datagram(43, &octets);
        assert_eq!(parse_body(&header, &datagram), Err(WireError::Truncated));
    }
    assert_eq!(parse_payloads(43, &[0, 0, 0, 5]), Err(WireError::Truncated));
    assert_eq!(
        parse_payloads(43, &[0, 0, 0xff, 0xff, 1]),
        Err(WireError::Truncated)
    );
    assert_eq!(
        parse_payloads(43, &[43, 0, 0, 4]),
        Err(WireError::Truncated)
    );
    assert_eq!(parse_payloads(43, &[]), Err(WireError::Truncated));
    assert_eq!(
        parse_payloads(43, &[0, 0, 0, 4, 0]),
        Err(WireError::TrailingOctets)
    );
    assert_eq!(parse_payloads(0, &[0]), Err(WireError::TrailingOctets));
    let (header, datagram) = datagram(0, &[0, 0, 0, 4]);
    assert_eq!(
        parse_body(&header, &datagram),
        Err(WireError::TrailingOctets)
    );
}

#[test]
fn thousands_of_payloads() {
    let chain = |count: usize| {
        let mut octets = payload(43, &[]).repeat(count - 1);
        octets.extend(payload(0, &[]));
        octets
    };
    assert_eq!(
        parse_payloads(43, &chain(64)).map(|payloads| payloads.len()),
        Ok(64)
    );
    for count in [65, 15_000] {
        let octets = chain(count);
        assert_eq!(
            parse_payloads(43, &octets),
            Err(WireError::TooMany("payloads"))
        );
        let (header, datagram) = datagram(43, &octets);
        assert_eq!(
            parse_body(&header, &datagram),
            Err(WireError::TooMany("payloads"))
        );
    }
}

#[test]
fn a_full_message_is_readable_through_parse_body() {
    let mut octets = payload(43, &[]).repeat(63);
    octets.extend(payload(0, &[]));
    let (header, datagram) = datagram(43, &octets);
    assert!(matches!(parse_body(&header, &datagram), Ok(Body::Clear(all)) if all.len() == 64));
}

#[test]
fn criticality() {
    // Section 2.5: an unknown payload is skipped, unless critical.
    for unknown in [1, 32, 49, 52, 54, 128, 255] {
        let octets = payload_with_flags(0, 0x80, b"?");
        assert_eq!(
            parse_payloads(unknown, &octets),
            Err(WireError::UnsupportedCriticalPayload(unknown))
        );
        let (header, datagram) = datagram(unknown, &octets);
        assert_eq!(
            parse_body(&header, &datagram),
            Err(WireError::UnsupportedCriticalPayload(unknown))
        );
        // Reserved bits are none of our business.
        let octets = payload_with_flags(0, 0x7f, b"?");
        assert!(parse_payloads(unknown, &octets).is_ok());
    }
    // The bit means nothing on a payload that we know.
    assert!(parse_payloads(43, &payload_with_flags(0, 0x80, b"?")).is_ok());
    // It is found even behind others and before an Encrypted payload.
    let octets = [
        payload(200, b"?"),
        payload_with_flags(46, 0x80, b"?"),
        payload(0, &[0; 32]),
    ];
    let (header, datagram) = datagram(43, &octets.concat());
    assert_eq!(
        parse_body(&header, &datagram),
        Err(WireError::UnsupportedCriticalPayload(200))
    );
}

#[test]
fn duplicates() {
    let bodies: [(u8, &[u8]); 10] = [
        (33, &[]),
        (34, &[0, 31, 0, 0]),
        (35, b"\x02\0\0\0a"),
        (36, b"\x02\0\0\0a"),
        (39, &[2, 0, 0, 0]),
        (40, &[0; 16]),
        (44, &[0; 4]),
        (45, &[0; 4]),
        (47, &[1, 0, 0, 0]),
        (48, &[]),
    ];
    for (payload_type, body) in bodies {
        let between = [
            payload(43, body),
            payload(payload_type, b"v"),
            payload(0, body),
        ];
        assert_eq!(
            parse_payloads(payload_type, &between.concat()),
            Err(WireError::DuplicatePayload(payload_type))
        );
    }
    let repeatable: [(u8, &[u8]); 6] = [
        (37, &[4]),
        (38, &[4]),
        (41, &[0, 0, 0x40, 0]),
        (42, &[1, 0, 0, 0]),
        (43, &[]),
        (99, &[]),
    ];
    for (payload_type, body) in repeatable {
        let twice = [payload(payload_type, body), payload(0, body)].concat();
        assert!(
            parse_payloads(payload_type, &twice).is_ok(),
            "{payload_type}"
        );
    }
}

#[test]
fn encrypted_payloads_are_last_and_not_nested() {
    for kind in [46, 53] {
        let sealed = [0, 1, 0, 1, 9, 9, 9, 9];
        // Octets after it.
        let octets = [payload(0, &sealed), payload(0, b"after")].concat();
        let (header, one) = datagram(kind, &octets);
        assert_eq!(parse_body(&header, &one), Err(WireError::EncryptedNotLast));
        // Inside another.
        assert_eq!(
            parse_payloads(kind, &payload(0, &sealed)),
            Err(WireError::EncryptedNotLast)
        );
        assert_eq!(
            parse_payloads(43, &[payload(kind, b""), payload(0, &sealed)].concat()),
            Err(WireError::EncryptedNotLast)
        );
        // Behind another payload, which is not worth an error, it is found.
        let octets = [payload(kind, b"vendor"), payload(0, &sealed)].concat();
        let (header, two) = datagram(43, &octets);
        assert!(matches!(
            parse_body(&header, &two),
            Ok(Body::Encrypted(_) | Body::Fragment(_))
        ));
    }
}

#[test]
fn fragment_numbers() {
    for (number, total, good) in [
        (1_u16, 1_u16, true),
        (2, 2, true),
        (u16::MAX, u16::MAX, true),
        (0, 1, false),
        (0, 0, false),
        (2, 1, false),
        (1, 0, false),
    ] {
        let fields = [number.to_be_bytes(), total.to_be_bytes()].concat();
        let (header, octets) = datagram(53, &payload(0, &fields));
        assert_eq!(
            parse_body(&header, &octets).is_ok(),
            good,
            "{number} of {total}"
        );
    }
    let (header, octets) = datagram(53, &payload(0, &[0, 1, 0]));
    assert_eq!(parse_body(&header, &octets), Err(WireError::Truncated));
}

#[test]
fn parse_body_of_less_than_a_header() {
    assert_eq!(parse_body(&header(), &[0; 27]), Err(WireError::Truncated));
}

#[test]
fn writing_more_than_fits_does_not_panic() {
    // No datagram carries these; the process must live on all the same.
    let long = Payload::VendorId(vec![0; 70_000]);
    assert!(write_message(&header(), &[long]).len() > 70_000);
    let selector = crate::TrafficSelector::from_config("10.0.0.0/8").unwrap();
    let body = write_one(&Payload::TsInitiator(vec![selector; 300]));
    assert_eq!(body[0], 255);
    assert_eq!(body.len(), 4 + 255 * 16);
    assert_eq!(write_encrypted_prefix(&header(), 0, 100_000).len(), 32);
}

use proptest::prelude::*;

use super::{Identification as Id, ParseIdentificationError as Error, *};

#[test]
fn configured_identities() {
    let other = |id_type, data: &[u8]| Id::Other {
        id_type,
        data: data.to_vec(),
    };
    for (text, id) in [
        ("192.0.2.1", Id::Ipv4([192, 0, 2, 1].into())),
        ("2001:db8::1", Id::Ipv6("2001:db8::1".parse().unwrap())),
        ("moon.example", Id::Fqdn("moon.example".into())),
        ("moon", Id::Fqdn("moon".into())),
        ("192.0.2.256", Id::Fqdn("192.0.2.256".into())),
        ("@moon.example", Id::Fqdn("moon.example".into())),
        ("@192.0.2.1", Id::Fqdn("192.0.2.1".into())),
        ("carol@example.org", Id::Rfc822("carol@example.org".into())),
        ("@@carol", Id::Rfc822("carol".into())),
        ("@#c0ffee", Id::KeyId(vec![0xc0, 0xff, 0xee])),
        ("ipv4:192.0.2.1", Id::Ipv4([192, 0, 2, 1].into())),
        ("ipv4:#c0000201", Id::Ipv4([192, 0, 2, 1].into())),
        ("ipv6:2001:db8::1", Id::Ipv6("2001:db8::1".parse().unwrap())),
        ("fqdn:a@b", Id::Fqdn("a@b".into())),
        ("dns:192.0.2.1", Id::Fqdn("192.0.2.1".into())),
        ("rfc822:moon", Id::Rfc822("moon".into())),
        ("email:a@b", Id::Rfc822("a@b".into())),
        ("userfqdn:a@b", Id::Rfc822("a@b".into())),
        ("keyid:gateway 1", Id::KeyId(b"gateway 1".to_vec())),
        ("keyid:C=CH", Id::KeyId(b"C=CH".to_vec())),
        ("keyid:#00FF", Id::KeyId(vec![0, 0xff])),
        ("asn1dn:#3000", Id::DerAsn1Dn(vec![0x30, 0])),
        ("asn1gn:#8200", other(10, &[0x82, 0])),
        ("{2}:moon", Id::Fqdn("moon".into())),
        ("{200}:#0102", other(200, &[1, 2])),
        // A colon alone makes no prefix.
        ("moon:500", Id::Fqdn("moon:500".into())),
    ] {
        assert_eq!(Id::from_config(text), Ok(id), "{text}");
    }
}

#[test]
fn wrong_identities_name_what_is_wrong() {
    for (text, error) in [
        ("", Error::Empty),
        ("@", Error::Empty),
        ("keyid:", Error::Empty),
        ("%any", Error::Any("%any".into())),
        ("0.0.0.0", Error::Any("0.0.0.0".into())),
        ("::", Error::Any("::".into())),
        ("ipv4:moon", Error::Address("moon".into())),
        ("ipv4:2001:db8::1", Error::Address("2001:db8::1".into())),
        ("ipv6:192.0.2.1", Error::Address("192.0.2.1".into())),
        (
            "ipv4:#c00002",
            Error::AddressLength {
                length: 3,
                expected: 4,
            },
        ),
        (
            "ipv6:#c0000201",
            Error::AddressLength {
                length: 4,
                expected: 16,
            },
        ),
        ("keyid:#", Error::Hex(String::new())),
        ("keyid:#abc", Error::Hex("abc".into())),
        ("keyid:#zz", Error::Hex("zz".into())),
        ("keyid:#+1", Error::Hex("+1".into())),
        ("@#", Error::Hex(String::new())),
        ("{0}:moon", Error::IdType("0".into())),
        ("{256}:moon", Error::IdType("256".into())),
        ("{x}:moon", Error::IdType("x".into())),
        ("moon\nexample", Error::ControlCharacter),
        ("C=CH, moon", Error::DistinguishedName("C=CH, moon".into())),
        ("asn1dn:moon", Error::DistinguishedName("moon".into())),
    ] {
        assert_eq!(Id::from_config(text), Err(error), "{text}");
    }
}

#[test]
fn received_names_with_control_characters_equal_no_configured_name() {
    for data in [&b"moon\0"[..], b"moon\r\n", b"\xff\xfe", b"a\x1b[2J"] {
        for id_type in [2, 3] {
            let id = Id::parse(id_type, data).unwrap();
            assert!(matches!(id, Id::Other { .. }), "{id:?}");
            assert_eq!(id.body()[4..], *data, "AUTH covers what was sent");
            assert_eq!(id.id_type(), id_type);
            assert!(!id.to_string().contains(char::is_control));
        }
    }
}

#[test]
fn printed_as_charon_does() {
    for (id, printed) in [
        (Id::Ipv4([192, 0, 2, 1].into()), "192.0.2.1"),
        (Id::Ipv6("2001:db8::1".parse().unwrap()), "2001:db8::1"),
        (Id::Fqdn("moon.example".into()), "moon.example"),
        (Id::Rfc822("carol@example.org".into()), "carol@example.org"),
        (Id::Fqdn("a\u{7}b".into()), "a?b"),
        (Id::KeyId(b"gateway 1".to_vec()), "gateway 1"),
        (Id::KeyId(vec![0xc0, 0xff, 0xee]), "c0:ff:ee"),
        (Id::KeyId(vec![]), ""),
        (
            Id::KeyId(b"01234567890123456789".to_vec()),
            "30:31:32:33:34:35:36:37:38:39:30:31:32:33:34:35:36:37:38:39",
        ),
        (
            Id::Other {
                id_type: 200,
                data: vec![1, 2],
            },
            "{200}:#0102",
        ),
        (Id::DerAsn1Dn(vec![]), "(invalid ID_DER_ASN1_DN)"),
    ] {
        assert_eq!(id.to_string(), printed);
    }
}

/// The subject of a certificate that OpenSSL made for
/// `/C=CH/O=Exämple AG/CN=moon.example/emailAddress=a@b.example`: three kinds of strings.
const NAME: &str = "3056310b300906035504061302434831143012060355040a0c0b4578c3a46d706c652041\
    473115301306035504030c0c6d6f6f6e2e6578616d706c65311a301806092a864886f70d010901160b6140622e65\
    78616d706c65";

#[test]
fn distinguished_names_are_readable() {
    let encoded = hex(NAME).unwrap();
    assert_eq!(
        Id::DerAsn1Dn(encoded.clone()).to_string(),
        "C=CH, O=Exämple AG, CN=moon.example, E=a@b.example"
    );
    // Cut anywhere or with a wrong length anywhere, it is no name.
    for length in 0..encoded.len() {
        assert_eq!(
            Id::DerAsn1Dn(encoded[..length].to_vec()).to_string(),
            "(invalid ID_DER_ASN1_DN)"
        );
    }
    // Long form of the length, two attributes in one set, an unknown one without text.
    let encoded = hex("30811831163009060355040613024348300906035504630402000a");
    assert_eq!(
        Id::DerAsn1Dn(encoded.unwrap()).to_string(),
        "C=CH, 55:04:63=00:0a"
    );
    assert_eq!(Id::DerAsn1Dn(vec![0x30, 0]).to_string(), "");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*") {
        if let Ok(id) = Id::from_config(&text) {
            prop_assert_eq!(Id::parse(id.id_type(), &id.body()[4..]), Ok(id));
        }
    }

    #[test]
    fn prefixed_text_is_read_or_refused(
        prefix in "(ipv4|ipv6|fqdn|dns|rfc822|email|userfqdn|keyid|asn1dn|asn1gn|\\{[0-9]{1,4}\\})",
        text in "#?[0-9a-f.:]{0,12}",
    ) {
        if let Ok(id) = Id::from_config(&format!("{prefix}:{text}")) {
            prop_assert_eq!(Id::parse(id.id_type(), &id.body()[4..]), Ok(id));
        }
    }

    #[test]
    fn any_data_is_printed_without_control_characters(
        id_type: u8,
        data in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        if let Ok(id) = Id::parse(id_type, &data) {
            prop_assert!(!id.to_string().contains(char::is_control));
            prop_assert_eq!(&id.body()[4..], data.as_slice());
        }
    }

    #[test]
    fn encodings_near_a_name_are_printed_or_refused(
        tail in proptest::collection::vec(prop_oneof![
            Just(0x30_u8), Just(0x31), Just(0x06), Just(0x0c), Just(0x81), Just(0x82), 0..12_u8, any::<u8>()
        ], 0..64),
    ) {
        let mut encoded = vec![0x30, u8::try_from(tail.len()).unwrap()];
        encoded.extend(tail);
        prop_assert!(!Id::DerAsn1Dn(encoded).to_string().contains(char::is_control));
    }
}

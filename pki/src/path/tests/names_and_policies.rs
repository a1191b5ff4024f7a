//! What CAs allow below them: names and policies.

use super::{
    Refusal,
    torture::{refusal, two, validate, validate_with},
};
use crate::{ParseError, PathError, PathPolicy, der, tests::forge::*};

#[test]
fn constrained_names() {
    let directory = |common_name: &str| general_name(0xa4, &name(common_name));
    for (kind, inside, outside, base) in [
        (
            "DNS",
            general_name(0x82, b"a.good"),
            general_name(0x82, b"a.bad"),
            general_name(0x82, b"good"),
        ),
        (
            "email",
            general_name(0x81, b"x@good"),
            general_name(0x81, b"x@bad"),
            general_name(0x81, b"good"),
        ),
        (
            "URI",
            general_name(0x86, b"http://good/x"),
            general_name(0x86, b"http://bad"),
            general_name(0x86, b"good"),
        ),
        (
            "IPv4",
            general_name(0x87, &[10, 0, 0, 1]),
            general_name(0x87, &[10, 1, 0, 1]),
            general_name(0x87, &[10, 0, 0, 0, 255, 255, 0, 0]),
        ),
        (
            "IPv6",
            general_name(0x87, &[0; 16]),
            general_name(0x87, &[1; 16]),
            general_name(0x87, &[[0; 16], [0xff; 16]].concat()),
        ),
        (
            "DN",
            directory("peer"),
            directory("other"),
            directory("PEER"),
        ),
    ] {
        for (permitted, name, good) in [
            (true, &inside, true),
            (true, &outside, false),
            (false, &inside, false),
            (false, &outside, kind != "DN"),
        ] {
            let root = Forge::ca().with(name_constraints(permitted, std::slice::from_ref(&base)));
            let result = two(
                &root,
                &Forge::leaf().with(alternative_names(std::slice::from_ref(name))),
            );
            assert_eq!(
                result.is_ok(),
                good,
                "{kind}, permitted {permitted}: {result:?}"
            );
            if !good {
                assert!(matches!(refusal(result), Refusal::NameConstraints(_)));
            }
        }
    }
    // A mail address in the subject counts, unless there is one beside it.
    let mail = sequence(&[
        &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]),
        &der::encode(0x16, &[b"x@bad"]),
    ]);
    let (ca, peer) = (
        Signer::new("root"),
        Signer::new("peer").renamed(sequence(&[&der::encode(0x31, &[&mail])])),
    );
    let root = Forge::ca()
        .with(name_constraints(true, &[general_name(0x81, b"good")]))
        .make(&ca, &ca);
    let result = validate(&[root], &Forge::leaf().make(&peer, &ca), &[]);
    assert_eq!(
        refusal(result),
        Refusal::NameConstraints("x@bad".to_owned())
    );
}

/// Two octets swapped, a minimum, an empty subtree: read leniently each of these would allow all.
#[test]
fn damaged_constraints() {
    let dns = general_name(0x82, b"good");
    let (ca, minimum) = (Signer::new("root"), general_name(0x80, &[1]));
    for value in [
        sequence(&[&der::encode(0xa0, &[&sequence(&[&dns, &minimum])])]),
        sequence(&[&der::encode(0xa0, &[&sequence(&[])])]),
        sequence(&[&der::encode(0xa2, &[&sequence(&[&dns])])]),
        sequence(&[&der::encode(0xa0, &[&sequence(&[&dns])]), &[0xa1, 5]]),
        [
            &sequence(&[&der::encode(0xa0, &[&sequence(&[&dns])])])[..],
            &[0],
        ]
        .concat(),
    ] {
        let parsed = Forge::ca()
            .with(extension(30, true, &value))
            .parse(&ca, &ca);
        assert_eq!(
            parsed,
            Err(ParseError::Extension("nameConstraints")),
            "{value:02x?}"
        );
    }
}

#[test]
fn certificate_policies() {
    let wants = |policy: &str| PathPolicy {
        certificate_policies: vec![policy.to_owned()],
        ..PathPolicy::default()
    };
    let (root, middle, peer) = (
        Signer::new("root"),
        Signer::new("middle"),
        Signer::new("peer"),
    );
    let anchors = [Forge::ca().make(&root, &root)];
    let run = |policy: &PathPolicy, ca: Forge, leaf: Forge| {
        let extra = [ca.make(&middle, &root)];
        validate_with(policy, &anchors, &leaf.make(&peer, &middle), &extra).map(drop)
    };
    let any = || {
        extension(
            32,
            false,
            &sequence(&[&sequence(&[&oid(&[0x55, 0x1d, 0x20, 0])])]),
        )
    };
    let mapping = |from: u8, to: u8| {
        let pair = sequence(&[&oid(&[0x2b, from]), &oid(&[0x2b, to])]);
        extension(33, false, &sequence(&[&pair]))
    };
    let leaf = || Forge::leaf().with(policies(&[7]));
    run(&wants("1.3.7"), Forge::ca().with(policies(&[7, 8])), leaf()).expect("both have it");
    run(&wants("1.3.7"), Forge::ca().with(any()), leaf()).expect("any");
    run(
        &wants("1.3.7"),
        Forge::ca().with(policies(&[6])).with(mapping(6, 7)),
        leaf(),
    )
    .expect("mapped");
    for ca in [
        Forge::ca(),
        Forge::ca().with(policies(&[8])),
        Forge::ca().with(policies(&[7])).with(mapping(7, 8)),
    ] {
        let error = run(&wants("1.3.7"), ca, leaf()).expect_err("no such policy");
        assert!(error.to_string().contains("1.3.7"), "{error}");
    }
    let require = || extension(36, true, &sequence(&[&[0x80, 1, 0]]));
    run(
        &PathPolicy::default(),
        Forge::ca().with(require()).with(policies(&[7])),
        leaf(),
    )
    .expect("one in common");
    let error = run(
        &PathPolicy::default(),
        Forge::ca().with(require()).with(policies(&[8])),
        leaf(),
    );
    assert!(
        matches!(
            error,
            Err(PathError::Refused {
                refusal: Refusal::NoPolicy,
                ..
            })
        ),
        "{error:?}"
    );
}

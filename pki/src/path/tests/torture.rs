//! Certificates that must not be taken, and some that must.

use std::{sync::Arc, time::Instant};

use super::{Refusal, Usage, Validator, load};
use crate::{
    Certificate, MAX_INPUT, ParseError, PathError, PathPolicy, SignatureError, Strength, ValidPath,
    path::MOST_CAS, tests::forge::*,
};

type Certificates = Vec<Arc<Certificate>>;

pub(super) fn validate(
    anchors: &[Arc<Certificate>],
    leaf: &Arc<Certificate>,
    extra: &[Arc<Certificate>],
) -> Result<ValidPath, PathError> {
    validate_with(&PathPolicy::default(), anchors, leaf, extra)
}

pub(super) fn validate_with(
    policy: &PathPolicy,
    anchors: &[Arc<Certificate>],
    leaf: &Arc<Certificate>,
    extra: &[Arc<Certificate>],
) -> Result<ValidPath, PathError> {
    let validator = Validator {
        anchors,
        intermediates: &[],
        pinned: &[],
        policy,
    };
    validator.validate(leaf, extra, NOW)
}

/// A leaf below a root, both as they are given.
pub(super) fn two(root: &Forge, leaf: &Forge) -> Result<ValidPath, PathError> {
    let (ca, peer) = (Signer::new("root"), Signer::new("peer"));
    validate(&[root.make(&ca, &ca)], &leaf.make(&peer, &ca), &[])
}

pub(super) fn refusal(result: Result<ValidPath, PathError>) -> Refusal {
    match result {
        Err(PathError::Refused { refusal, .. }) => refusal,
        other => panic!("{other:?}"),
    }
}

/// `cas` CAs above a leaf, the last of them the anchor; `of` says what CA number n, counted from the
/// leaf, is like.
fn chain(
    cas: usize,
    of: impl Fn(usize) -> Forge,
) -> (Arc<Certificate>, Certificates, Arc<Certificate>) {
    let signers: Vec<_> = (0..=cas)
        .map(|n| Signer::new(&format!("number {n}")))
        .collect();
    let leaf = Forge::leaf().make(&signers[0], &signers[1]);
    let mut path: Certificates = (1..=cas)
        .map(|n| of(n).make(&signers[n], &signers[(n + 1).min(cas)]))
        .collect();
    let anchor = path.pop().expect("a CA");
    path.reverse();
    (leaf, path, anchor)
}

#[test]
fn every_algorithm() {
    for maker in [Signer::new, Signer::p384, Signer::p521, Signer::ed25519] {
        let (ca, peer) = (maker("root"), maker("peer"));
        let (anchor, leaf) = (Forge::ca().make(&ca, &ca), Forge::leaf().make(&peer, &ca));
        validate(&[anchor], &leaf, &[]).expect("a path");
    }
    for name in ["signed-pkcs1.pem", "signed-pss.pem"] {
        validate(&[load("rsa-ca.pem")], &load(name), &[]).expect(name);
    }
}

#[test]
fn weak_signatures() {
    let weak = PathPolicy {
        strength: Strength::Weak,
        ..PathPolicy::default()
    };
    for (ca, name) in [
        ("rsa-ca.pem", "signed-sha1.pem"),
        ("rsa1024-ca.pem", "signed-rsa1024.pem"),
    ] {
        let (anchors, leaf) = ([load(ca)], load(name));
        let refused = refusal(validate(&anchors, &leaf, &[]));
        assert!(
            matches!(refused, Refusal::Signature(SignatureError::Weak(_))),
            "{refused}"
        );
        validate_with(&weak, &anchors, &leaf, &[]).expect("allowed");
    }
    let odd = refusal(validate(
        &[load("rsa-ca.pem")],
        &load("signed-pss-other-salt.pem"),
        &[],
    ));
    assert!(
        matches!(odd, Refusal::Signature(SignatureError::Unsupported(_))),
        "{odd}"
    );
}

#[test]
fn times() {
    for (forge, expected) in [
        (
            Forge {
                end: "20260101000000Z",
                ..Forge::leaf()
            },
            Refusal::Expired(1_767_225_600),
        ),
        (
            Forge {
                begin: "20280101000000Z",
                ..Forge::leaf()
            },
            Refusal::NotYetValid(1_830_297_600),
        ),
    ] {
        assert_eq!(refusal(two(&Forge::ca(), &forge)), expected);
        let ca = forge.with(basic_constraints(None));
        assert_eq!(refusal(two(&ca, &Forge::leaf())), expected, "an anchor too");
    }
}

#[test]
fn purposes() {
    let with = |purposes: &[u8]| Forge::leaf().with(extended_key_usage(purposes));
    for purposes in [&[1][..], &[2], &[17], &[5], &[3, 17]] {
        two(&Forge::ca(), &with(purposes)).expect("for IKE");
    }
    let any = extension(37, false, &sequence(&[&oid(&[0x55, 0x1d, 0x25, 0])]));
    let intermediate = extension(37, false, &sequence(&[&oid(&[0x2b, 6, 1, 5, 5, 8, 2, 2])]));
    for extension in [any, intermediate] {
        two(&Forge::ca(), &Forge::leaf().with(extension)).expect("for IKE");
    }
    for purposes in [&[3][..], &[4, 8, 9]] {
        let refused = refusal(two(&Forge::ca(), &with(purposes)));
        assert_eq!(refused, Refusal::ExtendedKeyUsage("IKE"));
    }
    let (ca, peer) = (Signer::new("root"), Signer::new("peer"));
    let anchors = [Forge::ca().make(&ca, &ca)];
    for (purpose, usage, good) in [
        (1, Usage::TlsServer, true),
        (1, Usage::TlsClient, false),
        (2, Usage::TlsClient, true),
        (17, Usage::TlsServer, false),
    ] {
        let policy = PathPolicy {
            usage,
            ..PathPolicy::default()
        };
        let leaf = with(&[purpose]).make(&peer, &ca);
        assert_eq!(
            validate_with(&policy, &anchors, &leaf, &[]).is_ok(),
            good,
            "{purpose} {usage:?}"
        );
    }
}

#[test]
fn key_usages() {
    for (bits, good) in [
        (0x80, true),
        (0x40, true),
        (0xa0, true),
        (0x20, false),
        (0x06, false),
    ] {
        let result = two(&Forge::ca(), &Forge::leaf().with(key_usage(bits)));
        assert_eq!(result.is_ok(), good, "{bits:x}: {result:?}");
    }
    two(&Forge::ca().with(key_usage(0x06)), &Forge::leaf()).expect("keyCertSign");
    let without = two(&Forge::ca().with(key_usage(0x82)), &Forge::leaf());
    assert_eq!(refusal(without), Refusal::NoKeyCertSign);
}

#[test]
fn path_lengths() {
    for (limit, good) in [(Some(2), true), (Some(1), false), (None, true)] {
        // The anchor's limit, with two CAs below it.
        let (leaf, extra, anchor) = chain(3, |n| {
            Forge::leaf().with(basic_constraints(limit.filter(|_| n == 3)))
        });
        let result = validate(&[anchor], &leaf, &extra);
        assert_eq!(result.is_ok(), good, "{limit:?}");
        if let Err(error) = result {
            assert!(
                error
                    .to_string()
                    .contains("\"CN=number 3\": its basicConstraints allow 1"),
                "{error}"
            );
        }
    }
}

#[test]
fn depth() {
    let (leaf, extra, anchor) = chain(MOST_CAS, |_| Forge::ca());
    let path = validate(&[anchor], &leaf, &extra).expect("ten CAs");
    assert_eq!(path.certificates().len(), MOST_CAS + 1);
    for cas in [MOST_CAS + 1, 30] {
        let (leaf, extra, anchor) = chain(cas, |_| Forge::ca());
        assert_eq!(
            validate(&[anchor], &leaf, &extra),
            Err(PathError::TooDeep),
            "{cas}"
        );
    }
}

#[test]
fn size() {
    let (ca, peer) = (Signer::new("root"), Signer::new("peer"));
    let huge = general_name(0x82, &vec![b'a'; 1 << 20]);
    let begin = Instant::now();
    let huge = Forge::leaf()
        .with(alternative_names(&[huge]))
        .der(&peer, &ca);
    assert!(huge.len() > 1 << 20);
    assert_eq!(Certificate::parse(&huge), Err(ParseError::TooLong));
    let names: Vec<_> = (0..6000).map(|_| general_name(0x82, b"a.a")).collect();
    let leaf = Forge::leaf().with(alternative_names(&names));
    let root = Forge::ca().with(name_constraints(false, &names));
    assert!(leaf.der(&peer, &ca).len() < MAX_INPUT);
    assert_eq!(
        two(&root, &leaf),
        Err(PathError::TooMuchWork),
        "36 million comparisons"
    );
    assert!(begin.elapsed().as_secs() < 10);
}

/// Sixteen keys of two names that sign each other in every way, and no anchor: the work is bounded.
#[test]
fn loops() {
    let (a, b) = (name("a"), name("b"));
    let signers: Vec<_> = (0..8)
        .map(|n| Signer::new("x").renamed(if n % 2 == 0 { a.clone() } else { b.clone() }))
        .collect();
    let mut extra = Vec::new();
    for (at, subject) in signers.iter().enumerate() {
        for issuer in signers.iter().skip(1 - at % 2).step_by(2) {
            extra.push(Forge::ca().make(subject, issuer));
        }
    }
    let peer = Signer::new("peer");
    let leaf = Forge::leaf().make(&peer, &signers[0]);
    let begin = Instant::now();
    assert!(validate(&[], &leaf, &extra).is_err());
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
    // The simple one: two CAs that signed each other.
    let loops = [
        Forge::ca().make(&signers[0], &signers[1]),
        Forge::ca().make(&signers[1], &signers[0]),
    ];
    let error = validate(&[], &leaf, &loops).expect_err("no anchor");
    assert!(matches!(error, PathError::NoIssuer { .. }), "{error}");
}

/// Cross-signed: the way to the unknown root is a dead end, the other one is found; and a CA of the
/// same name with another key does not stand in the way.
#[test]
fn several_ways() {
    let (known, unknown, middle) = (
        Signer::new("known"),
        Signer::new("unknown"),
        Signer::new("middle"),
    );
    let namesake = Signer::new("middle");
    let leaf = Forge::leaf().make(&Signer::new("peer"), &middle);
    let extra = [
        Forge::ca().make(&middle, &unknown),
        Forge::ca().make(&namesake, &known),
        Forge {
            end: "20260101000000Z",
            ..Forge::ca()
        }
        .make(&middle, &known),
        Forge::ca().make(&middle, &known),
    ];
    let anchors = [Forge::ca().make(&known, &known)];
    let path = validate(&anchors, &leaf, &extra).expect("a path");
    assert_eq!(path.certificates()[1], extra[3]);
    let error = validate(&anchors, &leaf, &extra[..3]).expect_err("expired");
    assert!(error.to_string().contains("CN=middle"), "{error}");
}

/// A CA that the operator loaded is no end by itself: the root is to be loaded too, as with charon.
#[test]
fn loaded_intermediates_lead_to_a_root() {
    let [root, middle, peer] = ["root", "middle", "peer"].map(Signer::new);
    let (anchor, ca) = (
        Forge::ca().make(&root, &root),
        Forge::ca().make(&middle, &root),
    );
    let leaf = Forge::leaf().make(&peer, &middle);
    let error = validate(&[Arc::clone(&ca)], &leaf, &[]).expect_err("no root");
    assert!(matches!(error, PathError::NoIssuer { .. }), "{error}");
    let path = validate(&[Arc::clone(&ca), anchor], &leaf, &[]).expect("a path");
    assert_eq!(path.certificates()[1], ca);
    assert_eq!(path.certificates().len(), 3);
}

#[test]
fn signers_that_are_no_ca() {
    let (root, leaf_ca, peer) = (
        Signer::new("root"),
        Signer::new("leaf"),
        Signer::new("peer"),
    );
    let anchors = [Forge::ca().make(&root, &root)];
    let no_ca = Forge::leaf().make(&leaf_ca, &root);
    let leaf = Forge::leaf().make(&peer, &leaf_ca);
    assert_eq!(refusal(validate(&anchors, &leaf, &[no_ca])), Refusal::NotCa);
    let says_no = Forge::leaf()
        .with(extension(19, true, &[0x30, 0]))
        .make(&leaf_ca, &root);
    assert_eq!(
        refusal(validate(&anchors, &leaf, &[says_no])),
        Refusal::NotCa
    );
}

#[test]
fn signatures() {
    let (root, other, peer) = (
        Signer::new("root"),
        Signer::new("root"),
        Signer::new("peer"),
    );
    let anchors = [Forge::ca().make(&root, &root)];
    let wrong = Refusal::Signature(SignatureError::Wrong);
    let forged = Forge::leaf().make(&peer, &other);
    assert_eq!(refusal(validate(&anchors, &forged, &[])), wrong);
    let mut octets = Forge::leaf().der(&peer, &root);
    let last = octets.len() - 1;
    octets[last] ^= 1;
    let damaged = Arc::new(Certificate::parse(&octets).expect("a certificate"));
    assert_eq!(refusal(validate(&anchors, &damaged, &[])), wrong);
    let mismatch = Forge {
        outer_algorithm: Some(sequence(&[&oid(&[0x2b, 0x65, 0x70])])),
        ..Forge::leaf()
    };
    assert_eq!(
        mismatch.parse(&peer, &root),
        Err(ParseError::AlgorithmMismatch)
    );
}

#[test]
fn extensions() {
    let (root, peer) = (Signer::new("root"), Signer::new("peer"));
    let unknown = |critical| Forge::leaf().with(extension(99, critical, &[5, 0]));
    two(&Forge::ca(), &unknown(false)).expect("not critical");
    assert_eq!(
        refusal(two(&Forge::ca(), &unknown(true))),
        Refusal::UnknownCritical("2.5.29.99".to_owned())
    );
    let twice = Forge::leaf().with(key_usage(0x80)).with(key_usage(0x80));
    assert_eq!(
        twice.parse(&peer, &root),
        Err(ParseError::Duplicate("2.5.29.15".to_owned()))
    );
}

#[test]
fn subjects() {
    let (root, nobody) = (Signer::new("root"), Signer::new("x").renamed(sequence(&[])));
    let anchors = [Forge::ca().make(&root, &root)];
    let named = Forge::leaf().with(alternative_names(&[general_name(0x82, b"a.b")]));
    validate(&anchors, &named.make(&nobody, &root), &[]).expect("another name");
    let nameless = Forge::leaf().make(&nobody, &root);
    assert_eq!(
        refusal(validate(&anchors, &nameless, &[])),
        Refusal::Nameless
    );
    // Written differently, the name of the issuer is the same.
    let same = Signer::new("Root  ");
    let same = Signer {
        key: root.key,
        name: same.name,
    };
    validate(
        &anchors,
        &Forge::leaf().make(&Signer::new("peer"), &same),
        &[],
    )
    .expect("a path");
}

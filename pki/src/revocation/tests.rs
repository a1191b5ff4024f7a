use super::*;
use crate::{
    OcspRequest, ParseError,
    tests::{data, forge::*, forge_revocation::*},
};

/// A root, a CA below it and a peer of the root's.
struct World {
    root: Signer,
    issuer: Arc<Certificate>,
    ca: Arc<Certificate>,
    peer: Arc<Certificate>,
}

const CRL: &[u8] = b"http://ca/crl";

fn world() -> World {
    let root = Signer::new("root");
    let point = der_point(CRL);
    let leaf = Forge::leaf().with(extension(31, false, &sequence(&[&sequence(&[&point])])));
    World {
        issuer: Forge::ca().make(&root, &root),
        ca: Forge {
            serial: vec![9],
            ..Forge::ca()
        }
        .make(&Signer::new("ca"), &root),
        peer: leaf.make(&Signer::new("peer"), &root),
        root,
    }
}

/// The name of a distribution point.
fn der_point(uri: &[u8]) -> Vec<u8> {
    let names = crate::der::encode(0xa0, &[&general_name(0x86, uri)]);
    crate::der::encode(0xa0, &[&names])
}

fn scoped(parts: &[u8]) -> Vec<u8> {
    extension(28, true, &sequence(&[parts]))
}

impl World {
    fn by_list(&self, list: &ForgeList, certificate: &Certificate) -> Status {
        let list = list.parse(&self.root).expect("a list");
        let evidence = Evidence {
            lists: vec![Arc::new(list)],
            ..Evidence::default()
        };
        evidence.status(certificate, &self.issuer, NOW)
    }

    fn by_response(&self, response: &ForgeResponse, signer: &Signer) -> Status {
        let response = response
            .parse(signer, &self.peer, &self.issuer)
            .expect("a response");
        let evidence = Evidence {
            responses: vec![Arc::new(response)],
            ..Evidence::default()
        };
        evidence.status(&self.peer, &self.issuer, NOW)
    }
}

#[test]
fn lists() {
    let world = world();
    let status = |list: ForgeList| world.by_list(&list, &world.peer);
    let hold = extension(21, false, &[0x0a, 1, 6]);
    let with_reason = |reason: Vec<u8>| ForgeList {
        revoked: vec![(7, reason)],
        ..ForgeList::new(&[])
    };
    assert_eq!(status(ForgeList::new(&[])), Status::Good);
    assert_eq!(status(ForgeList::new(&[1, 9, 3])), Status::Good);
    assert_eq!(status(ForgeList::new(&[1, 7, 3])), Status::Revoked(None));
    assert_eq!(
        status(with_reason(hold)),
        Status::Revoked(Some(Reason::new(6)))
    );
    let stale = |revoked: &[u8]| ForgeList {
        next_update: Some("20270102000000Z"),
        ..ForgeList::new(revoked)
    };
    assert_eq!(status(stale(&[])), Status::Stale);
    assert_eq!(
        status(stale(&[7])),
        Status::Revoked(None),
        "it stays revoked"
    );
    assert_eq!(
        status(ForgeList {
            next_update: None,
            ..ForgeList::new(&[])
        }),
        Status::Stale
    );
    assert_eq!(
        status(ForgeList {
            this_update: "20280101000000Z",
            ..ForgeList::new(&[7])
        }),
        Status::Unknown
    );
    // A thousand entries that are not in order.
    let many: Vec<u8> = (0..=255)
        .rev()
        .filter(|serial| *serial != 7)
        .cycle()
        .take(1000)
        .collect();
    assert_eq!(status(ForgeList::new(&many)), Status::Good);
    assert_eq!(
        status(ForgeList::new(&[&many[..], &[7]].concat())),
        Status::Revoked(None)
    );
}

#[test]
fn lists_of_others() {
    let world = world();
    let (namesake, other) = (Signer::new("root"), Signer::new("other"));
    for signer in [&namesake, &other] {
        let list = ForgeList::new(&[7]).parse(signer).expect("a list");
        let evidence = Evidence {
            lists: vec![Arc::new(list)],
            ..Evidence::default()
        };
        assert_eq!(
            evidence.status(&world.peer, &world.issuer, NOW),
            Status::Unknown
        );
    }
    let may_not = Forge::ca()
        .with(key_usage(0x04))
        .make(&world.root, &world.root);
    let list = ForgeList::new(&[]).parse(&world.root).expect("a list");
    let evidence = Evidence {
        lists: vec![Arc::new(list)],
        ..Evidence::default()
    };
    assert_eq!(
        evidence.status(&world.peer, &may_not, NOW),
        Status::Unknown,
        "no cRLSign"
    );
}

/// What issuingDistributionPoint and unknown extensions make of a list: for the peer when it is on
/// the list, when it is not, and for a CA that is not.
#[test]
fn scopes() {
    let world = world();
    let (revoked, good, unknown) = (Status::Revoked(None), Status::Good, Status::Unknown);
    let other_point = der_point(b"http://ca/other");
    for (what, extension, expected) in [
        ("all", None, [revoked, good, good]),
        (
            "users",
            Some(scoped(&[0x81, 1, 0xff])),
            [revoked, good, unknown],
        ),
        (
            "CAs",
            Some(scoped(&[0x82, 1, 0xff])),
            [unknown, unknown, good],
        ),
        (
            "reasons",
            Some(scoped(&[0x83, 2, 1, 0x40])),
            [revoked, unknown, unknown],
        ),
        ("indirect", Some(scoped(&[0x84, 1, 0xff])), [unknown; 3]),
        ("attributes", Some(scoped(&[0x85, 1, 0xff])), [unknown; 3]),
        (
            "our point",
            Some(scoped(&der_point(CRL))),
            [revoked, good, unknown],
        ),
        (
            "another point",
            Some(scoped(&other_point)),
            [revoked, unknown, unknown],
        ),
        ("delta", Some(extension(27, true, &[2, 1, 1])), [unknown; 3]),
        (
            "critical",
            Some(extension(99, true, &[5, 0])),
            [revoked, unknown, unknown],
        ),
        (
            "not critical",
            Some(extension(99, false, &[5, 0])),
            [revoked, good, good],
        ),
    ] {
        let list = |revoked: &[u8]| {
            extension
                .iter()
                .cloned()
                .fold(ForgeList::new(revoked), ForgeList::with)
        };
        let found = [
            world.by_list(&list(&[7]), &world.peer),
            world.by_list(&list(&[]), &world.peer),
            world.by_list(&list(&[]), &world.ca),
        ];
        assert_eq!(found, expected, "{what}");
    }
    // certificateIssuer: the entries are not the issuer's own.
    let foreign = extension(29, true, &[0x30, 0]);
    let list = ForgeList {
        revoked: vec![(1, foreign)],
        ..ForgeList::new(&[])
    };
    assert_eq!(world.by_list(&list, &world.peer), unknown);
    let malformed = ForgeList::new(&[])
        .with(scoped(&[0x86, 1, 0xff]))
        .parse(&world.root);
    assert_eq!(
        malformed,
        Err(ParseError::Extension("issuingDistributionPoint"))
    );
}

#[test]
fn responses() {
    let world = world();
    let status = |response: ForgeResponse| world.by_response(&response, &world.root);
    assert_eq!(status(ForgeResponse::new(GOOD)), Status::Good);
    assert_eq!(status(ForgeResponse::new(UNKNOWN)), Status::Unknown);
    assert_eq!(
        status(ForgeResponse::new(&revoked(1))),
        Status::Revoked(Some(Reason::new(1)))
    );
    assert_eq!(
        status(ForgeResponse {
            by_key: true,
            ..ForgeResponse::new(GOOD)
        }),
        Status::Good
    );
    let late = |status: &[u8]| ForgeResponse {
        next_update: Some("20270102000000Z"),
        ..ForgeResponse::new(status)
    };
    assert_eq!(status(late(GOOD)), Status::Stale);
    assert!(matches!(status(late(&revoked(4))), Status::Revoked(_)));
    assert_eq!(
        status(ForgeResponse {
            next_update: None,
            ..ForgeResponse::new(GOOD)
        }),
        Status::Stale
    );
    let fresh = ForgeResponse {
        this_update: "20270115075000Z",
        next_update: None,
        ..ForgeResponse::new(GOOD)
    };
    assert_eq!(status(fresh), Status::Good, "ten minutes old");
    let early = ForgeResponse {
        this_update: "20280101000000Z",
        ..ForgeResponse::new(&revoked(1))
    };
    assert_eq!(status(early), Status::Unknown);
    let about_another = ForgeResponse::new(GOOD).parse(&world.root, &world.ca, &world.issuer);
    let evidence = Evidence {
        responses: vec![Arc::new(about_another.expect("a response"))],
        ..Evidence::default()
    };
    assert_eq!(
        evidence.status(&world.peer, &world.issuer, NOW),
        Status::Unknown
    );
}

#[test]
fn who_may_answer() {
    const OCSP_SIGNING: u8 = 9;
    let world = world();
    let (delegate, other_root) = (Signer::new("delegate"), Signer::new("root"));
    let allowed = || Forge::leaf().with(extended_key_usage(&[OCSP_SIGNING]));
    let with = |forge: Forge, issuer: &Signer| ForgeResponse {
        certificates: vec![forge.der(&delegate, issuer)],
        ..ForgeResponse::new(GOOD)
    };
    let status = |response: ForgeResponse| world.by_response(&response, &delegate);
    assert_eq!(status(with(allowed(), &world.root)), Status::Good);
    for (what, response) in [
        ("no certificate", ForgeResponse::new(GOOD)),
        ("not for OCSP", with(Forge::leaf(), &world.root)),
        (
            "anyEKU",
            with(Forge::leaf().with(extended_key_usage(&[17])), &world.root),
        ),
        ("another CA", with(allowed(), &other_root)),
        (
            "expired",
            with(
                Forge {
                    end: "20260101000000Z",
                    ..allowed()
                },
                &world.root,
            ),
        ),
        (
            "critical",
            with(allowed().with(extension(99, true, &[5, 0])), &world.root),
        ),
        (
            "keyUsage",
            with(allowed().with(key_usage(0x20)), &world.root),
        ),
    ] {
        assert_eq!(status(response), Status::Unknown, "{what}");
    }
    let impostor = Signer::new("root");
    assert_eq!(
        world.by_response(&ForgeResponse::new(GOOD), &impostor),
        Status::Unknown
    );
    // Whom the operator named may answer without a certificate of the CA.
    let response = ForgeResponse::new(GOOD).parse(&delegate, &world.peer, &world.issuer);
    let own = Forge::leaf().make(&delegate, &delegate);
    let evidence = Evidence {
        responses: vec![Arc::new(response.expect("a response"))],
        responders: vec![own],
        ..Evidence::default()
    };
    assert_eq!(
        evidence.status(&world.peer, &world.issuer, NOW),
        Status::Good
    );
    assert_eq!(
        evidence.status(&world.peer, &world.issuer, 4_000_000_000),
        Status::Unknown
    );
}

#[test]
fn nonces() {
    let world = world();
    let request = OcspRequest::new(&world.peer, &world.issuer, [5; 32]);
    assert!(
        request
            .der()
            .windows(32)
            .any(|window| window == request.nonce())
    );
    let nonce = |critical: &[u8], last: u8, value: &[u8]| {
        let id = oid(&[0x2b, 6, 1, 5, 5, 7, 48, 1, last]);
        let extensions = sequence(&[&id, critical, &octets(value)]);
        let response = ForgeResponse {
            extensions,
            ..ForgeResponse::new(GOOD)
        };
        response.parse(&world.root, &world.peer, &world.issuer)
    };
    let read = |response: Result<OcspResponse, ParseError>| {
        response.map(|response| response.nonce().map(<[u8]>::to_vec))
    };
    assert_eq!(
        read(nonce(&[], 2, &octets(&[5; 32]))),
        Ok(Some(vec![5; 32]))
    );
    assert_eq!(
        read(nonce(&[], 2, &[5; 16])),
        Ok(Some(vec![5; 16])),
        "as it was before RFC 6960"
    );
    assert_eq!(read(nonce(&[], 9, &[5, 0])), Ok(None));
    assert_eq!(
        read(nonce(&[1, 1, 0xff], 99, &[5, 0])),
        Err(ParseError::Der("an OCSP response"))
    );
}

#[test]
fn what_openssl_says() {
    let load = |name: &str| Certificate::parse(&data(name)).expect(name);
    let (ca, moon, sun) = (load("ca.pem"), load("moon.pem"), load("sun.pem"));
    let now = moon
        .validity()
        .not_before
        .max(load("ocsp.pem").validity().not_before)
        + 86_400;
    let list = RevocationList::parse(&data("crl.pem")).expect("a list");
    let response = OcspResponse::parse(&data("ocsp-response.der")).expect("a response");
    let by_list = Evidence {
        lists: vec![Arc::new(list)],
        ..Evidence::default()
    };
    let by_response = Evidence {
        responses: vec![Arc::new(response)],
        ..Evidence::default()
    };
    for evidence in [by_list, by_response] {
        assert_eq!(evidence.status(&moon, &ca, now), Status::Good);
        assert_eq!(evidence.status(&sun, &ca, now), Status::Revoked(None));
        assert_eq!(
            evidence.status(&load("sub-ca.pem"), &moon, now),
            Status::Unknown
        );
    }
    assert_eq!(
        OcspResponse::parse(&[0x30, 3, 0x0a, 1, 6]),
        Err(ParseError::OcspRefused("unauthorized"))
    );
    assert_eq!(moon.crl_uris(), ["http://ca.example/ca.crl"]);
    assert_eq!(moon.ocsp_uris(), ["http://ocsp.example"]);
}

#[test]
fn requirements() {
    use Requirement::{IfUri, Relaxed, Strict};
    for (status, has_uri, accepted) in [
        (Status::Good, true, &[Relaxed, IfUri, Strict][..]),
        (Status::Good, false, &[Relaxed, IfUri, Strict]),
        (Status::Unknown, false, &[Relaxed, IfUri]),
        (Status::Unknown, true, &[Relaxed]),
        (Status::Stale, true, &[Relaxed]),
        (Status::Revoked(None), true, &[]),
        (Status::Revoked(None), false, &[]),
    ] {
        for requirement in [Relaxed, IfUri, Strict] {
            let met = requirement.is_met(status, has_uri);
            assert_eq!(
                met,
                accepted.contains(&requirement),
                "{requirement:?}, {status:?}, {has_uri}"
            );
        }
    }
}

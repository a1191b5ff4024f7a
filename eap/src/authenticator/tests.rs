use proptest::prelude::*;

use super::*;
use crate::{Peer, PeerMethod};

fn random(octets: &mut [u8]) {
    octets.fill(9);
}

fn mschapv2() -> AuthenticatorMethod {
    AuthenticatorMethod::MsChapV2 {
        name: b"cave".to_vec(),
        hashes: Box::new(|user| (user == b"ali").then(|| NtHash::of("sesame"))),
    }
}

fn peer(user: &str, password: &str) -> Peer {
    let method = PeerMethod::MsChapV2 {
        username: user.into(),
        hash: NtHash::of(password),
    };
    Peer::new(user.into(), vec![method])
}

/// Everything the authenticator sent, and both verdicts.
fn talk(
    mut peer: Peer,
    mut server: Authenticator,
) -> (Vec<Vec<u8>>, [Result<Success, Failure>; 2]) {
    let mut sent = vec![server.start(&mut random)];
    let mut theirs = None;
    loop {
        let packet = sent.last().unwrap();
        let response = match peer.handle(packet, &mut random) {
            Step::Send(response) => response,
            Step::Done { result, .. } => return (sent, [result, theirs.unwrap()]),
            Step::Discard(discard) => panic!("{discard}"),
        };
        match server.handle(&response, &mut random) {
            Step::Send(packet) => sent.push(packet),
            Step::Done { packet, result } => {
                sent.push(packet.unwrap());
                theirs = Some(result);
            }
            Step::Discard(discard) => panic!("{discard}"),
        }
    }
}

#[test]
fn the_right_password_gives_both_one_key() {
    for identity in [None, Some(b"ali".to_vec())] {
        let server = Authenticator::new(identity, vec![mschapv2()]);
        let (_, [ours, theirs]) = talk(peer("ali", "sesame"), server);
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(ours.msk.octets(), theirs.msk.octets());
        assert_eq!(theirs.identity, b"ali");
        assert_eq!(theirs.method, Type::MSCHAPV2);
    }
}

#[test]
fn who_asks_with_a_wrong_password_is_not_told_whether_the_user_exists() {
    let server = || Authenticator::new(None, vec![mschapv2()]);
    let (known, [ours, theirs]) = talk(peer("ali", "sesam"), server());
    assert_eq!(ours.unwrap_err(), Failure::MsChap { code: 691 });
    assert_eq!(theirs.unwrap_err(), Failure::WrongPassword);
    let (unknown, [_, theirs]) = talk(peer("baba", "sesam"), server());
    assert_eq!(theirs.unwrap_err(), Failure::WrongPassword);
    assert_eq!(known, unknown);
}

#[test]
fn a_refusal_is_known_before_the_peer_has_taken_note() {
    let mut server = Authenticator::new(None, vec![mschapv2()]);
    let mut peer = peer("ali", "sesam");
    let mut packet = server.start(&mut random);
    // Its identity, then its proof.
    for _ in 0..2 {
        assert_eq!(server.refusal(), None);
        let Step::Send(response) = peer.handle(&packet, &mut random) else {
            panic!("the peer has something to say");
        };
        let Step::Send(next) = server.handle(&response, &mut random) else {
            panic!("so has the authenticator");
        };
        packet = next;
    }
    assert_eq!(server.refusal(), Some(Failure::WrongPassword));
}

#[test]
fn a_response_to_another_request_is_passed_over() {
    let mut server = Authenticator::new(None, vec![mschapv2()]);
    let ask = server.start(&mut random);
    let answer = |identifier| {
        Packet::Response(Body {
            identifier,
            kind: Type::IDENTITY,
            data: b"ali",
        })
        .to_vec()
    };
    let wrong = answer(ask[1].wrapping_add(1));
    let step = server.handle(&wrong, &mut random);
    assert!(matches!(step, Step::Discard(Discard::WrongIdentifier)));
    let right = answer(ask[1]);
    assert!(matches!(server.handle(&right, &mut random), Step::Send(_)));
    // The same once more: a duplicate.
    let step = server.handle(&right, &mut random);
    assert!(matches!(step, Step::Discard(Discard::WrongIdentifier)));
}

#[test]
fn a_nak_chooses_and_one_that_cannot_be_met_ends_it() {
    let nak = |server: &mut Authenticator, types: &[u8]| {
        let ask = server.start(&mut random);
        let nak = Packet::Response(Body {
            identifier: ask[1],
            kind: Type::NAK,
            data: types,
        });
        server.handle(&nak.to_vec(), &mut random)
    };
    let known = || Some(b"ali".to_vec());
    let mut server = Authenticator::new(known(), vec![mschapv2(), mschapv2()]);
    let Step::Send(packet) = nak(&mut server, &[Type::MSCHAPV2.0]) else {
        panic!("the second method is wanted");
    };
    assert_eq!(packet[4], Type::MSCHAPV2.0);
    let mut server = Authenticator::new(known(), vec![mschapv2()]);
    let step = nak(&mut server, &[Type::TLS.0, 21]);
    let Step::Done {
        packet: Some(packet),
        result: Err(Failure::NoCommonMethod),
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(packet[0], 4);
}

proptest! {
    #[test]
    fn nobody_gets_through_without_the_password(octets in proptest::collection::vec(any::<u8>(), 0..800)) {
        crate::fuzz::conversation(&octets);
    }
}

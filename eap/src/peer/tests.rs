use super::*;
use crate::{Authenticator, AuthenticatorMethod};

fn random(octets: &mut [u8]) {
    octets.fill(9);
}

fn peer(password: &str) -> Peer {
    let method = PeerMethod::MsChapV2 {
        username: b"ali".to_vec(),
        hash: NtHash::of(password),
    };
    Peer::new(b"ali@cave".to_vec(), vec![method])
}

fn authenticator() -> Authenticator {
    let method = AuthenticatorMethod::MsChapV2 {
        name: b"cave".to_vec(),
        hashes: Box::new(|user| (user == b"ali").then(|| NtHash::of("sesame"))),
    };
    Authenticator::new(None, vec![method])
}

fn request(identifier: u8, kind: Type, data: &[u8]) -> Vec<u8> {
    Packet::Request(Body {
        identifier,
        kind,
        data,
    })
    .to_vec()
}

fn response(step: Step) -> Vec<u8> {
    match step {
        Step::Send(packet) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_request_gets_the_same_response() {
    let mut server = authenticator();
    let mut peer = peer("sesame");
    let ask = server.start(&mut random);
    let first = response(peer.handle(&ask, &mut random));
    assert_eq!(response(peer.handle(&ask, &mut random)), first);
    let challenge = response(server.handle(&first, &mut random));
    let mut counter = 0;
    let mut counting = |octets: &mut [u8]| {
        counter += 1;
        octets.fill(counter);
    };
    let first = response(peer.handle(&challenge, &mut counting));
    // Made anew it would have another challenge.
    assert_eq!(response(peer.handle(&challenge, &mut counting)), first);
}

#[test]
fn unknown_methods_are_refused_with_what_is_wanted() {
    let mut peer = peer("sesame");
    let nak = response(peer.handle(&request(1, Type(4), b"?"), &mut random));
    assert_eq!(nak, [2, 1, 0, 6, Type::NAK.0, Type::MSCHAPV2.0]);
    let nak = response(peer.handle(&request(2, Type::EXPANDED, b"\0\0\0"), &mut random));
    assert_eq!(nak, [2, 2, 0, 6, Type::NAK.0, Type::MSCHAPV2.0]);
    let mut nobody = Peer::new(Vec::new(), Vec::new());
    let nak = response(nobody.handle(&request(1, Type::TLS, &[0x20]), &mut random));
    assert_eq!(nak, [2, 1, 0, 6, Type::NAK.0, 0]);
}

#[test]
fn notifications_are_kept_and_answered() {
    let mut peer = peer("sesame");
    let answer = response(peer.handle(&request(1, Type::NOTIFICATION, b"hello"), &mut random));
    assert_eq!(answer, [2, 1, 0, 5, Type::NOTIFICATION.0]);
    assert_eq!(peer.notice(), Some(b"hello".as_slice()));
}

#[test]
fn success_without_proof_is_passed_over() {
    let mut peer = peer("sesame");
    let success = Packet::Success(1).to_vec();
    let step = peer.handle(&success, &mut random);
    assert!(matches!(step, Step::Discard(Discard::Unexpected)));
    let ask = request(1, Type::IDENTITY, b"");
    response(peer.handle(&ask, &mut random));
    let step = peer.handle(&success, &mut random);
    assert!(matches!(step, Step::Discard(Discard::Unexpected)));
}

#[test]
fn a_failure_is_the_end() {
    let mut peer = peer("sesame");
    let failure = Packet::Failure(1).to_vec();
    let step = peer.handle(&failure, &mut random);
    assert!(matches!(
        step,
        Step::Done {
            result: Err(Failure::Refused),
            ..
        }
    ));
    let step = peer.handle(&request(1, Type::IDENTITY, b""), &mut random);
    assert!(matches!(step, Step::Discard(Discard::Over)));
}

#[test]
fn a_server_without_the_password_is_found_out() {
    let mut server = authenticator();
    let mut peer = peer("sesame");
    let answer = response(peer.handle(&server.start(&mut random), &mut random));
    let challenge = response(server.handle(&answer, &mut random));
    let answer = response(peer.handle(&challenge, &mut random));
    let mut proof = response(server.handle(&answer, &mut random));
    // The first hexadecimal digit of the proof, after five octets of EAP, four of MS-CHAPv2, "S=".
    proof[11] = if proof[11] == b'0' { b'1' } else { b'0' };
    let step = peer.handle(&proof, &mut random);
    assert!(matches!(
        step,
        Step::Done {
            result: Err(Failure::ServerUnproven),
            ..
        }
    ));
}

#[test]
fn a_server_that_wants_a_new_password_has_refused() {
    let mut server = authenticator();
    let mut peer = peer("sesame");
    let answer = response(peer.handle(&server.start(&mut random), &mut random));
    let challenge = response(server.handle(&answer, &mut random));
    let identifier = challenge[1];
    response(peer.handle(&challenge, &mut random));
    let text = b"E=648 R=0 C=00000000000000000000000000000000 V=3 M=expired";
    let mut data = vec![4, identifier];
    data.extend((text.len() as u16 + 4).to_be_bytes());
    data.extend(text);
    let expired = request(identifier.wrapping_add(1), Type::MSCHAPV2, &data);
    let answer = response(peer.handle(&expired, &mut random));
    assert_eq!(answer[4..], [Type::MSCHAPV2.0, 4]);
    let step = peer.handle(&Packet::Failure(0).to_vec(), &mut random);
    let Step::Done {
        result: Err(failure),
        ..
    } = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(failure, Failure::MsChap { code: 648 });
    assert!(failure.to_string().contains("expired"));
}

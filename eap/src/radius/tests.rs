use std::{net::Ipv4Addr, time::Duration, time::Instant};

use proptest::prelude::*;

use super::{
    md5::{hmac, md5},
    *,
};
use crate::{Failure, Packet, packet::Body, packet::Type};

const SECRET: &[u8] = b"xyzzy5461";

fn random(octets: &mut [u8]) {
    octets.fill(0x42);
}

/// A server that knows the secret.
struct Server;

impl Server {
    fn answer(request: &[u8], code: Code, mut attributes: Vec<u8>, authentic: bool) -> Vec<u8> {
        let mut octets = vec![code.0, request[1], 0, 0];
        octets.extend_from_slice(&request[4..20]);
        if authentic {
            attributes.splice(0..0, [80, 18].into_iter().chain([0; 16]));
        }
        octets.append(&mut attributes);
        let length = octets.len() as u16;
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        if authentic {
            let mac = hmac(SECRET, &[&octets]);
            octets[22..38].copy_from_slice(&mac);
        }
        let digest = md5(&[&octets, SECRET]);
        octets[4..20].copy_from_slice(&digest);
        octets
    }

    fn eap(packet: &[u8]) -> Vec<u8> {
        let mut attributes = Vec::new();
        for piece in packet.chunks(253) {
            attributes.extend([79, piece.len() as u8 + 2]);
            attributes.extend(piece);
        }
        attributes
    }

    /// RFC 2548 section 2.4.2, the other way round.
    fn mppe(kind: u8, key: &[u8], request: &[u8]) -> Vec<u8> {
        let salt = [0x80 | kind, 7];
        let mut clear = vec![key.len() as u8];
        clear.extend(key);
        clear.resize(clear.len().next_multiple_of(16), 0);
        let mut before = [&request[4..20], salt.as_slice()].concat();
        let mut value = salt.to_vec();
        for block in clear.chunks(16) {
            let mask = md5(&[SECRET, &before]);
            before = block.iter().zip(mask).map(|(a, b)| a ^ b).collect();
            value.extend(&before);
        }
        let mut attribute = vec![26, value.len() as u8 + 8, 0, 0, 1, 55, kind];
        attribute.push(value.len() as u8 + 2);
        attribute.extend(value);
        attribute
    }
}

fn exchange(secrets: &[Secret], order: Vec<usize>) -> Exchange<'_> {
    let mut template = Template::new(Code::ACCESS_REQUEST);
    template.push(Kind::USER_NAME, b"nemo");
    Exchange::new(template, 5, secrets, order, Timing::default())
}

fn sent(action: Action) -> (usize, Vec<u8>) {
    match action {
        Action::Send(server, octets) => (server, octets),
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_begin_with_a_message_authenticator() {
    let secrets = [Secret::new(SECRET)];
    let mut exchange = exchange(&secrets, vec![0]);
    let (_, mut octets) = sent(exchange.poll(Instant::now(), &mut random));
    assert_eq!(octets[..2], [1, 5]);
    assert_eq!(octets[4..20], [0x42; 16]);
    assert_eq!(octets[20..22], [80, 18]);
    let mac: [u8; 16] = octets[22..38].try_into().unwrap();
    octets[22..38].fill(0);
    assert_eq!(mac, hmac(SECRET, &[&octets]));
}

#[test]
fn only_what_the_server_made_is_an_answer() {
    let secrets = [Secret::new(SECRET)];
    let mut exchange = exchange(&secrets, vec![0]);
    let (_, request) = sent(exchange.poll(Instant::now(), &mut random));
    let good = Server::answer(&request, Code::ACCESS_ACCEPT, vec![25, 4, 1, 2], true);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(exchange.handle(0, &bad).is_err(), "octet {at}");
    }
    let bare = Server::answer(&request, Code::ACCESS_ACCEPT, Vec::new(), false);
    let error = exchange.handle(0, &bare).unwrap_err();
    assert_eq!(error, Error::NoMessageAuthenticator);
    assert_eq!(exchange.handle(1, &good).unwrap_err(), Error::Other);
    let answer = exchange.handle(0, &good).unwrap();
    assert_eq!(
        answer.attributes().first(Kind::CLASS),
        Some([1, 2].as_slice())
    );
}

#[test]
fn silent_servers_give_way_to_the_next() {
    let secrets = [Secret::new("other"), Secret::new(SECRET)];
    let timing = Timing::default();
    let mut health = Health::new(2);
    let start = Instant::now();
    let mut exchange = exchange(&secrets, health.order(start));
    let mut now = start;
    let mut log = Vec::new();
    let mut first = None;
    let answer = loop {
        match exchange.poll(now, &mut random) {
            Action::Send(0, octets) => {
                let first = first.get_or_insert_with(|| octets.clone());
                assert_eq!(*first, octets, "a retransmission is the same request");
                log.push(0);
            }
            Action::Send(_, octets) => {
                log.push(1);
                let answer = Server::answer(&octets, Code::ACCESS_REJECT, Vec::new(), true);
                break exchange.handle(1, &answer).unwrap();
            }
            Action::Wait(_, until) => now = until,
            Action::Silent(server) => health.silent(server, now, &timing),
            Action::GiveUp => panic!("one is left"),
        }
    };
    assert_eq!(log, [0, 0, 0, 1]);
    assert_eq!(now - start, Duration::from_millis(2000 + 3000 + 4500));
    assert_eq!(answer.code(), Code::ACCESS_REJECT);
    assert_eq!(health.order(now), [1, 0]);
    assert_eq!(health.order(now + timing.dead_time), [0, 1]);
}

#[test]
fn nobody_at_all_is_told() {
    let secrets = [Secret::new(SECRET)];
    let mut exchange = exchange(&secrets, vec![0]);
    let mut now = Instant::now();
    for _ in 0..100 {
        match exchange.poll(now, &mut random) {
            Action::Wait(_, until) => now = until,
            Action::GiveUp => return,
            _ => {}
        }
    }
    panic!("it does not end");
}

/// Carries a response to the server that answers with these attributes.
fn carry(
    conversation: &mut Conversation,
    code: Code,
    attributes: impl Fn(&[u8]) -> Vec<u8>,
) -> (Vec<u8>, Verdict) {
    let secrets = [Secret::new(SECRET)];
    let response = conversation.identity();
    let (template, identifier) = conversation.request(&response);
    let mut exchange = Exchange::new(template, identifier, &secrets, vec![0], Timing::default());
    let (_, request) = sent(exchange.poll(Instant::now(), &mut random));
    let answer = Server::answer(&request, code, attributes(&request), true);
    let answer = exchange.handle(0, &answer).unwrap();
    let verdict = conversation.answered(0, &answer);
    (request, verdict)
}

fn conversation() -> Conversation {
    let nas = Nas {
        identifier: "gate".to_owned(),
        calling_station: "192.0.2.1[500]".to_owned(),
        ..Nas::default()
    };
    Conversation::new(nas, b"nemo".to_vec())
}

#[test]
fn a_long_message_is_put_together_and_the_state_given_back() {
    let data = [7; 1000];
    let packet = Packet::Request(Body {
        identifier: 1,
        kind: Type::TLS,
        data: &data,
    });
    let packet = packet.to_vec();
    let mut conversation = conversation();
    let challenge = |_: &[u8]| {
        let mut attributes = Server::eap(&packet);
        attributes.extend([24, 5, 9, 8, 7]);
        attributes
    };
    let (_, verdict) = carry(&mut conversation, Code::ACCESS_CHALLENGE, challenge);
    assert!(matches!(verdict, Verdict::Continue(eap) if eap == packet));
    assert_eq!(conversation.server(), Some(0));
    let (request, _) = carry(&mut conversation, Code::ACCESS_CHALLENGE, challenge);
    let attributes = Attributes::parse(&request[20..]).unwrap();
    assert_eq!(attributes.first(Kind::STATE), Some([9, 8, 7].as_slice()));
    assert_eq!(
        attributes.first(Kind::NAS_IDENTIFIER),
        Some(b"gate".as_slice())
    );
}

#[test]
fn an_acceptance_brings_the_key_and_what_is_granted() {
    let key: Vec<u8> = (0..64).collect();
    let (_, verdict) = carry(&mut conversation(), Code::ACCESS_ACCEPT, |request| {
        let mut attributes = Server::eap(&Packet::Success(0).to_vec());
        attributes.extend(Server::mppe(17, &key[..32], request));
        attributes.extend(Server::mppe(16, &key[32..], request));
        attributes.extend([8, 6, 10, 0, 0, 1, 27, 6, 0, 0, 14, 16, 11, 6]);
        attributes.extend(b"vips");
        attributes
    });
    let Verdict::Granted(packet, grant) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(packet, Packet::Success(0).to_vec());
    assert_eq!(grant.msk.octets().as_slice(), key);
    assert_eq!(grant.framed_ipv4, Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(grant.session_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(grant.filters, [b"vips"]);
    assert_eq!(grant.idle_timeout, None);
}

#[test]
fn refusals_and_contradictions_are_refusals() {
    let failure = Packet::Failure(0).to_vec();
    let refused = |code, attributes: Vec<u8>| {
        let (_, verdict) = carry(&mut conversation(), code, move |_| attributes.clone());
        match verdict {
            Verdict::Denied(packet, why) => (packet, why),
            other => panic!("{other:?}"),
        }
    };
    let expected = (failure.clone(), Failure::Refused);
    assert_eq!(refused(Code::ACCESS_REJECT, Vec::new()), expected);
    assert_eq!(
        refused(Code::ACCESS_REJECT, Server::eap(&failure)),
        expected
    );
    assert_eq!(
        refused(Code::ACCESS_ACCEPT, Server::eap(&failure)),
        expected
    );
    // Without a key nothing is accepted.
    let success = Server::eap(&Packet::Success(0).to_vec());
    assert!(matches!(
        refused(Code::ACCESS_ACCEPT, success).1,
        Failure::Protocol(_)
    ));
}

#[test]
fn accounting_is_signed_by_its_authenticator() {
    let accounting = Accounting {
        session_id: "7".to_owned(),
        user_name: b"nemo".to_vec(),
        ..Accounting::default()
    };
    let traffic = Traffic {
        input_octets: (3 << 32) + 5,
        ..Traffic::default()
    };
    let stop = Status::Stop { cause: 1 };
    let template = accounting.request(stop, Duration::from_secs(60), traffic);
    let secrets = [Secret::new(SECRET)];
    let mut exchange = Exchange::new(template, 1, &secrets, vec![0], Timing::default());
    let (_, mut octets) = sent(exchange.poll(Instant::now(), &mut random));
    let attributes = Attributes::parse(&octets[20..]).unwrap();
    assert_eq!(attributes.number(Kind::ACCT_STATUS_TYPE), Some(2));
    assert_eq!(attributes.number(Kind::ACCT_INPUT_OCTETS), Some(5));
    assert_eq!(attributes.number(Kind::ACCT_INPUT_GIGAWORDS), Some(3));
    let answer = Server::answer(&octets, Code::ACCOUNTING_RESPONSE, Vec::new(), false);
    assert!(exchange.handle(0, &answer).is_ok());
    let digest: [u8; 16] = octets[4..20].try_into().unwrap();
    octets[4..20].fill(0);
    assert_eq!(digest, md5(&[&octets, SECRET]));
}

proptest! {
    #[test]
    fn any_octets_may_come(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        crate::fuzz::radius(&octets);
    }
}

use super::*;
use crate::{
    Authenticator, AuthenticatorMethod, Packet, Peer, PeerMethod, Step, Success, packet::Body,
};

const CLIENT: (&[u8], &[u8]) = (
    include_bytes!("../../testdata/client.crt.der"),
    include_bytes!("../../testdata/client.key.der"),
);
const SERVER: (&[u8], &[u8]) = (
    include_bytes!("../../testdata/server.crt.der"),
    include_bytes!("../../testdata/server.key.der"),
);
const RSA: (&[u8], &[u8]) = (
    include_bytes!("../../testdata/rsa.crt.der"),
    include_bytes!("../../testdata/rsa.key.der"),
);

/// Trusts one certificate, of one identity.
#[derive(Debug)]
struct Pinned {
    certificate: &'static [u8],
    identity: Option<&'static [u8]>,
}

impl Verifier for Pinned {
    fn verify(&self, identity: Option<&[u8]>, chain: &[&[u8]]) -> Result<(), String> {
        if chain.first() != Some(&self.certificate) {
            return Err("not the certificate that is trusted".to_owned());
        }
        if identity != self.identity {
            return Err("not the identity of the certificate".to_owned());
        }
        Ok(())
    }
}

fn endpoint(own: (&'static [u8], &'static [u8]), trusted: Pinned, versions: Versions) -> Endpoint {
    Endpoint {
        identity: Identity::from_der(vec![own.0.to_vec()], own.1).unwrap(),
        verifier: Arc::new(trusted),
        versions,
        fragment: 200,
    }
}

fn pinned(certificate: &'static [u8], identity: Option<&'static [u8]>) -> Pinned {
    Pinned {
        certificate,
        identity,
    }
}

type Verdict = Result<Success, Failure>;

/// Lets the two talk; `change` may alter what goes to the peer.
fn talk(
    peer: Endpoint,
    authenticator: Endpoint,
    mut change: impl FnMut(&mut Vec<u8>),
) -> (Verdict, Verdict) {
    let mut random = |octets: &mut [u8]| octets.fill(3);
    let mut peer = Peer::new(b"client".to_vec(), vec![PeerMethod::Tls(peer)]);
    let methods = vec![AuthenticatorMethod::Tls(authenticator)];
    let mut authenticator = Authenticator::new(None, methods);
    let mut packet = authenticator.start(&mut random);
    let mut verdict = None;
    for _ in 0..100 {
        change(&mut packet);
        let response = match peer.handle(&packet, &mut random) {
            Step::Send(response) => response,
            Step::Done { result, .. } => {
                let other = verdict.unwrap_or(Err(Failure::Refused));
                return (result, other);
            }
            Step::Discard(discard) => {
                let other = verdict.unwrap_or(Err(Failure::Refused));
                return (Err(Failure::Tls(discard.to_string())), other);
            }
        };
        packet = match authenticator.handle(&response, &mut random) {
            Step::Send(packet) => packet,
            Step::Done { packet, result } => {
                verdict = Some(result);
                packet.expect("an authenticator has the last word")
            }
            Step::Discard(discard) => panic!("{discard}"),
        };
    }
    panic!("the conversation does not end");
}

fn good(versions: Versions) -> (Endpoint, Endpoint) {
    (
        endpoint(CLIENT, pinned(SERVER.0, None), versions),
        endpoint(SERVER, pinned(CLIENT.0, Some(b"client")), versions),
    )
}

#[test]
fn both_prove_themselves_and_have_one_key() {
    for versions in [Versions::Both, Versions::Tls12, Versions::Tls13] {
        let (peer, authenticator) = good(versions);
        let (ours, theirs) = talk(peer, authenticator, |_| ());
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(ours.msk.octets(), theirs.msk.octets(), "{versions:?}");
        assert_ne!(ours.msk.octets(), &[0; 64]);
        assert_eq!(theirs.identity, b"client");
    }
}

#[test]
fn rsa_keys_sign_too() {
    for versions in [Versions::Tls12, Versions::Tls13] {
        let peer = endpoint(RSA, pinned(SERVER.0, None), versions);
        let authenticator = endpoint(SERVER, pinned(RSA.0, Some(b"client")), versions);
        let (ours, theirs) = talk(peer, authenticator, |_| ());
        assert!(ours.is_ok() && theirs.is_ok(), "{versions:?}");
    }
}

#[test]
fn a_server_that_is_not_trusted_gets_no_certificate() {
    for versions in [Versions::Tls12, Versions::Tls13] {
        let (_, authenticator) = good(versions);
        let peer = endpoint(CLIENT, pinned(RSA.0, None), versions);
        let (ours, theirs) = talk(peer, authenticator, |_| ());
        let why = "not the certificate that is trusted".to_owned();
        assert_eq!(ours.unwrap_err(), Failure::Tls(why));
        // It learns of it by an alert.
        assert!(matches!(theirs, Err(Failure::Tls(_))), "{theirs:?}");
    }
}

#[test]
fn a_peer_must_be_whom_it_says() {
    for versions in [Versions::Tls12, Versions::Tls13] {
        let (peer, _) = good(versions);
        let authenticator = endpoint(SERVER, pinned(CLIENT.0, Some(b"somebody")), versions);
        let (ours, theirs) = talk(peer, authenticator, |_| ());
        assert!(ours.is_err(), "{versions:?}");
        let why = "not the identity of the certificate".to_owned();
        assert_eq!(theirs.unwrap_err(), Failure::Tls(why));
    }
}

#[test]
fn a_success_that_comes_too_early_is_passed_over() {
    let (peer, authenticator) = good(Versions::Tls13);
    let mut packets = 0;
    let (ours, _) = talk(peer, authenticator, |packet| {
        packets += 1;
        if packets == 5 {
            *packet = Packet::Success(packet[1]).to_vec();
        }
    });
    assert!(ours.is_err());
}

#[test]
fn what_is_changed_on_the_way_fails() {
    let (peer, authenticator) = good(Versions::Tls13);
    let (ours, theirs) = talk(peer, authenticator, |packet| {
        if let Ok(Packet::Request(Body { data, .. })) = Packet::parse(packet)
            && data.len() > 150
        {
            packet[150] ^= 1;
        }
    });
    assert!(ours.is_err() && theirs.is_err());
}

//! What fuzzing and the tests have in common: entry points that take any octets and check more than
//! that nothing panics.

use crate::{
    Authenticator, AuthenticatorMethod, NtHash, Peer, PeerMethod, Step,
    packet::Packet,
    radius::{self, Action, Attributes, Exchange, Secret, Template, Timing},
};

/// An EAP packet: written again it is what was read.
pub fn packet(octets: &[u8]) {
    if let Ok(packet) = Packet::parse(octets) {
        let written = packet.to_vec();
        assert_eq!(written, octets[..written.len()]);
        assert_eq!(Packet::parse(&written), Ok(packet));
    }
}

/// Packets, each behind one octet of length, to both roles of EAP-MSCHAPv2: nobody who does not know
/// the password gets through.
pub fn conversation(octets: &[u8]) {
    let hash = NtHash::of("not in any corpus");
    let method = PeerMethod::MsChapV2 {
        username: b"user".to_vec(),
        hash: hash.clone(),
    };
    let mut peer = Peer::new(b"user".to_vec(), vec![method]);
    let method = AuthenticatorMethod::MsChapV2 {
        name: b"server".to_vec(),
        hashes: Box::new(move |_| Some(hash.clone())),
    };
    let mut authenticator = Authenticator::new(None, vec![method]);
    let mut random = |octets: &mut [u8]| octets.fill(0x5a);
    let _ = authenticator.start(&mut random);
    let mut rest = octets;
    while let Some((length, after)) = rest.split_first() {
        let (packet, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        for step in [
            peer.handle(packet, &mut random),
            authenticator.handle(packet, &mut random),
        ] {
            assert!(!matches!(step, Step::Done { result: Ok(_), .. }));
        }
    }
}

/// An answer of a RADIUS server: none is accepted without the secret, and attributes are whole.
pub fn radius(octets: &[u8]) {
    if let Some(attributes) = Attributes::parse(octets) {
        let length: usize = attributes.iter().map(|(_, value)| value.len() + 2).sum();
        assert_eq!(length, octets.len());
        let _ = attributes.of_vendor(311, 16).count();
    }
    let secrets = [Secret::new("not in any corpus")];
    let template = Template::new(radius::Code::ACCESS_REQUEST);
    let identifier = octets.get(1).copied().unwrap_or_default();
    let mut exchange = Exchange::new(template, identifier, &secrets, vec![0], Timing::default());
    let mut random = |octets: &mut [u8]| octets.fill(0x5a);
    #[expect(
        clippy::disallowed_methods,
        reason = "an instant is needed, whichever it is"
    )]
    let now = std::time::Instant::now();
    assert!(matches!(
        exchange.poll(now, &mut random),
        Action::Send(0, _)
    ));
    assert!(exchange.handle(0, octets).is_err());
}

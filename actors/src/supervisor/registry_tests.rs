use std::time::Duration;

use holdfast_ike::{
    EspSuite, Identification, IkeSpis, Mode,
    crypto::IkeSuite,
    proposal::{AdditionalKeyExchanges, EncryptionId, KeyExchangeMethod, PrfId},
    sa::{event::Nat, uniqueness::Contact},
};

use super::*;

pub(crate) fn path() -> Path {
    Path {
        local: "192.0.2.1:500".parse().unwrap(),
        remote: "192.0.2.2:500".parse().unwrap(),
    }
}

pub(crate) fn established(connection: &str, role: Role, at: Instant) -> Established {
    Established {
        role,
        spis: IkeSpis {
            initiator: IkeSpi([1; 8]),
            responder: IkeSpi([2; 8]),
        },
        connection: connection.into(),
        local_id: Identification::Fqdn("moon.example".to_owned()),
        remote_id: Identification::Fqdn("sun.example".to_owned()),
        remote_eap_id: None,
        ppk: false,
        resumed: false,
        path: path(),
        initial_contact: true,
        contact: Contact {
            remote: "192.0.2.2".parse().unwrap(),
            role,
            begun: at,
            established: at,
            lowest_nonce: Box::new([1; 32]),
            initial_contact: true,
        },
        suite: IkeSuite {
            encryption: EncryptionId::AES_GCM_16,
            key_bits: 256,
            integrity: None,
            prf: PrfId::HMAC_SHA2_384,
            key_exchange: KeyExchangeMethod::CURVE_25519,
            additional: AdditionalKeyExchanges::NONE,
        },
        at,
        nat: Nat::default(),
        configured: Arc::default(),
        follows_redirects: false,
    }
}

pub(crate) fn child(name: &str, spi: u32, at: Instant) -> ChildUp {
    ChildUp {
        reqid: None,
        name: name.into(),
        inbound_spi: EspSpi(spi),
        outbound_spi: EspSpi(spi + 1),
        suite: EspSuite {
            encryption: EncryptionId::AES_GCM_16,
            key_bits: 256,
            integrity: None,
            key_exchange: None,
            additional: AdditionalKeyExchanges::NONE,
            extended_sequence_numbers: false,
        },
        mode: Mode::Tunnel,
        encapsulation: true,
        local_ts: Vec::new(),
        remote_ts: Vec::new(),
        at,
    }
}

/// Begins an IKE_SA of ours in `registry`.
pub(crate) fn begin(registry: &mut Registry, connection: &str) -> IkeSaId {
    let seed = registry.last_id + 1;
    let (id, spi) = registry.reserve(|| u64::from(seed).to_be_bytes());
    registry.begin((id, spi), Role::Initiator, path(), Some(connection.into()));
    id
}

#[test]
fn spis_are_unique_and_never_zero() {
    let mut registry = Registry::default();
    let mut draws = [0_u64, 7, 7, 7, 8].into_iter();
    let mut random = || draws.next().unwrap().to_be_bytes();
    let (first, spi) = registry.reserve(&mut random);
    assert_eq!(spi, IkeSpi(7_u64.to_be_bytes()));
    let (second, other) = registry.reserve(&mut random);
    assert_eq!(other, IkeSpi(8_u64.to_be_bytes()));
    assert_ne!(first, second);
    registry.release(spi);
    let (_, again) = registry.reserve(|| 7_u64.to_be_bytes());
    assert_eq!(again, spi);
}

#[test]
fn an_ike_sa_is_found_from_its_beginning_to_its_end() {
    let now = Instant::now();
    let mut registry = Registry::default();
    let id = begin(&mut registry, "paris");
    assert_eq!((registry.len(), registry.half_open()), (1, 1));
    assert_eq!(registry.get(id).unwrap().state(), "CONNECTING");
    assert!(registry.newest_usable("paris").is_none());

    registry.establish(id, Arc::new(established("paris", Role::Initiator, now)));
    assert_eq!((registry.len(), registry.half_open()), (1, 0));
    assert_eq!(registry.newest_usable("paris").unwrap().id, id);
    assert!(registry.carrier("paris", "net").is_none());

    registry.child_up(id, Arc::new(child("net", 300, now)));
    assert_eq!(registry.carrier("paris", "net").unwrap().id, id);
    assert!(registry.carrier("rome", "net").is_none());

    registry.get_mut(id).unwrap().closing = true;
    assert!(registry.carrier("paris", "net").is_none());
    assert_eq!(registry.get(id).unwrap().state(), "DELETING");

    let gone = registry.get_mut(id).unwrap().gone();
    let record = registry.remove(id).unwrap();
    assert!(gone.has_changed().is_ok());
    drop(record);
    assert!(gone.has_changed().is_err());
    assert_eq!((registry.len(), registry.half_open()), (0, 0));
    assert_eq!(registry.count_of("paris"), 0);
    assert!(registry.remove(id).is_none());
}

#[test]
fn a_responder_is_filed_once_it_knows_its_connection() {
    let now = Instant::now();
    let mut registry = Registry::default();
    let reserved = registry.reserve(|| [9; 8]);
    registry.begin(reserved, Role::Responder, path(), None);
    assert_eq!(registry.count_of("paris"), 0);
    registry.establish(
        reserved.0,
        Arc::new(established("paris", Role::Responder, now)),
    );
    assert_eq!(registry.count_of("paris"), 1);
    registry.remove(reserved.0);
    assert_eq!(registry.count_of("paris"), 0);
}

#[test]
fn the_newest_is_the_one_established_last() {
    let now = Instant::now();
    let mut registry = Registry::default();
    let first = begin(&mut registry, "paris");
    let second = begin(&mut registry, "paris");
    let later = now + Duration::from_secs(1);
    registry.establish(second, Arc::new(established("paris", Role::Initiator, now)));
    registry.establish(
        first,
        Arc::new(established("paris", Role::Initiator, later)),
    );
    assert_eq!(registry.newest_usable("paris").unwrap().id, first);
}

#[test]
fn pages_cover_everything_once() {
    let mut registry = Registry::default();
    let all: Vec<_> = (0..10).map(|_| begin(&mut registry, "paris")).collect();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page: Vec<_> = registry.after(cursor).take(3).map(|r| r.id).collect();
        let Some(last) = page.last() else { break };
        cursor = Some(*last);
        seen.extend(page);
    }
    assert_eq!(seen, all);
}

#[test]
fn a_rekeyed_child_is_neither_missing_nor_there_twice() {
    let mut registry = Registry::default();
    let now = Instant::now();
    let id = begin(&mut registry, "paris");
    registry.establish(id, Arc::new(established("paris", Role::Initiator, now)));
    registry.child_up(id, Arc::new(child("net", 1000, now)));
    let gone = registry.get_mut(id).unwrap().children[0].gone();
    registry.child_rekeyed(id, EspSpi(1000), Arc::new(child("net", 2000, now)));
    let record = registry.get(id).unwrap();
    assert!(record.carries("net"));
    let current: Vec<_> = record.children.iter().map(|child| !child.closing).collect();
    assert_eq!(current, [false, true]);
    assert!(record.children[0].replaced);
    registry.child_down(id, EspSpi(1000));
    assert!(registry.carrier("paris", "net").is_some());
    assert!(gone.has_changed().is_ok(), "the child is still there");
    registry.child_down(id, EspSpi(2000));
    assert!(gone.has_changed().is_err());
}

#[test]
fn a_rekeyed_ike_sa_keeps_its_place() {
    let mut registry = Registry::default();
    let now = Instant::now();
    let id = begin(&mut registry, "paris");
    registry.establish(id, Arc::new(established("paris", Role::Initiator, now)));
    let before = registry.get(id).unwrap().established.clone().unwrap();
    let later = now + Duration::from_secs(3600);
    let spis = IkeSpis {
        initiator: IkeSpi([7; 8]),
        responder: IkeSpi([8; 8]),
    };
    registry.rekeyed(
        id,
        Rekeyed {
            role: Role::Responder,
            spis,
            suite: before.suite,
            at: later,
        },
    );
    let record = registry.get(id).unwrap();
    let after = record.established.as_ref().unwrap();
    assert_eq!(
        (after.spis, after.role, after.at),
        (spis, Role::Responder, later)
    );
    assert_eq!(after.contact.established, before.contact.established);
    assert_eq!(record.role, Role::Initiator, "who began it");
    assert_eq!(registry.newest_usable("paris").unwrap().id, id);
    registry.remove(id);
    assert_eq!((registry.len(), registry.count_of("paris")), (0, 0));
}

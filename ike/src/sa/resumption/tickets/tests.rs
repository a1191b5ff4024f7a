use super::*;
use crate::Identification;

const MINUTE: Duration = Duration::from_secs(60);

fn content() -> TicketContent {
    TicketContent {
        connection: "gw".into(),
        suite: IkeSuite {
            encryption: EncryptionId::AES_GCM_16,
            key_bits: 256,
            integrity: None,
            prf: PrfId::HMAC_SHA2_384,
            key_exchange: KeyExchangeMethod::CURVE_25519,
            additional: AdditionalKeyExchanges::NONE,
        },
        sk_d: Secret::new([7; 48]),
        local_id: Identification::Fqdn("gateway.example".into()),
        remote_id: Identification::Fqdn("client.example".into()),
        eap_id: None,
    }
}

fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0;
    move |buffer| {
        for octet in buffer {
            next = u8::wrapping_add(next, 1);
            *octet = next;
        }
    }
}

fn seal(tickets: &mut Tickets, lifetime: Duration, now: Instant) -> Vec<u8> {
    let sealed = tickets.seal(&content(), lifetime, now, &mut counting());
    sealed.expect("the key is good")
}

#[test]
fn good_once_and_in_time() {
    let (mut tickets, now) = (Tickets::default(), Instant::now());
    let (first, second) = (
        seal(&mut tickets, MINUTE, now),
        seal(&mut tickets, MINUTE, now),
    );
    assert_ne!(first, second);
    let opened = tickets.open(&first, now).unwrap();
    assert_eq!(opened.content, content());
    assert!(tickets.spend(opened.id) && !tickets.spend(opened.id));
    assert_eq!(tickets.open(&first, now), None, "used");
    assert!(tickets.open(&second, now + MINUTE / 2).is_some());
    assert_eq!(tickets.open(&second, now + MINUTE), None, "too old");
}

#[test]
fn nobody_else_makes_or_changes_one() {
    let (mut tickets, now) = (Tickets::default(), Instant::now());
    let ticket = seal(&mut tickets, MINUTE, now);
    assert!(!ticket.windows(8).any(|octets| octets == [7; 8]));
    for index in 0..ticket.len() {
        let mut changed = ticket.clone();
        changed[index] ^= 1;
        assert_eq!(tickets.open(&changed, now), None, "octet {index}");
        assert_eq!(tickets.open(&ticket[..index], now), None);
    }
    let restarted = Tickets::default();
    assert_eq!(restarted.open(&ticket, now), None);
}

#[test]
fn keys_rotate() {
    let (mut tickets, now) = (Tickets::default(), Instant::now());
    let mut random = counting();
    let old = tickets
        .seal(
            &content(),
            2 * KEY_LIFE,
            now + KEY_LIFE - MINUTE,
            &mut random,
        )
        .unwrap();
    let mut seal = |at| tickets.seal(&content(), KEY_LIFE, at, &mut random).unwrap();
    let later = now + 2 * KEY_LIFE;
    let new = seal(later);
    assert!(tickets.open(&new, later).is_some());
    assert_eq!(
        tickets.open(&old, later),
        None,
        "no longer than a key's life"
    );
    assert!(tickets.open(&old, later - 2 * MINUTE).is_some());
    let third = tickets.seal(&content(), KEY_LIFE, later + KEY_LIFE, &mut random);
    assert!(
        third.is_some() && tickets.open(&old, now).is_none(),
        "its key is gone"
    );
}

#[test]
fn a_full_key_makes_way() {
    let (mut tickets, now) = (Tickets::default(), Instant::now());
    let mut random = counting();
    let mut seal =
        |tickets: &mut Tickets| tickets.seal(&content(), MINUTE, now, &mut random).unwrap();
    seal(&mut tickets);
    tickets.current.as_mut().unwrap().issued = MOST_TICKETS - 1;
    let last = seal(&mut tickets);
    let next = seal(&mut tickets);
    assert_ne!(last[1..9], next[1..9]);
    let last = tickets.open(&last, now).unwrap();
    assert!(tickets.spend(last.id) && !tickets.spend(last.id));
    assert_eq!(tickets.former.unwrap().used.len() as u64, MOST_TICKETS / 64);
}

//! Messages that our own code would never send, from a peer that holds the keys.

use holdfast_ike::{
    MessageId, Secret,
    crypto::MessageCipher,
    sa::{
        Event, Role,
        event::{Established, KeyLogTable},
    },
    wire::{
        Body, ExchangeType, Flags, Header, Payload, parse_body, parse_payloads,
        write_encrypted_prefix, write_payloads,
    },
};

use crate::pair::{End, Pair};

/// One end's half of the keys of an IKE_SA.
pub(crate) struct Forger {
    established: Established,
    ours: MessageCipher,
    theirs: MessageCipher,
    iv: u64,
}

/// A pair whose keys can be had.
pub(crate) fn transparent() -> Pair {
    reveal(Pair::new())
}

pub(crate) fn reveal(mut pair: Pair) -> Pair {
    pair.options.key_log = true;
    pair
}

impl Forger {
    /// Speaks for `end`, which must be established.
    pub(crate) fn of(end: &End) -> Self {
        let established = end.events.iter().find_map(|event| match event {
            Event::Established(established) => Some((**established).clone()),
            _ => None,
        });
        let established = established.expect("it is established");
        let line = end.events.iter().find_map(|event| match event {
            Event::KeyLog(log) if log.table == KeyLogTable::Ike => Some(log.line.clone()),
            _ => None,
        });
        let line = line.expect("the key log is on");
        let fields: Vec<&str> = line.split(',').collect();
        let cipher = |hex: &str| {
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hexadecimal"))
                .collect();
            MessageCipher::new(&established.suite, &Secret::new(bytes), &Secret::new([]))
                .expect("a negotiated suite")
        };
        let (from_initiator, from_responder) = (cipher(fields[2]), cipher(fields[3]));
        let (ours, theirs) = match established.role {
            Role::Initiator => (from_initiator, from_responder),
            Role::Responder => (from_responder, from_initiator),
        };
        Self {
            established,
            ours,
            theirs,
            iv: 1 << 40,
        }
    }

    pub(crate) fn request(
        &mut self,
        exchange: ExchangeType,
        id: u32,
        payloads: &[Payload],
    ) -> Vec<u8> {
        self.message(exchange, id, false, payloads)
    }

    pub(crate) fn message(
        &mut self,
        exchange: ExchangeType,
        id: u32,
        response: bool,
        payloads: &[Payload],
    ) -> Vec<u8> {
        let mut inner = Vec::new();
        let first = write_payloads(payloads, &mut inner);
        self.raw(exchange, id, response, first, &inner)
    }

    /// A message that holds what no list of payloads can.
    pub(crate) fn raw(
        &mut self,
        exchange: ExchangeType,
        id: u32,
        response: bool,
        first: u8,
        inner: &[u8],
    ) -> Vec<u8> {
        let header = Header {
            spis: self.established.spis,
            next_payload: 0,
            major: 2,
            minor: 0,
            exchange,
            flags: Flags {
                initiator: self.established.role == Role::Initiator,
                version: false,
                response,
            },
            message_id: MessageId(id),
            length: 0,
        };
        let prefix = write_encrypted_prefix(&header, first, self.ours.sealed_len(inner.len()));
        self.iv += 1;
        self.ours.seal(prefix, self.iv, inner)
    }

    /// What the other end said.
    pub(crate) fn read(&self, datagram: &[u8]) -> (Header, Vec<Payload>) {
        Self::open(&self.theirs, datagram)
    }

    /// What this end said.
    pub(crate) fn read_own(&self, datagram: &[u8]) -> (Header, Vec<Payload>) {
        Self::open(&self.ours, datagram)
    }

    fn open(cipher: &MessageCipher, datagram: &[u8]) -> (Header, Vec<Payload>) {
        let header = Header::parse(datagram).expect("a message");
        let Ok(Body::Encrypted(encrypted)) = parse_body(&header, datagram) else {
            panic!("not a protected message: {header:?}");
        };
        let inner = cipher
            .open(encrypted.aad, encrypted.body)
            .expect("an authentic message");
        let payloads = parse_payloads(encrypted.first_payload, &inner).expect("payloads");
        (header, payloads)
    }
}

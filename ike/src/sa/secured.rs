//! The keyed half of an IKE_SA: sealing and opening the SK payload (RFC 7296 section 3.14) and
//! SKF payloads (RFC 7383 section 2.5). See [`super::message`] for the way of a message.

use super::{
    event::{Failure, KeyLog, KeyLogTable},
    exchange::ike_sa_init::InitDone,
    io::Role,
    message::{Content, Message},
    reassembly::{Reassembled, Reassembly},
};
use crate::{
    ChildSa, EspKey, IkeSpis, Secret,
    crypto::{IkeKeys, IkeSuite, MessageCipher, Nonces, Prf, wireshark},
    wire::{Body, Fragment, Header, write_encrypted_prefix, write_fragment_prefix},
};

/// However little the configuration leaves for a fragment, it carries something.
const SMALLEST_PART: usize = 64;

/// Keys and ciphers of an IKE_SA after IKE_SA_INIT.
pub(super) struct Secured {
    pub(super) suite: IkeSuite,
    pub(super) prf: Prf,
    pub(super) sk_d: Secret,
    outbound: MessageCipher,
    inbound: MessageCipher,
    next_iv: u64,
    /// Both ends announced in IKE_SA_INIT that they take fragments; rekeying keeps it.
    pub(super) peer_takes_fragments: bool,
    requests: Reassembly,
    responses: Reassembly,
    /// Octets in the largest datagram of the request that is being answered, if it was fragmented.
    path_took: Option<usize>,
}

/// What the keys of IKE_SA_INIT give: ciphers, the keys for AUTH, and a line for the key log.
pub(super) struct Derived {
    pub(super) secured: Secured,
    pub(super) sk_pi: Secret,
    pub(super) sk_pr: Secret,
    pub(super) key_log: Option<KeyLog>,
}

/// What a datagram of the peer brought.
pub(super) enum Opened {
    /// A message, whole.
    Whole(Content),
    /// A part of one, and more is missing; or one that was here already.
    Part,
}

/// Why a datagram could not be opened. Anybody may have sent it, but for what is too large.
pub(super) enum OpenError {
    /// It is not protected.
    Clear,
    /// It is not authentic.
    Integrity,
    /// The message that it is a part of is larger than we take.
    TooLarge,
}

impl Secured {
    /// Derives all keys (RFC 7296 section 2.14). Only with `log` are they put into words.
    pub(super) fn derive(
        role: Role,
        spis: IkeSpis,
        done: &InitDone,
        nonce_i: &[u8],
        log: bool,
    ) -> Result<Derived, Failure> {
        let suite = done.suite;
        let nonces = Nonces {
            initiator: nonce_i,
            responder: &done.nonce_r,
        };
        let unsupported = |_| Failure::NoProposalChosen;
        let keys = IkeKeys::derive(&suite, nonces, &done.shared, spis).map_err(unsupported)?;
        let mut derived = Self::from_keys(role, spis, suite, keys, log)?;
        derived.secured.peer_takes_fragments = done.fragmentation;
        Ok(derived)
    }

    /// The keys of the IKE_SA that takes the place of this one (RFC 7296 section 2.18).
    pub(super) fn derive_successor(
        &self,
        role: Role,
        spis: IkeSpis,
        suite: IkeSuite,
        shared: (&Secret, &[Secret]),
        nonces: Nonces<'_>,
        log: bool,
    ) -> Result<Derived, Failure> {
        let keys = IkeKeys::derive_rekeyed(&suite, (&self.prf, &self.sk_d), nonces, shared, spis)
            .map_err(|_| Failure::NoProposalChosen)?;
        let mut derived = Self::from_keys(role, spis, suite, keys, log)?;
        derived.secured.peer_takes_fragments = self.peer_takes_fragments;
        Ok(derived)
    }

    /// The keys of an IKE_SA that resumes a session whose IKE_SA had this SK_d.
    pub(super) fn derive_resumed(
        role: Role,
        spis: IkeSpis,
        (suite, sk_d): (IkeSuite, &Secret),
        nonces: Nonces<'_>,
        log: bool,
    ) -> Result<Derived, Failure> {
        let unsupported = |_| Failure::NoProposalChosen;
        let prf = Prf::new(suite.prf).map_err(unsupported)?;
        let keys = IkeKeys::derive_resumed(&suite, (&prf, sk_d), nonces, spis);
        Self::from_keys(role, spis, suite, keys.map_err(unsupported)?, log)
    }

    fn from_keys(
        role: Role,
        spis: IkeSpis,
        suite: IkeSuite,
        keys: IkeKeys,
        log: bool,
    ) -> Result<Derived, Failure> {
        let unsupported = |_| Failure::NoProposalChosen;
        let from_initiator =
            MessageCipher::new(&suite, &keys.sk_ei, &keys.sk_ai).map_err(unsupported)?;
        let from_responder =
            MessageCipher::new(&suite, &keys.sk_er, &keys.sk_ar).map_err(unsupported)?;
        let (outbound, inbound) = match role {
            Role::Initiator => (from_initiator, from_responder),
            Role::Responder => (from_responder, from_initiator),
        };
        let key_log = log.then(|| ike_line(spis, &suite, &keys));
        Ok(Derived {
            secured: Self {
                suite,
                prf: Prf::new(suite.prf).map_err(unsupported)?,
                sk_d: keys.sk_d,
                outbound,
                inbound,
                next_iv: 0,
                peer_takes_fragments: false,
                requests: Reassembly::default(),
                responses: Reassembly::default(),
                path_took: None,
            },
            sk_pi: keys.sk_pi,
            sk_pr: keys.sk_pr,
            key_log,
        })
    }

    /// Encrypts `content` into the message that `header` begins: whole, or in fragments if it would
    /// be longer than `limit`, the octets of IKE that one datagram may carry.
    pub(super) fn seal(
        &mut self,
        header: &Header,
        content: &Content,
        limit: Option<usize>,
    ) -> Message {
        // A response takes no larger datagrams than its request did: the sender of the request
        // may have found out what the path carries (RFC 7383 section 2.5.2).
        let limit = match self.path_took.filter(|_| header.flags.response) {
            Some(took) => limit.map(|limit| limit.min(took)),
            None => limit,
        };
        let body_len = self.outbound.sealed_len(content.octets.len());
        let prefix = write_encrypted_prefix(header, content.first_payload, body_len);
        match limit {
            Some(limit) if prefix.len() + body_len > limit && !content.octets.is_empty() => {
                self.seal_fragments(header, content, limit)
            }
            _ => {
                let iv = self.take_iv();
                Message::whole(self.outbound.seal(prefix, iv, &content.octets))
            }
        }
    }

    fn seal_fragments(&mut self, header: &Header, content: &Content, limit: usize) -> Message {
        let prefix_len = write_fragment_prefix(header, 0, 1, 1, 0).len();
        let room = limit.saturating_sub(prefix_len);
        // A fragment that nobody could count is larger than it should be.
        let least = content.octets.len().div_ceil(u16::MAX.into());
        let part_len = self.outbound.capacity(room).max(SMALLEST_PART).max(least);
        let parts = content.octets.chunks(part_len);
        let total = parts.len() as u16;
        let mut octets = Vec::new();
        for (number, part) in (1..=total).zip(parts) {
            let body_len = self.outbound.sealed_len(part.len());
            let first = content.first_payload;
            let prefix = write_fragment_prefix(header, first, number, total, body_len);
            let iv = self.take_iv();
            octets.extend(self.outbound.seal(prefix, iv, part));
        }
        Message::fragments(octets, prefix_len + self.outbound.sealed_len(part_len))
    }

    /// Each datagram has an IV of its own.
    fn take_iv(&mut self) -> u64 {
        let iv = self.next_iv;
        self.next_iv += 1;
        iv
    }

    /// Checks and decrypts a datagram of the peer. A fragment is kept until its message is whole;
    /// only authentic ones are.
    pub(super) fn open(&mut self, header: &Header, body: &Body<'_>) -> Result<Opened, OpenError> {
        match body {
            Body::Clear(_) => Err(OpenError::Clear),
            Body::Encrypted(encrypted) => {
                let octets = self
                    .inbound
                    .open(encrypted.aad, encrypted.body)
                    .map_err(|_| OpenError::Integrity)?;
                self.note_path(header, None);
                Ok(Opened::Whole(Content {
                    first_payload: encrypted.first_payload,
                    octets,
                }))
            }
            Body::Fragment(fragment) => self.open_fragment(header, fragment),
        }
    }

    fn open_fragment(
        &mut self,
        header: &Header,
        fragment: &Fragment<'_>,
    ) -> Result<Opened, OpenError> {
        let reassembly = if header.flags.response {
            &mut self.responses
        } else {
            &mut self.requests
        };
        if !reassembly.wants(header, fragment) {
            return Ok(Opened::Part);
        }
        let part = self
            .inbound
            .open(fragment.aad, fragment.body)
            .map_err(|_| OpenError::Integrity)?;
        match reassembly.add(header, fragment, part) {
            Ok(None) => Ok(Opened::Part),
            Ok(Some(Reassembled {
                first_payload,
                octets,
                largest_datagram,
            })) => {
                self.note_path(header, Some(largest_datagram));
                Ok(Opened::Whole(Content {
                    first_payload,
                    octets,
                }))
            }
            Err(_) => Err(OpenError::TooLarge),
        }
    }

    /// Whether a datagram that repeats a request is authentic. Its content is known already.
    pub(super) fn vouches_for(&self, body: &Body<'_>) -> Result<(), OpenError> {
        let (aad, body) = match body {
            Body::Clear(_) => return Err(OpenError::Clear),
            Body::Encrypted(encrypted) => (encrypted.aad, encrypted.body),
            Body::Fragment(fragment) => (fragment.aad, fragment.body),
        };
        let opened = self.inbound.open(aad, body);
        opened.map(|_| ()).map_err(|_| OpenError::Integrity)
    }

    fn note_path(&mut self, header: &Header, largest_datagram: Option<usize>) {
        if !header.flags.response {
            self.path_took = largest_datagram;
        }
    }

    /// Octets of incomplete messages that are kept now.
    pub(super) fn fragment_octets(&self) -> usize {
        self.requests.octets() + self.responses.octets()
    }

    /// What is missing is not believed to come any more.
    pub(super) fn forget_fragments(&mut self) {
        self.requests.forget();
        self.responses.forget();
    }
}

/// A line of Wireshark's `ikev2_decryption_table`.
fn ike_line(spis: IkeSpis, suite: &IkeSuite, keys: &IkeKeys) -> KeyLog {
    let line = format!(
        "{},{},{},{},\"{}\",{},{},\"{}\"",
        spis.initiator,
        spis.responder,
        *hex(&keys.sk_ei),
        *hex(&keys.sk_er),
        wireshark::ike_cipher(suite),
        *hex(&keys.sk_ai),
        *hex(&keys.sk_ar),
        wireshark::ike_integrity(suite.integrity),
    );
    KeyLog {
        table: KeyLogTable::Ike,
        line: line.into(),
    }
}

/// Both lines of Wireshark's `esp_sa` for a CHILD_SA.
pub(super) fn esp_lines(child: &ChildSa) -> [KeyLog; 2] {
    let family = if child.path.local.is_ipv4() {
        "IPv4"
    } else {
        "IPv6"
    };
    let cipher = wireshark::esp_cipher(&child.suite);
    let integrity = wireshark::esp_integrity(child.suite.integrity);
    let line = |from: std::net::IpAddr, to: std::net::IpAddr, spi, key: &EspKey| {
        KeyLog {
        table: KeyLogTable::Esp,
        line: format!(
            "\"{family}\",\"{from}\",\"{to}\",\"0x{spi}\",\"{cipher}\",\"{}\",\"{integrity}\",\"{}\"",
            *prefixed_hex(&key.encryption),
            *prefixed_hex(&key.integrity),
        )
        .into(),
    }
    };
    let (here, there) = (child.path.local.ip(), child.path.remote.ip());
    [
        line(there, here, child.inbound_spi, &child.inbound_key),
        line(here, there, child.outbound_spi, &child.outbound_key),
    ]
}

/// With `0x` in front; nothing at all for no key.
fn prefixed_hex(secret: &Secret) -> zeroize::Zeroizing<String> {
    let digits = hex(secret);
    if digits.is_empty() {
        return digits;
    }
    zeroize::Zeroizing::new(format!("0x{}", *digits))
}

fn hex(secret: &Secret) -> zeroize::Zeroizing<String> {
    use std::fmt::Write as _;
    let mut text = zeroize::Zeroizing::new(String::with_capacity(secret.expose().len() * 2));
    for byte in secret.expose() {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}

//! The keyed half of an IKE_SA: sealing and opening the SK payload (RFC 7296 section 3.14).

use super::{
    event::{Failure, KeyLog, KeyLogTable},
    exchange::ike_sa_init::InitDone,
    io::Role,
    payloads::Payloads,
};
use crate::{
    ChildSa, EspKey, IkeSpis, Secret,
    crypto::{IkeKeys, IkeSuite, MessageCipher, Nonces, Prf, wireshark},
    wire::{
        Encrypted, Header, Payload, WireError, parse_payloads, write_encrypted_prefix,
        write_payloads,
    },
};

/// Keys and ciphers of an IKE_SA after IKE_SA_INIT.
pub(super) struct Secured {
    pub(super) suite: IkeSuite,
    pub(super) prf: Prf,
    pub(super) sk_d: Secret,
    outbound: MessageCipher,
    inbound: MessageCipher,
    next_iv: u64,
}

/// What the keys of IKE_SA_INIT give: ciphers, the keys for AUTH, and a line for the key log.
pub(super) struct Derived {
    pub(super) secured: Secured,
    pub(super) sk_pi: Secret,
    pub(super) sk_pr: Secret,
    pub(super) key_log: Option<KeyLog>,
}

/// Why a protected message could not be read.
pub(super) enum OpenError {
    /// Not authentic: anybody may have sent it.
    Integrity,
    /// Authentic but not well-formed.
    Syntax(WireError),
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
        Self::from_keys(role, spis, suite, keys, log)
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
        Self::from_keys(role, spis, suite, keys, log)
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
            },
            sk_pi: keys.sk_pi,
            sk_pr: keys.sk_pr,
            key_log,
        })
    }

    /// Encrypts `payloads` into the message that `header` begins.
    pub(super) fn seal(&mut self, header: &Header, payloads: &[Payload]) -> Vec<u8> {
        let mut inner = Vec::with_capacity(256);
        let first = write_payloads(payloads, &mut inner);
        let prefix = write_encrypted_prefix(header, first, self.outbound.sealed_len(inner.len()));
        let iv = self.next_iv;
        self.next_iv += 1;
        self.outbound.seal(prefix, iv, &inner)
    }

    /// Checks and decrypts a message of the peer.
    pub(super) fn open(&self, encrypted: &Encrypted<'_>) -> Result<Payloads, OpenError> {
        let inner = self
            .inbound
            .open(encrypted.aad, encrypted.body)
            .map_err(|_| OpenError::Integrity)?;
        parse_payloads(encrypted.first_payload, &inner)
            .map(Payloads)
            .map_err(OpenError::Syntax)
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

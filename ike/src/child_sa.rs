//! A negotiated CHILD_SA as a data plane needs it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    EspSpi, Secret, TfcPadding, TrafficSelector,
    proposal::{AdditionalKeyExchanges, EncryptionId, IntegrityId, KeyExchangeMethod},
};

/// The pair of endpoints IKE and encapsulated ESP travel between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Our address and port.
    pub local: SocketAddr,
    /// The peer's address and port.
    pub remote: SocketAddr,
}

/// How packets are wrapped (RFC 4303 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// The whole inner IP packet is protected.
    #[default]
    Tunnel,
    /// Only the payload of the IP packet is protected.
    Transport,
}

/// The algorithms of an ESP SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EspSuite {
    /// The cipher.
    pub encryption: EncryptionId,
    /// The cipher's key length in bits (0 where the cipher has only one).
    pub key_bits: u16,
    /// The separate integrity algorithm; `None` for AEAD ciphers.
    pub integrity: Option<IntegrityId>,
    /// The group of the key exchange that refreshed the keys, where there was one.
    pub key_exchange: Option<KeyExchangeMethod>,
    /// The key exchanges that followed it.
    pub additional: AdditionalKeyExchanges,
    /// Whether sequence numbers have 64 bits (RFC 4303 section 2.2.1).
    pub extended_sequence_numbers: bool,
}

/// The keys of one direction, cut from KEYMAT (RFC 7296 section 2.17).
#[derive(Clone, Debug)]
pub struct EspKey {
    /// Cipher key followed by the salt for AEAD ciphers (RFC 4106 section 8.1, RFC 7634 section 2).
    pub encryption: Secret,
    /// Integrity key, empty for AEAD ciphers.
    pub integrity: Secret,
}

/// When a CHILD_SA must be replaced (soft) or removed (hard). Zero means "no limit".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// Age at which it is removed.
    pub hard_time: Duration,
    /// Bytes in either direction at which a replacement is asked for.
    pub soft_bytes: u64,
    /// Bytes in either direction at which it is removed.
    pub hard_bytes: u64,
    /// Packets in either direction at which a replacement is asked for.
    pub soft_packets: u64,
    /// Packets in either direction at which it is removed.
    pub hard_packets: u64,
}

/// When packets may begin to leave by a CHILD_SA.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sending {
    /// At once: the peer is ready to receive on it.
    #[default]
    AtOnce,
    /// Once the peer has sent an authentic packet on it, or when the data plane is told to. Until
    /// then the peer may not have installed its half, and the CHILD_SA that this one replaces still
    /// carries traffic (RFC 7296 section 2.8).
    OnceHeard,
}

/// One CHILD_SA: the pair of ESP SAs and the policy that selects traffic for it. Its identity in
/// this agent is [`ChildSa::inbound_spi`].
#[derive(Clone, Debug)]
pub struct ChildSa {
    /// The connection's name in the configuration.
    pub connection: Arc<str>,
    /// The child's name in the configuration.
    pub name: Arc<str>,
    /// Chosen by us; peers put it on the packets they send.
    pub inbound_spi: EspSpi,
    /// Chosen by the peer.
    pub outbound_spi: EspSpi,
    /// Keys for packets we receive.
    pub inbound_key: EspKey,
    /// Keys for packets we send.
    pub outbound_key: EspKey,
    /// The negotiated algorithms.
    pub suite: EspSuite,
    /// Tunnel or transport.
    pub mode: Mode,
    /// Our side's traffic.
    pub local_ts: Vec<TrafficSelector>,
    /// The peer's side's traffic.
    pub remote_ts: Vec<TrafficSelector>,
    /// Where encapsulated packets leave from and go to.
    pub path: Path,
    /// Whether ESP travels inside UDP (RFC 3948).
    pub encapsulation: bool,
    /// Size of the anti-replay window in packets; 0 turns the check off.
    pub replay_window: u32,
    /// To what size inner packets are padded.
    pub tfc_padding: TfcPadding,
    /// Limits kept by the data plane.
    pub lifetime: Lifetime,
    /// When it takes over the traffic of a CHILD_SA that it replaces.
    pub sending: Sending,
}

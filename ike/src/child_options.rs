//! What a child may ask for beside its protection. By default nothing of it is.

use std::time::Duration;

use crate::{Environment, child_sa::Lifetime};

/// What is configured of a child beyond what every child needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildOptions {
    /// Up to this much is taken off [`Lifetime::soft_bytes`] at random, but never more than half of
    /// it.
    pub rand_bytes: u64,
    /// The same for [`Lifetime::soft_packets`].
    pub rand_packets: u64,
    /// To what size inner packets are padded.
    pub tfc_padding: TfcPadding,
    /// Silence in both directions after which the CHILD_SA is closed; zero means never.
    pub inactivity: Duration,
    /// The number by which operators know its policies; zero has one chosen.
    pub reqid: u32,
}

/// Traffic flow confidentiality: padding that hides the size of packets (RFC 4303 section 2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TfcPadding {
    /// None.
    #[default]
    Off,
    /// Smaller packets grow to so many octets.
    To(u16),
    /// All packets grow to the MTU of the tunnel.
    Mtu,
}

impl ChildOptions {
    /// The limits of one CHILD_SA: two ends with the same configuration should not both rekey after
    /// the same packet.
    pub(crate) fn randomise(&self, limits: Lifetime, env: &mut dyn Environment) -> Lifetime {
        Lifetime {
            soft_bytes: less(limits.soft_bytes, self.rand_bytes, env),
            soft_packets: less(limits.soft_packets, self.rand_packets, env),
            ..limits
        }
    }
}

/// `limit` less a random part of `rand`.
fn less(limit: u64, rand: u64, env: &mut dyn Environment) -> u64 {
    let most = rand.min(limit / 2);
    if most == 0 {
        return limit;
    }
    let mut random = [0; 8];
    env.random(&mut random);
    limit - u64::from_ne_bytes(random) % (most + 1)
}

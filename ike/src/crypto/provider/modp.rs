//! Diffie-Hellman in the MODP groups, by crypto-bigint: modular exponentiation in a time that
//! depends on the group only.

mod primes;

use std::sync::LazyLock;

use crypto_bigint::{
    BoxedUint, Odd, Resize,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use zeroize::Zeroizing;

use crate::Secret;

/// A group of RFC 2409 or RFC 3526. All of them have the generator 2 and a safe prime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum ModpGroup {
    Modp1024,
    Modp1536,
    Modp2048,
    Modp3072,
    Modp4096,
    Modp6144,
    Modp8192,
}

/// In the order of the groups. The first use of a group computes them.
static PARAMETERS: [LazyLock<BoxedMontyParams>; 7] = [
    LazyLock::new(|| parameters(primes::MODP_1024)),
    LazyLock::new(|| parameters(primes::MODP_1536)),
    LazyLock::new(|| parameters(primes::MODP_2048)),
    LazyLock::new(|| parameters(primes::MODP_3072)),
    LazyLock::new(|| parameters(primes::MODP_4096)),
    LazyLock::new(|| parameters(primes::MODP_6144)),
    LazyLock::new(|| parameters(primes::MODP_8192)),
];

fn parameters(prime: &str) -> BoxedMontyParams {
    let bits = 4 * prime.len() as u32;
    let prime = BoxedUint::from_be_hex(prime, bits)
        .into_option()
        .and_then(|prime| Odd::new(prime).into_option())
        .expect("the primes are odd numbers in hexadecimal");
    BoxedMontyParams::new_vartime(prime)
}

impl ModpGroup {
    fn parameters(self) -> &'static BoxedMontyParams {
        &PARAMETERS[self as usize]
    }

    /// Octets of a private exponent: at least twice the strength of the group by the larger
    /// estimate of RFC 3526 section 8.
    pub(in crate::crypto) fn private_len(self) -> usize {
        match self {
            Self::Modp1024 | Self::Modp1536 => 32,
            Self::Modp2048 => 40,
            Self::Modp3072 => 56,
            Self::Modp4096 => 64,
            Self::Modp6144 => 72,
            Self::Modp8192 => 80,
        }
    }

    /// 1 < y < p-1 (RFC 6989 section 2.1), for a value as long as the prime.
    fn admits(self, public: &[u8]) -> bool {
        let modulus = self.parameters().modulus().as_ref().to_be_bytes();
        // The prime is odd: its predecessor differs from it in the last octet only.
        let (last, front) = modulus.split_last().expect("a prime has octets");
        let (public_last, public_front) = public.split_last().expect("as long as the prime");
        let above_one = public_front.iter().any(|octet| *octet != 0) || *public_last > 1;
        above_one && (public_front, *public_last) < (front, last - 1)
    }
}

/// A private exponent.
pub(in crate::crypto) struct PrivateKey {
    group: ModpGroup,
    exponent: Zeroizing<BoxedUint>,
}

impl PrivateKey {
    /// The exponent with these octets, and its public value g^x mod p. `None` for exponents whose
    /// public value a peer would have to refuse.
    pub(in crate::crypto) fn from_bytes(
        group: ModpGroup,
        bytes: &[u8],
    ) -> Option<(Self, Box<[u8]>)> {
        let exponent = BoxedUint::from_be_slice(bytes, 8 * bytes.len() as u32).ok()?;
        let key = Self {
            group,
            exponent: Zeroizing::new(exponent),
        };
        let bits = group.parameters().bits_precision();
        let generator = BoxedUint::from(2_u8).resize(bits);
        let public = key.power(generator);
        group.admits(&public).then(|| (key, (**public).into()))
    }

    /// The shared secret, as long as the prime (RFC 7296 section 2.14). `peer` has that length too.
    /// `None` when the peer's value is not one that a peer may send.
    pub(in crate::crypto) fn agree(&self, peer: &[u8]) -> Option<Secret> {
        if !self.group.admits(peer) {
            return None;
        }
        let bits = self.group.parameters().bits_precision();
        let peer = BoxedUint::from_be_slice(peer, bits).ok()?;
        Some(Secret::from(self.power(peer)))
    }

    /// base^x mod p, with leading zeros.
    fn power(&self, base: BoxedUint) -> Zeroizing<Box<[u8]>> {
        let base = BoxedMontyForm::new(base, self.group.parameters());
        let power = Zeroizing::new(base.pow(&self.exponent));
        let power = Zeroizing::new(power.retrieve());
        Zeroizing::new(power.to_be_bytes())
    }
}

//! What is negotiated where nothing is configured.

use super::{EncryptionId, KeyExchangeMethod, PrfId, Proposal, ProposalSpi, Protocol, Transform};

/// Ciphers of both defaults. AES-GCM first: nearly every machine has instructions for it.
const CIPHERS: [Transform; 3] = [
    Transform::Encryption(EncryptionId::AES_GCM_16, Some(256)),
    Transform::Encryption(EncryptionId::CHACHA20_POLY1305, None),
    Transform::Encryption(EncryptionId::AES_GCM_16, Some(128)),
];

/// What of IKE is not a cipher.
const IKE: [Transform; 6] = [
    Transform::Prf(PrfId::HMAC_SHA2_512),
    Transform::Prf(PrfId::HMAC_SHA2_384),
    Transform::Prf(PrfId::HMAC_SHA2_256),
    Transform::KeyExchange(KeyExchangeMethod::CURVE_25519),
    Transform::KeyExchange(KeyExchangeMethod::ECP_384),
    Transform::KeyExchange(KeyExchangeMethod::ECP_256),
];

/// The IKE proposals that `default` stands for: one, with every algorithm that this build has and
/// that has no known weakness, strong ones first.
pub fn default_ike() -> Vec<Proposal> {
    vec![proposal(Protocol::Ike, &IKE)]
}

/// The ESP proposals that `default` stands for. They have no key exchange of their own and no
/// extended sequence numbers.
pub fn default_esp() -> Vec<Proposal> {
    vec![proposal(
        Protocol::Esp,
        &[Transform::ExtendedSequenceNumbers(false)],
    )]
}

fn proposal(protocol: Protocol, others: &[Transform]) -> Proposal {
    Proposal {
        number: 1,
        protocol,
        spi: ProposalSpi::None,
        transforms: [&CIPHERS[..], others].concat(),
    }
}

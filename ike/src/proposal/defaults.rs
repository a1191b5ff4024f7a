//! What is negotiated where nothing is configured: every algorithm that this build has and that is
//! fit for everyday use, strong ones first. AEAD ciphers and others go into proposals of their own
//! (RFC 7296 section 3.3).

use super::{
    EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Proposal, ProposalSpi, Protocol, Transform,
};

/// AES-GCM first: nearly every machine has instructions for it.
const AEAD: [Transform; 3] = [
    Transform::Encryption(EncryptionId::AES_GCM_16, Some(256)),
    Transform::Encryption(EncryptionId::CHACHA20_POLY1305, None),
    Transform::Encryption(EncryptionId::AES_GCM_16, Some(128)),
];

/// For peers that have nothing better.
const CLASSIC: [Transform; 6] = [
    Transform::Encryption(EncryptionId::AES_CBC, Some(256)),
    Transform::Encryption(EncryptionId::AES_CBC, Some(192)),
    Transform::Encryption(EncryptionId::AES_CBC, Some(128)),
    Transform::Integrity(IntegrityId::HMAC_SHA2_512_256),
    Transform::Integrity(IntegrityId::HMAC_SHA2_384_192),
    Transform::Integrity(IntegrityId::HMAC_SHA2_256_128),
];

/// What of IKE protects no messages. The largest MODP groups are left out: they cost a responder
/// ten milliseconds and more.
const IKE: [Transform; 10] = [
    Transform::Prf(PrfId::HMAC_SHA2_512),
    Transform::Prf(PrfId::HMAC_SHA2_384),
    Transform::Prf(PrfId::HMAC_SHA2_256),
    Transform::KeyExchange(KeyExchangeMethod::CURVE_25519),
    Transform::KeyExchange(KeyExchangeMethod::ECP_384),
    Transform::KeyExchange(KeyExchangeMethod::ECP_521),
    Transform::KeyExchange(KeyExchangeMethod::ECP_256),
    Transform::KeyExchange(KeyExchangeMethod::MODP_4096),
    Transform::KeyExchange(KeyExchangeMethod::MODP_3072),
    Transform::KeyExchange(KeyExchangeMethod::MODP_2048),
];

/// The IKE proposals that `default` stands for.
pub fn default_ike() -> Vec<Proposal> {
    both(Protocol::Ike, &IKE)
}

/// The ESP proposals that `default` stands for. They have no key exchange of their own and no
/// extended sequence numbers.
pub fn default_esp() -> Vec<Proposal> {
    both(Protocol::Esp, &[Transform::ExtendedSequenceNumbers(false)])
}

fn both(protocol: Protocol, others: &[Transform]) -> Vec<Proposal> {
    let proposal = |number, ciphers: &[Transform]| {
        let mut transforms = [ciphers, others].concat();
        transforms.sort_by_key(Transform::transform_type);
        Proposal {
            number,
            protocol,
            spi: ProposalSpi::None,
            transforms,
        }
    };
    vec![proposal(1, &AEAD), proposal(2, &CLASSIC)]
}

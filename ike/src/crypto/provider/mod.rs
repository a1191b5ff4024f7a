//! The cryptographic libraries. Nothing else may name them.
//!
//! ring gives AEAD ciphers, HMAC and digests. AWS-LC gives what ring lacks (AES-CBC and AES-CTR,
//! AES-192-GCM, ECP-521, ML-KEM) and elliptic curves: its private keys can be used more than once
//! and made from given bytes, which makes handshakes deterministic under test, and it takes half of
//! ring's time for X25519 and a quarter for ECP-384. Neither has the MODP groups, for which
//! crypto-bigint gives arithmetic in constant time, nor AES-CCM, 3DES and MD5, which are RustCrypto's.
//! OpenSSL gives the curves that none of them has, in builds with the feature `openssl`.

pub(super) mod aead;
pub(super) mod agreement;
pub(super) mod block;
mod ccm;
pub(super) mod digest;
pub(super) mod kem;
pub(super) mod modp;
pub(super) mod triple_des;

//! The cryptographic libraries. Nothing else may name them.
//!
//! ring gives AEAD, HMAC and digests. AWS-LC gives key agreement: its private keys can be used
//! more than once and made from given bytes, which makes handshakes deterministic under test, and
//! it takes half of ring's time for X25519 and a quarter for ECP-384.

pub(super) mod agreement;
pub(super) mod symmetric;

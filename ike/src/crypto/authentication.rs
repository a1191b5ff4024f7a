//! Proof of a shared key (RFC 7296 section 2.15).

use subtle::ConstantTimeEq;

use super::Prf;
use crate::Secret;

/// RFC 7296 section 2.15: 17 ASCII characters without a terminating null.
const KEY_PAD: &[u8] = b"Key Pad for IKEv2";

/// What one side proves its identity over: `message` is its own IKE_SA_INIT message as sent,
/// `peer_nonce` the other side's nonce, `sk_p` its SK_pi or SK_pr, `id_body` its ID payload without
/// the generic header.
pub fn signed_octets(
    prf: &Prf,
    message: &[u8],
    peer_nonce: &[u8],
    sk_p: &Secret,
    id_body: &[u8],
) -> Vec<u8> {
    // MACedIDForI = prf(SK_pi, RestOfInitIDPayload)
    let maced_id = prf.compute(sk_p.expose(), &[id_body]);
    // InitiatorSignedOctets = RealMessage1 | NonceRData | MACedIDForI
    [message, peer_nonce, maced_id.expose()].concat()
}

/// The AUTH data of one side that shares `key` with the other.
pub fn shared_key_auth(prf: &Prf, key: &Secret, signed_octets: &[u8]) -> Secret {
    // AUTH = prf( prf(Shared Secret, "Key Pad for IKEv2"), <InitiatorSignedOctets>)
    let key = prf.compute(key.expose(), &[KEY_PAD]);
    prf.compute(key.expose(), &[signed_octets])
}

/// Whether two values are equal, in a time that depends on their lengths only.
pub fn verify(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;

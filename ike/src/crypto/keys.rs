//! Keys of an IKE_SA and of CHILD_SAs (RFC 7296 sections 2.14 and 2.17).

use super::{IkeSuite, Prf, UnsupportedAlgorithm, algorithm};
use crate::{EspKey, EspSuite, IkeSpis, Secret};

/// The nonces of one exchange, without payload headers.
#[derive(Clone, Copy, Debug)]
pub struct Nonces<'a> {
    /// Ni: of the side that sent the request.
    pub initiator: &'a [u8],
    /// Nr: of the side that answered.
    pub responder: &'a [u8],
}

/// RFC 5723 section 5.1: ten ASCII characters without a terminating null.
const RESUMPTION: &[u8] = b"Resumption";

/// The seven keys of an IKE_SA. "i" protects what the original initiator sends.
#[derive(Clone, Debug)]
pub struct IkeKeys {
    /// Derives the keys of CHILD_SAs and of a successor.
    pub sk_d: Secret,
    /// Integrity of the initiator's messages; empty with AEAD ciphers (RFC 5282 section 7.1).
    pub sk_ai: Secret,
    /// Integrity of the responder's messages; empty with AEAD ciphers.
    pub sk_ar: Secret,
    /// Encryption of the initiator's messages, with the salt of AEAD ciphers at its end.
    pub sk_ei: Secret,
    /// Encryption of the responder's messages, with the salt of AEAD ciphers at its end.
    pub sk_er: Secret,
    /// Goes into the initiator's AUTH payload.
    pub sk_pi: Secret,
    /// Goes into the responder's AUTH payload.
    pub sk_pr: Secret,
}

impl IkeKeys {
    /// The keys that follow from the IKE_SA_INIT exchange. `shared` is g^ir.
    pub fn derive(
        suite: &IkeSuite,
        nonces: Nonces<'_>,
        shared: &Secret,
        spis: IkeSpis,
    ) -> Result<Self, UnsupportedAlgorithm> {
        let Nonces {
            initiator: ni,
            responder: nr,
        } = nonces;
        // RFC 7296 section 2.14:
        // SKEYSEED = prf(Ni | Nr, g^ir)
        let prf = Prf::new(suite.prf)?;
        let skeyseed = prf.compute(&prf.nonce_key(ni, nr), &[shared.expose()]);
        Self::expand(suite, nonces, &skeyseed, spis)
    }

    /// The keys of an IKE_SA that replaces another one. `nonces` and `shared` are those of the
    /// exchange that rekeyed it, `further` the secrets of the key exchanges that followed, `prf`
    /// and `sk_d` belong to the one that is replaced.
    ///
    /// The same formula renews the keys of an IKE_SA after an additional key exchange, with the
    /// nonces of IKE_SA_INIT and nothing further: SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr)
    /// (RFC 9370 section 2.2.2).
    pub fn derive_rekeyed(
        suite: &IkeSuite,
        (prf, sk_d): (&Prf, &Secret),
        nonces: Nonces<'_>,
        (shared, further): (&Secret, &[Secret]),
        spis: IkeSpis,
    ) -> Result<Self, UnsupportedAlgorithm> {
        // RFC 7296 section 2.18 and RFC 9370 section 2.2.4:
        // SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr | SK(1) | ... | SK(n))
        let mut seed = vec![shared.expose(), nonces.initiator, nonces.responder];
        seed.extend(further.iter().map(Secret::expose));
        let skeyseed = prf.compute(sk_d.expose(), &seed);
        Self::expand(suite, nonces, &skeyseed, spis)
    }

    /// The keys of an IKE_SA that resumes a session. `prf` and `sk_d` belong to the IKE_SA in which
    /// the ticket was given.
    pub fn derive_resumed(
        suite: &IkeSuite,
        (prf, sk_d): (&Prf, &Secret),
        nonces: Nonces<'_>,
        spis: IkeSpis,
    ) -> Result<Self, UnsupportedAlgorithm> {
        // RFC 5723 section 5.1:
        // SKEYSEED = prf(SK_d_old, "Resumption" | Ni | Nr)
        let seed = [RESUMPTION, nonces.initiator, nonces.responder];
        let skeyseed = prf.compute(sk_d.expose(), &seed);
        Self::expand(suite, nonces, &skeyseed, spis)
    }

    fn expand(
        suite: &IkeSuite,
        nonces: Nonces<'_>,
        skeyseed: &Secret,
        spis: IkeSpis,
    ) -> Result<Self, UnsupportedAlgorithm> {
        let prf = Prf::new(suite.prf)?;
        let protection = algorithm::protection(suite.encryption, suite.key_bits, suite.integrity)?;
        let Nonces {
            initiator: ni,
            responder: nr,
        } = nonces;
        // RFC 7296 section 2.14:
        // {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr}
        //                 = prf+ (SKEYSEED, Ni | Nr | SPIi | SPIr)
        //
        // SK_d, SK_pi and SK_pr have the preferred key length of the prf, which is that of its
        // output. RFC 5282 section 7.1: with AEAD ciphers SK_ai and SK_ar have no octets, and
        // SK_ei and SK_er each include the salt.
        let prf_len = prf.output_len();
        let (e_len, a_len) = (
            protection.encryption_key_len(),
            protection.integrity_key_len(),
        );
        let seed: [&[u8]; 4] = [ni, nr, &spis.initiator.0, &spis.responder.0];
        let stream = prf.plus(skeyseed.expose(), &seed, 3 * prf_len + 2 * (a_len + e_len));
        let mut keys = Cutter(stream.expose());
        Ok(Self {
            sk_d: keys.take(prf_len),
            sk_ai: keys.take(a_len),
            sk_ar: keys.take(a_len),
            sk_ei: keys.take(e_len),
            sk_er: keys.take(e_len),
            sk_pi: keys.take(prf_len),
            sk_pr: keys.take(prf_len),
        })
    }
}

/// The keys of both ESP SAs of a CHILD_SA.
#[derive(Clone, Debug)]
pub struct ChildKeys {
    /// For packets of the side that sent the request of the exchange.
    pub initiator: EspKey,
    /// For packets of the side that answered.
    pub responder: EspKey,
}

/// The keys of a CHILD_SA. `shared` is g^ir of the exchange that made it, where it had one, followed
/// by the secrets of the key exchanges that came after it; `nonces` are those of the same exchange, or of IKE_SA_INIT for the CHILD_SA of IKE_AUTH.
pub fn child_keys(
    prf: &Prf,
    sk_d: &Secret,
    shared: &[Secret],
    nonces: Nonces<'_>,
    suite: &EspSuite,
) -> Result<ChildKeys, UnsupportedAlgorithm> {
    let protection = algorithm::protection(suite.encryption, suite.key_bits, suite.integrity)?;
    // RFC 7296 section 2.17:
    // KEYMAT = prf+(SK_d, Ni | Nr)
    // KEYMAT = prf+(SK_d, g^ir (new) | Ni | Nr ) when the exchange had a key exchange of its own
    // RFC 9370 section 2.2.4:
    // KEYMAT = prf+ (SK_d, SK(0) | Ni | Nr | SK(1) | ... | SK(n))
    let mut secrets = shared.iter().map(Secret::expose);
    let mut seed = vec![secrets.next().unwrap_or_default()];
    seed.extend([nonces.initiator, nonces.responder]);
    seed.extend(secrets);
    // "All keys for SAs carrying data from the initiator to the responder are taken before SAs
    // going from the responder to the initiator." And "the encryption key MUST be taken from the
    // first bits and the integrity key MUST be taken from the remaining bits". The salt follows the
    // encryption key (RFC 4106 section 8.1, RFC 7634 section 2, RFC 3686 section 5.1).
    let (e_len, a_len) = (
        protection.encryption_key_len(),
        protection.integrity_key_len(),
    );
    let keymat = prf.plus(sk_d.expose(), &seed, 2 * (e_len + a_len));
    let mut keys = Cutter(keymat.expose());
    let mut esp_key = || EspKey {
        encryption: keys.take(e_len),
        integrity: keys.take(a_len),
    };
    Ok(ChildKeys {
        initiator: esp_key(),
        responder: esp_key(),
    })
}

/// Cuts keys off the front of keying material.
struct Cutter<'a>(&'a [u8]);

impl Cutter<'_> {
    fn take(&mut self, len: usize) -> Secret {
        let (key, rest) = self.0.split_at(len);
        self.0 = rest;
        Secret::new(key)
    }
}

#[cfg(test)]
mod tests;

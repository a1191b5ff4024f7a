//! How the two ends prove who they are: one round after the other (RFC 4739).

use std::sync::Arc;

use super::{IdMatch, SignatureRules};
use crate::Identification;

/// The DER octets of a certificate or of a SubjectPublicKeyInfo.
pub type Der = Arc<[u8]>;

/// One round of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRound {
    /// Who we say we are; `None` is our address.
    pub id: Option<Identification>,
    /// How we prove it.
    pub auth: LocalAuth,
}

/// How we prove our identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAuth {
    /// A pre-shared key (RFC 7296 section 2.15).
    Psk,
    /// A signature.
    PublicKey(Arc<LocalPublicKey>),
    /// The Extensible Authentication Protocol (RFC 7296 section 2.16).
    Eap(Arc<LocalEap>),
}

/// What we sign with. The private key is chosen by what is named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalPublicKey {
    /// Our certificates; the first fitting one is sent.
    pub certificates: Vec<Der>,
    /// Our raw public keys (RFC 7670).
    pub public_keys: Vec<Der>,
    /// Which signatures we make.
    pub rules: SignatureRules,
    /// When we send our certificates.
    pub send: SendCertificate,
}

/// When certificates are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendCertificate {
    /// When the peer asks for any.
    #[default]
    IfAsked,
    /// In any case.
    Always,
    /// Never: the peer must have it.
    Never,
}

/// What must be known about the peer's certificates: whether they are revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// Only those known to be revoked are refused.
    #[default]
    Relaxed,
    /// The same, and where a certificate says whom to ask, the answer must be had.
    IfUri,
    /// All must be known to be good.
    Strict,
}

/// How we take part in EAP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalEap {
    /// The method we agree to; `None` is any that we can do.
    pub method: Option<Arc<str>>,
    /// The EAP identity; `None` is the IKE identity.
    pub identity: Option<Arc<str>>,
    /// Who the server must be for EAP; `None` is the peer's IKE identity.
    pub aaa: Option<Arc<str>>,
    /// Our certificates for EAP-TLS, our own first; empty is any whose private key we have.
    pub certificates: Vec<Der>,
}

/// One round of the peer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRound {
    /// Who the peer must be.
    pub id: IdMatch,
    /// How it must prove it.
    pub auth: RemoteAuth,
}

/// How the peer must prove its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteAuth {
    /// A pre-shared key.
    Psk,
    /// A signature that satisfies these constraints.
    PublicKey(Arc<RemotePublicKey>),
    /// EAP.
    Eap(Arc<RemoteEap>),
    /// Whatever it likes: a pre-shared key, or a signature that satisfies these constraints.
    Any(Arc<RemotePublicKey>),
}

/// Which signatures of the peer are good enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemotePublicKey {
    /// The certificates that it may have; none means any that is trusted.
    pub certificates: Vec<Der>,
    /// The raw public keys that it may have (RFC 7670).
    pub public_keys: Vec<Der>,
    /// The authorities that its certificate may come from; none means any that is trusted.
    pub authorities: Vec<Der>,
    /// Who one of the authorities in the path must be.
    pub authority_id: Option<IdMatch>,
    /// The certificate policies that the path must have, as dotted object identifiers.
    pub policies: Vec<String>,
    /// Which signatures we take.
    pub rules: SignatureRules,
    /// What must be known about revocation.
    pub revocation: Revocation,
    /// We do not say whom we trust.
    pub no_requests: bool,
}

/// How we have the peer take part in EAP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteEap {
    /// The method; `None` is any that we can do.
    pub method: Option<Arc<str>>,
    /// Who the peer must be for EAP, `%any` to ask for it; `None` is the IKE identity.
    pub identity: Option<Arc<str>>,
}

impl LocalRound {
    /// A pre-shared key.
    pub fn psk(id: Option<Identification>) -> Self {
        Self {
            id,
            auth: LocalAuth::Psk,
        }
    }
}

impl RemoteRound {
    /// A pre-shared key.
    pub fn psk(id: IdMatch) -> Self {
        Self {
            id,
            auth: RemoteAuth::Psk,
        }
    }
}

impl super::Connection {
    /// Who we say we are in the first round; `None` is our address.
    pub fn local_id(&self) -> Option<&Identification> {
        self.local.first()?.id.as_ref()
    }

    /// Who the peer must be in its first round.
    pub fn remote_id(&self) -> &IdMatch {
        self.remote.first().map_or(&IdMatch::Any, |round| &round.id)
    }

    /// What signatures of the peer must satisfy, in each round that may have one.
    pub fn remote_signatures(&self) -> impl Iterator<Item = &Arc<RemotePublicKey>> {
        self.remote.iter().filter_map(|round| match &round.auth {
            RemoteAuth::PublicKey(wanted) | RemoteAuth::Any(wanted) => Some(wanted),
            RemoteAuth::Psk | RemoteAuth::Eap(_) => None,
        })
    }

    /// Whether either end may prove itself by a signature.
    pub fn uses_signatures(&self) -> bool {
        let local = |round: &LocalRound| matches!(round.auth, LocalAuth::PublicKey(_));
        self.local.iter().any(local) || self.remote_signatures().next().is_some()
    }

    /// Whether either end proves itself by a pre-shared key.
    pub fn uses_psk(&self) -> bool {
        let local = |round: &LocalRound| round.auth == LocalAuth::Psk;
        let remote = |round: &RemoteRound| round.auth == RemoteAuth::Psk;
        self.local.iter().any(local) || self.remote.iter().any(remote)
    }
}

//! How the two ends prove who they are: one round after the other (RFC 4739).

use std::sync::Arc;

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
}

/// How we have the peer take part in EAP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteEap {
    /// The method; `None` is any that we can do.
    pub method: Option<Arc<str>>,
    /// Who the peer must be for EAP, `%any` to ask for it; `None` is the IKE identity.
    pub identity: Option<Arc<str>>,
}

/// What the peer may call itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdMatch {
    /// Anything that authenticates.
    Any,
    /// Exactly this identity.
    Exact(Identification),
}

impl IdMatch {
    /// Whether the peer may call itself `id`.
    pub fn matches(&self, id: &Identification) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(wanted) => wanted == id,
        }
    }

    /// The one identity that matches, if there is one only.
    pub fn exact(&self) -> Option<&Identification> {
        match self {
            Self::Any => None,
            Self::Exact(id) => Some(id),
        }
    }
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

    /// Whether either end proves itself by a pre-shared key.
    pub fn uses_psk(&self) -> bool {
        let local = |round: &LocalRound| round.auth == LocalAuth::Psk;
        let remote = |round: &RemoteRound| round.auth == RemoteAuth::Psk;
        self.local.iter().any(local) || self.remote.iter().any(remote)
    }
}

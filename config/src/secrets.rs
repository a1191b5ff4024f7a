//! Pre-shared keys and the choice among them, private keys, and authorities.

use std::{collections::HashMap, sync::Arc};

use holdfast_ike::{Identification, Secret};
use holdfast_pki::{Certificate, PrivateKey};

/// The secrets of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secrets {
    psks: Vec<PskEntry>,
    /// Positions of the entries that name an identity, ascending: a gateway has thousands.
    by_id: HashMap<Identification, Vec<usize>>,
    /// Position of the first entry that names nobody.
    everybody: Option<usize>,
    eap: Vec<PskEntry>,
    private_keys: Vec<PrivateKeyEntry>,
    authorities: Vec<AuthorityEntry>,
    ppks: Vec<PskEntry>,
}

/// One pre-shared key or password, and the identities it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct PskEntry {
    /// Its name in the configuration.
    pub name: String,
    /// Identities of either end; empty is everybody.
    pub ids: Vec<Identification>,
    /// The key.
    pub secret: Arc<Secret>,
}

/// One private key.
#[derive(Clone, Debug)]
pub struct PrivateKeyEntry {
    /// Its name in the configuration.
    pub name: String,
    /// The key.
    pub key: Arc<PrivateKey>,
}

/// A private key is told by the public key that belongs to it.
impl PartialEq for PrivateKeyEntry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.key.public() == other.key.public()
    }
}

/// One certification authority that is trusted for every connection.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorityEntry {
    /// Its name in the configuration.
    pub name: String,
    /// Its own certificate.
    pub certificate: Arc<Certificate>,
    /// Where its revocation lists are.
    pub crl_uris: Vec<String>,
    /// Where its OCSP responders are.
    pub ocsp_uris: Vec<String>,
}

impl Secrets {
    /// Takes the keys in the order of preference among equals.
    pub fn new(psks: Vec<PskEntry>) -> Self {
        let mut by_id: HashMap<Identification, Vec<usize>> = HashMap::new();
        for (position, entry) in psks.iter().enumerate() {
            for id in &entry.ids {
                by_id.entry(id.clone()).or_default().push(position);
            }
        }
        let everybody = psks.iter().position(|entry| entry.ids.is_empty());
        Self {
            psks,
            by_id,
            everybody,
            eap: Vec::new(),
            private_keys: Vec::new(),
            authorities: Vec::new(),
            ppks: Vec::new(),
        }
    }

    /// The same with these passwords for EAP.
    #[must_use]
    pub fn with_eap(self, eap: Vec<PskEntry>) -> Self {
        Self { eap, ..self }
    }

    /// The same with these private keys.
    #[must_use]
    pub fn with_private_keys(self, private_keys: Vec<PrivateKeyEntry>) -> Self {
        Self {
            private_keys,
            ..self
        }
    }

    /// The same with these authorities.
    #[must_use]
    pub fn with_authorities(self, authorities: Vec<AuthorityEntry>) -> Self {
        Self {
            authorities,
            ..self
        }
    }

    /// The private keys.
    pub fn private_keys(&self) -> &[PrivateKeyEntry] {
        &self.private_keys
    }

    /// The authorities that are trusted for every connection.
    pub fn authorities(&self) -> &[AuthorityEntry] {
        &self.authorities
    }

    /// The same with these post-quantum pre-shared keys.
    #[must_use]
    pub fn with_ppks(self, ppks: Vec<PskEntry>) -> Self {
        Self { ppks, ..self }
    }

    /// The post-quantum pre-shared keys.
    pub fn ppks(&self) -> &[PskEntry] {
        &self.ppks
    }

    /// The passwords for EAP.
    pub fn eap(&self) -> &[PskEntry] {
        &self.eap
    }

    /// All pre-shared keys.
    pub fn psks(&self) -> &[PskEntry] {
        &self.psks
    }

    /// The key for two identities: the entry that names both, else the one that names the peer,
    /// else the one that names us, else one that names nobody.
    pub fn psk(&self, local: &Identification, remote: &Identification) -> Option<Arc<Secret>> {
        self.best(Some(local), Some(remote))
            .map(|entry| Arc::clone(&entry.secret))
    }

    /// The entry that [`Secrets::psk`] chooses; an identity not known yet matches no name.
    pub(crate) fn best(
        &self,
        local: Option<&Identification>,
        remote: Option<&Identification>,
    ) -> Option<&PskEntry> {
        let naming = |id: Option<&Identification>| {
            id.and_then(|id| self.by_id.get(id))
                .map_or(&[][..], Vec::as_slice)
        };
        let (locals, remotes) = (naming(local), naming(remote));
        // Positions ascend, so membership is a binary search.
        let both = remotes
            .iter()
            .find(|position| locals.binary_search(position).is_ok());
        let position = both
            .or(remotes.first())
            .or(locals.first())
            .or(self.everybody.as_ref())?;
        self.psks.get(*position)
    }
}

//! Pre-shared keys and the choice among them.

use std::sync::Arc;

use holdfast_ike::{Identification, Secret};

/// The secrets of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secrets {
    psks: Vec<PskEntry>,
}

/// One pre-shared key and the identities it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct PskEntry {
    /// Its name in the configuration.
    pub name: String,
    /// Identities of either end; empty is everybody.
    pub ids: Vec<Identification>,
    /// The key.
    pub secret: Arc<Secret>,
}

/// How well an entry fits; the derived order is the order of preference, the peer's identity
/// weighing more than ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Everybody,
    Local,
    Remote,
    Both,
}

impl PskEntry {
    fn fit(&self, local: Option<&Identification>, remote: Option<&Identification>) -> Option<Fit> {
        let names = |id: Option<&Identification>| id.is_some_and(|id| self.ids.contains(id));
        match (names(local), names(remote)) {
            (true, true) => Some(Fit::Both),
            (false, true) => Some(Fit::Remote),
            (true, false) => Some(Fit::Local),
            (false, false) => self.ids.is_empty().then_some(Fit::Everybody),
        }
    }
}

impl Secrets {
    /// Takes the keys in the order of preference among equals.
    pub fn new(psks: Vec<PskEntry>) -> Self {
        Self { psks }
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
        let mut best: Option<(Fit, &PskEntry)> = None;
        for entry in &self.psks {
            if let Some(fit) = entry.fit(local, remote)
                && best.is_none_or(|(so_far, _)| fit > so_far)
            {
                best = Some((fit, entry));
            }
        }
        best.map(|(_, entry)| entry)
    }
}

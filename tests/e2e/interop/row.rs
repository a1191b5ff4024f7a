//! What a row of the table consists of.

use super::scene::Scene;
use crate::lab::userland::Release;

/// A feature, how each daemon is told to use it, and what proves that it is in use.
pub(super) struct Row {
    pub(super) feature: &'static str,
    /// Where it is specified.
    pub(super) document: &'static str,
    pub(super) holdfast: Lines,
    /// charon 5.9.8, charon 6.0.1 and Libreswan, as in [`Peer::ALL`].
    pub(super) peers: [Theirs; 3],
    /// What is to be seen beyond a tunnel that carries traffic both ways.
    pub(super) proof: Proof,
}

pub(super) type Proof = fn(&Scene<'_>) -> Result<(), String>;

/// What a daemon is told beyond what every tunnel has, in its own language. See [`super::texts`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// IKE proposals; the usual ones if empty.
    pub(super) proposals: &'static str,
    /// ESP proposals, likewise.
    pub(super) esp_proposals: &'static str,
    /// Who both ends are and how they prove it, in place of a pre-shared key.
    pub(super) auth: &'static str,
    /// Of the connection.
    pub(super) connection: &'static str,
    /// Of the child.
    pub(super) child: &'static str,
    /// Of the daemon itself.
    pub(super) daemon: &'static str,
    /// Sections of their own: secrets, pools.
    pub(super) sections: &'static str,
}

/// What the peer is told, or why it cannot be tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Theirs {
    Told(Lines),
    /// The reason, for the table.
    Lacks(&'static str),
}

/// Whom holdfast is tried with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Charon(Release),
    Libreswan,
}

impl Peer {
    pub(super) const ALL: [Self; 3] = [
        Self::Charon(Release::Bookworm),
        Self::Charon(Release::Trixie),
        Self::Libreswan,
    ];

    pub(super) fn name(self) -> String {
        match self {
            Self::Charon(release) => format!("charon {}", release.version()),
            Self::Libreswan => "Libreswan 5.2".to_owned(),
        }
    }
}

/// Who starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starter {
    Holdfast,
    Peer,
}

impl Starter {
    pub(super) const ALL: [Self; 2] = [Self::Holdfast, Self::Peer];
}

/// A row of a feature that needs no telling and no proof of its own.
pub(super) fn row(feature: &'static str, document: &'static str) -> Row {
    Row {
        feature,
        document,
        holdfast: Lines::default(),
        peers: [Theirs::Told(Lines::default()); 3],
        proof: |_| Ok(()),
    }
}

impl Row {
    pub(super) fn theirs(&self, peer: Peer) -> Theirs {
        let [bookworm, trixie, libreswan] = self.peers;
        match peer {
            Peer::Charon(Release::Bookworm) => bookworm,
            Peer::Charon(Release::Trixie | Release::TrixieMlKem) => trixie,
            Peer::Libreswan => libreswan,
        }
    }

    pub(super) fn holdfast(mut self, lines: Lines) -> Self {
        self.holdfast = lines;
        self
    }

    /// Both releases of charon are told the same.
    pub(super) fn charon(mut self, lines: Lines) -> Self {
        self.peers[0] = Theirs::Told(lines);
        self.peers[1] = Theirs::Told(lines);
        self
    }

    pub(super) fn charon_lacks(mut self, reason: &'static str) -> Self {
        self.peers[0] = Theirs::Lacks(reason);
        self.peers[1] = Theirs::Lacks(reason);
        self
    }

    pub(super) fn libreswan(mut self, lines: Lines) -> Self {
        self.peers[2] = Theirs::Told(lines);
        self
    }

    pub(super) fn libreswan_lacks(mut self, reason: &'static str) -> Self {
        self.peers[2] = Theirs::Lacks(reason);
        self
    }

    pub(super) fn proof(mut self, proof: Proof) -> Self {
        self.proof = proof;
        self
    }
}

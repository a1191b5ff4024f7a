//! What a row of the table consists of.

use std::ops::Range;

use super::{
    keys::Kind,
    scene::Scene,
    stage::{Props, Stage},
};
use crate::lab::{topology::Family, userland::Release};

/// A feature, how each daemon is told to use it, and what proves that it is in use. What may differ with
/// who starts is there twice, as in [`Starter::ALL`].
pub(super) struct Row {
    pub(super) feature: &'static str,
    /// Where it is specified.
    pub(super) document: &'static str,
    pub(super) holdfast: [Lines; 2],
    /// charon 5.9.8, charon 6.0.1 and Libreswan, as in [`Peer::ALL`].
    pub(super) peers: [[Theirs; 2]; 3],
    /// Keys and certificates of both ends.
    pub(super) keys: Option<Kind>,
    /// What must be there before the daemons are.
    pub(super) stage: fn(&Stage<'_>) -> Props,
    /// What happens once both daemons are there, before the tunnel is.
    pub(super) before: [Proof; 2],
    /// How the tunnel is brought up.
    pub(super) start: Proof,
    /// Whose pings pass.
    pub(super) ends: [Ends; 2],
    /// What is to be seen beyond a tunnel that carries traffic both ways.
    pub(super) proof: [Proof; 2],
    /// Packets that must have been on the wire, as tshark's display filters. `{moon}` and `{sun}` are the
    /// addresses of holdfast and of the peer.
    pub(super) wire: [&'static [&'static str]; 2],
    /// charon 6.0.1 must have been built from its sources, and why.
    pub(super) built: Option<&'static str>,
    /// Whose starting the following calls are about.
    roles: Range<usize>,
}

pub(super) type Proof = fn(&mut Scene<'_>) -> Result<(), String>;

/// What a daemon is told beyond what every tunnel has, in its own language. See [`super::texts`].
#[derive(Clone, Copy, Debug)]
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
    /// Of the daemon itself; for Libreswan further sections of ipsec.conf.
    pub(super) daemon: &'static str,
    /// Sections of their own: secrets, pools.
    pub(super) sections: &'static str,
    /// What its log must say in the end.
    pub(super) says: &'static [&'static str],
}

/// Told nothing more.
pub(super) const PLAIN: Lines = Lines {
    proposals: "",
    esp_proposals: "",
    auth: "",
    connection: "",
    child: "",
    daemon: "",
    sections: "",
    says: &[],
};

/// What the peer is told, or why it cannot be tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Theirs {
    Told(Lines),
    /// The reason, for the table.
    Lacks(&'static str),
}

/// Where pings come from and go to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    /// The networks behind the gateways.
    Inner(Family),
    /// The gateways themselves.
    Outer,
    /// Virtual addresses: holdfast's and the peer's, or a network behind.
    Virtual(&'static str, &'static str),
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
        holdfast: [PLAIN; 2],
        peers: [[Theirs::Told(PLAIN); 2]; 3],
        keys: None,
        stage: |_| Props::default(),
        before: [|_| Ok(()); 2],
        start: |scene| scene.initiate(),
        ends: [Ends::Inner(Family::V4); 2],
        proof: [|_| Ok(()); 2],
        wire: [&[]; 2],
        built: None,
        roles: 0..2,
    }
}

impl Row {
    pub(super) fn theirs(&self, peer: Peer, starter: Starter) -> Theirs {
        let peers = match peer {
            Peer::Charon(Release::Bookworm) => self.peers[0],
            Peer::Charon(Release::Trixie | Release::TrixieMlKem) => self.peers[1],
            Peer::Libreswan => self.peers[2],
        };
        peers[starter as usize]
    }

    /// What follows is for one of the two columns only.
    pub(super) fn when_starting(mut self, starter: Starter) -> Self {
        let role = starter as usize;
        self.roles = role..role + 1;
        self
    }

    /// What follows is for both columns again.
    pub(super) fn when_both_start(mut self) -> Self {
        self.roles = 0..2;
        self
    }

    pub(super) fn holdfast(mut self, lines: Lines) -> Self {
        self.holdfast[self.roles.clone()].fill(lines);
        self
    }

    fn peer(mut self, number: usize, theirs: Theirs) -> Self {
        self.peers[number][self.roles.clone()].fill(theirs);
        self
    }

    /// Both releases of charon are told the same.
    pub(super) fn charon(self, lines: Lines) -> Self {
        self.peer(0, Theirs::Told(lines))
            .peer(1, Theirs::Told(lines))
    }

    pub(super) fn charon_lacks(self, reason: &'static str) -> Self {
        self.charon_5_lacks(reason).peer(1, Theirs::Lacks(reason))
    }

    pub(super) fn charon_5_lacks(self, reason: &'static str) -> Self {
        self.peer(0, Theirs::Lacks(reason))
    }

    pub(super) fn libreswan(self, lines: Lines) -> Self {
        self.peer(2, Theirs::Told(lines))
    }

    pub(super) fn libreswan_lacks(self, reason: &'static str) -> Self {
        self.peer(2, Theirs::Lacks(reason))
    }

    pub(super) fn nobody_has(self, reason: &'static str) -> Self {
        self.charon_lacks(reason).libreswan_lacks(reason)
    }

    pub(super) fn keys(mut self, kind: Kind) -> Self {
        self.keys = Some(kind);
        self
    }

    pub(super) fn stage(mut self, stage: fn(&Stage<'_>) -> Props) -> Self {
        self.stage = stage;
        self
    }

    pub(super) fn before(mut self, before: Proof) -> Self {
        self.before[self.roles.clone()].fill(before);
        self
    }

    pub(super) fn start(mut self, start: Proof) -> Self {
        self.start = start;
        self
    }

    pub(super) fn ends(mut self, ends: Ends) -> Self {
        self.ends[self.roles.clone()].fill(ends);
        self
    }

    pub(super) fn proof(mut self, proof: Proof) -> Self {
        self.proof[self.roles.clone()].fill(proof);
        self
    }

    pub(super) fn wire(mut self, filters: &'static [&'static str]) -> Self {
        self.wire[self.roles.clone()].fill(filters);
        self
    }

    pub(super) fn built(mut self, reason: &'static str) -> Self {
        self.built = Some(reason);
        self
    }
}

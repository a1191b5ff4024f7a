//! What is wanted of a connection, apart from what it has.

use std::{collections::BTreeSet, sync::Arc};

use holdfast_config::Connection;

use crate::supervisor::attempt::Goal;

/// Desired state. *Standing* wants are kept until somebody withdraws them; the others are over once
/// they are met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    standing_ike: bool,
    standing: BTreeSet<Arc<str>>,
    once_ike: bool,
    once: BTreeSet<Arc<str>>,
    /// An operator has withdrawn everything and nothing was asked for since.
    withdrawn: bool,
}

impl Wants {
    /// What the configuration wants from the start. A persistent connection wants all its children
    /// whose `start_action` starts them, which is the default there; so do others, but only once.
    pub(crate) fn of(connection: &Connection) -> Self {
        let mut wants = Self::default();
        if connection.persistent {
            wants.stand(connection);
        } else {
            wants.once = connection
                .children
                .values()
                .filter(|child| child.start_action.starts())
                .map(|child| Arc::clone(&child.ike.name))
                .collect();
        }
        wants
    }

    fn stand(&mut self, connection: &Connection) {
        self.standing_ike = true;
        self.standing.extend(
            connection
                .children
                .values()
                .filter(|child| child.start_action.starts())
                .map(|child| Arc::clone(&child.ike.name)),
        );
    }

    /// The connection was replaced by another of its name. An operator who took a persistent one
    /// down has not taken that back.
    pub(crate) fn configured_anew(&mut self, connection: &Connection) {
        if !(self.withdrawn && connection.persistent) {
            *self = Self::of(connection);
        }
    }

    /// Some of its children or its policy changed: only what differs is wanted anew, so that what
    /// operators asked for or took down stays so.
    pub(crate) fn reconfigured(&mut self, old: &Connection, new: &Connection) {
        let known = |name: &Arc<str>| new.children.contains_key(&**name);
        self.standing.retain(known);
        self.once.retain(known);
        if !new.persistent {
            self.standing_ike = false;
            self.standing.clear();
        }
        if self.withdrawn {
            return;
        }
        self.standing_ike |= new.persistent;
        for (name, child) in &new.children {
            let before = old.children.get(name);
            let same = before.is_some_and(|before| {
                before.ike == child.ike && before.start_action == child.start_action
            });
            let name = &child.ike.name;
            if same && old.persistent == new.persistent {
                continue;
            }
            if new.persistent && child.start_action.starts() {
                self.standing.insert(Arc::clone(name));
            } else if !new.persistent && !same && child.start_action.starts() {
                self.once.insert(Arc::clone(name));
            } else if !child.start_action.starts()
                && before.is_some_and(|before| before.start_action.starts())
            {
                self.withdraw_child(name);
            }
        }
    }

    /// Somebody asks for `goal`. On a persistent connection whatever is asked for stays wanted,
    /// and asking for the IKE_SA revives what the configuration wants.
    pub(crate) fn add(&mut self, goal: &Goal, connection: &Connection) {
        self.withdrawn = false;
        match (goal, connection.persistent) {
            (Goal::IkeSa, true) => self.stand(connection),
            (Goal::IkeSa, false) => self.once_ike = true,
            (Goal::Child(name), true) => {
                self.standing_ike = true;
                self.standing.insert(Arc::clone(name));
            }
            (Goal::Child(name), false) => {
                self.once.insert(Arc::clone(name));
            }
        }
    }

    /// A child is to be brought up once: it was up (`dpd_action`, `close_action`), or traffic asks
    /// for it.
    pub(crate) fn revive(&mut self, child: Arc<str>) {
        self.once.insert(child);
    }

    /// `goal` is met.
    pub(crate) fn met(&mut self, goal: &Goal) {
        match goal {
            Goal::IkeSa => self.once_ike = false,
            Goal::Child(name) => {
                self.once.remove(name);
            }
        }
    }

    /// This attempt is over without success; only standing wants remain.
    pub(crate) fn give_up(&mut self) {
        self.once_ike = false;
        self.once.clear();
    }

    /// An operator wants this child down until somebody asks again.
    pub(crate) fn withdraw_child(&mut self, name: &str) {
        self.once.remove(name);
        self.standing.remove(name);
    }

    /// An operator wants everything down until somebody asks again.
    pub(crate) fn withdraw_all(&mut self) {
        *self = Self {
            withdrawn: true,
            ..Self::default()
        };
    }

    /// Whether everything was withdrawn.
    pub(crate) fn withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Whether anything is wanted.
    pub(crate) fn any(&self) -> bool {
        self.ike_sa() || !self.standing.is_empty() || !self.once.is_empty()
    }

    /// Whether the IKE_SA is wanted for its own sake.
    pub(crate) fn ike_sa(&self) -> bool {
        self.standing_ike || self.once_ike
    }

    /// Whether this child stays wanted once it is up.
    pub(crate) fn stands(&self, name: &str) -> bool {
        self.standing.contains(name)
    }

    /// Whether this child is wanted.
    pub(crate) fn child(&self, name: &str) -> bool {
        self.stands(name) || self.once.contains(name)
    }

    /// The wanted children.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Arc<str>> {
        self.standing.union(&self.once)
    }
}

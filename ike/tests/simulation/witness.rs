//! Whether what an IKE_SA says makes sense: nothing comes up twice, nothing goes down that was not
//! up, and everything that was asked for is answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use holdfast_ike::{EspSpi, sa::Event};

#[derive(Default)]
pub(crate) struct Witness {
    established: bool,
    closed: bool,
    up: BTreeMap<EspSpi, Arc<str>>,
    /// Of these, another one has taken the place.
    replaced: BTreeSet<EspSpi>,
    asked: BTreeSet<Arc<str>>,
}

impl Witness {
    /// Whether a child of this name is up.
    pub(crate) fn has(&self, name: &str) -> bool {
        let current =
            |(spi, up): (&EspSpi, &Arc<str>)| **up == *name && !self.replaced.contains(spi);
        self.up.iter().any(current)
    }

    /// Whether somebody waits for a child of this name.
    pub(crate) fn awaits(&self, name: &str) -> bool {
        self.asked.contains(name)
    }

    pub(crate) fn ask(&mut self, name: Arc<str>) {
        if !self.has(&name) {
            self.asked.insert(name);
        }
    }

    pub(crate) fn unanswered(&self) -> Option<&Arc<str>> {
        self.asked.first()
    }

    /// What is wrong with the event, if anything.
    pub(crate) fn see(&mut self, event: &Event) -> Option<&'static str> {
        if self.closed {
            return Some("an event after the last one");
        }
        match event {
            Event::Established(_) => {
                std::mem::replace(&mut self.established, true).then_some("established twice")
            }
            Event::ChildUp(up) => {
                self.asked.remove(&up.name);
                let before = self.up.insert(up.inbound_spi, up.name.clone());
                before.map(|_| "a child that comes up twice")
            }
            Event::ChildRekeyed { old, new } => {
                self.asked.remove(&new.name);
                if !self.up.contains_key(old) || !self.replaced.insert(*old) {
                    return Some("what is replaced was not up");
                }
                let before = self.up.insert(new.inbound_spi, new.name.clone());
                before.map(|_| "a replacement that comes up twice")
            }
            Event::ChildDown(down) => {
                let before = self.up.remove(&down.inbound_spi);
                self.replaced.remove(&down.inbound_spi);
                before
                    .is_none()
                    .then_some("a child goes down that was not up")
            }
            Event::ChildFailed { name, .. } => {
                self.asked.remove(name);
                None
            }
            Event::Closed(_) => {
                self.closed = true;
                (!self.up.is_empty()).then_some("closed while a child is up")
            }
            _ => None,
        }
    }
}

//! The CHILD_SAs that there are: what becomes of them between the peer and the data plane.

use std::{sync::Arc, time::Instant};

use super::IkeSa;
use crate::{
    Environment, EspSpi,
    sa::{
        child::{Child, ChildState, RETIREMENT, Standing, Told, retry_after},
        event::{ChildDown, ChildDownCause, Event, Failure},
        exchange::Work,
        io::Output,
        payloads::error_notify,
        responses::Parked,
        timers::Timer,
    },
};

impl IkeSa {
    pub(super) fn child_mut(&mut self, inbound_spi: EspSpi) -> Option<&mut Child> {
        self.children
            .iter_mut()
            .find(|child| child.inbound_spi == inbound_spi)
    }

    /// Whether a child of this name is up or about to be.
    pub(super) fn has_child(&self, name: &str) -> bool {
        self.children
            .iter()
            .any(|child| child.is_current() && *child.config.name == *name)
    }

    /// The data plane's answer: releases the parked response.
    pub(super) fn on_child_installed(
        &mut self,
        inbound_spi: EspSpi,
        installed: bool,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(doomed) = self
            .child_mut(inbound_spi)
            .and_then(|child| match child.state {
                ChildState::Installing => Some(false),
                ChildState::Doomed => Some(true),
                _ => None,
            })
        else {
            // Cancelled in the meantime.
            return;
        };
        let parked = self.take_parked(inbound_spi);
        let peer_knows = parked.is_none();
        if let Some(parked) = parked {
            self.answer_parked(
                *parked,
                installed.then_some(()).ok_or(Failure::NotInstalled),
                env,
            );
        }
        if installed {
            self.installed(inbound_spi, now);
            self.arm_children();
            if doomed {
                self.terminate_child(inbound_spi);
            }
        } else {
            self.not_installed(inbound_spi, peer_knows, now, env);
        }
    }

    fn installed(&mut self, inbound_spi: EspSpi, now: Instant) {
        let Some(child) = self.child_mut(inbound_spi) else {
            return;
        };
        child.state = ChildState::Installed;
        let (moved, encapsulation) = (child.moved, child.encapsulation);
        let (waits, deletes, replaced) = (child.deferred, child.deletes, child.is_replaced());
        if moved {
            self.outputs.push_back(Output::UpdateChild {
                inbound_spi,
                path: self.path,
                encapsulation,
            });
        }
        if replaced || (waits && self.has_predecessor(inbound_spi)) {
            // The peer closes the one that is not needed; then it is known which one carries the
            // traffic.
            return;
        }
        self.announce(inbound_spi, now);
        if let Some(old) = deletes {
            self.terminate_child(old);
        }
    }

    /// Whether what this CHILD_SA replaces still carries traffic.
    fn has_predecessor(&self, inbound_spi: EspSpi) -> bool {
        self.children.iter().any(|child| {
            child.replaced_by == Some(inbound_spi)
                && matches!(child.state, ChildState::Installed | ChildState::Deleting)
        })
    }

    /// From now on packets leave by this CHILD_SA: tells the world and the data plane.
    fn announce(&mut self, inbound_spi: EspSpi, now: Instant) {
        let Some(child) = self.child_mut(inbound_spi) else {
            return;
        };
        child.told = Told::Up;
        let new = Box::new(child.up_event(now));
        let waited = std::mem::take(&mut child.deferred);
        let replaced = self
            .children
            .iter_mut()
            .find(|other| other.replaced_by == Some(inbound_spi) && other.is_known_to_be_up());
        let event = match replaced {
            Some(replaced) => {
                replaced.told = Told::Replaced;
                let old = replaced.inbound_spi;
                Event::ChildRekeyed { old, new }
            }
            None => Event::ChildUp(new),
        };
        if waited {
            self.outputs.push_back(Output::StartSending(inbound_spi));
        }
        self.emit(event);
    }

    /// What this CHILD_SA replaces has gone, or is about to. False if it is on its way out itself.
    pub(super) fn take_over(&mut self, inbound_spi: EspSpi, now: Instant) -> bool {
        let Some(child) = self.child_mut(inbound_spi) else {
            return false;
        };
        if child.told != Told::Nothing {
            return true;
        }
        if child.is_redundant() {
            return false;
        }
        if child.state == ChildState::Installed {
            self.announce(inbound_spi, now);
            return true;
        }
        child.state == ChildState::Installing
    }

    fn not_installed(
        &mut self,
        inbound_spi: EspSpi,
        peer_knows: bool,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(child) = self.child_mut(inbound_spi) else {
            return;
        };
        let (name, redundant) = (child.config.name.clone(), child.is_redundant());
        child.state = ChildState::Gone;
        // Of a failed installation nothing is left but the reservation.
        env.release_spi(inbound_spi);
        if peer_knows {
            // The peer believes in it: delete its half.
            self.terminate_child(inbound_spi);
        } else {
            self.remove_child(inbound_spi, ChildDownCause::Terminated, env);
        }
        if !redundant {
            self.creation_failed(name, inbound_spi, Failure::NotInstalled, now, env);
        }
    }

    /// A CHILD_SA that was agreed on did not come to be: what it was to replace stays.
    fn creation_failed(
        &mut self,
        name: Arc<str>,
        inbound_spi: EspSpi,
        failure: Failure,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let event = if self.restore_replaced(inbound_spi, now, env) {
            let child = Some(name);
            Event::RekeyFailed { child, failure }
        } else {
            Event::ChildFailed { name, failure }
        };
        self.emit(event);
    }

    /// The keys of what was agreed cannot be made.
    pub(super) fn not_keyed(
        &mut self,
        name: Arc<str>,
        inbound_spi: EspSpi,
        failure: Failure,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        env.release_spi(inbound_spi);
        if let Some(parked) = self.take_parked(inbound_spi) {
            self.answer_parked(*parked, Err(failure), env);
        } else {
            let accepted = self.requests.enqueue(Work::Disown(inbound_spi));
            debug_assert!(accepted, "there is always room for it");
        }
        self.creation_failed(name, inbound_spi, failure, now, env);
    }

    fn take_parked(&mut self, inbound_spi: EspSpi) -> Option<Box<Parked>> {
        self.responses
            .parked
            .take_if(|parked| parked.inbound_spi == inbound_spi)
    }

    fn answer_parked(
        &mut self,
        parked: Parked,
        outcome: Result<(), Failure>,
        env: &mut dyn Environment,
    ) {
        let mut payloads = parked.common;
        match outcome {
            Ok(()) => payloads.extend(parked.success),
            Err(failure) => payloads.push(error_notify(failure)),
        }
        self.respond_to(
            parked.exchange_type,
            parked.message_id,
            &payloads,
            parked.path,
            env,
        );
    }

    /// Asks the peer to delete its half, then drops ours.
    pub(super) fn terminate_child(&mut self, inbound_spi: EspSpi) {
        let Some(child) = self.child_mut(inbound_spi) else {
            return;
        };
        match child.state {
            // The data plane first: there may turn out to be nothing to delete, and a peer that
            // has not been answered yet could not make sense of it.
            ChildState::Installing | ChildState::Doomed => child.state = ChildState::Doomed,
            ChildState::Installed | ChildState::Deleting | ChildState::Gone => {
                let accepted = self.requests.enqueue(Work::DeleteChild(inbound_spi));
                debug_assert!(accepted, "there is always room for it");
            }
            ChildState::Retired { .. } => {}
        }
    }

    /// The peer's half of a CHILD_SA is gone. Ours goes too; one whose place another has taken first
    /// receives what is still on its way.
    pub(super) fn drop_child(
        &mut self,
        inbound_spi: EspSpi,
        cause: ChildDownCause,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(child) = self.child_mut(inbound_spi) else {
            return;
        };
        let in_plane = matches!(child.state, ChildState::Installed | ChildState::Deleting);
        if !in_plane || !child.is_replaced() {
            if child.told == Told::Nothing && !child.is_redundant() {
                self.restore_replaced(inbound_spi, now, env);
            }
            return self.remove_child(inbound_spi, cause, env);
        }
        let (name, successor) = (child.config.name.clone(), child.replaced_by);
        let carried_on = successor.is_some_and(|successor| self.take_over(successor, now));
        let mut told = Told::Nothing;
        if let Some(child) = self.child_mut(inbound_spi) {
            told = std::mem::replace(&mut child.told, Told::Nothing);
            let until = now + RETIREMENT;
            child.state = ChildState::Retired { until };
        }
        self.outputs.push_back(Output::StopSending(inbound_spi));
        if told != Told::Nothing {
            self.emit(Event::ChildDown(ChildDown {
                name,
                inbound_spi,
                cause: if carried_on || told == Told::Replaced {
                    ChildDownCause::Rekeyed
                } else {
                    cause
                },
            }));
        }
        self.arm_children();
    }

    /// Takes a CHILD_SA out of the data plane at once and tells why.
    pub(super) fn remove_child(
        &mut self,
        inbound_spi: EspSpi,
        cause: ChildDownCause,
        env: &mut dyn Environment,
    ) {
        let Some(index) = self
            .children
            .iter()
            .position(|child| child.inbound_spi == inbound_spi)
        else {
            return;
        };
        let child = self.children.swap_remove(index);
        let name = child.config.name.clone();
        match child.state {
            ChildState::Installing | ChildState::Doomed => {
                self.outputs.push_back(Output::RemoveChild(inbound_spi));
                let failure = Failure::TemporaryFailure;
                if let Some(parked) = self.take_parked(inbound_spi) {
                    self.answer_parked(*parked, Err(failure), env);
                }
                // It never was up; who waits for it must not wait for ever.
                let missed = !child.is_redundant() && !self.has_child(&name);
                if missed && cause != ChildDownCause::IkeSaClosed {
                    self.emit(Event::ChildFailed { name, failure });
                }
            }
            ChildState::Installed | ChildState::Deleting => {
                self.outputs.push_back(Output::RemoveChild(inbound_spi));
                if child.told != Told::Nothing {
                    self.emit(Event::ChildDown(ChildDown {
                        name,
                        inbound_spi,
                        cause,
                    }));
                }
            }
            ChildState::Retired { .. } => self.outputs.push_back(Output::RemoveChild(inbound_spi)),
            ChildState::Gone => {}
        }
        if cause != ChildDownCause::IkeSaClosed {
            self.close_predecessors(inbound_spi, child.told);
        }
        self.arm_children();
    }

    /// What a CHILD_SA was to replace does not outlive it once the world believes that it does.
    fn close_predecessors(&mut self, successor: EspSpi, told: Told) {
        if told != Told::Up {
            return;
        }
        let predecessors: Vec<_> = self
            .children
            .iter()
            .filter(|child| child.replaced_by == Some(successor))
            .map(|child| child.inbound_spi)
            .collect();
        for spi in predecessors {
            self.terminate_child(spi);
        }
    }

    /// What `successor` was to replace stays after all, and is rekeyed later; or what the peer made of
    /// the same takes over. False if there is nothing that carries the traffic on.
    pub(super) fn restore_replaced(
        &mut self,
        successor: EspSpi,
        now: Instant,
        env: &mut dyn Environment,
    ) -> bool {
        if let Some(create) = self.requests.creating() {
            create.forget_collision(successor);
        }
        if let Some(half_done) = &mut self.half_done {
            half_done.outlives(successor);
        }
        // The one that the peer made may stay after all: it closes that or the old one, depending on
        // what it hears first.
        let theirs = self.acquit_beaten_by(successor);
        let replaced =
            |child: &&mut Child| child.replaced_by == Some(successor) && child.exists_at_peer();
        let mut carries_on = false;
        if let Some(old) = self.children.iter_mut().find(replaced) {
            old.replaced_by = theirs;
            old.rekey_at = match theirs {
                Some(_) => None,
                None => now.checked_add(retry_after(env)),
            };
            carries_on = old.state != ChildState::Gone;
        }
        if let Some(theirs) = theirs
            && !carries_on
        {
            carries_on = self.take_over(theirs, now);
        }
        self.arm_children();
        carries_on
    }

    /// The winner of a simultaneous rekeying has come to nothing: what the peer made does not have to go
    /// because of it.
    fn acquit_beaten_by(&mut self, winner: EspSpi) -> Option<EspSpi> {
        let beaten = |child: &&mut Child| {
            child.standing == Standing::BeatenBy(winner) && child.exists_at_peer()
        };
        let theirs = self.children.iter_mut().find(beaten)?;
        theirs.standing = Standing::Stays;
        Some(theirs.inbound_spi)
    }

    /// Arms the one timer for the rekeying and the removal of children.
    pub(super) fn arm_children(&mut self) {
        let next = self.children.iter().filter_map(Child::deadline).min();
        match next {
            Some(at) if self.is_established() => self.timers.set(Timer::Children, at),
            _ => self.timers.stop(Timer::Children),
        }
    }
}

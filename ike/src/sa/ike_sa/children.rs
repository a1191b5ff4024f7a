//! The CHILD_SAs that there are: what becomes of them between the peer and the data plane.

use std::{sync::Arc, time::Instant};

use super::IkeSa;
use crate::{
    Environment, EspSpi,
    sa::{
        child::{Child, ChildState},
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
            .filter(|child| matches!(child.state, ChildState::Installing | ChildState::Installed))
            .any(|child| *child.config.name == *name)
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
            if doomed {
                self.terminate_child(inbound_spi);
            }
        } else {
            self.not_installed(inbound_spi, peer_knows, env);
        }
    }

    fn installed(&mut self, inbound_spi: EspSpi, now: Instant) {
        if let Some(child) = self.child_mut(inbound_spi) {
            child.state = ChildState::Installed;
            let up = child.up_event(now);
            self.emit(Event::ChildUp(Box::new(up)));
        }
    }

    fn not_installed(&mut self, inbound_spi: EspSpi, peer_knows: bool, env: &mut dyn Environment) {
        let Some(child) = self.child_mut(inbound_spi) else {
            return;
        };
        let name = child.config.name.clone();
        child.state = ChildState::Gone;
        // Of a failed installation nothing is left but the reservation.
        env.release_spi(inbound_spi);
        if peer_knows {
            // The peer believes in it: delete its half.
            self.terminate_child(inbound_spi);
        } else {
            self.drop_child(inbound_spi, ChildDownCause::Terminated, env);
        }
        self.emit(Event::ChildFailed {
            name,
            failure: Failure::NotInstalled,
        });
    }

    /// The keys of what was agreed cannot be made.
    pub(super) fn not_keyed(
        &mut self,
        name: Arc<str>,
        inbound_spi: EspSpi,
        failure: Failure,
        env: &mut dyn Environment,
    ) {
        env.release_spi(inbound_spi);
        if let Some(parked) = self.take_parked(inbound_spi) {
            self.answer_parked(*parked, Err(failure), env);
        } else {
            let accepted = self.requests.enqueue(Work::Disown(inbound_spi));
            debug_assert!(accepted, "there is always room for it");
        }
        self.emit(Event::ChildFailed { name, failure });
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
        }
    }

    /// Takes a CHILD_SA out of the data plane and tells why.
    pub(super) fn drop_child(
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
                if cause != ChildDownCause::IkeSaClosed {
                    self.emit(Event::ChildFailed { name, failure });
                }
            }
            ChildState::Installed | ChildState::Deleting => {
                self.outputs.push_back(Output::RemoveChild(inbound_spi));
                self.emit(Event::ChildDown(ChildDown {
                    name,
                    inbound_spi,
                    cause,
                }));
            }
            ChildState::Gone => {}
        }
        self.arm_child_replacement();
    }

    /// Arms the one timer for the replacement of children.
    pub(super) fn arm_child_replacement(&mut self) {
        let next = self
            .children
            .iter()
            .filter_map(|child| child.replace_at)
            .min();
        match next {
            Some(at) if self.is_established() => self.timers.set(Timer::ReplaceChild, at),
            _ => self.timers.stop(Timer::ReplaceChild),
        }
    }
}

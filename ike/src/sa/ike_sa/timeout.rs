//! What happens when time passes.

use std::time::Instant;

use super::{IkeSa, State};
use crate::{
    Environment, EspSpi,
    sa::{
        child::{ChildState, Told},
        event::{ChildDown, ChildDownCause, CloseCause, Event},
        exchange::Work,
        io::Output,
        timers::Timer,
    },
};

impl IkeSa {
    pub(super) fn on_timeout(&mut self, now: Instant, env: &mut dyn Environment) {
        while let Some(timer) = self.timers.take_expired(now) {
            match timer {
                Timer::Retransmit => self.retransmit(now, env),
                Timer::Refusal => self.believe_refusal(env),
                Timer::HalfOpen => self.close(CloseCause::HalfOpenTimeout, env),
                Timer::Liveness => self.check_liveness(now, env),
                Timer::Keepalive => {
                    self.outputs.push_back(Output::Keepalive(self.path));
                    self.timers
                        .set_after(Timer::Keepalive, now, self.connection.keep_alive);
                }
                Timer::Rekey => self.rekey_ike(None),
                Timer::Expire | Timer::Overdue => self.begin_delete(CloseCause::Expired),
                Timer::Reauthenticate => self.emit(Event::NeedsReplacement),
                Timer::Formers => self.on_former_deadlines(now, env),
                Timer::FollowUp => self.drop_half_done(now, env),
                Timer::Hold => self.requests.held = false,
                Timer::Fragments => self.forget_fragments(env),
                Timer::Children => self.on_child_deadlines(now, env),
            }
        }
    }

    /// Probes the peer if neither IKE nor ESP came from it for the configured time
    /// (RFC 7296 section 2.4).
    fn check_liveness(&mut self, now: Instant, env: &mut dyn Environment) {
        let delay = self.connection.dpd_delay;
        let last = self
            .children
            .iter()
            .filter_map(|child| env.last_inbound(child.inbound_spi))
            .fold(self.last_inbound, Instant::max);
        if now.saturating_duration_since(last) < delay {
            self.timers.set_after(Timer::Liveness, last, delay);
        } else {
            self.probe();
            self.timers.set_after(Timer::Liveness, now, delay);
        }
    }

    pub(super) fn probe(&mut self) {
        let accepted = self.requests.enqueue(Work::Liveness);
        debug_assert!(accepted, "there is always room for it");
    }

    /// The data plane's limits on bytes, packets, age or sequence numbers.
    pub(super) fn on_child_expired(
        &mut self,
        inbound_spi: EspSpi,
        hard: bool,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if hard {
            // It carries nothing any more: tell the peer, and those who want it up.
            self.lose_child(inbound_spi, ChildDownCause::Expired, now, env);
        } else {
            self.rekey_child(inbound_spi, None);
        }
    }

    /// Takes a CHILD_SA out of the data plane at once, and has the peer delete its half.
    pub(super) fn lose_child(
        &mut self,
        inbound_spi: EspSpi,
        cause: ChildDownCause,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(child) = self
            .child_mut(inbound_spi)
            .filter(|child| child.state == ChildState::Installed)
        else {
            return;
        };
        let name = child.config.name.clone();
        let (told, successor) = (child.told, child.replaced_by);
        if told == Told::Nothing && !child.is_redundant() {
            self.restore_replaced(inbound_spi, now, env);
        }
        let carried_on = successor.is_some_and(|successor| self.take_over(successor, now));
        let cause = if carried_on {
            ChildDownCause::Rekeyed
        } else {
            cause
        };
        if let Some(child) = self.child_mut(inbound_spi) {
            child.state = ChildState::Gone;
        }
        self.outputs.push_back(Output::RemoveChild(inbound_spi));
        if told != Told::Nothing {
            self.emit(Event::ChildDown(ChildDown {
                name,
                inbound_spi,
                cause,
            }));
        }
        self.terminate_child(inbound_spi);
        self.arm_children();
    }

    /// Whether the IKE_SA is being closed.
    pub(super) fn is_deleting(&self) -> bool {
        matches!(self.state, State::Deleting(..))
    }
}

//! What happens when time passes.

use std::time::Instant;

use super::{IkeSa, State};
use crate::{
    Environment, EspSpi,
    sa::{
        child::ChildState,
        event::{ChildDownCause, CloseCause, Event},
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
                Timer::Replace => self.emit(Event::NeedsReplacement),
                Timer::Expire => self.begin_delete(CloseCause::Expired),
                Timer::ReplaceChild => self.replace_children(now),
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

    fn replace_children(&mut self, now: Instant) {
        let mut due = Vec::new();
        for child in &mut self.children {
            if child.replace_at.is_some_and(|at| at <= now) {
                child.replace_at = None;
                if child.state == ChildState::Installed {
                    due.push(child.inbound_spi);
                }
            }
        }
        for inbound_spi in due {
            self.emit(Event::ChildNeedsReplacement { inbound_spi });
        }
        self.arm_child_replacement();
    }

    /// The data plane's limits on bytes, packets, age or sequence numbers.
    pub(super) fn on_child_expired(&mut self, inbound_spi: EspSpi, hard: bool) {
        let Some(child) = self
            .child_mut(inbound_spi)
            .filter(|child| child.state == ChildState::Installed)
        else {
            return;
        };
        if hard {
            // It carries nothing any more: tell the peer, and those who want it up.
            let name = child.config.name.clone();
            child.state = ChildState::Gone;
            self.outputs.push_back(Output::RemoveChild(inbound_spi));
            self.emit(Event::ChildDown(crate::sa::event::ChildDown {
                name,
                inbound_spi,
                cause: ChildDownCause::Expired,
            }));
            self.terminate_child(inbound_spi);
        } else {
            child.replace_at = None;
            self.emit(Event::ChildNeedsReplacement { inbound_spi });
            self.arm_child_replacement();
        }
    }

    /// Whether the IKE_SA is being closed.
    pub(super) fn is_deleting(&self) -> bool {
        matches!(self.state, State::Deleting(..))
    }
}

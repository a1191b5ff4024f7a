//! What an end does about what its IKE_SAs say.

use std::time::{Duration, Instant};

use holdfast_ike::{
    IkeSpi, Path,
    config::Unique,
    sa::{
        ChildDownCause, CloseCause, Command, Event, Failure, Role,
        uniqueness::{Verdict, judge},
    },
};

use crate::{
    endpoint::{Endpoint, Tracked},
    network::Network,
};

impl Endpoint {
    pub(crate) fn on_event(
        &mut self,
        spi: IkeSpi,
        event: Event,
        now: Instant,
        network: &mut Network,
    ) {
        if let Some(tracked) = self.sas.get_mut(&spi)
            && let Some(fault) = tracked.witness.see(&event)
        {
            self.faults.push(format!("{spi}: {fault}: {event:?}"));
        }
        match event {
            Event::Established(established) => {
                let role = established.role;
                let initial = established.initial_contact;
                self.note(
                    now,
                    format!("{spi} established as {role:?}, initial contact {initial}"),
                );
                self.leave_half_open(spi);
                if let Some(tracked) = self.sas.get_mut(&spi) {
                    tracked.contact = Some(established.contact);
                }
                self.resolve_duplicates(spi, now, network);
                // The other children, at both ends at about the same time.
                self.retry_within(now, 300);
            }
            Event::ChildDown(down) if down.cause == ChildDownCause::Rekeyed => {
                self.note(now, format!("{spi} {down:?}"));
            }
            Event::ChildDown(_) | Event::ChildFailed { .. } => {
                self.note(now, format!("{spi} {event:?}"));
                self.retry_later(now);
            }
            Event::IkeRekeyed(new) => {
                let (role, spis) = (new.role, new.spis);
                self.note(now, format!("{spi} is {spis:?} now, as {role:?}"));
            }
            Event::ChildRekeyed { old, new } => {
                let spi_of = new.inbound_spi;
                self.note(now, format!("{spi} {}: {spi_of} replaces {old}", new.name));
            }
            Event::RekeyFailed { child, failure } => {
                self.note(now, format!("{spi} {child:?} not rekeyed: {failure}"));
            }
            Event::ChildUp(up) => {
                self.note(now, format!("{spi} {} is up, {}", up.name, up.inbound_spi));
                if self.replacing.is_some() {
                    self.retry_within(now, 100);
                }
            }
            Event::PathChanged(changed) => {
                let Path { local, remote } = changed.path;
                self.note(now, format!("{spi} goes from {local} to {remote}"));
            }
            Event::NeedsReplacement
            | Event::ChildNeedsReplacement { .. }
            | Event::Redirected(_) => {
                self.note(now, format!("{spi} {event:?}"));
                self.replace(spi, now);
            }
            Event::Closed(cause) => {
                self.note(now, format!("{spi} closed: {cause}"));
                let refused = CloseCause::Failed(Failure::AuthenticationRefused);
                if cause == refused && self.trusting {
                    self.faults
                        .push(format!("{spi} was told that its secret is wrong"));
                }
                if self
                    .plane
                    .installed
                    .values()
                    .any(|(owner, _)| *owner == spi)
                {
                    self.faults.push(format!("{spi} left a CHILD_SA behind"));
                }
                self.leave_half_open(spi);
                if self.routes.values().any(|owner| *owner == spi) {
                    self.faults.push(format!("{spi} left a route behind"));
                }
                self.sas.remove(&spi);
                self.retry_later(now);
            }
            _ => {}
        }
    }

    /// Make before break, by whoever began the IKE_SA; the other end waits for it.
    fn replace(&mut self, spi: IkeSpi, now: Instant) {
        let ours = |tracked: &Tracked| {
            let contact = tracked.contact.as_ref();
            tracked.sa.is_established() && contact.is_some_and(|c| c.role == Role::Initiator)
        };
        if self.replacing.is_none() && self.sas.get(&spi).is_some_and(ours) {
            self.replacing = Some(spi);
            self.retry_within(now, 100);
        }
    }

    fn leave_half_open(&mut self, spi: IkeSpi) {
        self.half_open.retain(|_, half_open| *half_open != spi);
        if let Some(from) = self.sas.get_mut(&spi).and_then(|t| t.half_open_from.take()) {
            self.admission.closed(from.ip());
        }
    }

    fn resolve_duplicates(&mut self, newer: IkeSpi, now: Instant, network: &mut Network) {
        for older in self.established() {
            let contact = |spi| self.sas.get(&spi).and_then(|t: &Tracked| t.contact.clone());
            let (Some(a), Some(b)) = (contact(older), contact(newer)) else {
                continue;
            };
            if older == newer {
                continue;
            }
            match judge(&a, &b, Unique::No) {
                Verdict::KeepBoth => {}
                Verdict::ForgetOlder => {
                    self.command(older, Command::Abandon(CloseCause::Replaced), now, network);
                }
                Verdict::CloseOlder | Verdict::CloseOlderSoon => {
                    self.command(older, Command::Terminate, now, network);
                }
                Verdict::CloseNewer => self.command(newer, Command::Terminate, now, network),
            }
        }
    }

    fn retry_later(&mut self, now: Instant) {
        let wait = 500 + self.env.rng.below(5000);
        self.retry_within(now, wait);
    }

    fn retry_within(&mut self, now: Instant, milliseconds: u64) {
        if self.persistent {
            let at = now + Duration::from_millis(milliseconds);
            self.retry_at = Some(self.retry_at.unwrap_or(at).min(at));
        }
    }
}

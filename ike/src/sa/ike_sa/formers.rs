//! Former generations: what still comes for them, and closing them (RFC 7296 sections 2.8 and
//! 2.25.2).

use std::time::Instant;

use super::{
    IkeSa,
    follow_up::state_not_found,
    receive::{asks_again, count_unopened},
};
use crate::{
    Environment, MessageId, Path,
    sa::{
        event::Failure,
        exchange::informational,
        generation::{Former, Generation, MOST_FORMERS},
        message::Message,
        payloads::{Payloads, error_notify},
        requests::wait,
        responses::{Responses, Sequence},
        timers::Timer,
    },
    wire::{self, Body, ExchangeType, Header},
};

impl IkeSa {
    /// Keeps a former generation until both ends have closed it.
    pub(super) fn add_former(&mut self, former: Former, env: &mut dyn Environment) {
        if self.formers.len() >= MOST_FORMERS {
            let oldest = self.formers.remove(0);
            env.release_ike_spi(oldest.generation.local_spi());
        }
        self.formers.reserve_exact(1);
        self.formers.push(former);
        self.arm_formers();
    }

    /// Asks the peer to delete a generation that never was the present one.
    pub(super) fn delete_generation(
        &mut self,
        generation: Generation,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let payloads = informational::delete_ike_sa();
        let first = (MessageId(0), self.path);
        let (former, message) =
            Former::active(generation, Responses::default(), first, &payloads, now);
        self.send_deletion(former, &message, now, env);
    }

    pub(super) fn send_deletion(
        &mut self,
        mut former: Former,
        message: &Message,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        env.counters().info_out_req.increment();
        self.transmit(self.path, message);
        former.at = now + self.repeat_after(0, env);
        self.add_former(former, env);
    }

    fn repeat_after(&self, retransmissions: u32, env: &mut dyn Environment) -> std::time::Duration {
        let mut random = [0; 2];
        env.random(&mut random);
        let policy = &self.connection.retransmit;
        wait(policy, retransmissions, u16::from_ne_bytes(random))
    }

    fn arm_formers(&mut self) {
        match self.formers.iter().map(|former| former.at).min() {
            Some(at) => self.timers.set(Timer::Formers, at),
            None => self.timers.stop(Timer::Formers),
        }
    }

    /// Repeats deletions, and forgets what has waited long enough. A peer that does not answer on a
    /// former generation is judged by the present one.
    pub(super) fn on_former_deadlines(&mut self, now: Instant, env: &mut dyn Environment) {
        let tries = self.connection.retransmit.tries;
        let mut kept = Vec::new();
        for mut former in std::mem::take(&mut self.formers) {
            if former.at > now {
                kept.push(former);
                continue;
            }
            match &mut former.deletion {
                Some(deletion) if deletion.retransmissions < tries => {
                    deletion.retransmissions += 1;
                    let (path, message) = (deletion.path, deletion.message.clone());
                    let retransmissions = deletion.retransmissions;
                    env.counters().retransmit_out.increment();
                    self.transmit(path, &message);
                    former.at = now + self.repeat_after(retransmissions, env);
                    kept.push(former);
                }
                _ => env.release_ike_spi(former.generation.local_spi()),
            }
        }
        self.formers = kept;
        self.arm_formers();
    }

    /// A datagram for a former generation.
    pub(super) fn on_former_datagram(
        &mut self,
        index: usize,
        header: &Header,
        path: Path,
        data: &[u8],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Ok(body) = wire::parse_body(header, data) else {
            return env.counters().invalid.increment();
        };
        let former = &mut self.formers[index];
        let repeated = !header.flags.response
            && former.responses.classify(header.message_id) == Sequence::Repeated;
        if repeated {
            return self.repeat_former_response(index, &body, path, env);
        }
        let opened = former.generation.secured.open(header, &body);
        let Some(content) = self.whole(opened, now, env) else {
            return;
        };
        let Ok(payloads) = content.payloads() else {
            return env.counters().invalid.increment();
        };
        let former = &mut self.formers[index];
        if header.flags.response {
            let answers = former.deletion.as_ref().is_some_and(|deletion| {
                deletion.message_id == header.message_id
                    && header.exchange == ExchangeType::Informational
            });
            if answers {
                env.counters().info_in_resp.increment();
                let former = self.formers.remove(index);
                env.release_ike_spi(former.generation.local_spi());
                self.heard(now);
                self.arm_formers();
            }
            return;
        }
        match former.responses.classify(header.message_id) {
            Sequence::OutOfWindow | Sequence::Repeated => {
                env.counters().out_of_window.increment();
            }
            Sequence::Expected => {
                former.responses.begin();
                self.heard(now);
                self.on_former_request(index, header, &payloads, path, now, env);
            }
        }
    }

    fn repeat_former_response(
        &mut self,
        index: usize,
        body: &Body<'_>,
        path: Path,
        env: &mut dyn Environment,
    ) {
        let former = &self.formers[index];
        if !asks_again(body) {
            return;
        }
        if let Err(error) = former.generation.secured.vouches_for(body) {
            return count_unopened(&error, env);
        }
        env.counters().retransmit_in.increment();
        if let Some(response) = former.responses.cached().cloned() {
            self.transmit(path, &response);
        }
    }

    fn on_former_request(
        &mut self,
        index: usize,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let counters = env.counters();
        let answer = match header.exchange {
            ExchangeType::Informational => {
                counters.info_in_req.increment();
                counters.info_out_resp.increment();
                let wanted = informational::read_request(payloads, &self.children);
                let answer = self.answer_deletions(&wanted);
                if wanted.close.is_some() {
                    self.formers[index].deleted(now);
                    self.arm_formers();
                    // The peer has the answer in which we agreed to the present generation.
                    self.peer_knows_generation();
                }
                self.carry_out_deletions(&wanted, now, env);
                answer
            }
            ExchangeType::CreateChildSa => {
                counters.create_child_in_req.increment();
                counters.create_child_out_resp.increment();
                vec![error_notify(Failure::TemporaryFailure)]
            }
            ExchangeType::IkeFollowupKe => {
                counters.create_child_in_req.increment();
                counters.create_child_out_resp.increment();
                vec![state_not_found()]
            }
            _ => {
                counters.invalid.increment();
                vec![error_notify(Failure::InvalidSyntax)]
            }
        };
        let (exchange, message_id) = (header.exchange, header.message_id);
        let former = &mut self.formers[index];
        let response = former.seal(exchange, message_id, true, &answer);
        former.responses.answered(message_id, response.clone());
        self.transmit(path, &response);
    }
}

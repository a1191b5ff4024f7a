//! Our requests: what is to be done next, sealing, and retransmission.

use std::{sync::Arc, time::Instant};

use super::{IkeSa, State};
use crate::{
    ChildConfig, Environment, EspSpi,
    sa::{
        child::ChildState,
        event::{CloseCause, Event, Failure},
        exchange::{
            Exchange, Work, create_child::CreateChild, ike_intermediate::plain_message,
            informational,
        },
        message::{Content, Message},
        redirect::redirect_notify,
        requests::InFlight,
        timers::Timer,
    },
    wire::{ExchangeType, Header, Payload},
};

impl IkeSa {
    /// Queues the creation of a child, or says that there is no room for it.
    pub(super) fn enqueue_child(
        &mut self,
        config: Arc<ChildConfig>,
        method: Option<crate::proposal::KeyExchangeMethod>,
    ) {
        let name = config.name.clone();
        if !self.requests.enqueue(Work::CreateChild(config, method)) {
            self.emit(Event::ChildFailed {
                name,
                failure: Failure::TemporaryFailure,
            });
        }
    }

    /// Seals and sends a request.
    pub(super) fn send_request(
        &mut self,
        mut exchange: Exchange,
        payloads: &[Payload],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let exchange_type = match exchange {
            Exchange::IkeSaInit(_) => ExchangeType::IkeSaInit,
            Exchange::IkeSessionResume(_) => ExchangeType::IkeSessionResume,
            Exchange::IkeIntermediate(_) => ExchangeType::IkeIntermediate,
            Exchange::IkeAuth(_) => ExchangeType::IkeAuth,
            Exchange::CreateChild(ref create) if create.pending.is_some() => {
                ExchangeType::IkeFollowupKe
            }
            Exchange::RekeyIke(ref rekey) if rekey.pending.is_some() => ExchangeType::IkeFollowupKe,
            Exchange::CreateChild(_) | Exchange::RekeyIke(_) => ExchangeType::CreateChildSa,
            Exchange::DeleteChild(_)
            | Exchange::DeleteIke
            | Exchange::Redirect
            | Exchange::Liveness
            | Exchange::UpdateAddresses(_)
            | Exchange::TellAddresses
            | Exchange::CheckRoute(_) => ExchangeType::Informational,
        };
        let counters = env.counters();
        match exchange_type {
            ExchangeType::IkeAuth => counters.ike_auth_out_req.increment(),
            ExchangeType::CreateChildSa | ExchangeType::IkeFollowupKe => {
                counters.create_child_out_req.increment();
            }
            ExchangeType::IkeIntermediate => {}
            _ => counters.info_out_req.increment(),
        }
        let header = self.header(exchange_type, self.requests.next_id(), false);
        let limit = self.fragment_limit(self.path);
        let Some(secured) = self.secured() else {
            return;
        };
        let content = Content::of(payloads);
        if let Exchange::IkeIntermediate(intermediate) = &mut exchange {
            intermediate.request = plain_message(&header, &content);
        }
        let message = secured.seal(&header, &content, limit);
        let content = self.may_shrink(&message).then_some(content);
        self.launch(&header, exchange, message, content, now, env);
    }

    fn delete_at_peer(&mut self, spi: EspSpi, now: Instant, env: &mut dyn Environment) {
        let payloads = informational::delete_child_sa(spi);
        self.send_request(Exchange::DeleteChild(spi), &payloads, now, env);
    }

    pub(super) fn launch(
        &mut self,
        header: &Header,
        exchange: Exchange,
        message: Message,
        content: Option<Content>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        self.transmit(self.path, &message);
        self.requests.sent(InFlight {
            message_id: header.message_id,
            exchange_type: header.exchange,
            exchange,
            path: self.path,
            message,
            content,
            retransmissions: 0,
            last_hasty: None,
        });
        self.arm_retransmit(now, env);
        self.after_request(env);
    }

    /// Sets the time at which the request in flight is repeated.
    pub(super) fn arm_retransmit(&mut self, now: Instant, env: &mut dyn Environment) {
        let mut random = [0; 2];
        env.random(&mut random);
        if let Some(request) = &self.requests.in_flight {
            let random = u16::from_ne_bytes(random);
            let wait = request.wait(&self.connection.retransmit, random);
            self.timers.set_after(Timer::Retransmit, now, wait);
        }
    }

    /// Starts queued work while the window is open.
    pub(super) fn start_work(&mut self, now: Instant, env: &mut dyn Environment) {
        while matches!(self.state, State::Established(_) | State::Deleting(..)) {
            if self.is_half_replaced() && !self.is_deleting() {
                // The peer would refuse.
                return;
            }
            let Some(work) = self.requests.take_ready() else {
                return;
            };
            match work {
                Work::CreateChild(config, method) => self.create_child(config, method, now, env),
                Work::RekeyChild(spi, method) => self.start_rekey_child(spi, method, now, env),
                Work::DeleteChild(spi) => {
                    if let Some(child) = self.child_mut(spi) {
                        if child.state == ChildState::Installed {
                            child.state = ChildState::Deleting;
                        }
                        self.delete_at_peer(spi, now, env);
                    }
                }
                Work::Disown(spi) => self.delete_at_peer(spi, now, env),
                Work::RekeyIke(method) => self.start_rekey_ike(method, now, env),
                Work::DeleteIke => {
                    let payloads = informational::delete_ike_sa();
                    self.send_request(Exchange::DeleteIke, &payloads, now, env);
                }
                Work::Redirect(to) => {
                    let payloads = [redirect_notify(&to, &[])];
                    self.send_request(Exchange::Redirect, &payloads, now, env);
                }
                Work::Liveness => {
                    let payloads = self.liveness_payloads();
                    self.send_request(Exchange::Liveness, &payloads, now, env);
                }
                Work::UpdateAddresses => self.start_update(now, env),
                Work::TellAddresses => self.start_telling(now, env),
                Work::CheckRoute => self.start_route_check(now, env),
            }
        }
    }

    fn create_child(
        &mut self,
        config: Arc<ChildConfig>,
        method: Option<crate::proposal::KeyExchangeMethod>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if self.has_child(&config.name) {
            return;
        }
        let name = config.name.clone();
        match CreateChild::new(config, method, &self.ends(), env) {
            Ok(create) => {
                let payloads = create.build_request();
                self.send_request(Exchange::CreateChild(Box::new(create)), &payloads, now, env);
            }
            Err(failure) => self.emit(Event::ChildFailed { name, failure }),
        }
    }

    /// One INFORMATIONAL request whose answer nobody waits for.
    pub(super) fn send_once(&mut self, payloads: &[Payload], env: &mut dyn Environment) {
        let header = self.header(ExchangeType::Informational, self.requests.next_id(), false);
        let path = self.path;
        let limit = self.fragment_limit(path);
        if let Some(secured) = self.secured() {
            let message = secured.seal(&header, &Content::of(payloads), limit);
            env.counters().info_out_req.increment();
            self.transmit(path, &message);
        }
    }

    /// Sends the request in flight once more.
    pub(super) fn repeat_request(&mut self, env: &mut dyn Environment) {
        if let Some(request) = self.requests.in_flight.take() {
            env.counters().retransmit_out.increment();
            self.transmit(request.path, &request.message);
            self.requests.in_flight = Some(request);
        }
    }

    /// Repeats the request in flight because time has passed, or gives up.
    pub(super) fn retransmit(&mut self, now: Instant, env: &mut dyn Environment) {
        let Some(request) = &mut self.requests.in_flight else {
            return;
        };
        if request.is_exhausted(&self.connection.retransmit) {
            let cause = match self.state {
                State::Deleting(_, cause) => cause,
                State::Connecting {
                    refusal: Some(failure),
                } => CloseCause::Failed(failure),
                _ => CloseCause::PeerUnresponsive,
            };
            return self.close(cause, env);
        }
        request.retransmissions += 1;
        let attempt = request.retransmissions;
        self.shrink_fragments(attempt);
        self.repeat_request(env);
        self.doubt_path(attempt, env);
        self.emit(Event::Retransmitting { attempt });
        self.arm_retransmit(now, env);
    }
}

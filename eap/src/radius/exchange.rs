//! One request until it is answered: retransmission, and fail-over to the next server.

use std::time::{Duration, Instant};

use super::{Answer, Error, Secret, Template, request::SealedRequest};
use crate::Random;

/// How long to wait for servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For the answer to the first transmission; each further wait is half as long again.
    pub timeout: Duration,
    /// Transmissions to one server.
    pub tries: u32,
    /// How long a server that was silent comes last.
    pub dead_time: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(2),
            tries: 3,
            dead_time: Duration::from_secs(60),
        }
    }
}

/// Which servers were silent lately.
#[derive(Clone, Debug)]
pub struct Health {
    silent_until: Vec<Option<Instant>>,
}

impl Health {
    /// So many servers of which nothing is known.
    pub fn new(servers: usize) -> Self {
        Self {
            silent_until: vec![None; servers],
        }
    }

    /// The servers in the order of trying: as configured, but the silent ones last.
    pub fn order(&self, now: Instant) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.silent_until.len()).collect();
        order.sort_by_key(|server| self.silent_until[*server].is_some_and(|until| now < until));
        order
    }

    /// A server did not answer.
    pub fn silent(&mut self, server: usize, now: Instant, timing: &Timing) {
        self.silent_until[server] = now.checked_add(timing.dead_time);
    }

    /// A server answered.
    pub fn answered(&mut self, server: usize) {
        self.silent_until[server] = None;
    }
}

/// What an exchange wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these octets to this server.
    Send(usize, Vec<u8>),
    /// Wait for an answer of this server, until then.
    Wait(usize, Instant),
    /// This server is silent: tell [`Health`], and ask again.
    Silent(usize),
    /// Nobody answered.
    GiveUp,
}

/// One request on its way.
#[derive(Debug)]
pub struct Exchange<'a> {
    template: Template,
    secrets: &'a [Secret],
    timing: Timing,
    identifier: u8,
    /// The servers left, the next one last.
    left: Vec<usize>,
    trying: Option<Trying>,
}

#[derive(Debug)]
struct Trying {
    server: usize,
    request: SealedRequest,
    sent: u32,
    wait: Duration,
    until: Instant,
}

impl<'a> Exchange<'a> {
    /// A request to these servers, in this order. Secrets are by the server's number.
    pub fn new(
        template: Template,
        identifier: u8,
        secrets: &'a [Secret],
        mut order: Vec<usize>,
        timing: Timing,
    ) -> Self {
        order.retain(|server| *server < secrets.len());
        order.reverse();
        Self {
            template,
            secrets,
            timing,
            identifier,
            left: order,
            trying: None,
        }
    }

    /// What is to be done now.
    pub fn poll(&mut self, now: Instant, random: Random<'_>) -> Action {
        let Some(trying) = &mut self.trying else {
            return self.next_server(now, random);
        };
        if now < trying.until {
            return Action::Wait(trying.server, trying.until);
        }
        if trying.sent >= self.timing.tries {
            let server = trying.server;
            self.trying = None;
            return Action::Silent(server);
        }
        trying.sent += 1;
        trying.wait = trying.wait.saturating_mul(3) / 2;
        trying.until = now + trying.wait;
        // The same octets: to the server it is the same request (RFC 2865 section 2.5).
        Action::Send(trying.server, trying.request.octets().to_vec())
    }

    fn next_server(&mut self, now: Instant, random: Random<'_>) -> Action {
        while let Some(server) = self.left.pop() {
            let mut authenticator = [0; 16];
            random(&mut authenticator);
            let secret = &self.secrets[server];
            let Some(request) = self.template.seal(self.identifier, authenticator, secret) else {
                continue;
            };
            let octets = request.octets().to_vec();
            self.trying = Some(Trying {
                server,
                request,
                sent: 1,
                wait: self.timing.timeout,
                until: now + self.timing.timeout,
            });
            return Action::Send(server, octets);
        }
        Action::GiveUp
    }

    /// Takes what came from a server. An error is to be noted, and the wait goes on.
    pub fn handle(&mut self, server: usize, octets: &[u8]) -> Result<Answer, Error> {
        match &self.trying {
            Some(trying) if trying.server == server => {
                Answer::check(octets, &trying.request, &self.secrets[server])
            }
            _ => Err(Error::Other),
        }
    }
}

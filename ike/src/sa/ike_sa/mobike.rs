//! Mobility and multihoming (RFC 4555): the end that began the IKE_SA decides on its path.
//!
//! It moves when its own addresses or routes change, and when the peer does not answer any more:
//! then the request in flight goes along every pair of addresses, and the first one to bring an
//! answer is the new path. The other end follows, and makes sure that the peer is where it says.

use std::{net::IpAddr, net::SocketAddr, time::Instant};

use super::{IkeSa, State};
use crate::{
    Environment, IkeSpis, Path,
    sa::{
        event::{CloseCause, Event, Failure},
        exchange::{
            Exchange, Work,
            update_addresses::{self, Cookie},
        },
        io::Role,
        nat,
        payloads::{Payloads, notify},
    },
    wire::{NotifyType, Payload},
};

/// Pairs of addresses that are tried at most.
const MOST_PATHS: usize = 16;

/// From this retransmission on other paths are tried; an update that is not answered tries them at
/// once.
const DOUBTS_THE_PATH: u32 = 2;

/// What is kept of it where both ends support it.
#[derive(Debug, Default)]
pub(super) struct Mobike {
    /// We began the IKE_SA. Rekeying does not change that.
    decides: bool,
    /// The peer's addresses beside the one in use.
    peer_addresses: Vec<IpAddr>,
    /// Ours, as the peer knows them.
    told: Vec<IpAddr>,
    /// The request in flight went along other paths than the present one too.
    probing: bool,
    /// The next request is to do so from the beginning.
    seeks: bool,
    /// Paths that the peer did not accept.
    refused: Vec<Path>,
    /// How the peer sees us, as a hash that depends on the SPIs.
    mapping: Option<(IkeSpis, Vec<u8>)>,
    /// Where the peer's packets came from, which is to be verified.
    heard: Option<Path>,
}

impl IkeSa {
    /// Both ends are authenticated. `peer_addresses` is `None` unless the peer supports MOBIKE.
    pub(super) fn begin_mobike(
        &mut self,
        peer_addresses: Option<Vec<IpAddr>>,
        env: &mut dyn Environment,
    ) {
        let told = update_addresses::further_addresses(&self.connection, self.path, env);
        let (supported, role) = (self.connection.mobike, self.role);
        let State::Established(established) = &mut self.state else {
            return;
        };
        established.mobike = peer_addresses.filter(|_| supported).map(|peer_addresses| {
            Box::new(Mobike {
                decides: role == Role::Initiator,
                peer_addresses,
                told,
                ..Mobike::default()
            })
        });
        if self.decides() && self.nat().local {
            // The answer tells what the NAT makes of our address, and later whether that changed.
            self.probe();
        }
    }

    pub(super) fn mobike(&mut self) -> Option<&mut Mobike> {
        match &mut self.state {
            State::Established(established) => established.mobike.as_deref_mut(),
            _ => None,
        }
    }

    pub(super) fn uses_mobike(&self) -> bool {
        self.established()
            .is_some_and(|established| established.mobike.is_some())
    }

    fn decides(&self) -> bool {
        let mobike = self.established().and_then(|sa| sa.mobike.as_ref());
        mobike.is_some_and(|mobike| mobike.decides)
    }

    /// Our addresses or routes have changed.
    pub(super) fn check_path_with_mobike(&mut self, now: Instant, env: &mut dyn Environment) {
        let source = self.source_towards(self.path.remote.ip(), env);
        let decides = self.decides();
        match source {
            Some(source) if source != self.path.local.ip() && (decides || self.is_lost(env)) => {
                let mut path = self.path;
                path.local.set_ip(source);
                if decides {
                    self.move_to(path, now, env);
                } else {
                    // The initiator hears of it by the request that follows, and decides.
                    self.use_path(path, self.nat(), now);
                    self.tell_addresses(true, env);
                }
            }
            Some(_) => {
                self.tell_addresses(false, env);
                if decides && self.nat().local {
                    self.probe();
                }
            }
            None if decides => self.seek_path(env),
            None => {}
        }
    }

    /// Whether the address of ours that is in use is gone.
    fn is_lost(&self, env: &dyn Environment) -> bool {
        let addresses = env.local_addresses();
        !addresses.is_empty() && !addresses.contains(&self.path.local.ip())
    }

    fn tell_addresses(&mut self, anyway: bool, env: &dyn Environment) {
        let further = update_addresses::further_addresses(&self.connection, self.path, env);
        let news = self.mobike().is_some_and(|mobike| mobike.told != further);
        if news || anyway {
            self.want(Work::TellAddresses);
        }
    }

    fn want(&mut self, work: Work) {
        let accepted = self.requests.enqueue(work);
        debug_assert!(accepted, "there is always room for it");
    }

    /// Everything goes along `path` from now on; what the peer has not answered at once, and then
    /// it is told (RFC 4555 section 3.5).
    fn move_to(&mut self, path: Path, now: Instant, env: &mut dyn Environment) {
        if let Some(mobike) = self.mobike() {
            mobike.probing = false;
        }
        self.use_path(path, self.nat(), now);
        self.repeat_request(env);
        self.want(Work::UpdateAddresses);
    }

    /// No route leads to the peer's address: another one may be in reach.
    fn seek_path(&mut self, env: &mut dyn Environment) {
        if self.requests.in_flight.is_some() {
            self.probe_other_paths(env);
        } else if let Some(mobike) = self.mobike() {
            mobike.seeks = true;
            self.probe();
        }
    }

    /// A request has been sent.
    pub(super) fn after_request(&mut self, env: &mut dyn Environment) {
        let Some(mobike) = self.mobike() else {
            return;
        };
        mobike.probing = false;
        if std::mem::take(&mut mobike.seeks) || mobike.heard.is_some() {
            self.probe_other_paths(env);
        }
    }

    /// A request is not answered on the present path.
    pub(super) fn doubt_path(&mut self, attempt: u32, env: &mut dyn Environment) {
        let updates = self
            .requests
            .in_flight
            .as_ref()
            .is_some_and(|request| matches!(request.exchange, Exchange::UpdateAddresses(_)));
        if updates || attempt >= DOUBTS_THE_PATH {
            self.probe_other_paths(env);
        }
    }

    /// Sends the request in flight along all other paths (RFC 4555 section 3.10).
    fn probe_other_paths(&mut self, env: &mut dyn Environment) {
        let present = self.path;
        let paths = self.paths(env);
        let Some(mobike) = self.mobike() else {
            return;
        };
        mobike.probing = true;
        if let Some(request) = self.requests.in_flight.take() {
            for path in paths.into_iter().filter(|path| *path != present) {
                env.counters().retransmit_out.increment();
                self.transmit(path, &request.message);
            }
            self.requests.in_flight = Some(request);
        }
    }

    /// All paths there may be, the likely ones first. An end that does not decide knows one at most.
    fn paths(&self, env: &dyn Environment) -> Vec<Path> {
        let Some(mobike) = self.established().and_then(|sa| sa.mobike.as_ref()) else {
            return Vec::new();
        };
        if !mobike.decides {
            return mobike.heard.into_iter().collect();
        }
        let further = mobike.peer_addresses.iter();
        let further = further.filter(|address| !self.leads_into_tunnel(**address));
        let port = self.path.remote.port();
        let remotes: Vec<SocketAddr> = std::iter::once(self.path.remote)
            .chain(further.map(|address| SocketAddr::new(*address, port)))
            .collect();
        let addresses = env.local_addresses();
        let allowed =
            |address: &&IpAddr| update_addresses::may_be_used(&self.connection, **address);
        let by_route = remotes.iter().filter_map(|remote| {
            let local = self.source_towards(remote.ip(), env)?;
            Some((local, *remote))
        });
        let all = remotes.iter().flat_map(|remote| {
            let fits = |local: &&IpAddr| local.is_ipv4() == remote.is_ipv4();
            let locals = addresses.iter().filter(allowed).filter(fits);
            locals.map(|local| (*local, *remote))
        });
        let mut paths = Vec::new();
        for (local, remote) in by_route.chain(all) {
            let local = SocketAddr::new(local, self.path.local.port());
            let path = Path { local, remote };
            if paths.len() < MOST_PATHS && !paths.contains(&path) && !mobike.refused.contains(&path)
            {
                paths.push(path);
            }
        }
        paths
    }

    /// An address of the peer that a CHILD_SA is for is one behind it. Those that are for everything
    /// say nothing.
    fn leads_into_tunnel(&self, address: IpAddr) -> bool {
        let is_for_it = |selector: &crate::TrafficSelector| {
            let nets = selector.subnets();
            selector.contains_address(address) && nets.iter().all(|net| net.prefix_len() > 0)
        };
        let selectors = self.children.iter().flat_map(|child| &child.remote_ts);
        selectors.into_iter().any(is_for_it)
    }

    /// An authentic answer to our request has come this way.
    pub(super) fn follow_answer(&mut self, path: Path, now: Instant) {
        let present = self.path;
        let nat = self.nat();
        let Some(mobike) = self.mobike().filter(|mobike| mobike.probing) else {
            return;
        };
        if path == present {
            mobike.probing = false;
        } else if mobike.decides {
            mobike.probing = false;
            self.use_path(path, nat, now);
            self.want(Work::UpdateAddresses);
        } else if mobike.heard == Some(path) {
            mobike.heard = None;
            self.use_path(path, nat, now);
        }
    }

    /// The peer's packets come from elsewhere. With MOBIKE it would have told us, had it moved; but a
    /// NAT may have given it another address without its knowing. It is believed when it answers
    /// there.
    pub(super) fn verify_heard(&mut self, path: Path) {
        let behind_nat = self.nat().remote;
        if let Some(mobike) = self.mobike().filter(|mobike| !mobike.decides)
            && behind_nat
        {
            mobike.heard = Some(path);
            self.want(Work::CheckRoute);
        }
    }

    /// The payloads of a sign of life; behind a NAT they tell whether its mapping has changed
    /// (RFC 4555 section 3.8).
    pub(super) fn liveness_payloads(&self) -> Vec<Payload> {
        if self.decides() && self.nat().local {
            let fake = self.fakes_nat(&self.connection);
            nat::detection_payloads(self.spis, self.path, fake).to_vec()
        } else {
            Vec::new()
        }
    }

    pub(super) fn on_liveness_response(&mut self, payloads: &Payloads) {
        if self.note_mapping(payloads) {
            self.want(Work::UpdateAddresses);
        }
    }

    /// Keeps how the peer sees us; whether that has changed.
    fn note_mapping(&mut self, payloads: &Payloads) -> bool {
        let seen = payloads.notify(NotifyType::NAT_DETECTION_DESTINATION_IP);
        let spis = self.spis;
        let Some((mobike, seen)) = self.mobike().zip(seen) else {
            return false;
        };
        let before = mobike.mapping.replace((spis, seen.data.clone()));
        before.is_some_and(|(then, mapping)| then == spis && mapping != seen.data)
    }

    pub(super) fn start_update(&mut self, now: Instant, env: &mut dyn Environment) {
        if !self.decides() {
            return;
        }
        let further = self.note_told(env);
        let fake = self.fakes_nat(&self.connection);
        let payloads = update_addresses::update(self.spis, self.path, fake, &further);
        let exchange = Exchange::UpdateAddresses(self.path);
        self.send_request(exchange, &payloads, now, env);
    }

    pub(super) fn start_telling(&mut self, now: Instant, env: &mut dyn Environment) {
        if self.uses_mobike() {
            let payloads = update_addresses::addresses(&self.note_told(env));
            self.send_request(Exchange::TellAddresses, &payloads, now, env);
        }
    }

    fn note_told(&mut self, env: &dyn Environment) -> Vec<IpAddr> {
        let further = update_addresses::further_addresses(&self.connection, self.path, env);
        if let Some(mobike) = self.mobike() {
            mobike.told.clone_from(&further);
        }
        further
    }

    pub(super) fn start_route_check(&mut self, now: Instant, env: &mut dyn Environment) {
        let (present, fake) = (self.path, self.fakes_nat(&self.connection));
        if let Some(mobike) = self.mobike() {
            let path = mobike.heard.unwrap_or(present);
            let mut cookie = Cookie::default();
            env.random(&mut cookie);
            let payloads = update_addresses::route_check(&cookie, self.spis, path, fake);
            self.send_request(Exchange::CheckRoute(cookie), &payloads, now, env);
        }
    }

    /// A peer that answers without our cookie never saw the request (RFC 4555 section 3.7).
    pub(super) fn on_route_check_response(&mut self, cookie: &Cookie, payloads: &Payloads) {
        if !update_addresses::returns_cookie(payloads, cookie) {
            let failure = Failure::Protocol("its COOKIE2 is not ours");
            self.begin_delete(CloseCause::Failed(failure));
        }
    }

    /// The peer has answered our update for `path`.
    pub(super) fn on_update_response(
        &mut self,
        path: Path,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if path != self.path {
            // We have moved on since, and it is to be told of that.
            return self.want(Work::UpdateAddresses);
        }
        if update_addresses::is_refused(payloads) {
            if let Some(mobike) = self.mobike()
                && mobike.refused.len() < MOST_PATHS
            {
                mobike.refused.push(path);
            }
            match self.paths(env).first() {
                Some(next) => self.move_to(*next, now, env),
                None => self.emit(Event::NeedsReplacement),
            }
            return;
        }
        if let Some(mobike) = self.mobike() {
            mobike.refused.clear();
        }
        self.note_mapping(payloads);
        let faked = self.fakes_nat(&self.connection);
        if let Some(found) = nat::detect(payloads, self.spis, path, faked) {
            self.use_path(path, found, now);
        }
    }

    /// What a request of the peer says of addresses; the answer to it.
    pub(super) fn answer_mobike(
        &mut self,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Vec<Payload> {
        if !self.uses_mobike() {
            return Vec::new();
        }
        let mut answer: Vec<_> = update_addresses::copied_cookie(payloads)
            .into_iter()
            .collect();
        let told = update_addresses::read_addresses(payloads);
        let tells = told.is_some();
        if let (Some(mobike), Some(told)) = (self.mobike(), told) {
            mobike.peer_addresses = told;
        }
        let faked = self.fakes_nat(&self.connection);
        let found = nat::detect(payloads, self.spis, path, faked);
        let updates = payloads.notify(NotifyType::UPDATE_SA_ADDRESSES).is_some();
        if updates && !self.decides() {
            if update_addresses::meets_forbidden_nat(payloads, path) {
                answer.push(notify(NotifyType::UNEXPECTED_NAT_DETECTED, Vec::new()));
                return answer;
            }
            if !self.carries_esp(path) {
                answer.push(notify(NotifyType::UNACCEPTABLE_ADDRESSES, Vec::new()));
                return answer;
            }
            let moved = self.path != path;
            self.use_path(path, found.unwrap_or_else(|| self.nat()), now);
            if moved {
                self.want(Work::CheckRoute);
            }
        }
        if found.is_some() {
            answer.extend(nat::detection_payloads(self.spis, path, faked));
        }
        if tells && self.decides() && path != self.path && self.carries_esp(path) {
            // The peer could not tell it on the present path.
            self.move_to(path, now, env);
        }
        answer
    }
}

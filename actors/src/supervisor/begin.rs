//! IKE_SAs begin here, ours and those that peers ask for.

use std::{net::IpAddr, net::SocketAddr, sync::Arc, time::Instant};

use actix::{Context, Handler};
use holdfast_config::{Connection, Endpoint};
use holdfast_ike::{
    ChildConfig, Path,
    sa::{IkeSa, Role, SaOptions, redirect::Gateway},
};

use super::{Supervisor, candidates::to_candidates, messages::InitReceived, policy::EndCause};
use crate::{
    environment::StepEnvironment,
    handle::{IkeSaId, MAILBOX_CAPACITY, ports},
    ike_sa::{self, Begin, Origin},
    monitor::mailbox,
    post::Post,
    socket::source_address,
    transport::{InitKey, InitRefused, RouteAdded},
};

impl Supervisor {
    /// Begins an IKE_SA of ours.
    pub(super) fn initiate(
        &mut self,
        name: &Arc<str>,
        remote: IpAddr,
        child: Option<&Arc<ChildConfig>>,
        redirected_from: Option<Gateway>,
    ) -> Result<IkeSaId, EndCause> {
        let connection = self.connections.get(name).ok_or(EndCause::Dropped)?;
        let config = connection.config();
        let remote = SocketAddr::new(remote, config.remote_port);
        let path = Path {
            local: local_address(config, remote)?,
            remote,
        };
        if !self.shared.sockets.serves(path.local) {
            return Err(EndCause::NoSocket);
        }
        let origin = Origin::Initiate {
            connection: Arc::clone(&config.ike),
            contacts: connection.contacts().clone(),
            path,
            child: child.cloned(),
            redirected_from,
            session: connection.session(),
        };
        let id = self
            .begin(path, Some(Arc::clone(name)), None, origin)
            .ok_or(EndCause::Dropped)?;
        if let Some(connection) = self.connections.get(name) {
            connection.history().attempts.increment();
        }
        let text = format!("initiating IKE_SA {name}[{id}] to {remote}");
        self.say(Some(name), Some(id), &text);
        Ok(id)
    }

    /// Makes everything an IKE_SA needs, routes first, and starts it on the next worker.
    fn begin(
        &mut self,
        path: Path,
        connection: Option<Arc<str>>,
        init: Option<InitKey>,
        origin: Origin,
    ) -> Option<IkeSaId> {
        let shared = Arc::clone(&self.shared);
        let (id, spi) = self.registry.reserve(|| shared.reserve_ike_spi().0);
        let role = match origin {
            Origin::Initiate { .. } => Role::Initiator,
            Origin::Respond { .. } => Role::Responder,
        };
        let (redirected_from, session) = match &origin {
            Origin::Initiate {
                redirected_from,
                session,
                ..
            } => (redirected_from.clone(), session.clone()),
            Origin::Respond { .. } => (None, None),
        };
        let options = SaOptions {
            force_encapsulation: shared.plane.forces_encapsulation(),
            key_log: shared.key_log.is_some(),
            nat_t_port: shared.agent.port_nat_t,
            fragment_size: shared.agent.fragment_size,
            follow_redirects: shared.agent.follow_redirects,
            redirected_from,
            session,
        };
        let (address, receiver) = mailbox(MAILBOX_CAPACITY);
        let address = Post::new(address, &shared.meters.ike_sa);
        address.do_send(Begin);
        let (datagrams, commands) = ports(address);
        // The route exists before the first datagram leaves, so that no answer finds nobody.
        self.transport.do_send(RouteAdded {
            spi,
            port: datagrams,
            init,
        });
        let arbiter = self.workers.next();
        if !ike_sa::start(arbiter, shared, id, spi, options, origin, receiver) {
            self.transport.do_send(crate::transport::RouteRemoved(spi));
            self.registry.release(spi);
            return None;
        }
        self.registry.begin((id, spi), role, path, connection);
        self.ports.insert(id, commands);
        self.update_gauges();
        Some(id)
    }
}

/// Where an attempt starts from: the first configured address of the peer's family, else the one
/// the kernel would choose.
pub(super) fn local_address(
    config: &Connection,
    remote: SocketAddr,
) -> Result<SocketAddr, EndCause> {
    let same_family = |address: &IpAddr| address.is_ipv4() == remote.is_ipv4();
    let mut by_route = None;
    for endpoint in &config.local_addrs {
        match endpoint {
            Endpoint::Address(address) if same_family(address) => {
                return Ok(SocketAddr::new(*address, config.local_port));
            }
            Endpoint::Address(_) => {}
            Endpoint::Any | Endpoint::Net(_) | Endpoint::Range(_) | Endpoint::Host(_) => {
                let chosen = match by_route {
                    Some(chosen) => chosen,
                    None => source_address(remote).map_err(|_| EndCause::NoRoute)?,
                };
                by_route = Some(chosen);
                let fits = match endpoint {
                    Endpoint::Net(net) => net.contains(&chosen),
                    Endpoint::Range(range) => range.contains(&chosen),
                    _ => true,
                };
                if fits {
                    return Ok(SocketAddr::new(chosen, config.local_port));
                }
            }
        }
    }
    Err(EndCause::NoSocket)
}

impl Handler<InitReceived> for Supervisor {
    type Result = ();

    fn handle(&mut self, received: InitReceived, context: &mut Context<Self>) {
        let InitReceived { request, key } = received;
        let path = request.path();
        let shut_out = self.crashes.shut_out(path.remote.ip(), Instant::now());
        if self.draining.is_some() || shut_out {
            self.transport.do_send(InitRefused(key));
            return;
        }
        let fitting = self.index.find(&self.connections, path);
        let candidates = to_candidates(&fitting);
        let names: Vec<_> = fitting
            .iter()
            .filter(|connection| connection.waits_for(path.remote.ip()))
            .map(|connection| Arc::clone(&connection.config().name))
            .collect();
        if candidates.is_empty() {
            self.refusals
                .tell(path, "no connection has these addresses");
            let env = &mut StepEnvironment::of_nobody(&self.shared);
            let (now, options) = (Instant::now(), SaOptions::default());
            // Without a candidate the core only words the refusal; the SPI is never used.
            let refusal = IkeSa::respond(
                *request,
                candidates,
                holdfast_ike::IkeSpi::ZERO,
                options,
                now,
                env,
            );
            if let Err(refusal) = refusal
                && let Some(reply) = refusal.reply
            {
                self.shared.transmit(path, &reply);
            }
            self.transport.do_send(InitRefused(key));
            return;
        }
        for name in names {
            self.with(&name, context, |connection, world, _| {
                connection.peer_seen(world);
            });
        }
        let origin = Origin::Respond {
            request,
            candidates,
        };
        if self.begin(path, None, Some(key), origin).is_none() {
            self.transport.do_send(InitRefused(key));
        }
    }
}

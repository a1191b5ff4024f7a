//! Asking for addresses, and handing them out (RFC 7296 sections 2.19 and 3.15, RFC 8598).

use std::{net::IpAddr, sync::Arc};

use super::{event::Failure, payloads::Payloads};
use crate::{
    Configured, Connection, Environment, Identification, Path,
    config::Unique,
    configuration::{Attribute, Lease, LeaseRequest},
    wire::{AttributeType, Configuration, ConfigurationKind, Payload},
};

/// Addresses that one peer may ask for. More than one of each family is rare.
const MOST_ADDRESSES: usize = 8;

fn payload(kind: ConfigurationKind, attributes: Vec<(AttributeType, Vec<u8>)>) -> Payload {
    Payload::Configuration(Configuration { kind, attributes })
}

fn encode(attribute: &Attribute) -> (AttributeType, Vec<u8>) {
    (attribute.attribute_type(), attribute.value())
}

/// Initiator: CP(CFG_REQUEST), where the connection wants virtual addresses.
pub(super) fn request(connection: &Connection) -> Option<Payload> {
    use AttributeType as Type;
    let vips = &connection.vips;
    if vips.is_empty() {
        return None;
    }
    let mut attributes: Vec<_> = vips
        .iter()
        .map(
            |vip| match (Attribute::Address(*vip), vip.is_unspecified()) {
                (any, true) => (any.attribute_type(), Vec::new()),
                (wish, false) => encode(&wish),
            },
        )
        .collect();
    let mut ask = |types: &[Type]| attributes.extend(types.iter().map(|ask| (*ask, Vec::new())));
    if vips.iter().any(IpAddr::is_ipv4) {
        ask(&[Type::INTERNAL_IP4_DNS, Type::INTERNAL_IP4_SUBNET]);
    }
    if vips.iter().any(IpAddr::is_ipv6) {
        ask(&[Type::INTERNAL_IP6_DNS, Type::INTERNAL_IP6_SUBNET]);
    }
    ask(&[Type::INTERNAL_DNS_DOMAIN]);
    Some(payload(ConfigurationKind::REQUEST, attributes))
}

/// Initiator: what the responder gave us. Nothing is believed that we have not asked for.
pub(super) fn read_reply(payloads: &Payloads, connection: &Connection) -> Configured {
    let mut configured = Configured::default();
    let Some(reply) = payloads.configuration(ConfigurationKind::REPLY) else {
        return configured;
    };
    if connection.vips.is_empty() {
        return configured;
    }
    let wanted = |family: IpAddr| {
        let same = |vip: &&IpAddr| vip.is_ipv4() == family.is_ipv4();
        connection.vips.iter().filter(same).count()
    };
    for (attribute_type, value) in &reply.attributes {
        match Attribute::read(*attribute_type, value) {
            Some(Attribute::Address(address)) => {
                let vips = &mut configured.local_vips;
                let same = |vip: &&IpAddr| vip.is_ipv4() == address.is_ipv4();
                let room = vips.iter().filter(same).count() < wanted(address);
                if room && is_host(address) && !vips.contains(&address) {
                    vips.push(address);
                }
            }
            Some(attribute) => configured.attributes.push(attribute),
            None => {}
        }
    }
    configured
}

/// Whether a host can have this address.
fn is_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || broadcast)
}

/// Responder: what a CP(CFG_REQUEST) asks for.
#[derive(Default)]
pub(super) struct Asked {
    addresses: Vec<IpAddr>,
    domains: bool,
}

/// Responder: what it gets.
#[derive(Default)]
pub(super) struct Assigned {
    pub(super) leases: Vec<Lease>,
    /// CP(CFG_REPLY).
    pub(super) reply: Option<Payload>,
    /// Why there can be no CHILD_SA.
    pub(super) refusal: Option<Failure>,
}

/// Who asks.
pub(super) struct Asker<'a> {
    pub(super) identity: &'a Identification,
    pub(super) path: Path,
    /// It says that this is its only IKE_SA with us.
    pub(super) initial_contact: bool,
}

impl Asked {
    pub(super) fn read(payloads: &Payloads) -> Self {
        use AttributeType as Type;
        let mut asked = Self::default();
        let request = payloads.configuration(ConfigurationKind::REQUEST);
        for (attribute_type, value) in request.into_iter().flat_map(|all| &all.attributes) {
            let any = match *attribute_type {
                Type::INTERNAL_IP4_ADDRESS => IpAddr::from([0; 4]),
                Type::INTERNAL_IP6_ADDRESS => IpAddr::from([0; 16]),
                Type::INTERNAL_DNS_DOMAIN => {
                    asked.domains = true;
                    continue;
                }
                _ => continue,
            };
            let wish = match Attribute::read(*attribute_type, value) {
                Some(Attribute::Address(wish)) => wish,
                _ => any,
            };
            if asked.addresses.len() < MOST_ADDRESSES {
                asked.addresses.push(wish);
            }
        }
        asked
    }

    /// Leases what is asked for. The peer is authenticated.
    pub(super) fn assign(
        &self,
        connection: &Connection,
        asker: &Asker<'_>,
        env: &mut dyn Environment,
    ) -> Assigned {
        if self.addresses.is_empty() {
            // Whoever is to have an address of ours must ask for one (RFC 7296 section 3.10.1).
            let required = !connection.pools.is_empty();
            return Assigned {
                refusal: required.then_some(Failure::FailedCpRequired),
                ..Assigned::default()
            };
        }
        let replaces = match connection.unique {
            Unique::Replace => true,
            Unique::No | Unique::Keep => asker.initial_contact,
            Unique::Never => false,
        };
        let leases: Vec<Lease> = self
            .addresses
            .iter()
            .filter_map(|wanted| {
                env.lease(&LeaseRequest {
                    pools: &connection.pools,
                    identity: asker.identity,
                    peer: asker.path.remote.ip(),
                    wanted: *wanted,
                    replaces,
                })
            })
            .collect();
        if leases.is_empty() {
            return Assigned {
                refusal: Some(Failure::InternalAddressFailure),
                ..Assigned::default()
            };
        }
        let reply = self.reply(&leases, env);
        Assigned {
            leases,
            reply: Some(reply),
            refusal: None,
        }
    }

    /// The addresses, and what the pools that they are from have to say.
    fn reply(&self, leases: &[Lease], env: &dyn Environment) -> Payload {
        let mut attributes: Vec<_> = leases
            .iter()
            .map(|lease| encode(&Attribute::Address(lease.address)))
            .collect();
        let mut pools: Vec<&Arc<str>> = leases.iter().map(|lease| &lease.pool).collect();
        pools.dedup();
        for pool in pools {
            let told = env.pool_attributes(pool);
            // Those who do not ask for domains would send all their queries (RFC 8598 section 3).
            let known = |attribute: &&Attribute| {
                self.domains || attribute.attribute_type() != AttributeType::INTERNAL_DNS_DOMAIN
            };
            attributes.extend(told.iter().filter(known).map(encode));
        }
        payload(ConfigurationKind::REPLY, attributes)
    }
}

/// What answers a Configuration payload in INFORMATIONAL. We tell nobody our version
/// (RFC 7296 section 2.20), and nobody sets anything here (section 3.15).
pub(super) fn answer_informational(payloads: &Payloads) -> Option<Payload> {
    if payloads.configuration(ConfigurationKind::SET).is_some() {
        return Some(payload(ConfigurationKind::ACK, Vec::new()));
    }
    let request = payloads.configuration(ConfigurationKind::REQUEST)?;
    let version = AttributeType::APPLICATION_VERSION;
    let asked = |(attribute, _): &&(AttributeType, Vec<u8>)| *attribute == version;
    let answer = request.attributes.iter().find(asked);
    let attributes = answer.map(|_| (version, Vec::new())).into_iter().collect();
    Some(payload(ConfigurationKind::REPLY, attributes))
}

/// Initiator: no address came of those that were asked for, so nothing can travel.
pub(super) fn lacks_address(connection: &Connection, configured: &Configured) -> bool {
    !connection.vips.is_empty() && configured.local_vips.is_empty()
}

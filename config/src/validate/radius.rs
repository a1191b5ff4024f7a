//! The `[radius]` section.

use std::net::{IpAddr, SocketAddr};

use super::{secret::read_secret, time};
use crate::{
    Radius, RadiusServer,
    environment::Environment,
    raw::{RawRadius, RawRadiusServer},
    report::Scope,
};

/// Authentication (RFC 2865 section 3).
const PORT: u16 = 1812;
/// Octets of an attribute's value.
const LONGEST_NAME: usize = 253;
const MOST_SERVERS: usize = 16;
const MOST_TRIES: u32 = 10;

pub(super) fn radius(raw: &RawRadius, scope: &Scope<'_>, environment: &Environment) -> Radius {
    let default = Radius::default();
    let servers = scope.key("servers");
    if raw.servers.len() > MOST_SERVERS {
        let message = format!("{} servers are too many", raw.servers.len());
        servers.error(message, format!("name {MOST_SERVERS} at most"));
    }
    let read = raw.servers.iter().filter_map(|(name, raw)| {
        let scope = servers.key(name);
        server(name, raw, &scope, environment)
    });
    let servers = read.collect();
    Radius {
        servers,
        nas_identifier: nas_identifier(raw, scope).unwrap_or(default.nas_identifier),
        timeout: time::positive(raw.timeout, default.timeout, &scope.key("timeout")),
        tries: tries(raw.tries, &scope.key("tries")).unwrap_or(default.tries),
        dead_time: time::or(raw.dead_time, default.dead_time),
    }
}

fn server(
    name: &str,
    raw: &RawRadiusServer,
    scope: &Scope<'_>,
    environment: &Environment,
) -> Option<RadiusServer> {
    let address = address(raw.address.as_deref(), &scope.key("address"));
    let port = raw.port.unwrap_or(PORT);
    if port == 0 {
        let message = "no server listens on port 0";
        scope
            .key("port")
            .error(message, "use 1812, or leave the key out");
    }
    let secret = read_secret(&raw.secret, &scope.key("secret"), environment);
    Some(RadiusServer {
        name: name.to_owned(),
        address: SocketAddr::new(address?, port),
        secret: secret?,
    })
}

fn address(text: Option<&str>, scope: &Scope<'_>) -> Option<IpAddr> {
    let Some(text) = text else {
        let message = "where the RADIUS server is, is not said";
        scope.missing(message, "add address = \"192.0.2.5\"");
        return None;
    };
    let address = text.trim().parse().ok();
    if address.is_none() {
        // A name would have to be resolved for each request, and who answers is to be trusted.
        let message = format!("\"{text}\" is no address");
        scope.error(
            message,
            "write an address such as \"192.0.2.5\"; the port has a key of its own",
        );
    }
    address
}

fn nas_identifier(raw: &RawRadius, scope: &Scope<'_>) -> Option<String> {
    let name = raw.nas_identifier.clone()?;
    if name.is_empty() || name.len() > LONGEST_NAME {
        scope.key("nas_identifier").error(
            "this cannot be a NAS-Identifier",
            format!("use 1 to {LONGEST_NAME} octets"),
        );
    }
    Some(name)
}

fn tries(raw: Option<u32>, scope: &Scope<'_>) -> Option<u32> {
    let tries = raw?;
    if !(1..=MOST_TRIES).contains(&tries) {
        let message = format!("{tries} is out of range");
        scope.error(message, format!("use a number from 1 to {MOST_TRIES}"));
    }
    Some(tries)
}

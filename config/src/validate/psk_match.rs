//! Whether every connection finds its pre-shared key.

use std::{collections::BTreeMap, sync::Arc};

use holdfast_ike::{Identification, config::IdMatch};

use crate::{Connection, Endpoint, Secrets, key_path::KeyPath, report::Report};

pub(super) fn check(
    connections: &BTreeMap<String, Arc<Connection>>,
    secrets: &Secrets,
    report: &Report<'_>,
) {
    for (name, connection) in connections {
        let ike = &connection.ike;
        if !ike.uses_psk() {
            continue;
        }
        let scope = report.at(KeyPath::of(["connections", name, "remote"]));
        if scope.is_broken() {
            continue;
        }
        let local = local_identity(connection);
        match ike.remote_id() {
            IdMatch::Any if secrets.psks().is_empty() => scope.warning(
                "no secret is configured: nobody can authenticate",
                "add a table [secrets.NAME] with type = \"psk\"",
            ),
            IdMatch::Any | IdMatch::Pattern(_) => {}
            IdMatch::Exact(remote) => {
                if secrets.best(local.as_ref(), Some(remote)).is_some() {
                    continue;
                }
                let message = format!("no secret belongs to {remote}");
                let remedy = format!(
                    "add a table [secrets.NAME] with type = \"psk\" and ids = [\"{remote}\"]"
                );
                // Our identity may turn out to be an address that a secret names.
                if local.is_none() && names_an_address(secrets) {
                    scope.key("id").warning(message, remedy);
                } else {
                    scope.key("id").error(message, remedy);
                }
            }
        }
    }
}

/// Whether a connection is certain to find no key for its peer.
pub(crate) fn lacks_psk(connection: &Connection, secrets: &Secrets) -> bool {
    let ike = &connection.ike;
    let local = local_identity(connection);
    match ike.remote_id() {
        IdMatch::Any | IdMatch::Pattern(_) => false,
        IdMatch::Exact(remote) => {
            ike.uses_psk()
                && secrets.best(local.as_ref(), Some(remote)).is_none()
                && !(local.is_none() && names_an_address(secrets))
        }
    }
}

/// Who we will say we are, as far as it is known before a socket is chosen.
fn local_identity(connection: &Connection) -> Option<Identification> {
    connection
        .ike
        .local_id()
        .cloned()
        .or_else(|| match connection.local_addrs.as_slice() {
            [Endpoint::Address(address)] => Some(Identification::from(*address)),
            _ => None,
        })
}

fn names_an_address(secrets: &Secrets) -> bool {
    let is_address =
        |id: &Identification| matches!(id, Identification::Ipv4(_) | Identification::Ipv6(_));
    secrets
        .psks()
        .iter()
        .any(|entry| entry.ids.iter().any(is_address))
}

//! `load-pool`, `unload-pool`, `get-pools`: addresses for peers.

use holdfast_config::pool::{AddressRange, MOST_ATTRIBUTES, parse_attribute};
use holdfast_ike::configuration::Attribute;
use holdfast_vici::{Message, Value};

use crate::{environment::Shared, pools::Pools};

/// Leases in one answer, which must fit into one packet of the control protocol.
const MOST_LEASES: usize = 2000;

pub(super) fn load(shared: &Shared, request: &Message) -> Message {
    for (name, section) in request.sections() {
        let loaded = read(name, section).and_then(|(range, attributes)| {
            let loaded = shared.pools.load(name, range, attributes);
            loaded.map_err(|error| error.to_string())
        });
        if let Err(reason) = loaded {
            return Message::failure(reason);
        }
        tracing::info!(pool = name, "loaded a pool");
    }
    Message::success()
}

pub(super) fn unload(shared: &Shared, request: &Message) -> Message {
    let Some(name) = request.get_str("name") else {
        return Message::failure("missing pool name to unload");
    };
    match shared.pools.unload_of_client(name) {
        Ok(()) => {
            tracing::info!(pool = name, "unloaded a pool");
            Message::success()
        }
        Err(error) => Message::failure(error),
    }
}

pub(super) fn get(shared: &Shared, request: &Message) -> Message {
    let leases = request.get_bool("leases").unwrap_or(false);
    render(&shared.pools, request.get_str("name"), leases)
}

fn render(pools: &Pools, only: Option<&str>, leases: bool) -> Message {
    let mut message = Message::new();
    // Shared by all pools of this answer.
    let mut room = MOST_LEASES;
    for pool in pools.list(only) {
        let mut section = Message::new()
            .with("base", pool.base.to_string())
            .with("size", pool.size)
            .with("online", pool.online)
            .with("offline", pool.offline);
        if leases {
            let leases = pools.leases(&pool.name, room);
            room -= leases.len();
            section.push("leases", render_leases(&leases));
        }
        message.push(pool.name, section);
    }
    message
}

fn render_leases(leases: &[crate::pools::Lease]) -> Message {
    let render = |lease: &crate::pools::Lease| {
        Message::new()
            .with("address", lease.address.to_string())
            .with("identity", lease.identity.to_string())
            .with("status", if lease.online { "online" } else { "offline" })
    };
    leases
        .iter()
        .enumerate()
        .map(|(number, lease)| (number.to_string(), render(lease)))
        .collect()
}

fn read(name: &str, section: &Message) -> Result<(AddressRange, Vec<Attribute>), String> {
    let mut range = None;
    let mut attributes = Vec::new();
    for (key, value) in section.iter() {
        match (key, value) {
            ("addrs", Value::Bytes(text)) => {
                let text = String::from_utf8_lossy(text);
                let parsed = AddressRange::parse(text.trim());
                range = Some(parsed.ok_or_else(|| format!("invalid addrs value: {text}"))?);
            }
            (_, Value::List(values)) => {
                for value in values {
                    attributes.push(parse_attribute(key, value).map_err(|e| e.to_string())?);
                }
            }
            _ => return Err(format!("invalid attribute: {key}")),
        }
    }
    if attributes.len() > MOST_ATTRIBUTES {
        return Err(format!(
            "pool '{name}' has more than {MOST_ATTRIBUTES} attributes"
        ));
    }
    let range = range.ok_or_else(|| format!("missing addrs for pool '{name}'"))?;
    Ok((range, attributes))
}

#[cfg(test)]
mod tests {
    use holdfast_ike::Identification;

    use super::*;
    use crate::{handle::IkeSaId, pools::Claim};

    #[test]
    fn leases_are_listed() {
        let pools = Pools::default();
        let range = AddressRange::parse("10.3.0.0/24").expect("a range");
        pools.load("p", range, Vec::new()).expect("loaded");
        let id = |name: &str| Identification::Fqdn(name.to_owned());
        for name in ["a", "b"] {
            let claim = Claim {
                owner: IkeSaId(u32::from(name.as_bytes()[0])),
                identity: &id(name),
                peer: [192, 0, 2, 1].into(),
                wanted: [0; 4].into(),
                replaces: false,
            };
            pools.acquire("p", &claim).expect("an address");
        }
        let owner = IkeSaId(u32::from(b'b'));
        assert!(pools.release("p", owner, [10, 3, 0, 2].into()));
        let lease = |address: &str, name: &str, status: &str| {
            Message::new()
                .with("address", address)
                .with("identity", name)
                .with("status", status)
        };
        let leases = Message::new()
            .with("0", lease("10.3.0.1", "a", "online"))
            .with("1", lease("10.3.0.2", "b", "offline"));
        let pool = Message::new()
            .with("base", "10.3.0.0")
            .with("size", "254")
            .with("online", "1")
            .with("offline", "1");
        let short = Message::new().with("p", pool.clone());
        assert_eq!(render(&pools, None, false), short);
        assert_eq!(render(&pools, Some("p"), false), short);
        assert_eq!(render(&pools, Some("q"), true), Message::new());
        let long = Message::new().with("p", pool.with("leases", leases));
        assert_eq!(render(&pools, None, true), long);
    }

    #[test]
    fn refusals() {
        for (section, refusal) in [
            (Message::new(), "missing addrs for pool 'p'"),
            (Message::new().with("addrs", "x"), "invalid addrs value: x"),
            (
                Message::new().with("dns", "10.0.0.1"),
                "invalid attribute: dns",
            ),
            (
                Message::new().with("addrs", vec!["10.0.0.0/8"]),
                "invalid attribute: addrs",
            ),
            (
                Message::new().with("dns", vec!["x"]),
                "invalid attribute value for dns",
            ),
            (
                Message::new().with("sub", Message::new()),
                "invalid attribute: sub",
            ),
        ] {
            assert_eq!(read("p", &section), Err(refusal.to_owned()));
        }
        let many = Message::new()
            .with("addrs", "10.0.0.0/8")
            .with("dns", vec!["10.0.0.1"; 257]);
        assert_eq!(
            read("p", &many),
            Err("pool 'p' has more than 256 attributes".to_owned())
        );
    }
}

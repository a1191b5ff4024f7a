//! One connection.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use holdfast_ike::{
    config::{Childless, Fragmentation, Retransmit, Unique},
    proposal::{self, Proposal, Protocol},
};

use super::{
    authentication, child, elements,
    endpoint::{endpoints, nets},
    keyword, options, pool, ppk, redirect, shunt, time,
};
use crate::{
    Agent, Child, Connection, Reconnect, Shunt,
    quantity::TextList,
    raw::{RawConnection, RawReconnect, RawRetransmit},
    report::Scope,
};

/// A proposal's number, and a VICI name's length, is one octet.
pub(super) const OCTET: usize = 255;

const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn connection(
    name: &str,
    raw: &RawConnection,
    agent: &Agent,
    scope: &Scope<'_>,
) -> Connection {
    check_name(name, scope);
    let name: Arc<str> = Arc::from(name);
    let persistent = raw.persistent.unwrap_or(false);
    let (children, shunts) = children(raw, persistent, scope);
    let mut ike = ike(&name, raw, persistent, agent, &children, scope);
    let local_addrs = endpoints(raw.local_addrs.as_ref(), &scope.key("local_addrs"));
    ike.local_addrs = nets(&local_addrs);
    let connection = Connection {
        name,
        persistent,
        local_addrs,
        remote_addrs: endpoints(raw.remote_addrs.as_ref(), &scope.key("remote_addrs")),
        local_port: raw.local_port.unwrap_or(agent.port),
        remote_port: raw.remote_port.unwrap_or(500),
        keyingtries: raw.keyingtries.unwrap_or(1),
        reconnect: reconnect(&raw.reconnect, &scope.key("reconnect")),
        ike: Arc::new(ike),
        children,
        shunts,
    };
    check_ports(&connection, agent, scope);
    check_reach(&connection, scope);
    connection
}

/// Names travel through VICI, where they have at most 255 octets.
pub(super) fn check_name(name: &str, scope: &Scope<'_>) {
    if name.is_empty() || name.len() > OCTET || name.contains(char::is_control) {
        scope.error(
            "this cannot be a name",
            "use 1 to 255 letters, digits and punctuation marks",
        );
    }
}

type Children = (BTreeMap<String, Child>, BTreeMap<String, Shunt>);

fn children(raw: &RawConnection, persistent: bool, scope: &Scope<'_>) -> Children {
    let scope = scope.key("children");
    let (mut children, mut shunts) = Children::default();
    for (name, raw) in &raw.children {
        let scope = scope.key(name);
        check_name(name, &scope);
        if let Some(shunt) = shunt::shunt(name, raw, persistent, &scope) {
            shunts.insert(name.clone(), shunt);
        } else {
            let child = child::child(name, raw, persistent, &scope);
            children.insert(name.clone(), child);
        }
    }
    (children, shunts)
}

fn ike(
    name: &Arc<str>,
    raw: &RawConnection,
    persistent: bool,
    agent: &Agent,
    children: &BTreeMap<String, Child>,
    scope: &Scope<'_>,
) -> holdfast_ike::Connection {
    let uniques = [
        ("no", Unique::No),
        ("never", Unique::Never),
        ("keep", Unique::Keep),
        ("replace", Unique::Replace),
    ];
    // Who has them authenticate anew need not rekey.
    let reauth = options::reauthentication(raw, scope);
    let rekey_default = if reauth.time.is_zero() {
        4 * HOUR
    } else {
        Duration::ZERO
    };
    let rekey_time = time::or(raw.rekey_time, rekey_default);
    let over_time = end_of_life(raw, rekey_time, scope);
    let local = authentication::local(raw, scope);
    let remote = authentication::remote(raw, scope);
    holdfast_ike::Connection {
        ppk: ppk::ppk(raw, (&local, &remote), scope),
        name: Arc::clone(name),
        proposals: proposals(
            raw.proposals.as_ref(),
            Protocol::Ike,
            &scope.key("proposals"),
        ),
        local,
        remote,
        mobike: raw.mobike.unwrap_or(true),
        local_addrs: Vec::new(),
        children: children
            .values()
            .map(|child| Arc::clone(&child.ike))
            .collect(),
        retransmit: retransmit(&raw.retransmit, &scope.key("retransmit")),
        dpd_delay: dpd_delay(raw, persistent, scope),
        rekey_time: time::not_hasty(rekey_time, MINUTE, &scope.key("rekey_time")),
        rand_time: time::random_part(
            raw.rand_time,
            over_time.saturating_sub(rekey_time),
            rekey_time,
            &scope.key("rand_time"),
        ),
        over_time,
        reauth,
        half_open_timeout: time::positive(
            raw.half_open_timeout,
            Duration::from_secs(30),
            &scope.key("half_open_timeout"),
        ),
        keep_alive: time::or(raw.keep_alive, Duration::from_secs(20)),
        encap: raw.encap.unwrap_or(false),
        fragmentation: fragmentation(raw, scope),
        childless: childless(raw, scope),
        redirect: redirect::redirect(raw, scope),
        unique: keyword(raw.unique.as_deref(), &uniques, &[], &scope.key("unique"))
            .unwrap_or_default(),
        vips: pool::vips(raw.vips.as_ref(), &scope.key("vips")),
        pools: pool::names(raw.pools.as_ref()),
        resumption: raw.resumption.unwrap_or(false),
        key_log: agent.keylog.is_some(),
    }
}

fn fragmentation(raw: &RawConnection, scope: &Scope<'_>) -> Fragmentation {
    let words = [
        ("yes", Fragmentation::Yes),
        // Fragments from the first message on, which only IKEv1 knows.
        ("force", Fragmentation::Yes),
        ("accept", Fragmentation::Accept),
        ("no", Fragmentation::No),
    ];
    let scope = scope.key("fragmentation");
    keyword(raw.fragmentation.as_deref(), &words, &[], &scope).unwrap_or_default()
}

fn childless(raw: &RawConnection, scope: &Scope<'_>) -> Childless {
    let words = [
        ("allow", Childless::Allow),
        ("prefer", Childless::Prefer),
        ("force", Childless::Force),
        ("never", Childless::Never),
    ];
    let scope = scope.key("childless");
    keyword(raw.childless.as_deref(), &words, &[], &scope).unwrap_or_default()
}

/// The age at which the IKE_SA ends: `over_time` after `rekey_time`.
fn end_of_life(raw: &RawConnection, rekey_time: Duration, scope: &Scope<'_>) -> Duration {
    match raw.over_time {
        Some(over_time) if rekey_time.is_zero() => {
            if !over_time.0.is_zero() && raw.reauth_time.is_none() {
                scope.key("over_time").warning(
                    "over_time counts from rekey_time, which is off",
                    "set rekey_time, or leave over_time out",
                );
            }
            Duration::ZERO
        }
        Some(over_time) => rekey_time.saturating_add(over_time.0),
        None => time::with_tenth(rekey_time),
    }
}

fn dpd_delay(raw: &RawConnection, persistent: bool, scope: &Scope<'_>) -> Duration {
    let default = if persistent { 30 } else { 0 };
    let value = time::or(raw.dpd_delay, Duration::from_secs(default));
    let scope = scope.key("dpd_delay");
    if persistent && value.is_zero() {
        scope.warning(
            "without it, a persistent connection may not notice that its peer is dead",
            "use \"30s\", or leave the key out",
        );
    }
    time::not_hasty(value, Duration::from_secs(2), &scope)
}

/// The proposals of a list in their order, numbered from 1; nothing at all is the default.
pub(super) fn proposals(
    list: Option<&TextList>,
    protocol: Protocol,
    scope: &Scope<'_>,
) -> Vec<Proposal> {
    let (default, example): (fn() -> Vec<Proposal>, _) = match protocol {
        Protocol::Ike => (proposal::default_ike, "aes256gcm16-prfsha384-x25519"),
        Protocol::Ah | Protocol::Esp => (proposal::default_esp, "aes256gcm16-x25519"),
    };
    let Some(list) = list else { return default() };
    if list.0.is_empty() || list.0.len() > OCTET {
        let message = format!("there are {} proposals", list.0.len());
        scope.error(message, "give 1 to 255 of them, or leave the key out");
    }
    let remedy = format!("write keywords joined by hyphens, as in \"{example}\", or \"default\"");
    let read = elements(list, scope, &remedy, |text| {
        Proposal::list_from_notation(text, protocol).map_err(|error| error.to_string())
    });
    let weak: Vec<_> = read.iter().flatten().flat_map(Proposal::weak).collect();
    if !weak.is_empty() {
        let message = format!("weak algorithms: {}", weak.join(", "));
        scope.warning(message, "keep them for peers that have nothing better");
    }
    let mut proposals: Vec<Proposal> = read.into_iter().flatten().take(OCTET).collect();
    for (position, proposal) in proposals.iter_mut().enumerate() {
        proposal.number = u8::try_from(position + 1).expect("no more than 255 were taken");
    }
    proposals
}

fn retransmit(raw: &RawRetransmit, scope: &Scope<'_>) -> Retransmit {
    let default = Retransmit::default();
    let retransmit = Retransmit {
        timeout: time::positive(raw.timeout, default.timeout, &scope.key("timeout")),
        base: at_least_one(raw.base, default.base, &scope.key("base")),
        tries: raw.tries.unwrap_or(default.tries),
        jitter: raw.jitter.unwrap_or(default.jitter),
        limit: time::or(raw.limit, default.limit),
    };
    if retransmit.tries > 100 {
        let message = format!("{} retransmissions are too many", retransmit.tries);
        scope.key("tries").error(message, "use 100 at most");
    } else {
        check_waits(&retransmit, scope);
    }
    if retransmit.jitter > 20 {
        let message = format!("a jitter of {} percent is too large", retransmit.jitter);
        scope.key("jitter").error(message, "use 20 at most");
    }
    retransmit
}

/// Deadlines must stay computable, and somebody waits for them.
fn check_waits(retransmit: &Retransmit, scope: &Scope<'_>) {
    let limit = if retransmit.limit.is_zero() {
        f64::INFINITY
    } else {
        retransmit.limit.as_secs_f64()
    };
    let wait = |n: u32| {
        let growth = retransmit.base.powf(f64::from(n));
        (retransmit.timeout.as_secs_f64() * growth).min(limit)
    };
    if wait(retransmit.tries) > DAY.as_secs_f64() {
        scope.error(
            "the last wait between retransmissions is longer than a day",
            "make timeout, base or tries smaller, or set limit",
        );
        return;
    }
    let total = Duration::from_secs_f64((0..=retransmit.tries).map(wait).sum());
    if total > HOUR {
        let total = humantime::format_duration(Duration::from_secs(total.as_secs()));
        scope.warning(
            format!("a peer that does not answer is given up after {total} only"),
            "make timeout, base or tries smaller, or set limit",
        );
    }
}

fn at_least_one(value: Option<f64>, default: f64, scope: &Scope<'_>) -> f64 {
    match value {
        None => default,
        Some(value) if (1.0..=100.0).contains(&value) => value,
        Some(value) => {
            scope.error(
                format!("{value} is out of range"),
                "use a number from 1 to 100",
            );
            default
        }
    }
}

fn reconnect(raw: &RawReconnect, scope: &Scope<'_>) -> Reconnect {
    let default = Reconnect::default();
    let reconnect = Reconnect {
        initial: time::positive(raw.initial, default.initial, &scope.key("initial")),
        max: time::positive(raw.max, default.max, &scope.key("max")),
        multiplier: at_least_one(raw.multiplier, default.multiplier, &scope.key("multiplier")),
        slow: time::positive(raw.slow, default.slow, &scope.key("slow")),
        stable_after: time::or(raw.stable_after, default.stable_after),
    };
    if reconnect.max < reconnect.initial {
        let initial = humantime::format_duration(reconnect.initial);
        let message = format!("the longest wait is shorter than the first ({initial})");
        scope
            .key("max")
            .error(message, "make max as long as initial, or longer");
    }
    if reconnect.max > DAY {
        let scope = scope.key("max");
        scope.error("it is longer than a day", "use less, \"60s\" suits most");
    }
    reconnect
}

fn check_ports(connection: &Connection, agent: &Agent, scope: &Scope<'_>) {
    if connection.remote_port == 0 {
        scope
            .key("remote_port")
            .error("no peer listens on port 0", "use 500, or leave the key out");
    }
    if ![agent.port, agent.port_nat_t].contains(&connection.local_port) {
        scope.key("local_port").error(
            format!("the agent has no socket on port {}", connection.local_port),
            format!(
                "use {} or {}, or set agent.port",
                agent.port, agent.port_nat_t
            ),
        );
    }
}

/// What is to be brought up needs somewhere to go.
fn check_reach(connection: &Connection, scope: &Scope<'_>) {
    let none = connection.children.is_empty() && connection.shunts.is_empty();
    if none && !scope.key("children").is_broken() {
        scope.warning(
            "the connection has no children: it carries no traffic",
            "add a table [connections.NAME.children.CHILD]",
        );
    }
    if connection.usable_remotes().next().is_some() || scope.key("remote_addrs").is_broken() {
        return;
    }
    let remedy = "name an address or a host in remote_addrs";
    let scope_of_addresses = scope.key("remote_addrs");
    if connection.persistent {
        let message = "a persistent connection needs a peer that it can call";
        scope_of_addresses.error(message, format!("{remedy}, or set persistent = false"));
        return;
    }
    for (name, child) in &connection.children {
        if child.start_action.starts() || child.start_action.traps() {
            let scope = scope.key("children").key(name).key("start_action");
            scope.error(
                "nothing can be started: no address of the peer is known",
                remedy,
            );
        }
    }
}

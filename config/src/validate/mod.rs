//! From spelled values to the model: parse, don't validate.
//!
//! Every function reports all it finds to its [`Scope`] and returns a value in any case; whether
//! the result may be used is decided once, at the end, by the report.

mod agent;
mod authentication;
mod authority;
mod child;
mod connection;
mod eap;
mod endpoint;
mod hooks;
mod options;
mod overlap;
mod pool;
mod ppk;
mod private_key;
mod probe;
mod psk_match;
mod radius;
mod redirect;
mod secret;
mod shunt;
mod time;

use std::{collections::BTreeMap, sync::Arc};

pub(crate) use authentication::INLINE;
pub(crate) use connection::connection;
pub(crate) use psk_match::lacks_psk;
pub(crate) use secret::psk_entry;

use secret::Parsed;

use crate::{
    Config, Secrets,
    environment::Environment,
    key_path::KeyPath,
    quantity::TextList,
    raw::RawConfig,
    report::{Report, Scope},
    suggest::nearest,
};

/// Builds the model.
pub(crate) fn config(mut raw: RawConfig, report: &Report<'_>, environment: &Environment) -> Config {
    let agent = agent::agent(&raw.agent, &report.at(KeyPath::of(["agent"])));
    let mut connections = BTreeMap::new();
    for (name, mut connection) in std::mem::take(&mut raw.connections) {
        connection.inherit(&raw.defaults);
        let scope = report.at(KeyPath::of(["connections", &name]));
        let connection = connection::connection(&name, &connection, &agent, &scope);
        connections.insert(name, Arc::new(connection));
    }
    let (mut psks, mut eap, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let mut ppks = Vec::new();
    for (name, raw) in &raw.secrets {
        let scope = report.at(KeyPath::of(["secrets", name]));
        match secret::secret(name, raw, &scope, environment) {
            Some(Parsed::Psk(entry)) => psks.push(entry),
            Some(Parsed::Eap(entry)) => eap.push(entry),
            Some(Parsed::PrivateKey(entry)) => keys.push(entry),
            Some(Parsed::Ppk(entry)) => ppks.push(entry),
            None => {}
        }
    }
    let complete = psks.len() + eap.len() + keys.len() + ppks.len() == raw.secrets.len();
    let authority = |(name, raw): (&String, _)| {
        let scope = report.at(KeyPath::of(["authorities", name]));
        authority::authority(name, raw, &scope)
    };
    let authorities = raw.authorities.iter().filter_map(authority).collect();
    let secrets = Secrets::new(psks)
        .with_eap(eap)
        .with_ppks(ppks)
        .with_private_keys(keys)
        .with_authorities(authorities);
    let radius = report.at(KeyPath::of(["radius"]));
    let radius = radius::radius(&raw.radius, &radius, environment);
    // With a secret missing because of a mistake, who lacks one cannot be told.
    if complete && !report.at(KeyPath::of(["secrets"])).is_broken() {
        psk_match::check(&connections, &secrets, report);
    }
    overlap::check(&connections, report);
    agent::check_readiness(&agent.readiness, &connections, report);
    let mut pools = BTreeMap::new();
    for (name, raw) in &raw.pools {
        let scope = report.at(KeyPath::of(["pools", name]));
        connection::check_name(name, &scope);
        pools.extend(pool::pool(raw, &scope).map(|pool| (name.clone(), pool)));
    }
    pool::check(&connections, &pools, report);
    Config {
        agent,
        connections,
        secrets: Arc::new(secrets),
        pools,
        radius,
    }
}

/// Picks the meaning of a keyword.
///
/// `known` are keywords with their meanings, synonyms last; `refused` are those that swanctl.conf
/// has and this version has not.
fn keyword<T: Copy + PartialEq>(
    text: Option<&str>,
    known: &[(&str, T)],
    refused: &[&str],
    scope: &Scope<'_>,
) -> Option<T> {
    let text = text?;
    let found = known.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let choices = choices(known);
        if refused.contains(&text) {
            let message = format!("\"{text}\" is not supported by this version");
            scope.error(message, format!("use {choices}"));
        } else {
            let remedy = match nearest(text, &names) {
                Some(name) => format!("did you mean \"{name}\"? Use {choices}"),
                None => format!("use {choices}"),
            };
            scope.error(format!("unknown value \"{text}\""), remedy);
        }
    }
    found.map(|(_, meaning)| *meaning)
}

/// The keywords, one for each meaning.
fn choices<T: PartialEq>(known: &[(&str, T)]) -> String {
    let is_first = |position: usize| {
        let earlier = &known[..position];
        !earlier
            .iter()
            .any(|(_, meaning)| *meaning == known[position].1)
    };
    let names: Vec<String> = (0..known.len())
        .filter(|position| is_first(*position))
        .map(|position| format!("\"{}\"", known[position].0))
        .collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => {
            format!("{} or {last}", others.join(", "))
        }
        _ => names.concat(),
    }
}

/// Reads every element of a list that can be read and reports the others.
fn elements<T>(
    list: &TextList,
    scope: &Scope<'_>,
    remedy: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut parsed = Vec::with_capacity(list.0.len());
    for (position, text) in list.0.iter().enumerate() {
        match parse(text.trim()) {
            Ok(value) => parsed.push(value),
            Err(message) => scope.index(position).error(message, remedy),
        }
    }
    parsed
}

/// The first element that stands in the list twice.
fn repeated<T: PartialEq>(list: &[T]) -> Option<usize> {
    (1..list.len()).find(|position| list[..*position].contains(&list[*position]))
}

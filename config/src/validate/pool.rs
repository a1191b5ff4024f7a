//! Pools, and the addresses that connections ask for.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::elements;
use crate::{
    Connection, Pool,
    key_path::KeyPath,
    pool::{AddressRange, MOST_ATTRIBUTES, parse_attribute},
    quantity::TextList,
    raw::RawPool,
    report::{Report, Scope},
};

/// Addresses that one connection may ask for.
const MOST_VIPS: usize = 8;

const RANGE_REMEDY: &str =
    "write a network as in \"10.3.0.0/24\" or a range as in \"10.3.0.1-10.3.0.99\"";

pub(super) fn pool(raw: &RawPool, scope: &Scope<'_>) -> Option<Pool> {
    let addrs = scope.key("addrs");
    let range = match raw.addrs.as_deref() {
        None => {
            addrs.missing("the addresses of the pool are missing", RANGE_REMEDY);
            None
        }
        Some(text) => {
            let range = AddressRange::parse(text.trim());
            if range.is_none() {
                addrs.error(format!("\"{text}\" is no range of addresses"), RANGE_REMEDY);
            }
            range
        }
    };
    let mut attributes = Vec::new();
    for (name, list) in raw.attributes() {
        let scope = scope.key(name);
        let remedy = "write addresses, networks or names as docs/configuration.md describes them";
        attributes.extend(elements(list, &scope, remedy, |text| {
            parse_attribute(name, text.as_bytes()).map_err(|error| error.to_string())
        }));
    }
    if attributes.len() > MOST_ATTRIBUTES {
        let message = format!("there are {} attributes", attributes.len());
        scope.error(message, format!("give at most {MOST_ATTRIBUTES}"));
    }
    Some(Pool {
        range: range?,
        attributes,
    })
}

/// The addresses to ask for; unspecified ones are any.
pub(super) fn vips(list: Option<&TextList>, scope: &Scope<'_>) -> Vec<IpAddr> {
    let Some(list) = list else { return Vec::new() };
    let remedy = "write \"0.0.0.0\" or \"::\" for any address, or the one that is wanted";
    let vips = elements(list, scope, remedy, |text| match text {
        "%any" | "%any4" | "%config" | "%config4" => Ok(IpAddr::from([0; 4])),
        "%any6" | "%config6" => Ok(IpAddr::from([0; 16])),
        text => text
            .parse()
            .map_err(|_| format!("\"{text}\" is no IP address")),
    });
    if vips.len() > MOST_VIPS {
        let message = format!("there are {} of them", vips.len());
        scope.error(message, format!("ask for {MOST_VIPS} addresses at most"));
    }
    vips
}

pub(super) fn names(list: Option<&TextList>) -> Vec<Arc<str>> {
    let names = list.into_iter().flat_map(|list| &list.0);
    names.map(|name| Arc::from(name.trim())).collect()
}

/// A pool that no file has must come from a control client.
pub(super) fn check(
    connections: &BTreeMap<String, Arc<Connection>>,
    pools: &BTreeMap<String, Pool>,
    report: &Report<'_>,
) {
    for (name, connection) in connections {
        for (position, pool) in connection.ike.pools.iter().enumerate() {
            if !pools.contains_key(&**pool) {
                let scope = report.at(KeyPath::of(["connections", name, "pools"]));
                scope.index(position).warning(
                    format!("there is no table [pools.{pool}]"),
                    "add it, or have a control client load a pool of this name",
                );
            }
        }
    }
}

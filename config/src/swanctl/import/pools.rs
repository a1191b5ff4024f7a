//! The pools of a swanctl.conf.

use super::{
    super::plain::{Plain, Table},
    omission,
};
use crate::{
    Diagnostic, Settings,
    key_path::KeyPath,
    pool::{AddressRange, parse_attribute},
    schema::Section,
    settings::{Entry, Setting},
};

/// Reads the section `pools`. What a pool cannot carry is left out, a pool without addresses too.
pub(super) fn read(settings: &Settings, omitted: &mut Vec<Diagnostic>) -> Table {
    let mut pools = Table::default();
    let entries = settings.section("pools");
    for entry in entries.into_iter().flat_map(Settings::iter) {
        let path = KeyPath::of(["pools", &entry.name]);
        let Setting::Section(section) = &entry.setting else {
            let message = "a pool is a section".to_owned();
            omitted.push(omission(entry, &path, message, "write it as name { ... }"));
            continue;
        };
        let mut pool = Table::default();
        for inner in section.iter() {
            match key(inner) {
                Ok(value) => pool.push(&inner.name, value, &inner.comments),
                Err((message, remedy)) => {
                    let path = path.key(&inner.name);
                    omitted.push(omission(inner, &path, message, remedy));
                }
            }
        }
        if pool.get("addrs").is_some() {
            pools.push(&entry.name, Plain::Table(pool), &entry.comments);
        } else {
            let message = "a pool without addresses is left out".to_owned();
            omitted.push(omission(entry, &path, message, "add addrs"));
        }
    }
    pools
}

fn key(entry: &Entry) -> Result<Plain, (String, &'static str)> {
    let Setting::Value(value) = &entry.setting else {
        return Err(("it is no value".to_owned(), "leave it out"));
    };
    let text = String::from_utf8_lossy(value).trim().to_owned();
    if entry.name == "addrs" {
        return match AddressRange::parse(&text) {
            Some(_) => Ok(Plain::Text(text)),
            None => Err((format!("\"{text}\" is no range of addresses"), "correct it")),
        };
    }
    if !Section::Pool.keys().contains(&entry.name.as_str()) {
        let message = format!("the attribute {} has no name here", entry.name);
        return Err((message, "load the pool through the control socket"));
    }
    let values: Vec<_> = text
        .split(',')
        .map(|value| value.trim().to_owned())
        .collect();
    for value in &values {
        parse_attribute(&entry.name, value.as_bytes())
            .map_err(|error| (error.to_string(), "correct it"))?;
    }
    Ok(Plain::List(values))
}

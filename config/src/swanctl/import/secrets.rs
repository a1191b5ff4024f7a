//! The secrets of a swanctl.conf.

use std::{collections::BTreeSet, sync::Arc};

use holdfast_ike::{Identification, Secret, identification::ParseIdentificationError};
use zeroize::Zeroizing;

use super::{
    super::{
        origins::{self, Origins},
        plain::{Plain, Table},
    },
    omission,
};
use crate::{
    Diagnostic, PskEntry, Settings,
    diagnostic::Origin,
    key_path::KeyPath,
    quantity::TextList,
    report::Report,
    settings::{Entry, Setting},
    validate,
};

/// A file that must be created, with a secret in it as it is written in swanctl.conf.
#[derive(Clone, Debug)]
pub struct SecretFile {
    /// Its name, relative to the folder of the TOML file.
    pub file: String,
    /// The key of the secret, dotted.
    pub key: String,
    /// Where the secret stands.
    pub origin: Origin,
}

/// One pre-shared key.
pub(super) struct Imported {
    pub(super) entry: PskEntry,
    ids: Vec<String>,
    /// As it is written; `None` when it is not in the file.
    text: Option<Zeroizing<String>>,
    /// The name of the file that holds it, unless the TOML does.
    pub(super) file: String,
    key: String,
    origin: Origin,
    comments: Vec<String>,
}

/// Reads the section `secrets`.
pub(super) fn read(settings: &Settings, omitted: &mut Vec<Diagnostic>) -> Vec<Imported> {
    let mut secrets = Vec::new();
    let mut files = BTreeSet::new();
    let entries = settings.section("secrets");
    for entry in entries.into_iter().flat_map(Settings::iter) {
        match one(entry, &mut files) {
            Ok(secret) => secrets.push(secret),
            Err(found) => omitted.extend(found),
        }
    }
    secrets
}

fn one(entry: &Entry, files: &mut BTreeSet<String>) -> Result<Imported, Vec<Diagnostic>> {
    let path = KeyPath::of(["secrets", &entry.name]);
    let refuse =
        |message: &str, remedy: &str| vec![omission(entry, &path, message.to_owned(), remedy)];
    let Setting::Section(section) = &entry.setting else {
        return Err(refuse("a secret is a section", "write it as name { ... }"));
    };
    if !entry.name.starts_with("ike") {
        let message = "the import carries pre-shared keys (ike) only";
        return Err(refuse(
            message,
            "write a table [secrets.NAME] of its own for it",
        ));
    }
    let mut ids = None::<Vec<String>>;
    let mut secret = None;
    let mut comments = entry.comments.clone();
    let mut found = Vec::new();
    for inner in section.iter() {
        let text = match &inner.setting {
            Setting::Value(value) => std::str::from_utf8(value).ok(),
            Setting::List(_) | Setting::Section(_) => None,
        };
        match text {
            Some(text) if inner.name == "secret" => {
                secret = Some(Zeroizing::new(text.to_owned()));
            }
            Some(text) if inner.name.starts_with("id") => {
                ids.get_or_insert_default().push(identity(text));
            }
            _ => {
                let path = path.key(&inner.name);
                let message = format!("unknown option: {}", inner.name);
                found.push(omission(inner, &path, message, "write id* and secret only"));
            }
        }
        comments.extend(inner.comments.iter().cloned());
    }
    let mut origins = Origins::default();
    origins.insert(path.clone(), path.clone(), entry.mark.clone());
    let report = Report::new(&origins);
    let scope = report.at(path.clone());
    let list = ids.clone().map(TextList);
    let text = secret.clone().unwrap_or_default();
    let psk = validate::psk_entry(&entry.name, list.as_ref(), text.as_bytes(), &scope);
    let rejected = report.has_errors();
    found.extend(report.finish());
    match psk {
        Some(psk) if !rejected && found.is_empty() => Ok(Imported {
            entry: psk,
            ids: ids.unwrap_or_default(),
            text: secret,
            file: file_name(&entry.name, files),
            key: path.key("secret").to_string(),
            origin: section.get("secret").map_or_else(
                || origins::origin(None),
                |entry| origins::origin(entry.mark.as_ref()),
            ),
            comments,
        }),
        _ => Err(found),
    }
}

/// The identity as our TOML writes it: what stands for any identity has one spelling there.
fn identity(text: &str) -> String {
    match Identification::from_config(text.trim()) {
        Err(ParseIdentificationError::Any(_)) => "%any".to_owned(),
        _ => text.trim().to_owned(),
    }
}

/// A file name for a secret's name, like no other.
fn file_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let plain: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .take(200)
        .collect();
    let candidates = std::iter::once(plain.clone());
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    candidates
        .chain(numbered)
        .map(|name| format!("{name}.psk"))
        .find(|file| taken.insert(file.clone()))
        .expect("numbers do not end")
}

/// A secret for a peer whose own is not in the file.
pub(super) fn placeholder(
    connection: &str,
    remote: (&Identification, &str),
    others: &[Imported],
) -> Imported {
    let is_taken = |name: &String| others.iter().any(|other| other.entry.name == *name);
    let numbered = (2..).map(|number| format!("{connection}-{number}"));
    let name = std::iter::once(connection.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))
        .expect("numbers do not end");
    let mut files = others.iter().map(|other| other.file.clone()).collect();
    Imported {
        ids: vec![remote.1.to_owned()],
        text: None,
        file: file_name(&name, &mut files),
        key: KeyPath::of(["secrets", &name]).to_string(),
        origin: Origin::Request,
        comments: Vec::new(),
        entry: PskEntry {
            name,
            ids: vec![remote.0.clone()],
            secret: Arc::new(Secret::new(Vec::new())),
        },
    }
}

/// The tables of `[secrets]`, and the files that they refer to.
pub(super) fn tables(secrets: Vec<Imported>, with_secrets: bool) -> (Table, Vec<SecretFile>) {
    let mut tables = Table::default();
    let mut files = Vec::new();
    for secret in secrets {
        let mut table = Table::default();
        table.push("type", Plain::Text("psk".to_owned()), &[]);
        if !secret.ids.is_empty() {
            table.push("ids", Plain::List(secret.ids), &[]);
        }
        let mut source = Table::default();
        match secret.text {
            Some(text) if with_secrets => {
                source.push("value", Plain::Text(text.to_string()), &[]);
            }
            text => {
                source.push("file", Plain::Text(secret.file.clone()), &[]);
                if text.is_some() {
                    files.push(SecretFile {
                        file: secret.file,
                        key: secret.key,
                        origin: secret.origin,
                    });
                }
            }
        }
        table.push("secret", Plain::Table(source), &[]);
        tables.push(&secret.entry.name, Plain::Table(table), &secret.comments);
    }
    (tables, files)
}

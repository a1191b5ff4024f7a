//! The secrets of a swanctl.conf.

use std::{collections::BTreeSet, sync::Arc};

use holdfast_ike::{Identification, Secret, identification::ParseIdentificationError};
use zeroize::Zeroizing;

use super::{
    super::{
        origins::{self, Origins},
        plain::{Plain, Table},
    },
    omission, unused,
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

/// What a secret is for, by the name of its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PreShared,
    Eap,
    PostQuantum,
}

impl Kind {
    /// `None` for private keys, which are files; else why there is nothing to carry.
    fn of(section: &str) -> Result<Option<Self>, (&'static str, &'static str)> {
        let kinds = [
            ("ike", Self::PreShared),
            ("eap", Self::Eap),
            ("ppk", Self::PostQuantum),
        ];
        let others = [
            ("xauth", ("XAuth belongs to IKEv1", "leave it out")),
            (
                "ntlm",
                (
                    "a hash of a password is not supported",
                    "write the password as eap",
                ),
            ),
            (
                "pkcs12",
                (
                    "PKCS #12 is not supported",
                    "openssl pkcs12 -in FILE -nodes writes key and certificates as PEM",
                ),
            ),
            (
                "token",
                ("a token is not supported", "put the key into a file"),
            ),
        ];
        if let Some((_, kind)) = kinds.iter().find(|(name, _)| section.starts_with(name)) {
            return Ok(Some(*kind));
        }
        if super::private_keys::is_one(section) {
            return Ok(None);
        }
        let known = others.iter().find(|(name, _)| section.starts_with(name));
        Err(known.map_or(
            (
                "there are no secrets of this kind",
                "name it ike*, eap*, ppk* or private*",
            ),
            |(_, said)| *said,
        ))
    }

    /// As `type` in our TOML has it.
    fn name(self) -> &'static str {
        match self {
            Self::PreShared => "psk",
            Self::Eap => "eap",
            Self::PostQuantum => "ppk",
        }
    }
}

/// One shared secret.
pub(super) struct Imported {
    kind: Kind,
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
        let path = KeyPath::of(["secrets", &entry.name]);
        match Kind::of(&entry.name) {
            Ok(None) => {}
            Ok(Some(kind)) => match one(entry, kind, &mut files) {
                Ok(secret) => secrets.push(secret),
                Err(found) => omitted.extend(found),
            },
            Err((message, remedy)) => {
                omitted.push(omission(entry, &path, message.to_owned(), remedy));
            }
        }
    }
    secrets
}

/// The pre-shared keys among them.
pub(super) fn pre_shared(secrets: &[Imported]) -> Vec<PskEntry> {
    let pre_shared = |secret: &&Imported| secret.kind == Kind::PreShared;
    let entries = secrets.iter().filter(pre_shared);
    entries.map(|secret| secret.entry.clone()).collect()
}

fn one(
    entry: &Entry,
    kind: Kind,
    files: &mut BTreeSet<String>,
) -> Result<Imported, Vec<Diagnostic>> {
    let path = KeyPath::of(["secrets", &entry.name]);
    let refuse =
        |message: &str, remedy: &str| vec![omission(entry, &path, message.to_owned(), remedy)];
    let Setting::Section(section) = &entry.setting else {
        return Err(refuse("a secret is a section", "write it as name { ... }"));
    };
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
            kind,
            entry: psk,
            ids: ids.unwrap_or_default(),
            text: secret,
            file: file_name(&entry.name, kind.name(), files),
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
pub(super) fn file_name(name: &str, suffix: &str, taken: &mut BTreeSet<String>) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let plain: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .take(200)
        .collect();
    let plain = unused(&plain, |name| taken.contains(&format!("{name}.{suffix}")));
    let file = format!("{plain}.{suffix}");
    taken.insert(file.clone());
    file
}

/// A secret for a peer whose own is not in the file.
pub(super) fn placeholder(
    connection: &str,
    remote: (&Identification, &str),
    others: &[Imported],
) -> Imported {
    let name = unused(connection, |name| {
        others.iter().any(|other| other.entry.name == name)
    });
    let mut files = others.iter().map(|other| other.file.clone()).collect();
    Imported {
        ids: vec![remote.1.to_owned()],
        text: None,
        file: file_name(&name, Kind::PreShared.name(), &mut files),
        kind: Kind::PreShared,
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
        table.push("type", Plain::Text(secret.kind.name().to_owned()), &[]);
        if !secret.ids.is_empty() {
            table.push("ids", Plain::List(secret.ids), &[]);
        }
        let file = SecretFile {
            file: secret.file,
            key: secret.key,
            origin: secret.origin,
        };
        let source = source(secret.text, with_secrets, file, &mut files);
        table.push("secret", Plain::Table(source), &[]);
        tables.push(&secret.entry.name, Plain::Table(table), &secret.comments);
    }
    (tables, files)
}

/// Where the TOML has a secret: in itself, or in a file, which is to be created when the secret is
/// known.
pub(super) fn source(
    text: Option<Zeroizing<String>>,
    with_secrets: bool,
    file: SecretFile,
    files: &mut Vec<SecretFile>,
) -> Table {
    let mut source = Table::default();
    match text {
        Some(text) if with_secrets => source.push("value", Plain::Text(text.to_string()), &[]),
        text => {
            source.push("file", Plain::Text(file.file.clone()), &[]);
            if text.is_some() {
                files.push(file);
            }
        }
    }
    source
}

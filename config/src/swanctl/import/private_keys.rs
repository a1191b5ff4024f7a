//! The private keys of a swanctl.conf: every file of certain folders, with the passphrases that its
//! section `secrets` has for them.

use std::collections::BTreeSet;

use holdfast_pki::{KeyError, PrivateKey};
use zeroize::Zeroizing;

use super::{
    super::{
        origins,
        plain::{Plain, Table},
    },
    Folder, Found, SecretFile, file_omission, omission, secrets, unused,
};
use crate::{
    Diagnostic, Settings,
    key_path::KeyPath,
    settings::{Entry, Setting},
};

/// Folders, which are also what the names of their sections begin with.
const FOLDERS: [&str; 4] = ["private", "rsa", "ecdsa", "pkcs8"];

/// Whether a section of `secrets` is about a private key.
pub(super) fn is_one(section: &str) -> bool {
    FOLDERS.iter().any(|folder| section.starts_with(folder))
}

/// One private key.
pub(super) struct Imported {
    /// The name of its section, or else of its file.
    name: String,
    /// Relative to the folder of the TOML file.
    file: String,
    passphrase: Option<Passphrase>,
    comments: Vec<String>,
}

struct Passphrase {
    text: Zeroizing<String>,
    key: String,
    origin: crate::diagnostic::Origin,
}

/// Reads the folders and the sections about their files.
pub(super) fn read(
    settings: &Settings,
    folder: &Folder<'_>,
    omitted: &mut Vec<Diagnostic>,
) -> Vec<Imported> {
    let mut sections = settings.section("secrets").map_or_else(Vec::new, |all| {
        let keys = all.iter().filter(|entry| is_one(&entry.name));
        keys.collect()
    });
    let mut keys = Vec::new();
    for found in FOLDERS.iter().flat_map(|name| folder.list(name)) {
        let about = sections.iter().position(|entry| names(entry, &found.name));
        let about = about.map(|position| sections.remove(position));
        match one(&found, about, folder) {
            Ok(key) => keys.push(key),
            Err((message, remedy)) => omitted.push(file_omission(&found, message, &remedy)),
        }
    }
    for entry in sections {
        let path = KeyPath::of(["secrets", &entry.name]);
        let message = "there is no such private key in the folder of its kind".to_owned();
        omitted.push(omission(entry, &path, message, "name its file in file"));
    }
    keys
}

fn one(
    found: &Found,
    about: Option<&Entry>,
    folder: &Folder<'_>,
) -> Result<Imported, (String, String)> {
    let octets = folder
        .read(&found.path)
        .map_err(|(message, remedy)| (message, remedy.to_owned()))?;
    let passphrase = about.and_then(passphrase);
    let opened = match (PrivateKey::parse(&octets, None), &passphrase) {
        (Err(KeyError::Encrypted), Some(passphrase)) => {
            PrivateKey::decrypt(&octets, passphrase.text.as_bytes()).map(|_| true)
        }
        (parsed, _) => parsed.map(|_| false),
    };
    let encrypted = opened.map_err(|error| {
        let remedy = match error {
            KeyError::Encrypted => format!(
                "write a table [secrets.NAME] for it, with file = \"{}\" and its passphrase in secret",
                found.name
            ),
            _ => "openssl pkey shows what is in it".to_owned(),
        };
        (error.to_string(), remedy)
    })?;
    let stem = found.path.file_stem().and_then(|stem| stem.to_str());
    Ok(Imported {
        name: about.map_or_else(
            || stem.unwrap_or(&found.name).to_owned(),
            |entry| entry.name.clone(),
        ),
        file: found.name.clone(),
        passphrase: passphrase.filter(|_| encrypted),
        comments: about.map_or_else(Vec::new, |entry| entry.comments.clone()),
    })
}

/// Whether a section is about the file with this name.
fn names(entry: &Entry, name: &str) -> bool {
    let Setting::Section(section) = &entry.setting else {
        return false;
    };
    let wanted = section.get("file").and_then(text).map(str::trim);
    name.split_once('/')
        .is_some_and(|(folder, file)| entry.name.starts_with(folder) && wanted == Some(file))
}

fn passphrase(entry: &Entry) -> Option<Passphrase> {
    let Setting::Section(section) = &entry.setting else {
        return None;
    };
    let secret = section.get("secret")?;
    Some(Passphrase {
        text: Zeroizing::new(text(secret)?.to_owned()),
        key: KeyPath::of(["secrets", &entry.name, "secret"]).to_string(),
        origin: origins::origin(secret.mark.as_ref()),
    })
}

fn text(entry: &Entry) -> Option<&str> {
    match &entry.setting {
        Setting::Value(value) => std::str::from_utf8(value).ok(),
        Setting::List(_) | Setting::Section(_) => None,
    }
}

/// Adds their tables to `[secrets]`, and the files that hold their passphrases to those to create.
pub(super) fn tables(
    keys: Vec<Imported>,
    with_secrets: bool,
    (tables, files): (&mut Table, &mut Vec<SecretFile>),
) {
    let mut taken: BTreeSet<String> = files.iter().map(|file| file.file.clone()).collect();
    for key in keys {
        let mut table = Table::default();
        let name = unused(&key.name, |name| tables.get(name).is_some());
        table.push("type", Plain::Text("private_key".to_owned()), &[]);
        table.push("file", Plain::Text(key.file), &[]);
        if let Some(passphrase) = key.passphrase {
            let file = SecretFile {
                file: secrets::file_name(&name, "pass", &mut taken),
                key: passphrase.key,
                origin: passphrase.origin,
            };
            let source = secrets::source(Some(passphrase.text), with_secrets, file, files);
            table.push("secret", Plain::Table(source), &[]);
        }
        tables.push(&name, Plain::Table(table), &key.comments);
    }
}

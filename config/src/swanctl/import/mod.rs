//! A swanctl.conf rewritten as our TOML.
//!
//! What cannot be carried is named. A connection is left out as a whole when it could only be
//! carried as another one: with other peers, other traffic or less protection.

mod authorities;
mod document;
mod pools;
mod private_keys;
mod secrets;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use holdfast_ike::config::IdMatch;
use zeroize::Zeroizing;

use super::{
    Files,
    conf::{Conf, read_from},
    origins,
    plain::{Plain, Table},
    translate::{self, Weight},
    validated,
};
use crate::{
    Agent, ConfigError, Connection, Diagnostic, Secrets, Settings, Severity,
    key_path::KeyPath,
    report::Report,
    settings::{Entry, Setting},
    validate,
};
use secrets::Imported;
pub use secrets::SecretFile;

/// A swanctl.conf as TOML.
#[derive(Clone, Debug)]
pub struct Import {
    /// The TOML: connections and secrets.
    pub toml: Zeroizing<String>,
    /// Files that it refers to and that must be created.
    pub secret_files: Vec<SecretFile>,
    /// What was left out, and why.
    pub omitted: Vec<Diagnostic>,
    /// What may not be meant.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
}

/// Rewrites a swanctl.conf as TOML. Secrets are written into it only `with_secrets`; otherwise it
/// refers to files that the caller must have created.
///
/// # Errors
/// When a file cannot be read or has mistakes in its syntax.
pub fn import(file: &Path, with_secrets: bool) -> Result<Import, ConfigError> {
    import_from(&Files::Disk, file, with_secrets)
}

/// Like [`import`], from these files.
pub fn import_from(files: &Files, file: &Path, with_secrets: bool) -> Result<Import, ConfigError> {
    let conf = read_from(files, file)?;
    Ok(Importer::default().run(conf, &Folder { files, file }, with_secrets))
}

/// Where swanctl looks for keys and certificates: folders beside the file.
struct Folder<'a> {
    files: &'a Files,
    file: &'a Path,
}

/// A file of such a folder, by its name as our TOML has it.
struct Found {
    name: String,
    path: PathBuf,
}

impl Folder<'_> {
    fn list(&self, folder: &str) -> Vec<Found> {
        let found = |path: PathBuf| {
            let file = path.file_name()?.to_str()?;
            let name = format!("{folder}/{file}");
            Some(Found { name, path })
        };
        let paths = self.files.folder(self.file, folder);
        paths.into_iter().filter_map(found).collect()
    }

    fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, (String, &'static str)> {
        self.files.octets(path, MOST_OCTETS)
    }
}

/// Octets of a key or certificate.
const MOST_OCTETS: usize = 1 << 20;

#[derive(Default)]
struct Importer {
    omitted: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Importer {
    fn run(mut self, conf: Conf, folder: &Folder<'_>, with_secrets: bool) -> Import {
        self.warnings = conf.warnings;
        let settings = &conf.settings;
        let (tables, connections) = self.connections(settings);
        let mut secrets = secrets::read(settings, &mut self.omitted);
        self.placeholders(settings, (&tables, &connections), &mut secrets);
        let keys = private_keys::read(settings, folder, &mut self.omitted);
        let authority_tables = authorities::read(settings, folder, &mut self.omitted);
        self.unnamed_certificates(&tables, folder);
        let pool_tables = pools::read(settings, &mut self.omitted);
        let (mut secret_tables, mut secret_files) = secrets::tables(secrets, with_secrets);
        private_keys::tables(keys, with_secrets, (&mut secret_tables, &mut secret_files));
        let section = |name, table| (name, comments(settings, name), table);
        let toml = document::write(&[
            section("connections", &tables),
            section("secrets", &secret_tables),
            section("authorities", &authority_tables),
            section("pools", &pool_tables),
        ]);
        self.omitted.sort_by(Diagnostic::order);
        self.warnings.sort_by(Diagnostic::order);
        Import {
            toml,
            secret_files,
            omitted: self.omitted,
            warnings: self.warnings,
            files: conf.files,
        }
    }

    /// swanctl loads every certificate and revocation list of its folders; our TOML names those that
    /// a connection uses.
    fn unnamed_certificates(&mut self, connections: &Table, folder: &Folder<'_>) {
        let named = certificates(connections);
        let unnamed = folder.list("x509").into_iter();
        for found in unnamed.filter(|found| !named.contains(&found.name)) {
            let message = "no connection names this certificate".to_owned();
            let remedy = "name it in certs of the local end that uses it";
            self.omitted.push(file_omission(&found, message, remedy));
        }
        for found in folder.list("x509crl") {
            let message = "the import does not carry revocation lists".to_owned();
            let remedy = "name where they are published in crl_uris of the authority";
            self.omitted.push(file_omission(&found, message, remedy));
        }
    }

    /// Every connection that can be carried: its table and what it means.
    fn connections(&mut self, settings: &Settings) -> (Table, BTreeMap<String, Connection>) {
        let mut tables = Table::default();
        let mut connections = BTreeMap::new();
        let entries = settings.section("connections");
        for entry in entries.into_iter().flat_map(Settings::iter) {
            let Setting::Section(section) = &entry.setting else {
                let path = KeyPath::of(["connections", &entry.name]);
                let message = "a connection is a section".to_owned();
                self.omit(entry, &path, message, "write it as name { ... }");
                continue;
            };
            if let Some((table, connection)) = self.connection(entry, section) {
                tables.push(&entry.name, Plain::Table(table), &entry.comments);
                connections.insert(entry.name.clone(), connection);
            }
        }
        (tables, connections)
    }

    fn connection(&mut self, entry: &Entry, section: &Settings) -> Option<(Table, Connection)> {
        let translation = translate::connection(&entry.name, section);
        let mut carried = true;
        for finding in &translation.findings {
            let diagnostic = finding.diagnostic.clone();
            match finding.weight {
                Weight::Idle => self.warnings.push(diagnostic),
                Weight::Lesser => self.omitted.push(diagnostic),
                Weight::Essential => {
                    carried = false;
                    self.omitted.push(diagnostic);
                }
            }
        }
        let report = Report::new(&translation.origins);
        let connection = validated(&entry.name, &translation, &Agent::default(), &report);
        carried &= !report.has_errors();
        for diagnostic in report.finish() {
            match diagnostic.severity {
                Severity::Error => self.omitted.push(diagnostic),
                Severity::Warning => self.warnings.push(diagnostic),
            }
        }
        if !carried {
            let path = KeyPath::of(["connections", &entry.name]);
            let message = "the connection is left out".to_owned();
            self.omit(entry, &path, message, "see what else is said about it");
            return None;
        }
        Some((translation.table, connection))
    }

    /// A connection whose secret is not in the file gets one whose file is to be created: without
    /// one the TOML would not load.
    fn placeholders(
        &mut self,
        settings: &Settings,
        (tables, connections): (&Table, &BTreeMap<String, Connection>),
        secrets: &mut Vec<Imported>,
    ) {
        let known = Secrets::new(secrets::pre_shared(secrets));
        let mut provided = BTreeSet::new();
        for (name, connection) in connections {
            let IdMatch::Exact(remote) = connection.ike.remote_id() else {
                continue;
            };
            if !validate::lacks_psk(connection, &known) || !provided.insert(remote.clone()) {
                continue;
            }
            let written = remote_id(tables, name).unwrap_or_default();
            let placeholder = secrets::placeholder(name, (remote, written), secrets);
            let path = KeyPath::of(["connections", name]);
            if let Some(entry) = settings
                .section("connections")
                .and_then(|all| all.get(name))
            {
                let message = format!("the secret for {remote} is not in the file");
                let remedy = format!("put it into {}", placeholder.file);
                self.omit(entry, &path, message, &remedy);
            }
            secrets.push(placeholder);
        }
    }

    fn omit(&mut self, entry: &Entry, path: &KeyPath, message: String, remedy: &str) {
        self.omitted.push(omission(entry, path, message, remedy));
    }
}

fn omission(entry: &Entry, path: &KeyPath, message: String, remedy: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        origin: origins::origin(entry.mark.as_ref()),
        key: path.to_string(),
        message,
        remedy: remedy.to_owned(),
    }
}

fn file_omission(found: &Found, message: String, remedy: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        origin: origins::origin(None),
        key: found.name.clone(),
        message,
        remedy: remedy.to_owned(),
    }
}

/// The files in `certs` of every end of every connection.
fn certificates(connections: &Table) -> BTreeSet<String> {
    fn collect(plain: &Plain, key: &str, into: &mut BTreeSet<String>) {
        match plain {
            Plain::List(files) if key == "certs" => into.extend(files.iter().cloned()),
            Plain::Table(table) => {
                for field in &table.fields {
                    collect(&field.value, &field.key, into);
                }
            }
            Plain::Tables(tables) => {
                for field in tables.iter().flat_map(|table| &table.fields) {
                    collect(&field.value, &field.key, into);
                }
            }
            _ => {}
        }
    }
    let mut files = BTreeSet::new();
    collect(&Plain::Table(connections.clone()), "", &mut files);
    files
}

/// A name like no other: this one, or with a number behind it.
fn unused(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))
        .expect("numbers do not end")
}

/// The peer's identity as it is written.
fn remote_id<'a>(tables: &'a Table, name: &str) -> Option<&'a str> {
    let Plain::Table(connection) = tables.get(name)? else {
        return None;
    };
    let Plain::Table(remote) = connection.get("remote")? else {
        return None;
    };
    match remote.get("id")? {
        Plain::Text(id) => Some(id),
        _ => None,
    }
}

fn comments<'a>(settings: &'a Settings, name: &str) -> &'a [String] {
    settings.get(name).map_or(&[], |entry| &entry.comments)
}

//! From files to the model, all problems collected on the way.

use std::{
    collections::HashMap,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use config::{File, FileFormat, Value, ValueKind};
use toml_edit::TableLike;
use zeroize::Zeroizing;

use crate::{
    Config,
    confinement::{OUTSIDE, RESTART, is_shut_out},
    diagnostic::{ConfigError, Diagnostic, Origin, Severity},
    environment::{Environment, Overrides},
    key_path::KeyPath,
    layers::{Layer, Layers},
    raw::RawConfig,
    report::Report,
    schema, validate,
    value::Strict,
};

/// No configuration file is larger.
const LARGEST_FILE: u64 = 64 << 20;
/// Values of wrong type that are looked for; each costs one more pass.
const MOST_MISFITS: usize = 50;

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What may not be meant.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read: the main file, those of `conf.d`, secrets, certificates and keys.
    pub files: Vec<PathBuf>,
}

/// Loads a main file, the files `conf.d/*.toml` beside it in the order of their names, and the
/// overrides for `[agent]` in this process's environment.
pub fn load(main: &Path) -> Result<Loaded, ConfigError> {
    load_with(main, &Environment::Process)
}

/// Like [`load`], with this environment.
pub fn load_with(main: &Path, environment: &Environment) -> Result<Loaded, ConfigError> {
    let (overrides, mut problems) = Overrides::read(environment);
    let (mut layers, broken) = read_layers(main);
    layers.variables.clone_from(&overrides.keys);
    if !broken.is_empty() {
        problems.extend(broken);
        return Err(ConfigError::new(problems));
    }
    let mut root = match merge(&layers, &overrides) {
        Ok(root) => root,
        Err(error) => {
            // The first line only: the others may quote the file, secrets included.
            let message = error.to_string();
            let message = message
                .lines()
                .next()
                .unwrap_or("the files cannot be merged");
            problems.push(whole_file(main, message, "correct the file"));
            return Err(ConfigError::new(problems));
        }
    };
    let mut files: Vec<PathBuf> = layers
        .files
        .iter()
        .map(|layer| layer.path.clone())
        .collect();
    let report = Report::new(&layers);
    for problem in problems {
        report.push(problem);
    }
    report_writable(&layers, &report);
    report_duplicates(&layers, &report);
    remove_strays(&layers, &mut root, &report);
    let raw = deserialize(&mut root, &report);
    let config = validate::config(raw, &report, environment);
    files.extend(report.files());
    let rejected = report.has_errors();
    let found = report.finish();
    if rejected {
        return Err(ConfigError::new(found));
    }
    Ok(Loaded {
        config,
        warnings: found,
        files,
    })
}

fn whole_file(path: &Path, message: &str, remedy: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        origin: Origin::File(path.to_path_buf()),
        key: String::new(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    }
}

/// Reads and parses every file.
fn read_layers(main: &Path) -> (Layers, Vec<Diagnostic>) {
    let mut layers = Layers::default();
    let mut problems = Vec::new();
    let paths = match fragments(main) {
        Ok(fragments) => fragments,
        Err(problem) => {
            problems.push(problem);
            Vec::new()
        }
    };
    for path in std::iter::once(main.to_path_buf()).chain(paths) {
        let layer = read(&path).and_then(|text| {
            Layer::parse(path, &text).map_err(|(place, message)| Diagnostic {
                severity: Severity::Error,
                origin: Origin::Place(Box::new(place)),
                key: String::new(),
                message: format!("this is not TOML: {message}"),
                remedy: "correct the syntax here".to_owned(),
            })
        });
        match layer {
            Ok(layer) => layers.files.push(layer),
            Err(problem) => problems.push(problem),
        }
    }
    (layers, problems)
}

/// The files of `conf.d` beside the main file, by name; hidden ones are left alone.
fn fragments(main: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let directory = main.with_file_name("conf.d");
    let unreadable = |error: std::io::Error| {
        if is_shut_out(&directory, &error) {
            let message = format!("cannot list the folder: {OUTSIDE}");
            return whole_file(&directory, &message, RESTART);
        }
        let remedy = "let the agent's user list it: chmod u+rx";
        whole_file(
            &directory,
            &format!("cannot list the folder: {error}"),
            remedy,
        )
    };
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden
            && path
                .extension()
                .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Zeroizing<String>, Diagnostic> {
    let unreadable = |error: std::io::Error| {
        if is_shut_out(path, &error) {
            return whole_file(path, &format!("cannot read the file: {OUTSIDE}"), RESTART);
        }
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => "create it, or name another one with --config",
            std::io::ErrorKind::PermissionDenied => "let the agent's user read it: chmod u+r",
            _ => "make it a readable file",
        };
        whole_file(path, &format!("cannot read the file: {error}"), remedy)
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(whole_file(
            path,
            "this is not a regular file",
            "name a TOML file",
        ));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(whole_file(
            path,
            "the file is larger than 64 MiB",
            "split it into conf.d",
        ));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => {
            let line = bytes[..error.valid_up_to()]
                .split(|byte| *byte == b'\n')
                .count();
            let message = format!("line {line} is not UTF-8");
            Err(whole_file(path, &message, "save the file as UTF-8"))
        }
    }
}

/// One tree of all files and the environment; what comes later wins, key by key.
fn merge(layers: &Layers, overrides: &Overrides) -> Result<Value, config::ConfigError> {
    let mut builder = config::Config::builder();
    for layer in &layers.files {
        builder = builder.add_source(File::from_str(layer.document.raw(), FileFormat::Toml));
    }
    let merged = builder.add_source(overrides.source()).build()?;
    Ok(merged.cache)
}

/// Whoever may write a configuration file decides whom the agent trusts.
fn report_writable(layers: &Layers, report: &Report<'_>) {
    for layer in &layers.files {
        let path = &layer.path;
        let mode = std::fs::metadata(path).map_or(0, |file| file.permissions().mode() & 0o777);
        let whose = match mode & 0o022 {
            0 => continue,
            0o020 => "its group",
            _ => "every user of this machine",
        };
        report.push(Diagnostic {
            severity: Severity::Warning,
            ..whole_file(
                path,
                &format!("{whose} may change this file (mode {mode:04o})"),
                &format!("chmod go-w {}", path.display()),
            )
        });
    }
}

/// Connections, secrets and pools are not spread over files: the second of one name is a mistake.
fn report_duplicates(layers: &Layers, report: &Report<'_>) {
    let mut first: HashMap<(&str, &str), &Layer> = HashMap::new();
    for layer in &layers.files {
        for (section, one) in [
            ("connections", "connection"),
            ("secrets", "secret"),
            ("pools", "pool"),
        ] {
            let named = layer
                .document
                .get(section)
                .and_then(|item| item.as_table_like());
            for (name, _) in named.into_iter().flat_map(TableLike::iter) {
                let Some(other) = first.insert((section, name), layer) else {
                    continue;
                };
                let span = named.and_then(|table| table.key(name)?.span());
                report.push(Diagnostic {
                    severity: Severity::Error,
                    origin: layer.origin(span),
                    key: KeyPath::of([section, name]).to_string(),
                    message: format!("a {one} of this name is also in {}", other.path.display()),
                    remedy: "rename or remove one of them".to_owned(),
                });
            }
        }
    }
}

/// Reports unknown keys and takes them out, so that the rest can be looked at.
fn remove_strays(layers: &Layers, root: &mut Value, report: &Report<'_>) {
    for layer in &layers.files {
        for stray in schema::strays(layer) {
            report.push(Diagnostic {
                severity: Severity::Error,
                origin: layer.origin(stray.span),
                key: stray.path.to_string(),
                message: stray.message,
                remedy: stray.remedy,
            });
            schema::prune(root, &stray.path);
            report.mark_broken(stray.path);
        }
    }
}

/// Deserializes again and again, each time without the value that did not fit.
pub(crate) fn deserialize(root: &mut Value, report: &Report<'_>) -> RawConfig {
    for _ in 0..MOST_MISFITS {
        let error = match serde_path_to_error::deserialize(Strict(root)) {
            Ok(raw) => return raw,
            Err(error) => error,
        };
        let path = KeyPath::from(error.path());
        let mismatch = error.into_inner();
        let remedy = mismatch
            .remedy
            .unwrap_or_else(|| "correct the value".to_owned());
        report.at(path.clone()).error(mismatch.message, remedy);
        let removed = path.without_elements();
        if !schema::prune(root, &removed) {
            break;
        }
        report.mark_broken(removed);
    }
    report.mark_broken(KeyPath::default());
    debug_assert!(matches!(root.kind, ValueKind::Table(_)));
    RawConfig::default()
}

//! Whole configurations: what loads, what does not, and what is said about it.

mod credentials;
mod defaults;
mod diagnostics;
mod documentation;
mod environment;
mod examples;
mod fragments;
mod json_schema;
mod radius;
mod robustness;
mod secrets;
mod shunts_and_probes;

use std::{collections::BTreeMap, fs::Permissions, os::unix::fs::PermissionsExt, path::PathBuf};

use tempfile::TempDir;

use crate::{ConfigError, Environment, Loaded, load_with, render};

/// A folder with configuration files.
struct Site {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

impl Site {
    fn new(main: &str) -> Self {
        let site = Self {
            folder: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
        };
        site.with("holdfast.toml", main)
    }

    /// Adds a file that only its owner may read.
    fn with(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.with_mode(name, 0o600)
    }

    fn with_mode(self, name: &str, mode: u32) -> Self {
        std::fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
        self
    }

    fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        let environment = Environment::Fixed(self.variables.clone());
        load_with(&self.path("holdfast.toml"), &environment)
    }

    /// Loads what must be usable.
    fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    /// What is said, one line for each problem, names without the folder.
    fn said(&self) -> String {
        let lines: Vec<String> = match self.load() {
            Ok(loaded) => {
                let line = |warning| format!("warning: {warning}");
                loaded.warnings.iter().map(line).collect()
            }
            Err(error) => vec![error.to_string()],
        };
        self.without_folder(&lines.join("\n"))
    }

    /// What a person sees.
    fn drawn(&self) -> String {
        let drawn = match self.load() {
            Ok(loaded) => render(&loaded.warnings, false),
            Err(error) => render(error.diagnostics(), false),
        };
        self.without_folder(&drawn)
    }

    fn without_folder(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

/// A connection that is right, to which tests add what they are about.
const PARIS: &str = r#"
[connections.paris]
local_addrs  = ["192.0.2.1"]
remote_addrs = ["192.0.2.2"]
local  = { auth = "psk", id = "moon.example" }
remote = { auth = "psk", id = "sun.example" }
"#;

const NET: &str = r#"
[connections.paris.children.net]
local_ts  = ["10.1.0.0/16"]
remote_ts = ["10.2.0.0/16"]
"#;

const SECRET: &str = r#"
[secrets.paris]
type = "psk"
ids  = ["sun.example"]
secret = { env = "PSK" }
"#;

/// [`PARIS`] with more keys for the connection and for its child.
fn paris(connection: &str, child: &str) -> Site {
    Site::new(&format!("{PARIS}{connection}\n{NET}{child}\n{SECRET}"))
        .with_variable("PSK", "s3cret")
}

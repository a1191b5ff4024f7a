//! What environment variables say: overrides for `[agent]`, and secrets.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
};

use zeroize::Zeroizing;

use crate::{
    diagnostic::{Diagnostic, Origin, Severity},
    key_path::{KeyPath, Segment},
    schema,
};

const PREFIX: &str = "HOLDFAST__";
const SEPARATOR: &str = "__";

/// Environment variables.
#[derive(Clone, Debug)]
pub enum Environment {
    /// Those of this process.
    Process,
    /// These and no others.
    Fixed(BTreeMap<String, String>),
}

impl Environment {
    /// The value of one variable, where it is set and is text.
    pub(crate) fn get(&self, name: &str) -> Option<Zeroizing<String>> {
        match self {
            Self::Process => std::env::var(name).ok(),
            Self::Fixed(variables) => variables.get(name).cloned(),
        }
        .map(Zeroizing::new)
    }

    fn with_prefix(&self) -> Vec<(String, OsString)> {
        let ours = |name: &String| name.starts_with(PREFIX);
        match self {
            Self::Process => std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .filter(|(name, _)| ours(name))
                .collect(),
            Self::Fixed(variables) => variables
                .iter()
                .filter(|(name, _)| ours(name))
                .map(|(name, value)| (name.clone(), value.into()))
                .collect(),
        }
    }
}

/// The overrides for `[agent]`.
#[derive(Default)]
pub(crate) struct Overrides {
    variables: HashMap<String, String>,
    /// Which key each of them sets.
    pub(crate) keys: BTreeMap<KeyPath, String>,
}

impl Overrides {
    /// Sorts the variables that start with `HOLDFAST__` into overrides and mistakes.
    pub(crate) fn read(environment: &Environment) -> (Self, Vec<Diagnostic>) {
        let mut overrides = Self::default();
        let mut problems = Vec::new();
        for (name, value) in environment.with_prefix() {
            match judge(&name, value) {
                Ok((path, value)) => {
                    overrides.keys.insert(path, name.clone());
                    overrides.variables.insert(name, value);
                }
                Err((message, remedy)) => problems.push(Diagnostic {
                    severity: Severity::Error,
                    origin: Origin::Variable(name),
                    key: String::new(),
                    message,
                    remedy,
                }),
            }
        }
        (overrides, problems)
    }

    /// The overrides as the last source of the merge.
    pub(crate) fn source(&self) -> config::Environment {
        config::Environment::with_prefix(PREFIX.trim_end_matches('_'))
            .separator(SEPARATOR)
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("agent.listen")
            .source(Some(self.variables.clone().into_iter().collect()))
    }
}

fn judge(name: &str, value: OsString) -> Result<(KeyPath, String), (String, String)> {
    let key = name[PREFIX.len()..].to_lowercase();
    let steps: Vec<&str> = key.split(SEPARATOR).collect();
    let Some(("agent", steps)) = steps.split_first().map(|(first, rest)| (*first, rest)) else {
        return Err((
            "only the [agent] section can be set by environment variables".to_owned(),
            format!("unset it, or name a key as in {PREFIX}AGENT__PORT"),
        ));
    };
    let path = schema::agent_key(steps).map_err(|suggestion| {
        let remedy = match suggestion {
            Some(path) => format!("did you mean {}?", variable_name(&path)),
            None => "unset it, or name a key of [agent]".to_owned(),
        };
        ("it names no key of [agent]".to_owned(), remedy)
    })?;
    let value = value.into_string().map_err(|_| {
        (
            "its value is not UTF-8".to_owned(),
            "correct or unset it".to_owned(),
        )
    })?;
    Ok((path, value))
}

fn variable_name(path: &KeyPath) -> String {
    let mut name = PREFIX.trim_end_matches('_').to_owned();
    for segment in path.segments() {
        if let Segment::Key(key) = segment {
            name.push_str(SEPARATOR);
            name.push_str(&key.to_uppercase());
        }
    }
    name
}

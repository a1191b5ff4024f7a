//! The files as they were written: their text, and where in it a value stands.

use std::{collections::BTreeMap, ops::Range, path::PathBuf, sync::Arc};

use toml_edit::{Document, Item, TableLike};
use zeroize::Zeroizing;

use crate::{
    diagnostic::{Origin, Place, Source},
    key_path::{KeyPath, Segment},
    report::Places,
};

/// One file.
pub(crate) struct Layer {
    pub(crate) path: PathBuf,
    pub(crate) document: Document<Zeroizing<String>>,
    /// The text that diagnostics may show.
    source: Arc<Source>,
}

impl Layer {
    /// Parses one file; a syntax error comes back as its place and message.
    pub(crate) fn parse(path: PathBuf, text: &Zeroizing<String>) -> Result<Self, (Place, String)> {
        match Document::parse(text.clone()) {
            Ok(document) => {
                let source = Arc::new(Source::new(&path, mask_secrets(&document)));
                Ok(Self {
                    path,
                    document,
                    source,
                })
            }
            Err(error) => {
                let source = Arc::new(Source::new(&path, mask_suspects(text)));
                let place = Place::new(&path, &source, error.span().unwrap_or_default());
                Err((place, error.message().trim().replace('\n', ", ")))
            }
        }
    }

    /// The bytes as a place, or the file as a whole.
    pub(crate) fn origin(&self, span: Option<Range<usize>>) -> Origin {
        match span {
            Some(span) => Origin::Place(Box::new(Place::new(&self.path, &self.source, span))),
            None => Origin::File(self.path.clone()),
        }
    }

    /// Follows the path as far as this file goes.
    fn find(&self, path: &KeyPath) -> Found {
        let mut item = self.document.as_item();
        let mut found = Found {
            depth: 0,
            span: None,
        };
        for segment in path.segments() {
            let next = match segment {
                Segment::Key(key) => item
                    .as_table_like()
                    .and_then(|table| table.get_key_value(key))
                    .map(|(key, item)| (span_of(key, item), item)),
                Segment::Index(index) => item.get(*index).map(|item| (item.span(), item)),
            };
            let Some((span, next)) = next else { break };
            item = next;
            found.depth += 1;
            found.span = span.or(found.span);
        }
        found
    }
}

/// The value where it has a place of its own, else (a table) its name.
fn span_of(key: &toml_edit::Key, item: &Item) -> Option<Range<usize>> {
    let table = item.is_table() || item.is_array_of_tables();
    if table { None } else { item.span() }.or_else(|| key.span())
}

struct Found {
    depth: usize,
    span: Option<Range<usize>>,
}

/// All files in the order in which they apply, and the environment above them.
#[derive(Default)]
pub(crate) struct Layers {
    pub(crate) files: Vec<Layer>,
    pub(crate) variables: BTreeMap<KeyPath, String>,
}

impl Layers {
    /// The last file that follows the path the farthest.
    fn nearest(&self, path: &KeyPath) -> (Option<&Layer>, Found) {
        let found = |layer| (Some(layer), Layer::find(layer, path));
        self.files
            .iter()
            .map(found)
            .max_by_key(|(_, found)| found.depth)
            .unwrap_or((
                None,
                Found {
                    depth: 0,
                    span: None,
                },
            ))
    }
}

impl Places for Layers {
    /// Where a value comes from, and the key it has there: the variable or the last file that sets
    /// it, else `[defaults]`, else the nearest table around it.
    fn origin(&self, path: &KeyPath) -> (Origin, KeyPath) {
        let variable = |(key, name): (&KeyPath, &String)| {
            path.starts_with(key)
                .then(|| Origin::Variable(name.clone()))
        };
        if let Some(origin) = self.variables.iter().find_map(variable) {
            return (origin, path.clone());
        }
        let (layer, found) = self.nearest(path);
        if found.depth < path.segments().len()
            && let Some(fallback) = path.in_defaults()
        {
            let (layer, in_defaults) = self.nearest(&fallback);
            let missing = fallback.segments().len() - in_defaults.depth;
            if missing < path.segments().len() - found.depth {
                return (place_in(layer, in_defaults), fallback);
            }
        }
        (place_in(layer, found), path.clone())
    }
}

fn place_in(layer: Option<&Layer>, found: Found) -> Origin {
    layer.map_or_else(
        || Origin::File(PathBuf::new()),
        |layer| layer.origin(found.span),
    )
}

/// The text with everything starred that may be a secret. Lengths and lines stay.
fn mask_secrets(document: &Document<Zeroizing<String>>) -> String {
    let mut text = document.raw().to_owned();
    if let Some(secrets) = document.get("secrets") {
        mask_below(secrets, &mut text);
    }
    text
}

fn mask_below(item: &Item, text: &mut String) {
    const HARMLESS: [&str; 4] = ["type", "ids", "file", "env"];
    if let Some(table) = item.as_table_like() {
        for (_, item) in table.iter().filter(|(key, _)| !HARMLESS.contains(key)) {
            mask_below(item, text);
        }
    } else if let Some(tables) = item.as_array_of_tables() {
        for table in tables {
            mask_table(table, text);
        }
    } else if let Some(span) = item.span() {
        mask(text, span);
    }
}

fn mask_table(table: &dyn TableLike, text: &mut String) {
    for (_, item) in table.iter() {
        mask_below(item, text);
    }
}

/// For a file that does not parse: stars whatever stands behind a key that announces a secret.
pub(crate) fn mask_suspects(raw: &str) -> String {
    let mut text = raw.to_owned();
    let mut start = 0;
    for line in raw.split_inclusive('\n') {
        let end = start + line.len();
        if let Some(equals) = line.find('=')
            && ["secret", "value", "psk", "pin"]
                .iter()
                .any(|word| line.contains(word))
        {
            mask(&mut text, start + equals + 1..end);
        }
        start = end;
    }
    text
}

pub(crate) fn mask(text: &mut String, span: Range<usize>) {
    let Some(clear) = text.get(span.clone()) else {
        return;
    };
    // Spans count bytes: a character of three bytes becomes three stars.
    let star = |c: char| match c {
        '\n' | '\r' => c.to_string(),
        _ => "*".repeat(c.len_utf8()),
    };
    let stars: String = clear.chars().map(star).collect();
    text.replace_range(span, &stars);
}

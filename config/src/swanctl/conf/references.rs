//! Sections as they are seen, with what they inherit from others.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use zeroize::Zeroizing;

use super::{
    MOST_SECTIONS_DEEP,
    sections::{Id, Sections, too_deep},
};
use crate::{
    diagnostic::{Diagnostic, Origin, Severity},
    settings::{Entry, Mark, Setting, Settings},
};

/// References multiply: what is seen may be far larger than what is written.
const MOST_ENTRIES: usize = 1 << 20;

/// The sections that swanctl looks at. Others are there to be referred to.
const LOOKED_AT: [&str; 4] = ["connections", "secrets", "authorities", "pools"];

/// Everything that swanctl looks at, as it is seen from the root.
pub(super) fn resolve(sections: &Sections) -> (Settings, Vec<Diagnostic>) {
    let mut resolver = Resolver {
        sections,
        entries: 0,
        unknown: BTreeMap::new(),
    };
    match resolver.section(&[Sections::ROOT], 0) {
        Ok(settings) => (settings, resolver.unknown.into_values().collect()),
        Err(problem) => (Settings::default(), vec![*problem]),
    }
}

struct Resolver<'a> {
    sections: &'a Sections,
    /// Entries made so far.
    entries: usize,
    /// References that lead nowhere, told once each.
    unknown: BTreeMap<String, Diagnostic>,
}

impl<'a> Resolver<'a> {
    /// What sections laid over each other hold, the first on top.
    fn section(&mut self, ids: &[Id], depth: usize) -> Result<Settings, Box<Diagnostic>> {
        let layers = self.with_referenced(ids);
        let mut settings = Settings::default();
        self.keys(&layers, &mut settings)?;
        for (name, ids) in self.children(&layers) {
            if depth == 0 && !LOOKED_AT.contains(&name) {
                continue;
            }
            let section = self.sections.get(ids[0]);
            if depth >= MOST_SECTIONS_DEEP
                && let Some(mark) = &section.mark
            {
                return Err(Box::new(too_deep(mark)));
            }
            self.count(ids[0])?;
            settings.push_entry(Entry {
                name: name.to_owned(),
                setting: Setting::Section(self.section(&ids, depth + 1)?),
                mark: section.mark.clone(),
                comments: section.comments.clone(),
            });
        }
        Ok(settings)
    }

    /// The sections and those that they refer to, in the order in which they are asked.
    fn with_referenced(&mut self, ids: &[Id]) -> Vec<Id> {
        let mut layers = Vec::new();
        let mut seen = BTreeSet::new();
        let mut waiting: Vec<Id> = ids.iter().rev().copied().collect();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            layers.push(id);
            for (path, mark) in self.sections.get(id).references.iter().rev() {
                match self.sections.find(path) {
                    Some(id) => waiting.push(id),
                    None => {
                        self.unknown
                            .entry(path.clone())
                            .or_insert_with(|| Diagnostic {
                                severity: Severity::Warning,
                                origin: mark.origin(),
                                key: String::new(),
                                message: format!(
                                    "there is no section {path}: nothing is inherited"
                                ),
                                remedy: "correct the name, or remove the reference".to_owned(),
                            });
                    }
                }
            }
        }
        layers
    }

    fn keys(&mut self, layers: &[Id], settings: &mut Settings) -> Result<(), Box<Diagnostic>> {
        let sections = self.sections;
        let mut seen = BTreeSet::new();
        for id in layers {
            for key in &sections.get(*id).keys {
                if !seen.insert(key.name.as_str()) {
                    continue;
                }
                let Some(value) = &key.value else { continue };
                self.count(*id)?;
                settings.push_entry(Entry {
                    name: key.name.clone(),
                    setting: Setting::Value(Zeroizing::new(value.as_bytes().to_vec())),
                    mark: Some(key.mark.clone()),
                    comments: key.comments.clone(),
                });
            }
        }
        Ok(())
    }

    /// The names of all children, and for each the sections that hold something under it.
    fn children(&self, layers: &[Id]) -> Vec<(&'a str, Vec<Id>)> {
        let mut children: Vec<(&'a str, Vec<Id>)> = Vec::new();
        let mut index = BTreeMap::new();
        for id in layers {
            for (name, child) in &self.sections.get(*id).children {
                let position = *index.entry(name.as_str()).or_insert_with(|| {
                    children.push((name, Vec::new()));
                    children.len() - 1
                });
                children[position].1.push(*child);
            }
        }
        children
    }

    fn count(&mut self, id: Id) -> Result<(), Box<Diagnostic>> {
        self.entries += 1;
        if self.entries <= MOST_ENTRIES {
            return Ok(());
        }
        let section = self.sections.get(id);
        let origin = section
            .mark
            .as_ref()
            .map_or_else(|| Origin::File(PathBuf::new()), Mark::origin);
        Err(Box::new(Diagnostic {
            severity: Severity::Error,
            origin,
            key: String::new(),
            message: format!("with all references, there are more than {MOST_ENTRIES} keys"),
            remedy: "refer to smaller sections, or to fewer".to_owned(),
        }))
    }
}

//! The table of meant differences in `docs/vici.md`.

use std::fmt::{self, Display};

use super::difference::{Difference, Kind};
use crate::lab::userland::Release;

const DOCUMENT: &str = include_str!("../../../docs/vici.md");
const HEADING: &str = "| command | key | difference | beside | why |";

/// A row: what may differ, and must.
#[derive(Debug)]
pub(super) struct Row {
    command: String,
    /// As in [`Difference`]; `*` stands for any one name.
    key: Vec<String>,
    kind: Kind,
    why: String,
}

impl Row {
    pub(super) fn covers(&self, difference: &Difference) -> bool {
        let names: Vec<&str> = difference.key.split('/').collect();
        self.command == difference.command
            && self.kind == difference.kind
            && self.key.len() == names.len()
            && (self.key.iter().zip(names))
                .all(|(expected, name)| expected == "*" || expected == name)
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.join("/");
        let kind = self.kind.word();
        write!(f, "| {} | {key} | {kind} | {} |", self.command, self.why)
    }
}

/// The rows that concern this release.
pub(super) fn rows(release: Release) -> Vec<Row> {
    let lines = DOCUMENT.lines().skip_while(|line| *line != HEADING);
    let rows: Vec<&str> = lines
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(!rows.is_empty(), "docs/vici.md has no table `{HEADING}`");
    rows.into_iter()
        .filter_map(|line| row(line, release))
        .collect()
}

fn row(line: &str, release: Release) -> Option<Row> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [command, key, kind, beside, why] = cells.as_slice() else {
        panic!("docs/vici.md: `{line}` has not five cells");
    };
    assert!(!why.is_empty(), "docs/vici.md: `{line}` gives no reason");
    let bare = |cell: &str| cell.replace('`', "");
    let kind = Kind::ALL
        .into_iter()
        .find(|known| known.word() == *kind)
        .unwrap_or_else(|| panic!("docs/vici.md: `{kind}` is no kind of difference"));
    let concerns = match *beside {
        "both" => true,
        version => {
            let known = Release::ALL
                .iter()
                .any(|release| release.version() == version);
            assert!(
                known,
                "docs/vici.md: `{version}` is no version compared with"
            );
            version == release.version()
        }
    };
    concerns.then(|| Row {
        command: bare(command),
        key: bare(key).split('/').map(ToOwned::to_owned).collect(),
        kind,
        why: (*why).to_owned(),
    })
}

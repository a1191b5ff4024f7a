//! The table in `docs/interop.md`.

use std::fmt::Write as _;

use super::row::{Peer, Row, Starter, Theirs};

/// Set, the table is written; unset, it must be there already.
const WRITE: &str = "HOLDFAST_INTEROP_WRITE";
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/interop.md");
const BEGIN: &str = "<!-- made by `make interop` -->\n";
const END: &str = "<!-- end -->\n";

/// Whoever has it written has seen every cell pass before.
pub(super) fn write_or_compare(rows: &[Row]) {
    let document = std::fs::read_to_string(FILE).expect("docs/interop.md");
    let table = table(rows);
    let (before, rest) = document.split_once(BEGIN).expect("the begin of the table");
    let (there, after) = rest.split_once(END).expect("the end of the table");
    if std::env::var_os(WRITE).is_some() {
        let document = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(FILE, document).expect("docs/interop.md can be written");
    } else {
        assert!(there == table, "docs/interop.md is old: run `make interop`");
    }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from("\n| feature | specified in |");
    let mut rule = String::from("| --- | --- |");
    for peer in Peer::ALL {
        write!(text, " {} answers | starts |", peer.name()).expect("writing to a string");
        rule.push_str(" --- | --- |");
    }
    writeln!(text, "\n{rule}").expect("writing to a string");
    let mut reasons: Vec<&'static str> = Vec::new();
    for row in rows {
        write!(text, "| {} | {} |", row.feature, row.document).expect("writing to a string");
        for peer in Peer::ALL {
            for starter in Starter::ALL {
                text.push_str(&cell(row, peer, starter, &mut reasons));
            }
        }
        text.push('\n');
    }
    text.push('\n');
    for (number, reason) in reasons.iter().enumerate() {
        writeln!(text, "{}. {reason}", number + 1).expect("writing to a string");
    }
    text
}

fn cell(row: &Row, peer: Peer, starter: Starter, reasons: &mut Vec<&'static str>) -> String {
    match row.theirs(peer, starter) {
        Theirs::Told(_) => row.built.map_or(" pass |".to_owned(), |reason| {
            format!(" pass ({}) |", number(reason, reasons))
        }),
        Theirs::Lacks(reason) => format!(" ({}) |", number(reason, reasons)),
    }
}

/// The number of a reason, which is a new one if nobody has given it before.
fn number(reason: &'static str, reasons: &mut Vec<&'static str>) -> usize {
    let known = reasons.iter().position(|known| *known == reason);
    1 + known.unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    })
}

//! Every feature with every peer, either end starting: what `docs/interop.md` says is tried here, and
//! the table there must say what came out. `make interop` writes it.

mod document;
mod keys;
mod proofs;
mod row;
mod rows;
mod scene;
mod stage;
mod texts;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use keys::Keys;
use row::{Peer, Row, Starter, Theirs};
use scene::Place;

use crate::lab::{Lab, libreswan::Libreswan, topology::Pair};

/// As many charons as there are cores to run them.
const WORKERS: usize = 2;

/// Only features with these words are tried (`words|other words`), and nothing is written: for whoever
/// works on some of them.
const ONLY: &str = "HOLDFAST_INTEROP_ONLY";

/// Only these peers: for the same.
const PEER: &str = "HOLDFAST_INTEROP_PEER";

/// Set, what needs a charon that was built from its sources is tried, too.
const BUILT: &str = "HOLDFAST_INTEROP_BUILT";

/// What came out of one cell.
#[derive(Clone, Debug)]
struct Outcome {
    row: usize,
    peer: Peer,
    starter: Starter,
    result: Result<(), String>,
}

#[test]
fn alone_every_feature_with_every_peer() {
    let only = std::env::var(ONLY).ok();
    let wanted = |row: &Row| {
        only.as_ref()
            .is_none_or(|only| only.split('|').any(|words| row.feature.contains(words)))
    };
    let rows: Vec<Row> = rows::all().into_iter().filter(wanted).collect();
    assert!(!rows.is_empty(), "no feature is called {only:?}");
    let outcomes = run(&rows);
    let failures: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            let error = outcome.result.as_ref().err()?;
            let (row, peer) = (rows[outcome.row].feature, outcome.peer.name());
            Some(format!(
                "{row}, {peer}, {:?} starts: {error}",
                outcome.starter
            ))
        })
        .collect();
    println!("{} cells, {} failed", outcomes.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// `make interop` has it written once all cells have passed.
#[test]
fn the_table_is_that_of_the_rows() {
    document::write_or_compare(&rows::all());
}

fn run(rows: &[Row]) -> Vec<Outcome> {
    let cells: Vec<(usize, Peer, Starter)> = cells(rows).collect();
    let (with_charon, with_libreswan): (Vec<_>, Vec<_>) = cells
        .into_iter()
        .partition(|(_, peer, _)| *peer != Peer::Libreswan);
    let lab = Lab::new();
    let keys = Keys::new(&lab);
    let outcomes = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let note = |(row, peer, starter): (usize, Peer, Starter), result: Result<(), String>| {
        let (feature, name) = (rows[row].feature, peer.name());
        let word = if result.is_ok() { "pass" } else { "FAIL" };
        println!("{word}: {feature}, {name}, {starter:?} starts");
        if let Err(error) = &result {
            println!("{error}");
        }
        let outcome = Outcome {
            row,
            peer,
            starter,
            result,
        };
        outcomes.lock().expect("nobody panics here").push(outcome);
    };
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(cell) = with_charon.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (row, peer, starter) = *cell;
                    let attempt = || scene::with_charon(&rows[row], &keys, peer, starter);
                    note(*cell, attempt().or_else(again(attempt)));
                }
            });
        }
        if !with_libreswan.is_empty() {
            scope.spawn(|| {
                let pair = Pair::new(&lab);
                let libreswan = Libreswan::start(&lab, &pair.sun, &pair.moon);
                keys.import(&libreswan);
                let place = Place {
                    lab: &lab,
                    pair: &pair,
                    keys: &keys,
                };
                for cell in with_libreswan {
                    let (row, _, starter) = cell;
                    let attempt = || scene::with_libreswan(&rows[row], &libreswan, &place, starter);
                    note(cell, attempt().or_else(again(attempt)));
                }
            });
        }
    });
    outcomes.into_inner().expect("nobody panicked")
}

/// Two daemons and an emulated machine on two cores do not always keep their deadlines: what fails is
/// tried once more, and said to have been. Whoever works on some features is told at once.
fn again(
    attempt: impl FnOnce() -> Result<(), String>,
) -> impl FnOnce(String) -> Result<(), String> {
    |first| {
        if std::env::var_os(ONLY).is_some() {
            return Err(first);
        }
        println!("tried again, for at first: {first}");
        attempt()
    }
}

/// What can be tried.
fn cells(rows: &[Row]) -> impl Iterator<Item = (usize, Peer, Starter)> + '_ {
    let built = std::env::var_os(BUILT).is_some();
    let wanted = std::env::var(PEER).ok();
    let numbered = rows.iter().enumerate();
    let tried = numbered.filter(move |(_, row)| row.built.is_none() || built);
    tried
        .flat_map(move |(number, row)| {
            let both = move |peer| Starter::ALL.map(|starter| (number, peer, starter));
            let cells = Peer::ALL.into_iter().flat_map(both);
            cells.filter(move |(_, peer, starter)| {
                matches!(row.theirs(*peer, *starter), Theirs::Told(_))
            })
        })
        .filter(move |(_, peer, _)| {
            wanted
                .as_ref()
                .is_none_or(|wanted| peer.name().contains(wanted))
        })
}

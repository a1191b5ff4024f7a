//! No algorithm without published vectors: `docs/algorithms.md` says which, and that is true.

use std::{collections::BTreeSet, fs, path::Path};

use crate::proposal::every_name;

/// The table's rows: what stands between backticks in the first cell and in the last.
fn rows() -> Vec<(Vec<String>, Vec<String>)> {
    let page = include_str!("../../../docs/algorithms.md");
    let (_, section) = page.split_once("\n## Vectors\n").expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let quoted = |cell: &str| {
        let words = cell.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            (quoted(cells[0]), quoted(cells[2]))
        })
        .collect()
}

#[test]
fn every_algorithm_has_vectors() {
    let documented: BTreeSet<String> = rows().into_iter().flat_map(|(names, _)| names).collect();
    let without: Vec<_> = every_name()
        .filter(|name| !documented.contains(*name))
        .collect();
    assert!(without.is_empty(), "no vectors in the table: {without:?}");
}

#[test]
fn the_tests_of_the_table_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (names, tests) in rows() {
        let (file, functions) = tests.split_first().expect("a file");
        let text = fs::read_to_string(root.join(file)).expect(file);
        assert!(!functions.is_empty(), "{names:?}");
        for function in functions {
            assert!(
                text.contains(&format!("fn {function}()")),
                "{file} lacks {function}"
            );
        }
    }
}

//! `docs/staying-up.md` names a test for each complaint: all of them exist.

use std::{collections::BTreeSet, fs, path::Path};

/// The functions of the files under this path.
fn functions(path: &Path, found: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a directory").flatten() {
            functions(&entry.path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).expect("a source file");
        for line in text.lines() {
            let name = line.trim_start().strip_prefix("fn ");
            found.extend(name.and_then(|rest| Some(rest.split_once('(')?.0.to_owned())));
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/staying-up.md")).expect("the page");
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let Some(proofs) = cells.get(2).filter(|cell| cell.contains("::")) else {
            continue;
        };
        for proof in proofs
            .split(',')
            .map(|proof| proof.trim().trim_matches('`'))
        {
            let (place, name) = proof.split_once("::").expect("place::test");
            let mut found = BTreeSet::new();
            let end_to_end = root.join("tests/e2e");
            let places = match place {
                "actors" => vec![root.join("actors/src")],
                module => vec![
                    end_to_end.join(format!("{module}.rs")),
                    end_to_end.join(module),
                ],
            };
            for place in places.iter().filter(|place| place.exists()) {
                functions(place, &mut found);
            }
            assert!(found.contains(name), "no test `{proof}`");
            named += 1;
        }
    }
    assert!(named > 20, "the page names only {named} tests");
}

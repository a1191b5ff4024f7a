//! Damaged files: whatever stands in them, loading ends with a value or with diagnostics.

use super::{NET, PARIS, SECRET, Site};

fn whole() -> String {
    format!(
        "[agent]\nport = 500\nlisten = [\"::\"]\n[defaults]\ndpd_delay = \"30s\"\nretransmit.base = 1.5\n\
         {PARIS}{NET}rekey_bytes = \"5g\"\n{SECRET}"
    )
}

fn loads_or_explains(text: &str) {
    let site = Site::new(text).with_variable("PSK", "s3cret");
    if let Err(error) = site.load() {
        assert!(!error.diagnostics().is_empty(), "{text}");
        assert!(!site.drawn().is_empty());
    }
}

#[test]
fn truncated_anywhere() {
    let text = whole();
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        loads_or_explains(&text[..end]);
    }
}

#[test]
fn with_one_character_replaced() {
    let text = whole();
    for (position, _) in text.char_indices() {
        for replacement in ["\"", "=", "[", "ü", "0"] {
            let mut damaged = text.clone();
            damaged.replace_range(position..=position, replacement);
            loads_or_explains(&damaged);
        }
    }
}

#[test]
fn with_values_of_every_other_type() {
    let text = whole();
    let lines: Vec<&str> = text.lines().collect();
    for (position, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once('=') else {
            continue;
        };
        for value in [
            "true",
            "-1",
            "9223372036854775807",
            "1e300",
            "nan",
            "\"\"",
            "\"\\u0000\"",
            "[]",
            "[[]]",
            "[1]",
            "{}",
            "{ a = 1 }",
            "1979-05-27",
            "\"inf\"",
        ] {
            let changed = format!("{key}= {value}");
            let mut damaged = lines.clone();
            damaged[position] = &changed;
            loads_or_explains(&damaged.join("\n"));
        }
    }
}

#[test]
fn thousands_of_mistakes_are_told_in_bounded_number() {
    let connections: Vec<String> = (0..3000)
        .map(|number| format!("[connections.c{number}]\nnonsense = 1\npersistent = 3\n"))
        .collect();
    let text = connections.concat();
    let error = Site::new(&text).load().unwrap_err();
    assert!(error.diagnostics().len() <= 200);
}

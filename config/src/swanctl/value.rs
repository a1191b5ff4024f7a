//! Values as charon reads them, in the terms of our TOML.

use super::{
    keys::{Done, Kind},
    plain::Plain,
};

/// Reads a text. What charon would not understand either stays text: the validation knows more
/// notations (`1h 30m`), and says best what is wrong.
pub(super) fn read(kind: Kind, text: &str) -> Plain {
    let text = text.trim();
    let plain = match kind {
        Kind::Text => None,
        Kind::List => return Plain::List(list(text)),
        Kind::Files(folder) => return Plain::List(files(folder, text)),
        Kind::Bool => boolean(text).map(Plain::Bool),
        Kind::Fraction => text.parse().ok().map(Plain::Fraction),
        Kind::Time => time(text),
        // An amount with a unit is written the same way in TOML.
        Kind::Number | Kind::Amount => number(text).map(Plain::Integer),
    };
    plain.unwrap_or_else(|| Plain::Text(text.to_owned()))
}

/// The elements between the commas.
fn list(text: &str) -> Vec<String> {
    let items = text.split(',').map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// As swanctl does, in its folder unless a path says otherwise.
fn files(folder: &str, text: &str) -> Vec<String> {
    let placed = |name: String| {
        if name.contains('/') {
            name
        } else {
            format!("{folder}/{name}")
        }
    };
    list(text).into_iter().map(placed).collect()
}

/// What a message holds, as the validation reads it.
pub(super) fn inline(content: &[u8]) -> String {
    let digits = content.iter().map(|octet| format!("{octet:02x}"));
    crate::validate::INLINE.to_owned() + &digits.collect::<String>()
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    let is = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["yes", "true", "enabled", "1"]) {
        Some(true)
    } else if is(["no", "false", "disabled", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// As C reads a number of any base: `0x` is hexadecimal, a leading `0` octal.
fn number(text: &str) -> Option<i64> {
    let (digits, base) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    i64::from_str_radix(digits, base).ok()
}

/// A time in the largest unit that it is a whole number of.
fn time(text: &str) -> Option<Plain> {
    let (digits, unit) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1),
        'm' => (&text[..text.len() - 1], 60),
        'h' => (&text[..text.len() - 1], 3600),
        'd' => (&text[..text.len() - 1], 86_400),
        _ => (text, 1),
    };
    let seconds = number(digits.trim_end())?.checked_mul(unit)?;
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let fits = |(length, _): &(i64, _)| seconds > 0 && seconds % length == 0;
    let (length, unit) = units.into_iter().find(fits).unwrap_or((1, "s"));
    Some(Plain::Text(format!("{}{unit}", seconds / length)))
}

/// Whether a text says what is done anyway.
pub(super) fn says(done: Done, text: &str) -> bool {
    match done {
        Done::Yes => boolean(text) == Some(true),
        Done::No => boolean(text) == Some(false),
        Done::Zero => is_zero(text),
        Done::Words(words) => words.contains(&text),
    }
}

/// `0`, `0s`, `0x0`, `0/0x00000000`
fn is_zero(text: &str) -> bool {
    let (value, _mask) = text.split_once('/').unwrap_or((text, ""));
    let value = value.trim();
    let digits = value
        .strip_suffix(['s', 'm', 'h', 'd', 'k', 'g'])
        .unwrap_or(value);
    number(digits.trim_end()) == Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, text: &str) -> String {
        format!("{:?}", read(kind, text))
    }

    #[test]
    fn times_keep_their_length() {
        for (written, read) in [
            ("10", "10s"),
            ("10s", "10s"),
            ("90 m", "90m"),
            ("60m", "1h"),
            ("0x10", "16s"),
            ("4h", "4h"),
            ("48h", "2d"),
            ("0", "0s"),
            ("1h 30m", "1h 30m"),
            ("500ms", "500ms"),
            ("soon", "soon"),
            ("", ""),
            ("99999999999999999d", "99999999999999999d"),
        ] {
            assert_eq!(
                shown(Kind::Time, written),
                format!("Text({read:?})"),
                "{written}"
            );
        }
    }

    #[test]
    fn numbers_have_the_bases_of_c() {
        for (written, read) in [
            ("32", "Integer(32)"),
            ("0x20", "Integer(32)"),
            ("040", "Integer(32)"),
            ("0", "Integer(0)"),
            ("08", "Text(\"08\")"),
            ("-1", "Text(\"-1\")"),
            ("+1", "Text(\"+1\")"),
            ("", "Text(\"\")"),
            ("ü", "Text(\"ü\")"),
        ] {
            assert_eq!(shown(Kind::Number, written), read, "{written}");
        }
        assert_eq!(shown(Kind::Amount, "5g"), "Text(\"5g\")");
    }

    #[test]
    fn lists_are_split_at_commas() {
        assert_eq!(shown(Kind::List, "a, b ,,c"), r#"List(["a", "b", "c"])"#);
        assert_eq!(shown(Kind::List, " , "), "List([])");
    }

    #[test]
    fn booleans_have_four_words_each() {
        assert_eq!(boolean("Enabled"), Some(true));
        assert_eq!(boolean("0"), Some(false));
        assert_eq!(boolean("maybe"), None);
    }

    #[test]
    fn zero_is_written_in_many_ways() {
        for zero in [
            "0",
            "0s",
            "0 m",
            "0x0",
            "00",
            "0/0x00000000",
            "0x0/0xffffffff",
        ] {
            assert!(says(Done::Zero, zero), "{zero}");
        }
        for other in ["", "1", "%unique", "no", "0.0", "0/"] {
            assert_eq!(says(Done::Zero, other), other == "0/", "{other}");
        }
    }
}

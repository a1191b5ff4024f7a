//! Values that no two runs have in common: only their form is compared. All others must be equal.

use crate::lab::vici::Value;

/// Whether two values of the same key say the same, or, where that cannot be, in the same form.
pub(super) fn alike(key: &str, one: &Value, other: &Value) -> bool {
    match (form_of(key), one, other) {
        (Some(form), Value::Text(one), Value::Text(other)) => form(one) && form(other),
        _ => one == other,
    }
}

type Form = fn(&str) -> bool;

fn form_of(key: &str) -> Option<Form> {
    let form: Form = match key {
        "initiator-spi" | "responder-spi" => |text| is_hex(text, 16),
        "spi-in" | "spi-out" => |text| is_hex(text, 8),
        "running" => is_span,
        "since" => is_date,
        _ if NUMBERS.contains(&key) => is_number,
        // ping asks once more where an answer takes longer than usual.
        "bytes-in" | "bytes-out" | "packets-in" | "packets-out" => is_number,
        // Counters count what happened, and that depends on who sends which notifications when.
        _ if key.ends_with("-req") || key.ends_with("-resp") => is_number,
        _ => return None,
    };
    Some(form)
}

const NUMBERS: [&str; 26] = [
    "uniqueid",
    "reqid",
    "use-in",
    "use-out",
    "established",
    "rekey-time",
    "life-time",
    "install-time",
    "total",
    "idle",
    "critical",
    "high",
    "medium",
    "low",
    "scheduled",
    "half-open",
    "sbrk",
    "mmap",
    "used",
    "free",
    "invalid",
    "invalid-spi",
    "ike-rekey-init",
    "ike-rekey-resp",
    "child-rekey",
    "allocs",
];

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == digits && text.bytes().all(is_digit)
}

/// `2 minutes, 5 seconds`
fn is_span(text: &str) -> bool {
    text.split(", ").all(|part| match part.split_once(' ') {
        Some((count, unit)) => {
            is_number(count) && unit.bytes().all(|byte| byte.is_ascii_lowercase())
        }
        None => false,
    })
}

/// `Nov 24 14:36:58 2026`
fn is_date(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let [month, day, time, year] = words.as_slice() else {
        return false;
    };
    let is_time = time.split(':').filter(|part| is_number(part)).count() == 3;
    month.len() == 3 && is_number(day) && is_time && year.len() == 4 && is_number(year)
}

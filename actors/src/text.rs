//! Times and amounts, short enough to be read at a glance. The command line shows them the same way.

use std::time::Duration;

/// A span of time in its two greatest units.
pub fn span(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = duration.as_secs();
    let two = |unit: u64, name: &str, next: u64, next_name: &str| {
        let (greater, lesser) = (seconds / unit, seconds % unit / next);
        if lesser == 0 {
            format!("{greater}{name}")
        } else {
            format!("{greater}{name} {lesser}{next_name}")
        }
    };
    match seconds {
        0..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => two(MINUTE, "m", 1, "s"),
        HOUR..DAY => two(HOUR, "h", MINUTE, "m"),
        _ => two(DAY, "d", HOUR, "h"),
    }
}

/// How long from now: never "0s", which reads as "now".
pub fn wait(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        "in <1s".to_owned()
    } else {
        format!("in {}", span(duration))
    }
}

/// An amount of data with three digits or so.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let exponent = bytes.ilog2() / 10;
    let unit = UNITS[exponent as usize - 1];
    // Tenths are exact in 128 bits; halves are rounded up.
    let tenths = (u128::from(bytes) * 10 + (1 << (10 * exponent - 1))) >> (10 * exponent);
    if tenths < 1000 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths.div_ceil(10).min(1023))
    }
}

/// A number and its noun.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// At most so many characters, the last of them an ellipsis where something was left out.
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m 1s"),
            (3599, "59m 59s"),
            (3600, "1h"),
            (3661, "1h 1m"),
            (86_399, "23h 59m"),
            (86_400, "1d"),
            (90_000, "1d 1h"),
            (864_000_000, "10000d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(span(Duration::from_millis(1999)), "1s");
        assert_eq!(wait(Duration::ZERO), "in <1s");
        assert_eq!(wait(Duration::from_secs(75)), "in 1m 15s");
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (102_400, "100 KiB"),
            (1_048_575, "1023 KiB"),
            (1_048_576, "1.0 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn shortening() {
        assert_eq!(shorten("moon", 4), "moon");
        assert_eq!(shorten("moons", 4), "moo…");
        assert_eq!(shorten("äöüß!", 4), "äöü…");
    }
}

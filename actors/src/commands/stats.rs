//! `stats`: answered from counters alone, so that it is quick whatever else goes on.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use holdfast_vici::Message;

use crate::environment::Shared;

pub(super) fn run(shared: &Arc<Shared>) -> Message {
    let gauges = &shared.gauges;
    let running = shared.started.elapsed();
    let since = SystemTime::now()
        .checked_sub(running)
        .and_then(|start| start.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    let none = Message::new()
        .with("critical", 0_u32)
        .with("high", 0_u32)
        .with("medium", 0_u32)
        .with("low", 0_u32);
    let count = |gauge: &std::sync::atomic::AtomicUsize| gauge.load(Ordering::Relaxed).to_string();
    let mut counters = Message::new();
    for (name, counter) in shared.counters.iter() {
        counters.push_display(name, counter.get());
    }
    for (name, value) in shared.plane.counters().iter() {
        counters.push_display(name, value);
    }
    let mut message = Message::new()
        .with(
            "uptime",
            Message::new()
                .with("running", spoken(running))
                .with("since", utc(since)),
        )
        .with(
            "workers",
            // There are no worker threads that could be used up; clients expect the keys.
            Message::new()
                .with("total", 0_u32)
                .with("idle", 0_u32)
                .with("active", none.clone()),
        )
        .with("queues", none)
        .with("scheduled", 0_u32)
        .with(
            "ikesas",
            Message::new()
                .with("total", count(&gauges.ike_sas))
                .with("half-open", count(&gauges.half_open)),
        )
        .with("plugins", vec![shared.plane.name()])
        .with("counters", counters)
        .with("control-clients", count(&gauges.clients))
        .with("reserved-spis", shared.plane.reserved().to_string());
    if let Some(key_log) = &shared.key_log {
        message.push("keylog", key_log.directory().display().to_string());
        message.push("keylog-lost", key_log.lost().to_string());
    }
    message
}

/// A span as people say it, in its two largest units.
fn spoken(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [
        (seconds / 86_400, "day"),
        (seconds / 3_600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let parts: Vec<String> = units[first..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0 || first == 3)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    parts.join(", ")
}

/// A time in UTC in charon's form, which is `Jan 31 23:59:58 2025`.
fn utc(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let month = MONTHS[month as usize - 1];
    format!("{month} {day:02} {hour:02}:{minute:02}:{second:02} {year}")
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The date that many days after 1970-01-01, in the Gregorian calendar: counted in eras of 400
/// years, each beginning on a 1 March so that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    let days = days + 719_468;
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_right_across_leap_years() {
        let cases = [
            (0, "Jan 01 00:00:00 1970"),
            (951_782_400, "Feb 29 00:00:00 2000"),
            (951_868_799, "Feb 29 23:59:59 2000"),
            (1_735_689_599, "Dec 31 23:59:59 2024"),
            (4_107_542_400, "Mar 01 00:00:00 2100"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(utc(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn spans_are_spoken_in_two_units() {
        let cases = [
            (0, "0 seconds"),
            (1, "1 second"),
            (61, "1 minute, 1 second"),
            (3_600, "1 hour"),
            (90_000, "1 day, 1 hour"),
            (86_400 * 3 + 59, "3 days"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(spoken(Duration::from_secs(seconds)), expected);
        }
    }
}

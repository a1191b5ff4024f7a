//! Checks that several intervals share.

use std::time::Duration;

use crate::{quantity::Interval, report::Scope};

/// The interval, or its default.
pub(super) fn or(interval: Option<Interval>, default: Duration) -> Duration {
    interval.map_or(default, |interval| interval.0)
}

/// The interval, or its default; zero is an error.
pub(super) fn positive(
    interval: Option<Interval>,
    default: Duration,
    scope: &Scope<'_>,
) -> Duration {
    let value = or(interval, default);
    if value.is_zero() {
        scope.error(
            "it must be longer than zero",
            "write a time such as \"30s\"",
        );
    }
    value
}

/// An interval that is off at zero and harms when it is very short.
pub(super) fn not_hasty(value: Duration, least: Duration, scope: &Scope<'_>) -> Duration {
    if !value.is_zero() && value < least {
        let message = format!("{} is very short", humantime::format_duration(value));
        let least = humantime::format_duration(least);
        scope.warning(message, format!("use {least} or more outside of tests"));
    }
    value
}

/// How much may be taken off a rekey time at random. No more than half of it ever is, so that an SA
/// is not replaced as soon as it is made.
pub(super) fn random_part(
    interval: Option<Interval>,
    default: Duration,
    rekey_time: Duration,
    scope: &Scope<'_>,
) -> Duration {
    let value = or(interval, default);
    if interval.is_some() && value > rekey_time / 2 {
        scope.warning(
            "no more than half of rekey_time is taken off at random",
            "make it shorter, or leave the key out",
        );
    }
    value
}

/// Ten per cent more: the slack between the replacement of an SA and its end.
pub(super) fn with_tenth(value: Duration) -> Duration {
    value.saturating_add(value / 10)
}

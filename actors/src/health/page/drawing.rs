//! Pictures: the last day as a bar, and recent traffic as a line. Each is one small SVG of a size that
//! does not depend on what happened.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use super::super::throughput::{Rate, SAMPLES};
use crate::history::{Condition, DAY, Span};

/// Parts of the day's bar: five minutes each.
const SLOTS: usize = 288;

/// Height of the sparkline.
const HEIGHT: u64 = 24;

/// A day as a bar. A part of it is shown as down if there was any outage in it: short ones matter.
pub(super) fn day(out: &mut String, spans: &[Span], now: SystemTime) {
    let slots = slots(spans, now);
    let _ = write!(
        out,
        "<svg class=\"day\" viewBox=\"0 0 {SLOTS} 10\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"The last 24 hours\">"
    );
    for condition in [Condition::Unwanted, Condition::Up, Condition::Down] {
        let mut path = String::new();
        let mut slot = 0;
        while slot < SLOTS {
            let length = slots[slot..]
                .iter()
                .take_while(|shown| **shown == Some(condition))
                .count();
            if length > 0 {
                let _ = write!(path, "M{slot} 0h{length}v10h-{length}z");
            }
            slot += length.max(1);
        }
        if !path.is_empty() {
            let _ = write!(out, "<path class=\"{}\" d=\"{path}\"/>", condition.name());
        }
    }
    out.push_str("</svg>");
}

fn slots(spans: &[Span], now: SystemTime) -> [Option<Condition>; SLOTS] {
    let begin = now.checked_sub(DAY).unwrap_or(SystemTime::UNIX_EPOCH);
    let length = DAY / u32::try_from(SLOTS).unwrap_or(1);
    let slot_of = |at: SystemTime| {
        let offset = at.duration_since(begin).unwrap_or(Duration::ZERO);
        usize::try_from(offset.as_millis() / length.as_millis()).unwrap_or(SLOTS)
    };
    let mut slots = [None; SLOTS];
    for span in spans {
        let first = slot_of(span.from).min(SLOTS - 1);
        let last = slot_of(span.until - Duration::from_millis(1)).min(SLOTS - 1);
        for slot in &mut slots[first..=last] {
            *slot = match (*slot, span.condition) {
                (Some(Condition::Down), _) | (_, Condition::Down) => Some(Condition::Down),
                (Some(Condition::Up), _) | (_, Condition::Up) => Some(Condition::Up),
                (_, Condition::Unwanted) => Some(Condition::Unwanted),
            };
        }
    }
    slots
}

/// Which part of the time that it was wanted it was up, in tenths of a percent.
pub(super) fn share_up(spans: &[Span]) -> Option<u64> {
    let total = |condition| -> u128 {
        spans
            .iter()
            .filter(|span| span.condition == condition)
            .filter_map(|span| span.until.duration_since(span.from).ok())
            .map(|length| length.as_millis())
            .sum()
    };
    let (up, down) = (total(Condition::Up), total(Condition::Down));
    let share = (up * 1000).checked_div(up + down)?;
    u64::try_from(share).ok()
}

/// Recent traffic: what came in as an area, what went out as a line, both to one scale.
pub(super) fn spark(out: &mut String, rates: &[Rate]) {
    let peak = rates
        .iter()
        .map(|rate| rate.inward.max(rate.outward))
        .max()
        .unwrap_or(0);
    let left = SAMPLES - rates.len();
    // Tenths of a unit are finer than any screen.
    let line = |value: fn(&Rate) -> u64| {
        let mut path = String::new();
        for (index, rate) in rates.iter().enumerate() {
            let part = u128::from(value(rate)) * u128::from(HEIGHT * 10) / u128::from(peak.max(1));
            let y = HEIGHT * 10 - u64::try_from(part).unwrap_or(HEIGHT * 10);
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{} {}.{}", left + index, y / 10, y % 10);
        }
        path
    };
    let _ = write!(
        out,
        "<svg class=\"spark\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"Traffic of the last five minutes\">",
        SAMPLES - 1
    );
    if rates.len() > 1 {
        let _ = write!(
            out,
            "<path class=\"in\" d=\"{}L{} {HEIGHT}L{left} {HEIGHT}z\"/><path class=\"out\" d=\"{}\"/>",
            line(|rate| rate.inward),
            SAMPLES - 1,
            line(|rate| rate.outward)
        );
    }
    out.push_str("</svg>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: u64, until: u64, condition: Condition) -> Span {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Span {
            from: at(from),
            until: at(until),
            condition,
        }
    }

    #[test]
    fn an_outage_of_a_second_shows() {
        let now = SystemTime::UNIX_EPOCH + DAY;
        let noon = DAY.as_secs() / 2;
        let spans = [
            span(noon, noon + 1000, Condition::Up),
            span(noon + 1000, noon + 1001, Condition::Down),
            span(noon + 1001, DAY.as_secs(), Condition::Up),
        ];
        let mut picture = String::new();
        day(&mut picture, &spans, now);
        assert!(
            picture.contains("<path class=\"down\" d=\"M147 0h1v10h-1z\"/>"),
            "{picture}"
        );
        assert!(
            picture.contains("<path class=\"up\" d=\"M144 0h3v10h-3zM148 0h140v10h-140z\"/>"),
            "{picture}"
        );
        assert_eq!(share_up(&spans), Some(999));
        assert_eq!(share_up(&[]), None);
    }

    #[test]
    fn a_line_ends_at_the_right_and_fits_the_height() {
        let rate = |inward, outward| Rate { inward, outward };
        let mut picture = String::new();
        spark(&mut picture, &[rate(0, 0), rate(500, 1000)]);
        assert!(
            picture.contains("class=\"in\" d=\"M58 24.0L59 12.0L59 24L58 24z\""),
            "{picture}"
        );
        assert!(
            picture.contains("class=\"out\" d=\"M58 24.0L59 0.0\""),
            "{picture}"
        );
        let mut nothing = String::new();
        spark(&mut nothing, &[]);
        assert!(!nothing.contains("path"), "{nothing}");
    }
}

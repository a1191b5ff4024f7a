//! When a connection was up and when it was not. Kept in memory; [`Timeline::restore`] feeds it from
//! elsewhere.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

/// What is shown of it.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Changes that are remembered; the oldest are forgotten first. That is one in three minutes for a
/// whole day.
const MOST: usize = 480;

/// A connection's condition, as far as its past is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Condition {
    /// Everything wanted was there.
    Up,
    /// Something wanted was not there.
    Down,
    /// Nobody wanted it.
    Unwanted,
}

impl Condition {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unwanted => "unwanted",
        }
    }
}

/// From when on it was in which condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: SystemTime,
    pub(crate) to: Condition,
}

/// A time in one condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: SystemTime,
    pub(crate) until: SystemTime,
    pub(crate) condition: Condition,
}

/// All changes of a day, in order.
#[derive(Debug, Default)]
pub(crate) struct Timeline(VecDeque<Change>);

impl Timeline {
    /// One that continues what was kept elsewhere, oldest change first.
    pub(crate) fn restore(changes: impl IntoIterator<Item = Change>) -> Self {
        let mut timeline = Self::default();
        for change in changes {
            timeline.note(change.to, change.at);
        }
        timeline
    }

    /// The changes that are remembered, oldest first.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }

    /// Remembers a condition if it is a new one, and tells which was the last.
    pub(crate) fn note(&mut self, to: Condition, now: SystemTime) -> Option<Condition> {
        let last = self.0.back().copied();
        if last.is_some_and(|last| last.to == to) {
            return last.map(|last| last.to);
        }
        // Clocks are set back now and then; the order of things stays.
        let at = last.map_or(now, |last| last.at.max(now));
        let ended_long_ago = |change: &Change| change.at + DAY < at;
        while self.0.len() >= MOST || self.0.get(1).is_some_and(ended_long_ago) {
            self.0.pop_front();
        }
        self.0.push_back(Change { at, to });
        last.map(|last| last.to)
    }

    /// What is known of so long a time before `now`, without gaps, oldest first.
    pub(crate) fn spans(&self, now: SystemTime, window: Duration) -> Vec<Span> {
        let begin = now.checked_sub(window).unwrap_or(SystemTime::UNIX_EPOCH);
        let ends = self.0.iter().skip(1).map(|next| next.at).chain([now]);
        self.0
            .iter()
            .zip(ends)
            .map(|(change, end)| Span {
                from: change.at.clamp(begin, now),
                until: end.clamp(begin, now),
                condition: change.to,
            })
            .filter(|span| span.from < span.until)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * 3 + Duration::from_secs(seconds)
    }

    fn change(seconds: u64, to: Condition) -> Change {
        Change {
            at: at(seconds),
            to,
        }
    }

    #[test]
    fn spans_touch_and_end_now() {
        let timeline = Timeline::restore([
            change(0, Condition::Down),
            change(10, Condition::Up),
            change(12, Condition::Up),
            change(90, Condition::Down),
        ]);
        let spans = timeline.spans(at(100), Duration::from_secs(50));
        assert_eq!(
            spans,
            [
                Span {
                    from: at(50),
                    until: at(90),
                    condition: Condition::Up
                },
                Span {
                    from: at(90),
                    until: at(100),
                    condition: Condition::Down
                },
            ]
        );
        assert!(Timeline::default().spans(at(0), DAY).is_empty());
    }

    #[test]
    fn it_is_bounded_however_often_a_connection_flaps() {
        let mut timeline = Timeline::default();
        for second in 0..10_000 {
            let up = second % 2 == 0;
            let condition = if up { Condition::Up } else { Condition::Down };
            timeline.note(condition, at(second));
        }
        assert_eq!(timeline.spans(at(10_000), DAY).len(), MOST);
    }

    #[test]
    fn what_ended_more_than_a_day_ago_is_forgotten() {
        let day = DAY.as_secs();
        let mut timeline = Timeline::restore([
            change(0, Condition::Up),
            change(5, Condition::Down),
            change(10, Condition::Up),
        ]);
        timeline.note(Condition::Down, at(day + 100));
        assert_eq!(timeline.0.len(), 2);
        assert_eq!(timeline.spans(at(day + 200), DAY)[0].from, at(200));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_turn_the_order_around() {
        let mut timeline = Timeline::restore([change(100, Condition::Up)]);
        timeline.note(Condition::Down, at(50));
        timeline.note(Condition::Up, at(120));
        let spans = timeline.spans(at(130), DAY);
        assert_eq!(spans.len(), 2, "{spans:?}");
        assert!(spans.iter().all(|span| span.from < span.until));
    }
}

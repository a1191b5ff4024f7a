//! A history as it is kept over restarts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::{Amounts, Condition, History, Timeline, Traffic, lock, timeline::Change};

/// What is kept of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptHistory {
    attempts: u64,
    failures: u64,
    flaps: u64,
    /// When it was written down, in milliseconds since 1970.
    at: u64,
    /// The changes of its condition, oldest first, with their times in the same unit.
    timeline: Vec<(u64, Condition)>,
    children: BTreeMap<Arc<str>, Amounts>,
}

impl KeptHistory {
    /// Of this history, whose children have carried so much.
    pub(crate) fn of(
        history: &History,
        children: BTreeMap<Arc<str>, Amounts>,
        now: SystemTime,
    ) -> Self {
        let changes = lock(&history.timeline);
        Self {
            attempts: history.attempts.get(),
            failures: history.failures.get(),
            flaps: history.flaps.get(),
            at: milliseconds(now),
            timeline: changes
                .changes()
                .map(|change| (milliseconds(change.at), change.to))
                .collect(),
            children,
        }
    }

    /// Goes on with it. What was up when it was written down is down since: the agent was not there.
    pub(crate) fn restore(self) -> History {
        let history = History::default();
        history.attempts.add(self.attempts);
        history.failures.add(self.failures);
        history.flaps.add(self.flaps);
        let changes = self.timeline.iter().map(|(at, to)| Change {
            at: time(*at),
            to: *to,
        });
        let mut timeline = Timeline::restore(changes);
        if self
            .timeline
            .last()
            .is_some_and(|(_, to)| *to == Condition::Up)
        {
            timeline.note(Condition::Down, time(self.at));
        }
        let children = self.children.into_iter();
        let children = children
            .map(|(name, carried)| (name, Arc::new(Traffic::continuing(carried))))
            .collect();
        History {
            timeline: Mutex::new(timeline),
            children: Mutex::new(children),
            ..history
        }
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

fn time(milliseconds: u64) -> SystemTime {
    // A file that somebody has scribbled in must not end the agent.
    let since = Duration::from_millis(milliseconds);
    SystemTime::UNIX_EPOCH
        .checked_add(since)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_goes_on_where_it_was_written_down() {
        let now = SystemTime::now();
        let ago = |minutes: u64| now - Duration::from_secs(60 * minutes);
        let history = History::default();
        history.attempts.add(7);
        history.note(Condition::Down, ago(50));
        history.note(Condition::Up, ago(40));
        let carried = Amounts {
            bytes_in: 1000,
            ..Amounts::default()
        };
        let kept = KeptHistory::of(&history, [("net".into(), carried)].into(), ago(10));
        let text = serde_json::to_vec(&kept).unwrap();
        let restored = serde_json::from_slice::<KeptHistory>(&text)
            .unwrap()
            .restore();
        assert_eq!(restored.attempts.get(), 7);
        // While the agent was away nothing was up; coming back is no flap.
        restored.note(Condition::Down, ago(2));
        restored.note(Condition::Up, ago(1));
        let conditions: Vec<_> = restored
            .last_day(now)
            .iter()
            .map(|span| {
                (
                    span.condition,
                    span.until.duration_since(span.from).unwrap().as_secs() / 60,
                )
            })
            .collect();
        assert_eq!(
            conditions,
            [
                (Condition::Down, 10),
                (Condition::Up, 30),
                (Condition::Down, 9),
                (Condition::Up, 1)
            ]
        );
        assert_eq!(restored.flaps.get(), 0);
        let total = restored.traffic(&"net".into()).total(None);
        assert_eq!(total.bytes_in, 1000);
    }
}

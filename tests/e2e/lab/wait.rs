//! Waiting for real states, with deadlines.

use std::time::{Duration, Instant};

/// Between two looks at a state that takes a request to see.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at a state that costs nothing to see.
pub(super) const FINE_PAUSE: Duration = Duration::from_millis(2);

/// Looks until there is something to see; at the deadline the test fails and says what it was
/// waiting for.
pub(crate) fn until<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    attempt(limit, look).unwrap_or_else(|| panic!("not seen within {limit:?}: {what}"))
}

/// As [`until`], for callers that go on without it.
pub(crate) fn attempt<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if start.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Checks that a state stays as it is for a while.
pub(crate) fn throughout(what: &str, time: Duration, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while start.elapsed() < time {
        assert!(
            holds(),
            "did not stay so for {time:?} (after {:?}): {what}",
            start.elapsed()
        );
        std::thread::sleep(PAUSE);
    }
}

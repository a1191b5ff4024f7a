//! What is done about a dead path, and how often: first new keys for the CHILD_SA, then a new
//! connection in its place, each once; after that only new connections, ever more rarely.

use std::time::{Duration, Instant};

/// Waits between repairs are no longer than this.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Something that may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Rekey the CHILD_SA.
    RekeyChild,
    /// Make the connection anew, and close the old one when the new one carries its children.
    Reconnect,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Repair {
    tried: u32,
    /// Not before.
    rests: Option<Instant>,
}

impl Repair {
    /// The path is dead now; `notice` is how long it takes to find that out. The remedy, if one is
    /// due.
    pub(super) fn next(&mut self, notice: Duration, now: Instant) -> Option<Remedy> {
        if self.rests.is_some_and(|until| now < until) {
            return None;
        }
        let remedy = match self.tried {
            0 => Remedy::RekeyChild,
            _ => Remedy::Reconnect,
        };
        // The first may be judged as soon as a path can be: after that the wait doubles.
        let doubled = notice.saturating_mul(1 << self.tried.min(20));
        self.rests = Some(now + doubled.min(LONGEST.max(notice)));
        self.tried += 1;
        Some(remedy)
    }

    /// The path has been good for long: the next time begins from the start.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_then_ever_more_rarely() {
        let notice = Duration::from_secs(30);
        let start = Instant::now();
        let mut repair = Repair::default();
        let mut done = Vec::new();
        // A day of a dead path, looked at every ten seconds.
        for second in (0..86_400).step_by(10) {
            let now = start + Duration::from_secs(second);
            done.extend(repair.next(notice, now).map(|remedy| (second, remedy)));
        }
        let (at, remedies): (Vec<_>, Vec<_>) = done.iter().copied().unzip();
        assert_eq!(at[..6], [0, 30, 90, 210, 450, 930]);
        assert_eq!(remedies[0], Remedy::RekeyChild);
        assert!(remedies[1..].iter().all(|r| *r == Remedy::Reconnect));
        assert!(at.len() < 110, "{} repairs in a day", at.len());
        repair.forget();
        let again = repair.next(notice, start);
        assert_eq!(again, Some(Remedy::RekeyChild));
    }
}

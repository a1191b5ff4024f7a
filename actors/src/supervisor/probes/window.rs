//! How the last probes went.

use std::{collections::VecDeque, time::Duration};

/// Probes remembered.
const LENGTH: usize = 60;

/// Answers and losses, the newest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Window(VecDeque<Option<Duration>>);

/// A window in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    /// Probes that were answered or lost.
    pub(crate) sent: u32,
    /// Of these, lost.
    pub(crate) lost: u32,
    /// Round-trip times of the answered ones.
    pub(crate) round_trip: Option<RoundTrip>,
}

/// Round-trip times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RoundTrip {
    pub(crate) min: Duration,
    pub(crate) avg: Duration,
    pub(crate) max: Duration,
}

impl Window {
    /// One more went like this: `None` is lost.
    pub(super) fn push(&mut self, round_trip: Option<Duration>) {
        if self.0.len() == LENGTH {
            self.0.pop_front();
        }
        self.0.push_back(round_trip);
    }

    pub(super) fn measured(&self) -> Measured {
        let answered = || self.0.iter().flatten().copied();
        // No more than the window is long.
        let count = answered().count() as u32;
        let sent = self.0.len() as u32;
        let round_trip = answered()
            .min()
            .zip(answered().max())
            .map(|(min, max)| RoundTrip {
                min,
                avg: answered().sum::<Duration>() / count,
                max,
            });
        Measured {
            sent,
            lost: sent - count,
            round_trip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_are_remembered() {
        let mut window = Window::default();
        assert_eq!(window.measured(), Measured::default());
        let ms = Duration::from_millis;
        for number in 1..=60 {
            window.push((number % 2 == 0).then(|| ms(number)));
        }
        let measured = window.measured();
        assert_eq!((measured.sent, measured.lost), (60, 30));
        let expected = RoundTrip {
            min: ms(2),
            avg: ms(31),
            max: ms(60),
        };
        assert_eq!(measured.round_trip, Some(expected));
        for _ in 0..60 {
            window.push(None);
        }
        let measured = window.measured();
        assert_eq!((measured.lost, measured.round_trip), (60, None));
    }
}

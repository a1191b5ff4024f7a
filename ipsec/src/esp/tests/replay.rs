//! The window against a model that remembers everything.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::esp::{MOST_WINDOW, ReplayWindow};

/// What RFC 4303 section 3.4.3 says, without any cleverness.
#[derive(Default)]
struct Model {
    size: u64,
    seen: BTreeSet<u64>,
}

impl Model {
    fn is_fresh(&self, sequence: u64) -> bool {
        let top = self.seen.last().copied().unwrap_or(0);
        sequence != 0
            && !self.seen.contains(&sequence)
            && (sequence > top || top - sequence < self.size)
    }
}

/// Mostly near the last one, sometimes far away.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        20 => -3_i64..4,
        4 => -1100_i64..1100,
        2 => -70_000_i64..70_000,
        1 => -(1_i64 << 33)..(1_i64 << 33),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #[test]
    fn the_window_is_that_of_the_model(
        size in prop::sample::select(vec![1024, 1025, 2048, 4095, MOST_WINDOW]),
        steps in steps(),
    ) {
        let mut window = ReplayWindow::new(size);
        let mut model = Model { size: u64::from(size), ..Model::default() };
        let mut sequence = 1_u64;
        for step in steps {
            sequence = sequence.saturating_add_signed(step);
            let fresh = model.is_fresh(sequence);
            prop_assert_eq!(window.is_fresh(sequence), fresh, "{}", sequence);
            if fresh {
                window.accept(sequence);
                model.seen.insert(sequence);
            }
        }
    }

    #[test]
    fn the_high_half_is_guessed_right_within_reach(
        size in prop::sample::select(vec![1024_u32, 4096, MOST_WINDOW]),
        high in 0_u64..1 << 31,
        low in prop_oneof![any::<u32>(), 0..2048_u32, u32::MAX - 2048..=u32::MAX],
        ahead in prop_oneof![-65_535_i64..65_536, 0_i64..(1 << 32) - 65_536],
    ) {
        let top = (high << 32 | u64::from(low)).max(1);
        let window = ReplayWindow::starting_at(size, top);
        let sequence = top.saturating_add_signed(ahead).max(1);
        prop_assume!(sequence > top || top - sequence < u64::from(size));
        prop_assert_eq!(window.resolve(sequence as u32, true), Some(sequence));
    }

    #[test]
    fn no_guess_is_older_than_the_window_below(
        top in 1..=u64::MAX,
        low: u32,
    ) {
        let window = ReplayWindow::starting_at(1024, top);
        if let Some(sequence) = window.resolve(low, true) {
            prop_assert_eq!(sequence as u32, low);
            prop_assert!(sequence > top || top - sequence < 1 << 32);
        }
    }
}

#[test]
fn small_windows_are_raised() {
    let mut window = ReplayWindow::new(32);
    window.accept(2000);
    assert!(window.is_fresh(2000 - 1023));
    assert!(!window.is_fresh(2000 - 1024));
}

#[test]
fn a_window_that_is_off_accepts_everything_but_zero() {
    let mut window = ReplayWindow::new(0);
    for sequence in [5, 5, 1, 1 << 40] {
        assert!(window.is_fresh(sequence));
        window.accept(sequence);
    }
    assert!(!window.is_fresh(0));
    assert_eq!(window.resolve(3, true), Some(1 << 40 | 3));
}

#[test]
fn short_numbers_are_what_they_say() {
    let window = ReplayWindow::starting_at(1024, u64::from(u32::MAX));
    assert_eq!(window.resolve(7, false), Some(7));
    assert!(!window.is_fresh(7));
}

#[test]
fn before_the_first_packet_there_is_no_older_half() {
    let window = ReplayWindow::new(1024);
    assert_eq!(window.resolve(1, true), Some(1));
    assert_eq!(window.resolve(u32::MAX, true), None);
}

//! What the fragments of incomplete messages take that IKE_SAs keep whose peers have not
//! authenticated. Each of them is bounded; this bounds them all together, so that many senders
//! cannot do what one cannot.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::handle::IkeSaId;

/// Octets for all of them: thousands of certificate chains that are on their way at once.
const MOST_OCTETS: usize = 32 << 20;

/// Who keeps how much.
#[derive(Debug, Default)]
pub(crate) struct FragmentRoom(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    octets: usize,
    by: HashMap<IkeSaId, usize>,
}

impl FragmentRoom {
    /// `owner` keeps so many octets now, if that is `true`; none otherwise.
    pub(crate) fn take(&self, owner: IkeSaId, octets: usize) -> bool {
        let mut taken = self.taken();
        taken.release(owner);
        let fits = octets <= MOST_OCTETS - taken.octets;
        if fits && octets > 0 {
            taken.octets += octets;
            taken.by.insert(owner, octets);
        }
        fits
    }

    /// `owner` is gone.
    pub(crate) fn release(&self, owner: IkeSaId) {
        self.taken().release(owner);
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn release(&mut self, owner: IkeSaId) {
        if let Some(octets) = self.by.remove(&owner) {
            self.octets -= octets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_share_the_room_and_give_it_back() {
        let room = FragmentRoom::default();
        assert!(room.take(IkeSaId(1), MOST_OCTETS - 10));
        assert!(room.take(IkeSaId(2), 10));
        assert!(!room.take(IkeSaId(2), 11), "too many, and none is kept");
        assert!(room.take(IkeSaId(3), 10));
        assert!(!room.take(IkeSaId(2), 1));
        room.release(IkeSaId(1));
        assert!(room.take(IkeSaId(2), MOST_OCTETS - 10), "what 1 had");
        assert!(!room.take(IkeSaId(4), 1));
        assert!(room.take(IkeSaId(2), 0));
        room.release(IkeSaId(2));
        assert!(room.take(IkeSaId(4), MOST_OCTETS - 10));
        assert!(!room.take(IkeSaId(5), MOST_OCTETS + 1));
    }
}

//! How many established IKE_SAs a connection has: decides INITIAL_CONTACT (RFC 7296 section 2.4).

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// The count of one connection's established IKE_SAs, shared by all of its IKE_SAs.
#[derive(Clone, Debug, Default)]
pub struct Contacts(Arc<AtomicU32>);

impl Contacts {
    /// Whether at least one IKE_SA is established.
    pub fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    /// Counts one more for as long as the guard lives. Must be called before the message that tells
    /// the peer is transmitted, see [`super::uniqueness`].
    pub(super) fn enter(&self) -> ContactGuard {
        self.0.fetch_add(1, Ordering::SeqCst);
        ContactGuard(self.clone())
    }
}

/// One established IKE_SA.
#[derive(Debug)]
pub(super) struct ContactGuard(Contacts);

impl Drop for ContactGuard {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_while_the_guard_lives() {
        let contacts = Contacts::default();
        assert!(!contacts.any());
        let first = contacts.enter();
        let second = contacts.clone().enter();
        drop(first);
        assert!(contacts.any());
        drop(second);
        assert!(!contacts.any());
    }
}

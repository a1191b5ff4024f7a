//! Attempts and those who wait for them.
//!
//! Work is keyed by what it would achieve. Everybody who asks for the same gets a subscription to
//! the same attempt: a shared cell and a counter, whoever and however many they are. A client that
//! goes away drops its subscription, which costs nothing and cancels nothing.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

/// What somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// The IKE_SA, with or without children.
    IkeSa,
    /// This child.
    Child(Arc<str>),
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// On its way; the text says where it is.
    Pending(Arc<str>),
    /// It is up; the text says what.
    Up(Arc<str>),
    /// It failed; the text says why, and whether it will be tried again.
    Failed(Arc<str>),
}

/// A subscription to an attempt.
pub(crate) type Waiter = watch::Receiver<Progress>;

/// The attempts of one connection.
#[derive(Debug, Default)]
pub(crate) struct Attempts(BTreeMap<Goal, watch::Sender<Progress>>);

impl Attempts {
    /// Joins the attempt at `goal`, or begins one.
    pub(crate) fn join(&mut self, goal: Goal) -> Waiter {
        self.0
            .entry(goal)
            .or_insert_with(|| watch::Sender::new(Progress::Pending("waiting".into())))
            .subscribe()
    }

    /// What is attempted.
    pub(crate) fn goals(&self) -> Vec<Goal> {
        self.0.keys().cloned().collect()
    }

    /// Tells everybody how far things are.
    pub(crate) fn note(&self, text: &str) {
        let text: Arc<str> = text.into();
        for sender in self.0.values() {
            sender.send_replace(Progress::Pending(Arc::clone(&text)));
        }
    }

    /// This goal is reached.
    pub(crate) fn reached(&mut self, goal: &Goal, text: &str) {
        if let Some(sender) = self.0.remove(goal) {
            sender.send_replace(Progress::Up(text.into()));
        }
    }

    /// This goal is out of reach for now.
    pub(crate) fn failed(&mut self, goal: &Goal, reason: &str) {
        if let Some(sender) = self.0.remove(goal) {
            sender.send_replace(Progress::Failed(reason.into()));
        }
    }

    /// All are.
    pub(crate) fn all_failed(&mut self, reason: &str) {
        let reason: Arc<str> = reason.into();
        for sender in std::mem::take(&mut self.0).into_values() {
            sender.send_replace(Progress::Failed(Arc::clone(&reason)));
        }
    }

    /// Attempts under way.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_waiters_share_one_attempt() {
        let mut attempts = Attempts::default();
        let waiters: Vec<_> = (0..10_000).map(|_| attempts.join(Goal::IkeSa)).collect();
        assert_eq!(attempts.len(), 1);
        drop(waiters);
        let late = attempts.join(Goal::IkeSa);
        attempts.note("connecting");
        assert_eq!(*late.borrow(), Progress::Pending("connecting".into()));
        attempts.reached(&Goal::IkeSa, "up");
        assert_eq!(*late.borrow(), Progress::Up("up".into()));
        assert_eq!(attempts.len(), 0);
    }

    #[test]
    fn goals_end_apart() {
        let mut attempts = Attempts::default();
        let ike = attempts.join(Goal::IkeSa);
        let net = attempts.join(Goal::Child("net".into()));
        attempts.failed(&Goal::Child("net".into()), "no");
        assert_eq!(*net.borrow(), Progress::Failed("no".into()));
        assert!(matches!(*ike.borrow(), Progress::Pending(_)));
        attempts.all_failed("shutting down");
        assert_eq!(*ike.borrow(), Progress::Failed("shutting down".into()));
    }

    #[test]
    fn the_end_of_the_supervisor_wakes_waiters() {
        let mut attempts = Attempts::default();
        let waiter = attempts.join(Goal::IkeSa);
        drop(attempts);
        assert!(waiter.has_changed().is_err());
    }
}

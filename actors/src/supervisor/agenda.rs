//! When each connection next wants attention. One timer serves them all.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};

/// At most one deadline for each connection.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    by_time: BTreeSet<(Instant, Arc<str>)>,
    by_name: HashMap<Arc<str>, Instant>,
}

impl Agenda {
    /// Sets, moves or clears the deadline of `name`.
    pub(crate) fn set(&mut self, name: &Arc<str>, deadline: Option<Instant>) {
        let former = match deadline {
            Some(at) => self.by_name.insert(Arc::clone(name), at),
            None => self.by_name.remove(name),
        };
        if former == deadline {
            return;
        }
        if let Some(former) = former {
            self.by_time.remove(&(former, Arc::clone(name)));
        }
        if let Some(at) = deadline {
            self.by_time.insert((at, Arc::clone(name)));
        }
    }

    /// The first deadline of all.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes one connection whose deadline has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Arc<str>> {
        if self.first()? > now {
            return None;
        }
        let (_, name) = self.by_time.pop_first()?;
        self.by_name.remove(&name);
        Some(name)
    }

    /// Nothing is to be done any more.
    pub(crate) fn clear(&mut self) {
        self.by_time.clear();
        self.by_name.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn deadlines_come_in_order_and_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (a, b, c) = ("a".into(), "b".into(), "c".into());
        let mut agenda = Agenda::default();
        agenda.set(&a, Some(at(3)));
        agenda.set(&b, Some(at(1)));
        agenda.set(&c, Some(at(2)));
        agenda.set(&b, Some(at(4)));
        agenda.set(&c, None);
        assert_eq!(agenda.first(), Some(at(3)));
        assert_eq!(agenda.due(at(2)), None);
        assert_eq!(agenda.due(at(9)), Some(a));
        assert_eq!(agenda.due(at(9)), Some(b));
        assert_eq!(agenda.due(at(9)), None);
        assert_eq!(agenda.first(), None);
    }
}

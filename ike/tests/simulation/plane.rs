//! A data plane that takes its time and fails now and then.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use holdfast_ike::{ChildSa, EspSpi, IkeSpi, Path, child_sa::Sending};

use crate::rng::Rng;

/// An installation that has been asked for.
pub(crate) struct Installation {
    pub(crate) owner: IkeSpi,
    pub(crate) child: ChildSa,
    pub(crate) success: bool,
}

pub(crate) struct Plane {
    /// The longest that an installation takes.
    pub(crate) delay: Duration,
    /// Percent.
    pub(crate) failures: u64,
    /// By inbound SPI, with the IKE_SA that it belongs to.
    pub(crate) installed: BTreeMap<EspSpi, (IkeSpi, ChildSa)>,
    /// Those that packets leave by, in the order of their installation.
    sending: BTreeMap<u64, EspSpi>,
    /// Those that wait for the peer to be heard on them.
    waiting: BTreeMap<EspSpi, u64>,
    pending: BTreeMap<(Instant, u64), Installation>,
    sequence: u64,
}

impl Plane {
    pub(crate) fn new() -> Self {
        Self {
            delay: Duration::ZERO,
            failures: 2,
            installed: BTreeMap::new(),
            sending: BTreeMap::new(),
            waiting: BTreeMap::new(),
            pending: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// Loses all state.
    pub(crate) fn reset(&mut self) {
        self.installed.clear();
        self.sending.clear();
        self.waiting.clear();
        self.pending.clear();
    }

    /// What is done at once is returned.
    pub(crate) fn begin(
        &mut self,
        owner: IkeSpi,
        child: ChildSa,
        now: Instant,
        rng: &mut Rng,
    ) -> Option<Installation> {
        let installation = Installation {
            owner,
            child,
            success: !rng.chance(self.failures),
        };
        let longest = self.delay.as_millis() as u64;
        let delay = rng.below(longest + 1);
        if delay == 0 {
            return Some(installation);
        }
        self.sequence += 1;
        let at = now + Duration::from_millis(delay);
        self.pending.insert((at, self.sequence), installation);
        None
    }

    pub(crate) fn insert(&mut self, owner: IkeSpi, child: ChildSa) {
        self.sequence += 1;
        let (spi, order) = (child.inbound_spi, self.sequence);
        match child.sending {
            Sending::AtOnce => drop(self.sending.insert(order, spi)),
            Sending::OnceHeard => drop(self.waiting.insert(spi, order)),
        }
        self.installed.insert(spi, (owner, child));
    }

    pub(crate) fn remove(&mut self, spi: EspSpi) {
        self.stop_sending(spi);
        self.installed.remove(&spi);
    }

    /// The core says so, or a packet has come.
    pub(crate) fn start_sending(&mut self, spi: EspSpi) {
        if let Some(order) = self.waiting.remove(&spi) {
            self.sending.insert(order, spi);
        }
    }

    pub(crate) fn stop_sending(&mut self, spi: EspSpi) {
        self.waiting.remove(&spi);
        self.sending.retain(|_, sending| *sending != spi);
    }

    pub(crate) fn update_path(&mut self, spi: EspSpi, path: Path) {
        if let Some((_, child)) = self.installed.get_mut(&spi) {
            child.path = path;
        }
    }

    /// The CHILD_SA of this name that a packet would leave by: the newest that sends.
    pub(crate) fn sender(&self, name: &str) -> Option<&ChildSa> {
        self.sending
            .values()
            .rev()
            .filter_map(|spi| Some(&self.installed.get(spi)?.1))
            .find(|child| *child.name == *name)
    }

    pub(crate) fn next_done(&self) -> Option<Instant> {
        self.pending.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn take_done(&mut self, now: Instant) -> Option<Installation> {
        let entry = self.pending.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

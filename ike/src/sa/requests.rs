//! Our requests: message IDs, the window of one, and retransmission (RFC 7296 sections 2.1 to 2.3).

use std::{collections::VecDeque, time::Duration};

use super::{
    exchange::{Exchange, Work, create_child::CreateChild, rekey_ike::RekeyIke},
    message::{Content, Message},
};
use crate::{EspSpi, MessageId, Path, config::Retransmit, wire::ExchangeType};

/// CHILD_SAs that may wait for the window to be created; beyond it new ones are refused. Other work
/// is bounded by what there is to delete.
const QUEUE_LIMIT: usize = 32;

/// However short the configured wait, time must pass between two transmissions of a request.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// Where somebody says that the peer does not know our IKE_SA, this many more retransmissions,
const HASTY_TRIES: u32 = 4;
/// as far apart at most, find out whether it does: anybody could have said so.
const HASTY_WAIT: Duration = Duration::from_millis(500);

/// The request that awaits its response.
pub(super) struct InFlight {
    pub(super) message_id: MessageId,
    pub(super) exchange_type: ExchangeType,
    pub(super) exchange: Exchange,
    pub(super) path: Path,
    pub(super) message: Message,
    /// What it says, as long as it may have to be sent in smaller fragments.
    pub(super) content: Option<Content>,
    pub(super) retransmissions: u32,
    /// The peer is said not to know this IKE_SA: this is the last retransmission then.
    pub(super) last_hasty: Option<u32>,
}

impl InFlight {
    /// Whether it has been repeated as often as it may be.
    pub(super) fn is_exhausted(&self, policy: &Retransmit) -> bool {
        let tries = self
            .last_hasty
            .map_or(policy.tries, |last| last.min(policy.tries));
        self.retransmissions >= tries
    }

    /// How long to wait for its response. `random` is uniform.
    pub(super) fn wait(&self, policy: &Retransmit, random: u16) -> Duration {
        let wait = wait(policy, self.retransmissions, random);
        if self.last_hasty.is_some() {
            wait.min(HASTY_WAIT)
        } else {
            wait
        }
    }

    /// The peer is said not to know this IKE_SA. `false` if that was said before.
    pub(super) fn hasten(&mut self) -> bool {
        let first = self.last_hasty.is_none();
        self.last_hasty
            .get_or_insert(self.retransmissions.saturating_add(HASTY_TRIES));
        first
    }
}

/// Our side of the message ID space.
#[derive(Default)]
pub(super) struct Requests {
    next_id: MessageId,
    pub(super) in_flight: Option<Box<InFlight>>,
    queue: VecDeque<Work>,
    /// Nothing is sent for now but the end of it all.
    pub(super) held: bool,
}

impl Requests {
    /// The message ID of the next request, which is used up by [`Requests::sent`].
    pub(super) fn next_id(&self) -> MessageId {
        self.next_id
    }

    /// A request with [`Requests::next_id`] is on its way.
    pub(super) fn sent(&mut self, in_flight: InFlight) {
        debug_assert!(self.in_flight.is_none(), "the window is one");
        self.next_id = in_flight.message_id.next();
        self.in_flight = Some(Box::new(in_flight));
    }

    /// An IKE_SA_INIT request that must be repeated with other content keeps its message ID.
    pub(super) fn rewind(&mut self) {
        self.next_id = MessageId(0);
    }

    /// Takes the request that a response with this ID and exchange type answers.
    pub(super) fn answered(
        &mut self,
        message_id: MessageId,
        exchange_type: ExchangeType,
    ) -> Option<Box<InFlight>> {
        self.in_flight.take_if(|request| {
            request.message_id == message_id && request.exchange_type == exchange_type
        })
    }

    /// Whether a response with this ID and exchange type is awaited.
    pub(super) fn awaits(&self, message_id: MessageId, exchange_type: ExchangeType) -> bool {
        self.in_flight.as_ref().is_some_and(|request| {
            request.message_id == message_id && request.exchange_type == exchange_type
        })
    }

    /// The collapse rule: work that is queued or in flight is not queued again. `false` if there is
    /// no room for it.
    #[must_use]
    pub(super) fn enqueue(&mut self, work: Work) -> bool {
        let in_flight = self
            .in_flight
            .as_ref()
            .is_some_and(|request| request.exchange.achieves(&work));
        let queued = self.queue.iter().any(|other| other.same_as(&work));
        if in_flight || queued {
            return true;
        }
        match work {
            Work::CreateChild(..) if self.queue.len() >= QUEUE_LIMIT => return false,
            // Nothing else matters any more.
            Work::DeleteIke => self.queue.clear(),
            _ => {}
        }
        if matches!(work, Work::UpdateAddresses) {
            // All else is sent along the path that the peer is to know.
            self.queue.push_front(work);
        } else {
            self.queue.push_back(work);
        }
        true
    }

    /// The IKE_SA has been rekeyed: message IDs begin anew, what was in flight has become
    /// pointless, what waits goes on.
    pub(super) fn renew(&mut self) {
        self.next_id = MessageId(0);
        self.in_flight = None;
        self.queue.retain(|work| !matches!(work, Work::RekeyIke(_)));
    }

    /// The rekeying of the IKE_SA that is in flight.
    pub(super) fn rekeying(&mut self) -> Option<&mut RekeyIke> {
        match &mut self.in_flight.as_mut()?.exchange {
            Exchange::RekeyIke(rekey) => Some(rekey),
            _ => None,
        }
    }

    /// Whether a CHILD_SA is being created, rekeyed or closed at this moment.
    pub(super) fn concern_a_child(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|request| {
            matches!(
                request.exchange,
                Exchange::CreateChild(_) | Exchange::DeleteChild(_)
            )
        })
    }

    /// Whether a CHILD_SA is being created or rekeyed at this moment: the peer may have made it already.
    pub(super) fn is_creating(&self) -> bool {
        let request = self.in_flight.as_ref();
        request.is_some_and(|request| matches!(request.exchange, Exchange::CreateChild(_)))
    }

    /// Whether this CHILD_SA is to be deleted as soon as the window is open.
    pub(super) fn will_delete(&self, spi: EspSpi) -> bool {
        let deletes = |work: &Work| matches!(work, Work::DeleteChild(queued) if *queued == spi);
        self.queue.iter().any(deletes)
    }

    /// This CHILD_SA is not to be rekeyed by us now. `false` if that was not about to happen.
    pub(super) fn forget_rekeying(&mut self, spi: EspSpi) -> bool {
        let before = self.queue.len();
        let rekeys = |work: &Work| matches!(work, Work::RekeyChild(queued, _) if *queued == spi);
        self.queue.retain(|work| !rekeys(work));
        self.queue.len() < before
    }

    /// The creation of a CHILD_SA that is in flight.
    pub(super) fn creating(&mut self) -> Option<&mut CreateChild> {
        match &mut self.in_flight.as_mut()?.exchange {
            Exchange::CreateChild(create) => Some(create),
            _ => None,
        }
    }

    /// The next piece of work when the window is open.
    pub(super) fn take_ready(&mut self) -> Option<Work> {
        if self.in_flight.is_some() {
            return None;
        }
        if self.held && !matches!(self.queue.front(), Some(Work::DeleteIke)) {
            return None;
        }
        let work = self.queue.pop_front();
        if self.queue.is_empty() {
            // Thousands of idle IKE_SAs should not each keep a buffer.
            self.queue = VecDeque::new();
        }
        work
    }

    /// Names of the work in flight and queued, for people.
    pub(super) fn names(&self) -> (Option<&'static str>, Vec<&'static str>) {
        (
            self.in_flight
                .as_ref()
                .map(|request| request.exchange.name()),
            self.queue.iter().map(Work::name).collect(),
        )
    }
}

/// How long to wait after having sent a request `retransmissions + 1` times. `random` is uniform.
pub(super) fn wait(policy: &Retransmit, retransmissions: u32, random: u16) -> Duration {
    let exponent = i32::try_from(retransmissions).unwrap_or(i32::MAX);
    let limit = if policy.limit.is_zero() {
        Duration::from_secs(3600)
    } else {
        policy.limit
    };
    let grown = policy.timeout.as_secs_f64() * policy.base.max(1.0).powi(exponent);
    let jitter = f64::from(policy.jitter.min(20)) / 100.0 * f64::from(random) / f64::from(u16::MAX);
    let seconds = grown.min(limit.as_secs_f64()) * (1.0 - jitter);
    Duration::try_from_secs_f64(seconds)
        .unwrap_or(limit)
        .max(SHORTEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_waits_are_strongswans() {
        let policy = Retransmit::default();
        let waits: Vec<u64> = (0..=5)
            .map(|n| wait(&policy, n, 0).as_millis() as u64)
            .collect();
        assert_eq!(waits, [4000, 7200, 12960, 23328, 41990, 75582]);
        assert_eq!(waits.iter().sum::<u64>() / 1000, 165);
    }

    #[test]
    fn jitter_only_shortens_and_limit_caps() {
        let policy = Retransmit {
            jitter: 20,
            limit: Duration::from_secs(10),
            ..Retransmit::default()
        };
        assert_eq!(wait(&policy, 0, u16::MAX), Duration::from_millis(3200));
        assert_eq!(wait(&policy, 50, 0), Duration::from_secs(10));
    }

    #[test]
    fn absurd_policies_do_not_overflow() {
        let policy = Retransmit {
            base: 1e300,
            tries: u32::MAX,
            ..Retransmit::default()
        };
        assert_eq!(wait(&policy, u32::MAX, 0), Duration::from_secs(3600));
        let policy = Retransmit {
            timeout: Duration::MAX,
            limit: Duration::MAX,
            base: f64::NAN,
            ..Retransmit::default()
        };
        assert_eq!(wait(&policy, 3, u16::MAX), Duration::MAX);
        let policy = Retransmit {
            timeout: Duration::ZERO,
            base: f64::INFINITY,
            limit: Duration::from_nanos(1),
            ..Retransmit::default()
        };
        assert_eq!(wait(&policy, 3, 0), SHORTEST_WAIT);
    }
}

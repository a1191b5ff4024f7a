//! One configured connection under supervision: what is wanted, what is under way, when the next
//! try is due. No actor, no clock, no socket: facts go in, [`Action`]s come out, and what exists is
//! read from the [`Registry`].
//!
//! Everything ends in [`Supervised::reconcile`], which compares what is wanted with what is there.
//! It is level-triggered: an event that is lost or comes twice changes nothing for good.

pub(crate) mod configure;
mod maintenance;
mod names;
mod network;
mod outcome;
mod reconcile;
mod redirect;
mod sentence;
mod session;
mod signs;
pub(crate) mod status;
mod traps;
mod wants;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_config::{Connection, Endpoint};
use holdfast_ike::{
    ChildConfig,
    sa::{Command, Contacts, redirect::Gateway},
};

use self::{
    names::Refresh, redirect::Redirection, session::Kept, signs::Nudge, traps::Traps, wants::Wants,
};
use super::{
    attempt::{Attempts, Goal, Waiter},
    backoff::Backoff,
    budget::Budget,
    registry::Registry,
    rotation::Rotation,
};
use crate::{handle::IkeSaId, history::History, store::Maintenance};

/// Children of one IKE_SA that are asked for at once; its queue is bounded.
const CHILDREN_AT_ONCE: usize = 16;

/// On an IKE_SA that the peer began, the peer goes first: both ends want the same children, and
/// whoever asks for them at the same time gets each of them twice.
const RESPONDER_GRACE: Duration = Duration::from_secs(2);

/// With another address left to try, this retransmission ends the attempt at the present one.
const IMPATIENT_RETRANSMISSION: u32 = 2;

/// What the supervisor is to do for a connection.
#[derive(Debug)]
pub(crate) enum Action {
    /// Look these names up and answer with [`Supervised::resolved`].
    Resolve {
        /// To be given back with the answer.
        ticket: u64,
        /// The names.
        names: Vec<String>,
    },
    /// Begin an IKE_SA and answer with [`Supervised::begun`] or [`Supervised::not_begun`].
    Begin {
        /// Where to.
        remote: IpAddr,
        /// The child that travels in IKE_AUTH.
        child: Option<Arc<ChildConfig>>,
        /// The gateway that sent us there.
        redirected_from: Option<Gateway>,
    },
    /// Order an IKE_SA to do something.
    Command {
        /// Which one.
        id: IkeSaId,
        /// What.
        command: Command,
    },
    /// Traffic of this child is to bring it up; the trap is made or, where it is, renewed.
    Trap(Arc<str>),
    /// No longer.
    Untrap(Arc<str>),
    /// What waits in the trap of this child waits in vain.
    Refuse(Arc<str>),
    /// Tell operators.
    Say(String),
}

/// What a connection needs to know of the world while it decides.
pub(crate) struct World<'a> {
    /// Who lives.
    pub(crate) registry: &'a Registry,
    /// The time.
    pub(crate) now: Instant,
    /// A number drawn uniformly from [0, 1).
    pub(crate) fraction: f64,
}

/// Where a connection's configuration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From the configuration files.
    File,
    /// A control client loaded it.
    Vici,
}

/// Where the one attempt at an IKE_SA is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// There is none.
    Idle,
    /// The next one waits for its time.
    Waiting {
        until: Instant,
        /// The peer refused us: only an operator may cut this wait short.
        slow: bool,
    },
    /// The peer's names are being looked up.
    Resolving { ticket: u64 },
    /// An IKE_SA is being made.
    Starting,
    /// This IKE_SA is being negotiated.
    Connecting { id: IkeSaId },
}

/// What is under way for one child while an IKE_SA is up.
#[derive(Clone, Debug, Default)]
struct ChildTry {
    /// Ordered from this IKE_SA, answer outstanding.
    pending: Option<IkeSaId>,
    /// Not before this time.
    until: Option<Instant>,
    /// The IKE_SA that is being replaced carries it, so the new one must.
    moving: bool,
    backoff: Backoff,
    failure: Option<Arc<str>>,
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Supervised {
    config: Arc<Connection>,
    origin: Origin,
    contacts: Contacts,
    /// An operator keeps it down.
    maintenance: Option<Maintenance>,
    history: Arc<History>,
    wants: Wants,
    traps: Traps,
    phase: Phase,
    backoff: Backoff,
    budget: Budget,
    rotation: Rotation,
    attempts: Attempts,
    children: BTreeMap<Arc<str>, ChildTry>,
    /// An IKE_SA that is to give way to a new one once that carries what it carries.
    replacing: Option<IkeSaId>,
    /// When it may go: the new one carries all its children.
    moved: Option<Instant>,
    resolved: Vec<IpAddr>,
    refresh: Refresh,
    redirection: Redirection,
    kept: Kept,
    last_ticket: u64,
    rounds: u32,
    /// Failed attempts since it was last up.
    failures: u32,
    reason: Option<Arc<str>>,
    since: Instant,
    was_up: bool,
    /// The attempt was abandoned because it had become hopeless: the next one need not wait.
    restart: bool,
    nudge: Nudge,
}

impl Supervised {
    /// A connection as configured. Nothing happens before [`Supervised::reconcile`].
    pub(crate) fn new(config: Arc<Connection>, origin: Origin, now: Instant) -> Self {
        Self {
            wants: Wants::of(&config),
            traps: Traps::of(&config),
            origin,
            maintenance: None,
            contacts: Contacts::default(),
            history: Arc::default(),
            phase: Phase::Idle,
            backoff: Backoff::default(),
            budget: Budget::default(),
            rotation: Rotation::default(),
            attempts: Attempts::default(),
            children: BTreeMap::new(),
            replacing: None,
            moved: None,
            resolved: Vec::new(),
            refresh: Refresh::default(),
            redirection: Redirection::default(),
            kept: Kept::default(),
            last_ticket: 0,
            rounds: 0,
            failures: 0,
            reason: None,
            since: now,
            was_up: false,
            restart: false,
            nudge: Nudge::default(),
            config,
        }
    }

    /// How it is configured.
    pub(crate) fn config(&self) -> &Arc<Connection> {
        &self.config
    }

    /// What has become of it so far.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// What the peer's names have last been looked up to.
    pub(crate) fn resolved_addresses(&self) -> &[IpAddr] {
        &self.resolved
    }

    /// Where its configuration comes from.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Its configuration comes from somewhere else now.
    pub(crate) fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Its count of established IKE_SAs, shared with them.
    pub(crate) fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// When it wants attention if nothing else happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next_try()
            .into_iter()
            .chain(self.moved)
            .chain(self.refresh.deadline())
            .chain(self.nudge.deadline())
            .min()
    }

    /// When something is tried next.
    fn next_try(&self) -> Option<Instant> {
        let attempt = match self.phase {
            Phase::Waiting { until, .. } => Some(until),
            _ => None,
        };
        let children = self.children.values().filter_map(|child| child.until);
        attempt.into_iter().chain(children).min()
    }

    /// Somebody wants `goal`. Joins what is under way for it; `None` says that it is met already.
    pub(crate) fn initiate(
        &mut self,
        goal: &Goal,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) -> Option<Waiter> {
        self.wants.add(goal, &self.config);
        if self.is_met(goal, world.registry) {
            self.wants.met(goal);
            return None;
        }
        let waiter = self.attempts.join(goal.clone());
        self.cut_short(goal, world);
        self.reconcile(world, actions);
        Some(waiter)
    }

    /// An operator need not sit out a wait, within reason.
    fn cut_short(&mut self, goal: &Goal, world: &World<'_>) {
        let waits = matches!(self.phase, Phase::Waiting { .. });
        if waits && self.backoff.may_cut(&self.config.reconnect, world.now) {
            self.budget.waive();
            self.phase = Phase::Idle;
        }
        if let Goal::Child(name) = goal
            && let Some(child) = self.children.get_mut(name)
            && child.until.is_some()
            && child.backoff.may_cut(&self.config.reconnect, world.now)
        {
            child.until = None;
        }
    }

    /// An operator wants the whole connection down, until somebody asks for it again.
    pub(crate) fn withdraw(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        self.wants.withdraw_all();
        self.redirection = Redirection::default();
        self.kept.forget();
        self.replacing = None;
        self.moved = None;
        self.children.clear();
        self.backoff.reset();
        self.reason = Some("terminated by an operator".into());
        if let Phase::Connecting { id } = self.phase {
            let command = Command::Terminate;
            actions.push(Action::Command { id, command });
        }
        self.phase = Phase::Idle;
        self.attempts.all_failed("terminated by an operator");
        self.note_state(world);
    }

    /// An operator wants one child down, until somebody asks for it again.
    pub(crate) fn withdraw_child(&mut self, name: &str) {
        self.wants.withdraw_child(name);
        self.children.remove(name);
        self.attempts
            .failed(&Goal::Child(name.into()), "terminated by an operator");
    }

    /// The agent goes down: nothing is wanted any more and nobody needs to wait.
    pub(crate) fn drain(&mut self) {
        self.wants = Wants::default();
        self.replacing = None;
        self.moved = None;
        self.children.clear();
        self.phase = Phase::Idle;
        self.attempts.all_failed("the agent is shutting down");
    }

    /// Something on the way says that `remote` cannot be reached. A hint: the peer may well answer
    /// later, so only an attempt that has other addresses left ends here.
    pub(crate) fn unreachable(
        &mut self,
        remote: SocketAddr,
        reason: &str,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let Phase::Connecting { id } = self.phase else {
            return;
        };
        let concerns = world
            .registry
            .get(id)
            .is_some_and(|record| record.path.remote.ip() == remote.ip() && !record.closing);
        if concerns {
            let reason: Arc<str> = format!("{reason} ({remote})").into();
            self.attempts.note(&reason);
            self.reason = Some(reason);
            self.abandon_address(id, actions);
        }
    }

    /// The peer does not answer at this address so far.
    pub(crate) fn retransmitting(
        &mut self,
        id: IkeSaId,
        attempt: u32,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        if self.phase == (Phase::Connecting { id }) {
            self.budget.spend(self.config.reconnect.budget, world.now);
            self.attempts
                .note(&format!("no answer yet, retransmission {attempt}"));
            if attempt >= IMPATIENT_RETRANSMISSION {
                self.abandon_address(id, actions);
            }
        }
    }

    fn abandon_address(&self, id: IkeSaId, actions: &mut Vec<Action>) {
        if self.rotation.more() || self.redirection.target().is_some() {
            let cause = holdfast_ike::sa::CloseCause::PeerUnresponsive;
            let command = Command::Abandon(cause);
            actions.push(Action::Command { id, command });
        }
    }

    /// An IKE_SA reached its rekey time: a new one takes its place before it goes. Its original
    /// initiator does that; if both ends did, each would replace what the other has just made.
    pub(crate) fn needs_replacement(
        &mut self,
        id: IkeSaId,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let ours = world.registry.get(id).is_some_and(|record| {
            record.usable() && record.role == holdfast_ike::sa::Role::Initiator
        });
        if ours && self.replacing.is_none() && self.can_start() {
            self.replacing = Some(id);
            self.reconcile(world, actions);
        }
    }

    /// Whether there is an address to send a first message to.
    fn can_start(&self) -> bool {
        self.config.usable_remotes().next().is_some()
    }

    fn is_met(&self, goal: &Goal, registry: &Registry) -> bool {
        let name = &self.config.name;
        match goal {
            Goal::IkeSa => registry.newest_usable(name).is_some(),
            Goal::Child(child) => registry.carrier(name, child).is_some(),
        }
    }

    /// Whether everything that is wanted is there.
    fn all_met(&self, registry: &Registry) -> bool {
        (!self.wants.ike_sa() || self.is_met(&Goal::IkeSa, registry))
            && self
                .wants
                .children()
                .all(|child| registry.carrier(&self.config.name, child).is_some())
    }

    /// Whether anything is wanted of it.
    pub(crate) fn wants_anything(&self) -> bool {
        self.wants.any()
    }

    /// Whether this child is wanted.
    pub(crate) fn wants_child(&self, name: &str) -> bool {
        self.wants.child(name)
    }

    /// Whether an attempt at this very peer waits for its time.
    pub(crate) fn waits_for(&self, remote: IpAddr) -> bool {
        let named = |endpoint: &Endpoint| match endpoint {
            Endpoint::Address(address) => *address == remote,
            Endpoint::Host(_) => self.resolved.contains(&remote),
            Endpoint::Net(_) | Endpoint::Range(_) | Endpoint::Any => false,
        };
        matches!(self.phase, Phase::Waiting { .. }) && self.config.remote_addrs.iter().any(named)
    }

    /// How well this connection fits a request that came along these addresses: higher is better,
    /// `None` is not at all.
    pub(crate) fn fit(&self, local: IpAddr, remote: IpAddr) -> Option<u32> {
        let best = |endpoints: &[Endpoint], address| {
            endpoints
                .iter()
                .filter_map(|endpoint| self.fit_endpoint(endpoint, address))
                .max()
        };
        let local = best(&self.config.local_addrs, local)?;
        let remote = best(&self.config.remote_addrs, remote)?;
        Some(remote * 4 + local)
    }

    fn fit_endpoint(&self, endpoint: &Endpoint, address: IpAddr) -> Option<u32> {
        match endpoint {
            Endpoint::Address(own) => (*own == address).then_some(3),
            // A name that was never looked up may mean any address; identities decide anyway.
            Endpoint::Host(_) if self.resolved.is_empty() => Some(0),
            Endpoint::Host(_) => self.resolved.contains(&address).then_some(3),
            Endpoint::Net(net) => net.contains(&address).then_some(1),
            Endpoint::Range(range) => range.contains(&address).then_some(1),
            Endpoint::Any => Some(0),
        }
    }
}

#[cfg(test)]
mod tests;

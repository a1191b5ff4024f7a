//! Shunts: what passes by the tunnels in the clear, and what does not leave at all.
//!
//! Most of it is done by routes ([`super::routes`]) and never seen here. What comes into the device
//! all the same is judged packet by packet: the narrowest policy decides, and between equals the
//! order is pass, CHILD_SA, trap, drop.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use holdfast_ike::TrafficSelector;

use tokio::sync::oneshot;

use super::{
    Userspace,
    control::Command,
    outbound::Outbound,
    policy_table::{self, Fit, PolicyTable, Target},
    shared::count,
};
use crate::{
    packet::{header::Header, segment::Plan},
    plane::{BoxFuture, InstallError},
    policy::{Policy, PolicyAction, PolicyId},
};

/// What becomes of a packet that a shunt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It leaves in the clear.
    Passes,
    /// It does not leave.
    Drops,
}

impl Fate {
    /// That of a shunt, if the action is one.
    pub(crate) fn of(action: PolicyAction) -> Option<Self> {
        match action {
            PolicyAction::Protect => None,
            PolicyAction::Bypass => Some(Self::Passes),
            PolicyAction::Discard => Some(Self::Drops),
        }
    }
}

/// One shunt.
pub(crate) struct Shunt {
    pub(crate) id: PolicyId,
    pub(crate) fate: Fate,
    /// Whether routes alone can do it.
    pub(crate) by_destination: bool,
    local_ts: Box<[TrafficSelector]>,
    remote_ts: Box<[TrafficSelector]>,
    order: u64,
}

impl Target for Shunt {
    fn local_ts(&self) -> &[TrafficSelector] {
        &self.local_ts
    }

    fn remote_ts(&self) -> &[TrafficSelector] {
        &self.remote_ts
    }

    /// Of two that are equal the one that lets pass wins, then the newest.
    fn order(&self) -> u64 {
        self.order | u64::from(self.fate == Fate::Passes) << 63
    }
}

/// All shunts. Look-ups never wait; changes wait for each other.
pub(crate) struct Shunts {
    table: PolicyTable<Shunt>,
    by_id: Mutex<HashMap<PolicyId, Arc<Shunt>>>,
    count: AtomicUsize,
}

impl Shunts {
    /// None.
    pub(crate) fn new() -> Self {
        Self {
            table: PolicyTable::new(),
            by_id: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// What a shunt makes of a packet that a CHILD_SA or a trap fits so well, if they fit at all.
    pub(crate) fn judge(&self, header: &Header, protected: Option<Fit>) -> Option<Fate> {
        let (shunt, fit) = self.table.find_with_fit(header)?;
        let wins = match shunt.fate {
            Fate::Passes => protected.is_none_or(|other| fit >= other),
            Fate::Drops => protected.is_none_or(|other| fit > other),
        };
        wins.then_some(shunt.fate)
    }

    /// Adds a shunt; `None` if its number is taken.
    pub(crate) fn publish(&self, policy: &Policy, fate: Fate, order: u64) -> Option<Arc<Shunt>> {
        let mut shunts = self.by_id();
        if shunts.contains_key(&policy.id) {
            return None;
        }
        let shunt = Arc::new(Shunt {
            id: policy.id,
            fate,
            by_destination: policy.is_by_destination(),
            local_ts: policy.local_ts.clone().into(),
            remote_ts: policy.remote_ts.clone().into(),
            order,
        });
        self.table.insert(&shunt);
        self.count.fetch_add(1, Ordering::Release);
        shunts.insert(policy.id, Arc::clone(&shunt));
        Some(shunt)
    }

    /// Takes a shunt out; `false` if there is none of this number.
    pub(crate) fn withdraw(&self, id: PolicyId) -> bool {
        let mut shunts = self.by_id();
        let Some(shunt) = shunts.remove(&id) else {
            return false;
        };
        self.count.fetch_sub(1, Ordering::Release);
        self.table.remove(&shunt);
        true
    }

    /// Whether this very shunt is installed.
    pub(crate) fn holds(&self, shunt: &Arc<Shunt>) -> bool {
        let shunts = self.by_id();
        let found = shunts.get(&shunt.id);
        found.is_some_and(|found| Arc::ptr_eq(found, shunt))
    }

    fn by_id(&self) -> MutexGuard<'_, HashMap<PolicyId, Arc<Shunt>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Userspace {
    /// Puts a shunt into the tables and its routes, if it needs any, into the system.
    pub(super) fn install_shunt(
        &self,
        policy: &Policy,
        fate: Fate,
    ) -> BoxFuture<Result<(), InstallError>> {
        let shunt = match self.publish_shunt(policy, fate) {
            Ok(shunt) if self.routes => shunt,
            done => return Box::pin(std::future::ready(done.map(drop))),
        };
        let (done, installed) = oneshot::channel();
        let _ = self.commands.send(Command::InstallShunt { shunt, done });
        Box::pin(async move { installed.await.unwrap_or(Err(InstallError::ShutDown)) })
    }

    /// Puts a shunt into the tables.
    fn publish_shunt(&self, policy: &Policy, fate: Fate) -> Result<Arc<Shunt>, InstallError> {
        if self.ended.load(Ordering::Acquire) {
            return Err(InstallError::ShutDown);
        }
        policy_table::size(&policy.local_ts, &policy.remote_ts)?;
        let by_destination = policy.is_by_destination();
        if fate == Fate::Drops && self.routes && !by_destination {
            return Err(InstallError::DropByDestination);
        }
        if fate == Fate::Passes {
            // Also where a route does most of it: a tunnel to the same network takes that route.
            for selector in &policy.remote_ts {
                let opened = self.shared.clear.open(selector.start.is_ipv4());
                if let Err(error) = opened
                    && !by_destination
                {
                    return Err(InstallError::Pass(error.to_string()));
                }
            }
        }
        let order = self.order.fetch_add(1, Ordering::Relaxed);
        self.shared
            .shunts
            .publish(policy, fate, order)
            .ok_or(InstallError::PolicyInUse(policy.id))
    }
}

impl Outbound {
    /// A frame that a shunt is for.
    pub(super) fn shunt(&mut self, fate: Fate, header: &Header, plan: &Plan) {
        let counts = &self.shared.counts;
        if fate == Fate::Drops {
            return count(&counts.shunt_dropped, plan.count());
        }
        for index in 0..plan.count() {
            let packet = &mut self.scratch[..plan.length(index)];
            plan.write(&self.frame[..header.total], index, packet);
            match self.shared.clear.send(packet, header.destination) {
                Ok(()) => count(&counts.shunt_passed, 1),
                Err(error) => {
                    tracing::trace!(%error, to = %header.destination, "cannot let a packet pass");
                    count(&counts.send_failed, 1);
                }
            }
        }
    }
}

//! Which IKE_SAs go when another one with the same peer is established. The rule itself is the
//! core's; this finds those it is about.

use std::time::Duration;

use holdfast_ike::{
    config::Unique,
    sa::{
        CloseCause, Command,
        event::Established,
        uniqueness::{Verdict, judge},
    },
};

use super::registry::{Record, Registry};
use crate::handle::IkeSaId;

/// How long a peer that authenticates anew may take to move all children.
const MOVING: Duration = Duration::from_secs(10);

/// An IKE_SA that goes.
pub(crate) struct Loser {
    pub(crate) id: IkeSaId,
    pub(crate) command: Command,
    /// When, if the one that takes its place is still there.
    pub(crate) grace: Duration,
}

/// Judges the IKE_SA `new` against every other established one of the same connection and peer.
pub(crate) fn judge_all(registry: &Registry, new: IkeSaId, unique: Unique) -> Vec<Loser> {
    let close = |id| {
        Some(Loser {
            id,
            command: Command::Terminate,
            grace: Duration::ZERO,
        })
    };
    let Some((_, ours)) = registry.get(new).and_then(established) else {
        return Vec::new();
    };
    registry
        .with_peer(&ours.connection, &ours.remote_id)
        .filter(|record| record.id != new && record.usable())
        .filter_map(established)
        .filter(|(_, theirs)| theirs.remote_id == ours.remote_id)
        .filter_map(|(id, theirs)| {
            // Reports of two threads may change places: the clock tells which is the older one.
            let (older, newer) = if theirs.contact.established <= ours.contact.established {
                ((id, theirs), (new, ours))
            } else {
                ((new, ours), (id, theirs))
            };
            match judge(&older.1.contact, &newer.1.contact, unique) {
                Verdict::KeepBoth => None,
                Verdict::ForgetOlder => Some(Loser {
                    id: older.0,
                    command: Command::Abandon(CloseCause::Replaced),
                    grace: Duration::ZERO,
                }),
                Verdict::CloseOlder => close(older.0),
                Verdict::CloseOlderSoon => Some(Loser {
                    id: older.0,
                    command: Command::Terminate,
                    grace: MOVING,
                }),
                Verdict::CloseNewer => close(newer.0),
            }
        })
        .collect()
}

fn established(record: &Record) -> Option<(IkeSaId, &Established)> {
    Some((record.id, record.established.as_deref()?))
}

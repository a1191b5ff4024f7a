//! Which IKE_SAs go when another one with the same peer is established. The rule itself is the
//! core's; this finds those it is about.

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

/// Judges the IKE_SA `new` against every other established one of the same connection and peer.
pub(crate) fn judge_all(
    registry: &Registry,
    new: IkeSaId,
    unique: Unique,
) -> Vec<(IkeSaId, Command)> {
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
                Verdict::ForgetOlder => Some((older.0, Command::Abandon(CloseCause::Replaced))),
                Verdict::CloseOlder => Some((older.0, Command::Terminate)),
                Verdict::CloseNewer => Some((newer.0, Command::Terminate)),
            }
        })
        .collect()
}

fn established(record: &Record) -> Option<(IkeSaId, &Established)> {
    Some((record.id, record.established.as_deref()?))
}

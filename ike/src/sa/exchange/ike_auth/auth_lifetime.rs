//! How long a responder takes the initiator's proof for good (RFC 4478).

use std::time::Duration;

use crate::{
    Connection,
    sa::payloads::{Payloads, notify},
    wire::{NotifyType, Payload},
};

/// Responder: the initiator is to authenticate anew within this time.
pub(super) fn announce(connection: &Connection) -> Option<Payload> {
    let time = connection.reauth.time;
    let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    (!time.is_zero()).then(|| {
        let data = seconds.max(1).to_be_bytes().to_vec();
        notify(NotifyType::AUTH_LIFETIME, data)
    })
}

/// Initiator: what the responder says, in IKE_AUTH or at any time later (section 3).
pub(in crate::sa) fn read(payloads: &Payloads) -> Option<Duration> {
    let seconds = payloads.notify(NotifyType::AUTH_LIFETIME)?;
    let seconds = seconds.data.as_slice().try_into().ok()?;
    Some(Duration::from_secs(u32::from_be_bytes(seconds).into()))
}

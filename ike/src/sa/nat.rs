//! NAT detection (RFC 7296 section 2.23).

use std::net::{Ipv4Addr, SocketAddr};

use super::{
    event::Nat,
    payloads::{Payloads, notify},
};
use crate::{
    IkeSpis, Path,
    crypto::{nat_detection_hash, verify},
    wire::{NotifyType, Payload},
};

/// The two notifications that let the peer detect a NAT. With `fake_source` the source hash is
/// that of an address that is nobody's, so that both ends encapsulate ESP in UDP although no NAT
/// is there.
pub(super) fn detection_payloads(spis: IkeSpis, path: Path, fake_source: bool) -> [Payload; 2] {
    let source = if fake_source {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        path.local
    };
    [
        notify(
            NotifyType::NAT_DETECTION_SOURCE_IP,
            nat_detection_hash(spis, source).to_vec(),
        ),
        notify(
            NotifyType::NAT_DETECTION_DESTINATION_IP,
            nat_detection_hash(spis, path.remote).to_vec(),
        ),
    ]
}

/// What the peer's notifications say of the path; `None` when it sent none, and then UDP
/// encapsulation is not supported by it.
pub(super) fn detect(payloads: &Payloads, spis: IkeSpis, path: Path, faked: bool) -> Option<Nat> {
    let mut sources = payloads
        .notifies()
        .filter(|notify| notify.notify_type == NotifyType::NAT_DETECTION_SOURCE_IP)
        .peekable();
    sources.peek()?;
    let destination = payloads.notify(NotifyType::NAT_DETECTION_DESTINATION_IP)?;
    let remote = nat_detection_hash(spis, path.remote);
    let local = nat_detection_hash(spis, path.local);
    Some(Nat {
        // The peer may name several source addresses, one of which must match.
        remote: !sources.any(|notify| verify(&notify.data, &remote)),
        local: !verify(&destination.data, &local),
        faked,
    })
}

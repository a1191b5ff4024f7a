//! What both ends say about the packets of a CHILD_SA beside its algorithms: transport mode, with
//! selectors that a NAT has made wrong, and padding (RFC 7296 sections 1.3.1 and 2.23.1).

use std::net::IpAddr;

use super::{
    negotiation::Selectors,
    payloads::{Payloads, notify},
};
use crate::{
    ChildConfig, Mode, Path, TfcPadding, TrafficSelector,
    wire::{NotifyType, Payload},
};

/// The mode that we ask for: there is no transport mode for anything but two hosts.
pub(super) fn mode(config: &ChildConfig, (ours, theirs): &Selectors) -> Mode {
    let host = |selector: &TrafficSelector| selector.start == selector.end;
    if ours.iter().chain(theirs).all(host) {
        config.mode
    } else {
        Mode::Tunnel
    }
}

/// Asks for it, or agrees to it.
pub(super) fn use_transport_mode() -> Payload {
    notify(NotifyType::USE_TRANSPORT_MODE, Vec::new())
}

/// Whether the peer asks for it, or agrees to it.
pub(super) fn is_wanted(payloads: &Payloads) -> bool {
    payloads.notify(NotifyType::USE_TRANSPORT_MODE).is_some()
}

/// The selectors of one end as the other end sees it: only single hosts can have another address
/// there than at home.
pub(super) fn as_seen(selectors: &[TrafficSelector], address: IpAddr) -> Vec<TrafficSelector> {
    let translate = |selector: &TrafficSelector| {
        let host = selector.start == selector.end;
        if host && selector.start.is_ipv4() == address.is_ipv4() {
            TrafficSelector {
                start: address,
                end: address,
                ..*selector
            }
        } else {
            *selector
        }
    };
    selectors.iter().map(translate).collect()
}

/// The peer's selectors and ours in its message, with the addresses that this end knows.
pub(super) fn translate(
    theirs: &[TrafficSelector],
    ours: &[TrafficSelector],
    path: Path,
) -> Selectors {
    (
        as_seen(theirs, path.remote.ip()),
        as_seen(ours, path.local.ip()),
    )
}

/// How packets for the peer are padded: not at all where it cannot take it. Of us it may always
/// expect that we can.
pub(super) fn padding_for(config: &ChildConfig, payloads: &Payloads) -> TfcPadding {
    match payloads.notify(NotifyType::ESP_TFC_PADDING_NOT_SUPPORTED) {
        Some(_) => TfcPadding::Off,
        None => config.options.tfc_padding,
    }
}

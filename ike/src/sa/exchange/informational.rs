//! INFORMATIONAL: delete and liveness (RFC 7296 sections 1.4 and 2.4).

use super::super::{
    child::Child,
    event::{CloseCause, Failure},
    payloads::Payloads,
};
use crate::{
    EspSpi,
    proposal::Protocol,
    wire::{Delete, NotifyType, Payload},
};

/// The request that closes the IKE_SA.
pub(in super::super) fn delete_ike_sa() -> Vec<Payload> {
    vec![Payload::Delete(Delete {
        protocol: Protocol::Ike,
        spis: Vec::new(),
    })]
}

/// The request that closes one CHILD_SA: names the SPI on which we receive.
pub(in super::super) fn delete_child_sa(inbound_spi: EspSpi) -> Vec<Payload> {
    vec![Payload::Delete(Delete {
        protocol: Protocol::Esp,
        spis: vec![inbound_spi],
    })]
}

/// What the peer wants.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Wanted {
    /// The IKE_SA is over.
    pub(in super::super) close: Option<CloseCause>,
    /// Inbound SPIs of ours whose CHILD_SAs the peer has deleted.
    pub(in super::super) deleted: Vec<EspSpi>,
    /// Outbound SPIs that belong to no CHILD_SA of ours.
    pub(in super::super) unknown: Vec<EspSpi>,
}

/// Reads the peer's request. Without payloads that mean something it is a sign of life.
pub(in super::super) fn read_request(payloads: &Payloads, children: &[Child]) -> Wanted {
    let mut wanted = Wanted::default();
    for payload in &payloads.0 {
        match payload {
            Payload::Delete(delete) if delete.protocol == Protocol::Ike => {
                wanted.close = Some(CloseCause::PeerDeleted);
            }
            Payload::Delete(delete) if delete.protocol == Protocol::Esp => {
                // The peer names the SPIs on which it receives: our outbound ones.
                for spi in &delete.spis {
                    match children.iter().find(|child| child.is_peers(*spi)) {
                        // A peer may name one twice.
                        Some(child) if wanted.deleted.contains(&child.inbound_spi) => {}
                        Some(child) => wanted.deleted.push(child.inbound_spi),
                        None => wanted.unknown.push(*spi),
                    }
                }
            }
            Payload::Notify(notify) if notify.notify_type == NotifyType::AUTHENTICATION_FAILED => {
                // The initiator did not like our AUTH (RFC 7296 section 2.21.2).
                wanted.close = Some(CloseCause::Failed(Failure::AuthenticationRefused));
            }
            _ => {}
        }
    }
    wanted
}

/// The answer names our halves of what was deleted (RFC 7296 section 1.4.1).
pub(in super::super) fn answer(deleted: &[EspSpi]) -> Vec<Payload> {
    if deleted.is_empty() {
        return Vec::new();
    }
    vec![Payload::Delete(Delete {
        protocol: Protocol::Esp,
        spis: deleted.to_vec(),
    })]
}

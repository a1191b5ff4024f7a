//! Alerts in the form of charon's error-notify plugin: a structure of fixed size for each, which
//! listeners of that plugin read as they do charon's.

use crate::{bus::ControlEvent, supervisor::messages::IkeSaListing};

/// Lengths of the fields after the number: text, connection, identity and address of the peer. Each
/// ends with a NUL at least.
const TEXT: usize = 384;
const NAME: usize = 64;
const IDENTITY: usize = 256;
const ADDRESS: usize = 60;

/// The alerts that have a number there, and what is said of them.
const KINDS: [(&str, u32, &str); 13] = [
    (
        "local-auth-failed",
        2,
        "the peer refuses our authentication",
    ),
    ("peer-auth-failed", 3, "the peer's authentication failed"),
    (
        "parse-error-body",
        5,
        "a message of the peer cannot be read",
    ),
    ("retransmit-send-timeout", 6, "the peer does not answer"),
    (
        "half-open-timeout",
        7,
        "the peer did not finish its handshake",
    ),
    ("proposal-mismatch-ike", 8, "no IKE proposal in common"),
    ("proposal-mismatch-child", 9, "no ESP proposal in common"),
    ("ts-mismatch", 10, "no traffic selectors in common"),
    (
        "install-child-sa-failed",
        11,
        "the CHILD_SA cannot be installed",
    ),
    (
        "unique-replace",
        13,
        "replaced by a newer IKE_SA with this peer",
    ),
    ("unique-keep", 14, "an older IKE_SA with this peer is kept"),
    ("authorization-failed", 16, "the peer is not authorized"),
    (
        "retransmit-send",
        20,
        "no answer yet, a request is sent again",
    ),
];

/// The structure of an event, if it is an alert that has one.
pub(super) fn message(event: &ControlEvent) -> Option<Vec<u8>> {
    let ControlEvent::Alert { kind, listing } = event else {
        return None;
    };
    let (_, number, text) = KINDS.iter().find(|(name, ..)| name == kind)?;
    Some(layout(*number, text, listing.as_ref()))
}

fn layout(number: u32, text: &str, listing: Option<&IkeSaListing>) -> Vec<u8> {
    let identity = listing
        .and_then(|listing| listing.established.as_ref())
        .map(|facts| facts.remote_id.to_string());
    let remote = listing.map(|listing| listing.path.remote);
    let address = remote.map(|remote| format!("{}[{}]", remote.ip(), remote.port()));
    let mut message = number.to_be_bytes().to_vec();
    for (value, length) in [
        (Some(text), TEXT),
        (listing.map(|listing| &*listing.connection), NAME),
        (identity.as_deref(), IDENTITY),
        (address.as_deref(), ADDRESS),
    ] {
        let value = value.unwrap_or_default().as_bytes();
        let shown = &value[..value.len().min(length - 1)];
        message.extend_from_slice(shown);
        message.resize(message.len() + length - shown.len(), 0);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_where_listeners_look_for_them() {
        let message = layout(3, &"x".repeat(1000), None);
        assert_eq!(message.len(), 768);
        assert_eq!(message[..4], [0, 0, 0, 3]);
        assert_eq!(message[4 + TEXT - 2..4 + TEXT], [b'x', 0]);
        assert!(message[4 + TEXT..].iter().all(|octet| *octet == 0));
    }

    #[test]
    fn what_is_no_error_is_not_told() {
        assert!(message(&ControlEvent::Draining).is_none());
        let alert = |kind| ControlEvent::Alert {
            kind,
            listing: None,
        };
        assert!(message(&alert("shutdown-signal")).is_none());
        assert!(message(&alert("peer-auth-failed")).is_some());
    }
}

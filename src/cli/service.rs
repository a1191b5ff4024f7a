//! What the service manager is told. Without one, nothing is.

use sd_notify::{NotifyState, notify};

/// The agent is up.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// The agent says goodbye to its peers.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told about the agent's state");
    }
}

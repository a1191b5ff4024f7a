//! What the service manager is told. Without one, nothing is.

use holdfast_actors::Watchdog;
use sd_notify::{NotifyState, notify, watchdog_enabled};

/// The agent is up.
pub(super) fn ready() {
    tell(NotifyState::Ready);
}

/// The agent says goodbye to its peers.
pub(super) fn stopping() {
    tell(NotifyState::Stopping);
}

/// What it wants to hear regularly, if it does (`WatchdogSec=`).
pub(super) fn watchdog() -> Option<Watchdog> {
    Some(Watchdog {
        patience: watchdog_enabled()?,
        pet: Box::new(|| tell(NotifyState::Watchdog)),
    })
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told about the agent's state");
    }
}

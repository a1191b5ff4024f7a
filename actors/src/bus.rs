//! What control clients may listen to. Bounded: who does not keep up loses the connection, not the
//! agent its memory.

use std::{sync::Arc, time::Duration};

use holdfast_ike::Path;
use tokio::sync::{broadcast, watch};

use crate::{
    handle::IkeSaId,
    supervisor::messages::{Applied, IkeSaListing},
};

/// Events a client may lag behind.
const LAG: usize = 256;

/// What a line of the log is about, by charon's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// The agent itself.
    Daemon,
    /// An IKE_SA.
    Ike,
    /// A CHILD_SA.
    Child,
    /// Configuration.
    Config,
    /// Messages on the wire.
    Network,
}

impl Group {
    /// Its name on the control socket.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Daemon => "DMN",
            Self::Ike => "IKE",
            Self::Child => "CHD",
            Self::Config => "CFG",
            Self::Network => "NET",
        }
    }
}

/// A line of the log that concerns operators: charon's level 1.
#[derive(Debug)]
pub(crate) struct LogLine {
    pub(crate) group: Group,
    pub(crate) connection: Option<Arc<str>>,
    pub(crate) ike_sa: Option<IkeSaId>,
    pub(crate) text: String,
}

/// Something happened.
#[derive(Debug)]
pub(crate) enum ControlEvent {
    /// An IKE_SA came up or went.
    IkeUpdown { up: bool, listing: IkeSaListing },
    /// A CHILD_SA came up or went; the listing holds just that one.
    ChildUpdown { up: bool, listing: IkeSaListing },
    /// An IKE_SA was rekeyed.
    IkeRekey {
        /// What it was.
        old: IkeSaListing,
        /// What it is.
        new: IkeSaListing,
    },
    /// A CHILD_SA was rekeyed; each listing holds just that one.
    ChildRekey {
        /// What it was.
        old: IkeSaListing,
        /// What it is.
        new: IkeSaListing,
    },
    /// An IKE_SA has moved to another path.
    IkeUpdate {
        /// What it was.
        old: IkeSaListing,
        /// Where it is now.
        path: Path,
    },
    /// Something that somebody should look at.
    Alert {
        /// charon's name of it.
        kind: &'static str,
        /// The IKE_SA it concerns.
        listing: Option<IkeSaListing>,
    },
    /// A connection is up, all that is wanted of it, or no longer is.
    ConnectionChanged {
        connection: Arc<str>,
        up: bool,
        /// Why it is not up.
        reason: Arc<str>,
    },
    /// An attempt at an IKE_SA has failed.
    AttemptFailed {
        connection: Arc<str>,
        reason: Arc<str>,
        /// How many have since it was last up.
        failures: u32,
        /// When the next one begins, if it has a time.
        next_retry: Option<Duration>,
    },
    /// The configuration files were read again.
    Reloaded(Applied),
    /// The agent says goodbye to its peers.
    Draining,
    /// Somebody wrote to the log.
    Log(LogLine),
}

/// The way to all who listen.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    events: broadcast::Sender<Arc<ControlEvent>>,
    closing: watch::Sender<bool>,
}

impl Default for Bus {
    fn default() -> Self {
        Self {
            events: broadcast::Sender::new(LAG),
            closing: watch::Sender::new(false),
        }
    }
}

impl Bus {
    /// Tells everybody. The event is made only if somebody listens.
    pub(crate) fn publish(&self, event: impl FnOnce() -> ControlEvent) {
        self.publish_if(|| Some(event()));
    }

    /// The same where there may be nothing to tell.
    pub(crate) fn publish_if(&self, event: impl FnOnce() -> Option<ControlEvent>) {
        if self.is_heard()
            && let Some(event) = event()
        {
            // Failing means that the last listener has just left.
            let _ = self.events.send(Arc::new(event));
        }
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0
    }

    /// Listens from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<ControlEvent>> {
        self.events.subscribe()
    }

    /// Sends every client away, whether it listens to events or not.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Becomes true when clients are to go.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }
}

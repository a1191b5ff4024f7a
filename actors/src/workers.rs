//! The arbiters that run IKE_SAs.

use std::{io, num::NonZero, thread, time::Duration};

use actix_rt::{Arbiter, ArbiterHandle};

/// How long arbiters may take to end once everything on them is done.
const JOIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Hands IKE_SAs out in turn.
#[derive(Debug)]
pub(crate) struct Workers {
    handles: Vec<ArbiterHandle>,
    next: usize,
}

impl Workers {
    /// At least one.
    pub(crate) fn new(handles: Vec<ArbiterHandle>) -> Self {
        assert!(!handles.is_empty(), "somebody must run the IKE_SAs");
        Self { handles, next: 0 }
    }

    /// Whose turn it is.
    pub(crate) fn next(&mut self) -> &ArbiterHandle {
        let turn = self.next;
        self.next = (turn + 1) % self.handles.len();
        &self.handles[turn]
    }
}

/// Starts `count` arbiters, or one per core for 0.
pub(crate) fn start(count: usize) -> io::Result<Vec<Arbiter>> {
    let count = match count {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        count => count,
    };
    (0..count).map(|_| Arbiter::try_new()).collect()
}

/// Stops arbiters and waits for their threads, but not for one that is stuck.
pub(crate) fn stop(arbiters: Vec<Arbiter>) {
    for arbiter in &arbiters {
        arbiter.stop();
    }
    let (done, all_done) = std::sync::mpsc::channel();
    let joiner = thread::Builder::new()
        .name("joiner".to_owned())
        .spawn(move || {
            for arbiter in arbiters {
                if arbiter.join().is_err() {
                    tracing::error!("a worker thread had panicked");
                }
            }
            // Nobody listens any more when this took too long.
            let _ = done.send(());
        });
    if joiner.is_err() || all_done.recv_timeout(JOIN_TIMEOUT).is_err() {
        tracing::error!("a worker thread is stuck and was left behind");
    }
}

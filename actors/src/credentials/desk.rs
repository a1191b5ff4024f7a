//! Where IKE_SAs have their questions about credentials answered, off the arbiters: signing takes
//! milliseconds, and an arbiter has thousands of IKE_SAs to serve.

use std::{num::NonZero, sync::Arc, thread};

use holdfast_ike::sa::{CredentialAnswer, CredentialRequest, Failure, credential::Question};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::environment::Shared;

/// As many jobs at once as there are cores; the others wait for their turn, for as long as their
/// IKE_SAs have patience.
pub(crate) struct Desk {
    seats: Arc<Semaphore>,
}

impl Default for Desk {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            seats: Arc::new(Semaphore::new(cores)),
        }
    }
}

impl Desk {
    /// Waits for a turn.
    pub(crate) async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.seats).acquire_owned().await.ok()
    }
}

/// Answers one question. Whoever asks may go away: the job is dropped unless it has begun.
pub(crate) async fn answer(shared: Arc<Shared>, request: CredentialRequest) -> CredentialAnswer {
    let seat = shared.desk.seat().await;
    let job = tokio::task::spawn_blocking(move || {
        let _seat = seat;
        match request.question {
            // Nothing that asks these can be configured; EAP is answered elsewhere.
            Question::Sign(_) | Question::Verify(_) | Question::Eap(_) => {
                let _shared = shared;
                Err(Failure::AuthenticationFailed)
            }
        }
    });
    job.await.unwrap_or(Err(Failure::AuthenticationFailed))
}

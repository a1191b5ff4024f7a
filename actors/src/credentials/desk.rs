//! Where IKE_SAs have their questions about credentials answered, off the arbiters: signing takes
//! milliseconds, and an arbiter has thousands of IKE_SAs to serve.

use std::{num::NonZero, sync::Arc, thread};

use holdfast_ike::sa::{
    CredentialAnswer, CredentialRequest, Failure,
    credential::{Answer, Question, Verify},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Store, revocation, signing,
    verifying::{self, Accepted, Presented},
};

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

/// Answers one question. Whoever asks may go away: the job is dropped unless it has begun.
pub(crate) async fn answer(shared: Arc<Shared>, request: CredentialRequest) -> CredentialAnswer {
    let store = shared.credentials.store();
    match request.question {
        Question::Sign(sign) => {
            let job = move || signing::sign(&store, &sign);
            shared.desk.run(job).await.unwrap_or(Err(FAILED))
        }
        Question::Verify(verify) => judge(&shared, store, verify).await,
        // Answered where the conversation is, not here.
        Question::Eap(_) => Err(FAILED),
    }
}

/// What an IKE_SA hears of a job that was lost.
const FAILED: Failure = Failure::AuthenticationFailed;

impl Desk {
    /// Waits for a turn.
    pub(crate) async fn seat(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.seats).acquire_owned().await.ok()
    }

    /// Runs a job that computes. `None` if it panicked.
    async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let seat = self.seat().await?;
        let job = tokio::task::spawn_blocking(move || {
            let _seat = seat;
            job()
        });
        job.await.ok()
    }
}

/// The peer's proof, then what is known about revocation: the first connection that accepts both.
async fn judge(shared: &Shared, store: Arc<Store>, asked: Box<Verify>) -> CredentialAnswer {
    let job = {
        let store = Arc::clone(&store);
        move || {
            let presented = Presented::read(&asked);
            let accepted = verifying::verify(&store, &asked, &presented, revocation::now());
            (asked, presented.evidence, accepted)
        }
    };
    let (asked, evidence, accepted) = shared.desk.run(job).await.ok_or(FAILED)?;
    for Accepted {
        connection,
        path,
        required,
    } in accepted?
    {
        let Some(path) = path else {
            return Ok(Answer::Verified { connection });
        };
        let revocations = &shared.credentials.revocations;
        let judged = revocations.judge(&store, &path, evidence.clone(), required);
        match judged.await {
            Ok(()) => return Ok(Answer::Verified { connection }),
            Err(distrusted) => tracing::warn!(
                connection = %asked.connections[connection].name, peer = %asked.remote_id,
                reason = %distrusted, "the peer's signature is not accepted"
            ),
        }
    }
    Err(Failure::UntrustedCertificate)
}

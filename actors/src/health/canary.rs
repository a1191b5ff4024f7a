//! Whether the arbiters still turn. A probe is a closure that each of them must run; asked for only
//! when somebody wants to know, so an idle agent stays idle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_rt::ArbiterHandle;
use tokio::{sync::oneshot, time::timeout};

/// An arbiter that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(1);

/// One arbiter under watch.
#[derive(Debug)]
struct Canary {
    name: String,
    arbiter: ArbiterHandle,
    /// A probe is on its way: on a stuck arbiter they must not pile up.
    pending: Arc<AtomicBool>,
}

/// All arbiters.
#[derive(Debug)]
pub(crate) struct Canaries(Vec<Canary>);

impl Canaries {
    /// Watches the main arbiter and that of the control clients.
    pub(crate) fn new(main: &ArbiterHandle, control: &ArbiterHandle) -> Self {
        let mut canaries = Self(Vec::new());
        canaries.add("main".to_owned(), main);
        canaries.add("control".to_owned(), control);
        canaries
    }

    /// Watches the workers too.
    pub(crate) fn add_workers(&mut self, workers: &[ArbiterHandle]) {
        for (number, worker) in workers.iter().enumerate() {
            self.add(format!("worker-{number}"), worker);
        }
    }

    fn add(&mut self, name: String, arbiter: &ArbiterHandle) {
        self.0.push(Canary {
            name,
            arbiter: arbiter.clone(),
            pending: Arc::default(),
        });
    }

    /// The names of those that do not answer.
    pub(crate) async fn stuck(&self) -> Vec<&str> {
        let answers = futures::future::join_all(self.0.iter().map(Canary::answers)).await;
        self.0
            .iter()
            .zip(answers)
            .filter(|(_, answers)| !answers)
            .map(|(canary, _)| canary.name.as_str())
            .collect()
    }
}

impl Canary {
    async fn answers(&self) -> bool {
        if self.pending.swap(true, Ordering::SeqCst) {
            // Somebody else is waiting for its answer; if that comes, it comes soon.
            tokio::time::sleep(PATIENCE).await;
            return !self.pending.load(Ordering::SeqCst);
        }
        let (answer, answered) = oneshot::channel();
        let pending = Arc::clone(&self.pending);
        let sent = self.arbiter.spawn_fn(move || {
            pending.store(false, Ordering::SeqCst);
            let _ = answer.send(());
        });
        sent && matches!(timeout(PATIENCE, answered).await, Ok(Ok(())))
    }
}

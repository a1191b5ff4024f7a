//! The service manager's watchdog: told that we are alive as long as every arbiter answers.

use std::{sync::Arc, time::Duration};

use crate::health::Canaries;

/// Somebody who wants to hear regularly that the agent is well.
pub struct Watchdog {
    /// The longest silence. Word is given twice within it.
    pub patience: Duration,
    /// Gives word.
    pub pet: Box<dyn Fn() + Send>,
}

/// Gives word until the arbiter that this runs on ends. When that one is stuck, there is none
/// either, which is how it should be.
pub(crate) async fn watch(watchdog: Watchdog, canaries: Arc<Canaries>) {
    let mut turn = tokio::time::interval(watchdog.patience / 2);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        let stuck = canaries.stuck().await;
        if stuck.is_empty() {
            (watchdog.pet)();
        } else {
            tracing::error!(
                "stuck: {}: the service manager is not told that we are well",
                stuck.join(", ")
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_rt::{Arbiter, System};

    use super::*;

    #[test]
    fn no_word_while_an_arbiter_is_stuck() {
        let told = Arc::new(AtomicUsize::new(0));
        let count = || told.load(Ordering::SeqCst);
        let system = System::new();
        system.block_on(async {
            let worker = Arbiter::new();
            let canaries = Canaries::new(&Arbiter::current(), &worker.handle());
            let watchdog = Watchdog {
                patience: Duration::from_millis(20),
                pet: Box::new({
                    let told = Arc::clone(&told);
                    move || {
                        told.fetch_add(1, Ordering::SeqCst);
                    }
                }),
            };
            let watching = actix_rt::spawn(watch(watchdog, Arc::new(canaries)));
            while count() < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let (release, held) = std::sync::mpsc::channel::<()>();
            worker.spawn_fn(move || {
                let _ = held.recv();
            });
            tokio::time::sleep(Duration::from_millis(100)).await;
            let before = count();
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(count(), before, "an arbiter is stuck");
            release.send(()).unwrap();
            while count() < before + 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            watching.abort();
            worker.stop();
        });
    }
}

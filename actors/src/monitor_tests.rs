//! The facts about actix that the agent relies on, and the monitored spawn built on them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::{ActorContext, Handler, MailboxError, Message, prelude::SendError};
use actix_rt::{Arbiter, System};
use tokio::sync::oneshot;

use super::*;

/// An actor that does as it is told and counts.
#[derive(Default)]
struct Probe {
    handled: Arc<AtomicUsize>,
    panic_when_stopped: bool,
}

impl Actor for Probe {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Context<Self>) {
        assert!(!self.panic_when_stopped, "panic in stopped, by a test");
    }
}

enum Do {
    Count,
    Panic,
    Stop,
    Block(std::sync::mpsc::Receiver<()>),
}

impl Message for Do {
    type Result = usize;
}

impl Handler<Do> for Probe {
    type Result = usize;

    fn handle(&mut self, message: Do, context: &mut Context<Self>) -> usize {
        match message {
            Do::Count => self.handled.fetch_add(1, Ordering::SeqCst) + 1,
            Do::Panic => panic!("by a test"),
            Do::Stop => {
                context.stop();
                0
            }
            Do::Block(until) => {
                let _ = until.recv_timeout(Duration::from_secs(10));
                0
            }
        }
    }
}

fn spawn_watched(probe: Probe) -> (Addr<Probe>, oneshot::Receiver<Ending>) {
    let (address, receiver) = mailbox(4);
    let (report, ending) = oneshot::channel();
    let context = Context::with_receiver(receiver);
    actix_rt::spawn(watch(context.into_future(probe), move |ending| {
        let _ = report.send(ending);
    }));
    (address, ending)
}

fn block_on<T>(test: impl Future<Output = T>) -> T {
    System::new().block_on(test)
}

#[test]
fn a_panic_ends_one_actor_and_is_reported() {
    block_on(async {
        let (victim, ending) = spawn_watched(Probe::default());
        let (neighbour, _alive) = spawn_watched(Probe::default());
        let answer = victim.send(Do::Panic).await;
        assert_eq!(answer, Err(MailboxError::Closed));
        assert_eq!(ending.await, Ok(Ending::Panicked));
        assert!(!victim.connected());
        assert_eq!(victim.send(Do::Count).await, Err(MailboxError::Closed));
        assert_eq!(neighbour.send(Do::Count).await, Ok(1));
    });
}

#[test]
fn a_second_panic_while_the_broken_actor_is_dropped_does_not_abort() {
    block_on(async {
        let (victim, ending) = spawn_watched(Probe {
            panic_when_stopped: true,
            ..Probe::default()
        });
        victim.do_send(Do::Panic);
        assert_eq!(ending.await, Ok(Ending::Panicked));
    });
}

#[test]
fn the_end_and_the_drop_of_an_actor_are_told_apart() {
    block_on(async {
        let (actor, ending) = spawn_watched(Probe::default());
        actor.do_send(Do::Stop);
        assert_eq!(ending.await, Ok(Ending::Finished));
    });
    let (report, ending) = std::sync::mpsc::channel();
    let never_polled = watch(std::future::pending::<()>(), move |ending| {
        report.send(ending).unwrap();
    });
    drop(never_polled);
    assert_eq!(ending.recv(), Ok(Ending::Dropped));
}

#[test]
fn an_arbiter_that_stops_drops_its_actors_and_that_is_reported() {
    let (report, ending) = std::sync::mpsc::channel();
    block_on(async {
        let arbiter = Arbiter::new();
        let (started, running) = oneshot::channel();
        arbiter.spawn_fn(move || {
            actix_rt::spawn(watch(
                async move {
                    let _ = started.send(());
                    std::future::pending::<()>().await;
                },
                move |ending| report.send(ending).unwrap(),
            ));
        });
        running.await.unwrap();
        arbiter.stop();
        arbiter.join().unwrap();
    });
    assert_eq!(ending.recv(), Ok(Ending::Dropped));
}

/// A probe on an arbiter of its own that handles nothing until the sender is dropped.
fn stuck(capacity: usize) -> (Addr<Probe>, Arc<AtomicUsize>, std::sync::mpsc::Sender<()>) {
    let (address, receiver) = mailbox(capacity);
    let handled = Arc::new(AtomicUsize::new(0));
    let probe_handled = Arc::clone(&handled);
    let (release, blocked) = std::sync::mpsc::channel();
    let arbiter = Arbiter::new();
    let entered = Arc::new(AtomicBool::new(false));
    let in_arbiter = Arc::clone(&entered);
    arbiter.spawn_fn(move || {
        in_arbiter.store(true, Ordering::SeqCst);
        let probe = Probe {
            handled: probe_handled,
            panic_when_stopped: false,
        };
        let context = Context::with_receiver(receiver);
        actix_rt::spawn(watch(context.into_future(probe), drop));
    });
    address.do_send(Do::Block(blocked));
    while !entered.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    (address, handled, release)
}

#[test]
fn do_send_ignores_the_bound() {
    block_on(async {
        let (address, handled, release) = stuck(4);
        for _ in 0..1_000 {
            address.do_send(Do::Count);
        }
        drop(release);
        let last = address.send(Do::Count).await;
        assert_eq!(last, Ok(1_001));
        assert_eq!(handled.load(Ordering::SeqCst), 1_001);
    });
}

#[test]
fn try_send_is_bounded_on_one_handle_only() {
    block_on(async {
        let (address, _, release) = stuck(4);
        let handle = address.clone();
        let mut taken = 0;
        while handle.try_send(Do::Count).is_ok() {
            taken += 1;
            assert!(taken < 100, "one handle is bounded");
        }
        assert!(taken <= 6, "{taken} taken by a mailbox of 4");
        assert!(matches!(
            handle.try_send(Do::Count),
            Err(SendError::Full(_))
        ));
        // Every clone gets one more in: the reason why ports are not cloned.
        assert!(handle.clone().try_send(Do::Count).is_ok());
        assert!(matches!(
            handle.try_send(Do::Count),
            Err(SendError::Full(_))
        ));
        // Once there is room the same handle works again.
        drop(release);
        assert!(address.send(Do::Count).await.is_ok());
        assert!(handle.try_send(Do::Count).is_ok());
    });
}

#[test]
fn a_stop_sent_last_is_handled_last() {
    block_on(async {
        let (address, receiver) = mailbox(4);
        let handled = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            address.do_send(Do::Count);
        }
        address.do_send(Do::Stop);
        let (report, ending) = oneshot::channel();
        let probe = Probe {
            handled: Arc::clone(&handled),
            panic_when_stopped: false,
        };
        let context = Context::with_receiver(receiver);
        actix_rt::spawn(watch(context.into_future(probe), move |ending| {
            let _ = report.send(ending);
        }));
        assert_eq!(ending.await, Ok(Ending::Finished));
        assert_eq!(handled.load(Ordering::SeqCst), 100);
    });
}

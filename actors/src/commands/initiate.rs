//! `initiate`: joins the attempt at what is wanted, or begins one, and tells how it goes.
//!
//! Joining cannot be cancelled half-way, waiting can: a client that goes away stops waiting and
//! changes nothing else.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use holdfast_vici::Message;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::control_log::ControlLog;
use crate::{
    environment::Shared,
    supervisor::{
        attempt::{Progress, Waiter},
        messages::{Initiate, Initiated},
    },
    vici_session::{Gone, Session},
};

pub(super) async fn run<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    let text = |key| request.get_str(key).map(ToOwned::to_owned);
    let (ike, child) = (text("ike"), text("child"));
    let timeout = request.get_int("timeout").unwrap_or(0);
    let what = match (&child, &ike) {
        (Some(child), _) => format!("CHILD_SA '{child}'"),
        (None, Some(ike)) => format!("IKE_SA '{ike}'"),
        (None, None) => String::new(),
    };
    let wanted = Initiate { ike, child };
    let mut log = ControlLog::open(session, request);
    if request.get_bool("init-limits").unwrap_or(false) && is_loaded(session.shared) {
        let text = format!("establishing {what} not possible at the moment due to limits");
        return Ok(Message::failure(text));
    }
    let waiter = match session.shared.supervisor.send(wanted).await {
        Err(error) => return Ok(super::unavailable(error)),
        Ok(Err(refusal)) => return Ok(Message::failure(refusal)),
        Ok(Ok(Initiated::Already { connection, text })) => {
            log.follow(connection);
            log.say(session, &text).await?;
            return Ok(Message::success());
        }
        Ok(Ok(Initiated::Joined { connection, waiter })) => {
            log.follow(connection);
            waiter
        }
    };
    // "Do not wait" is any negative number.
    let Ok(timeout) = u64::try_from(timeout) else {
        return Ok(Message::success());
    };
    let deadline = (timeout > 0).then(|| Instant::now() + Duration::from_millis(timeout));
    let outcome = follow(session, waiter, deadline, &mut log).await?;
    log.flush(session).await?;
    Ok(match outcome {
        Outcome::Up => Message::success(),
        Outcome::Failed(reason) => {
            Message::failure(format!("establishing {what} failed: {reason}"))
        }
        // It goes on without this client.
        Outcome::TimedOut => Message::failure(format!("{what} not established after {timeout}ms")),
    })
}

/// Whether as many IKE_SAs are being negotiated as the responder's limit allows.
fn is_loaded(shared: &Shared) -> bool {
    let most = shared.agent.limits.init_limit_half_open;
    let half_open = shared.gauges.half_open.load(Ordering::Relaxed);
    most > 0 && u32::try_from(half_open).is_ok_and(|half_open| half_open >= most)
}

/// How the wait ended.
enum Outcome {
    Up,
    Failed(Arc<str>),
    TimedOut,
}

/// What came first.
enum Heard {
    Line(Message),
    Changed(bool),
    Deadline,
}

/// Waits for the end of an attempt, telling its log meanwhile.
async fn follow<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    mut waiter: Waiter,
    deadline: Option<Instant>,
    log: &mut ControlLog,
) -> Result<Outcome, Gone> {
    if let Progress::Pending(text) = waiter.borrow_and_update().clone() {
        // Whoever joins late learns where it stands.
        log.say(session, &text).await?;
    }
    loop {
        match waiter.borrow_and_update().clone() {
            Progress::Pending(_) => {}
            Progress::Up(_) => return Ok(Outcome::Up),
            Progress::Failed(reason) => return Ok(Outcome::Failed(reason)),
        }
        let heard = async {
            let deadline = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                changed = waiter.changed() => Heard::Changed(changed.is_ok()),
                line = log.next() => Heard::Line(line),
                () = deadline => Heard::Deadline,
            }
        };
        match session.wait(heard).await? {
            Heard::Line(line) => session.stream("control-log", line).await?,
            Heard::Changed(true) => {}
            Heard::Changed(false) => {
                return Ok(Outcome::Failed("the agent is shutting down".into()));
            }
            Heard::Deadline => return Ok(Outcome::TimedOut),
        }
    }
}

//! `initiate`: joins the attempt at what is wanted, or begins one, and tells how it goes.
//!
//! Joining cannot be cancelled half-way, waiting can: a client that goes away stops waiting and
//! changes nothing else.

use std::time::Duration;

use holdfast_vici::Message;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::events::control_log;
use crate::{
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
    let wanted = Initiate {
        ike: ike.clone(),
        child,
    };
    let log = Log {
        name: ike,
        // -1 is silence.
        silent: timeout < 0 || request.get_int("loglevel").unwrap_or(1) < 1,
    };
    let waiter = match session.shared.supervisor.send(wanted).await {
        Err(error) => return Ok(super::unavailable(error)),
        Ok(Err(refusal)) => return Ok(Message::failure(refusal)),
        Ok(Ok(Initiated::Already(text))) => {
            log.line(session, &text).await?;
            return Ok(Message::success());
        }
        Ok(Ok(Initiated::Joined(waiter))) => waiter,
    };
    // "Do not wait" is any negative number.
    let Ok(timeout) = u64::try_from(timeout) else {
        return Ok(Message::success());
    };
    let deadline = (timeout > 0).then(|| Instant::now() + Duration::from_millis(timeout));
    follow(session, waiter, &what, deadline, timeout, &log).await
}

/// Where the lines about an attempt go.
struct Log {
    name: Option<String>,
    silent: bool,
}

impl Log {
    async fn line<S: AsyncRead + AsyncWrite>(
        &self,
        session: &mut Session<'_, S>,
        text: &str,
    ) -> Result<(), Gone> {
        if self.silent {
            return Ok(());
        }
        let message = control_log(self.name.as_deref(), text);
        session.stream("control-log", message).await
    }
}

/// Waits for the end of an attempt.
async fn follow<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    mut waiter: Waiter,
    what: &str,
    deadline: Option<Instant>,
    timeout: u64,
    log: &Log,
) -> Result<Message, Gone> {
    loop {
        let progress = waiter.borrow_and_update().clone();
        match progress {
            Progress::Pending(text) => log.line(session, &text).await?,
            Progress::Up(text) => {
                log.line(session, &text).await?;
                return Ok(Message::success());
            }
            Progress::Failed(reason) => {
                let text = format!("establishing {what} failed: {reason}");
                log.line(session, &text).await?;
                return Ok(Message::failure(text));
            }
        }
        let changed = async {
            match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, waiter.changed()).await,
                None => Ok(waiter.changed().await),
            }
        };
        match session.wait(changed).await? {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(Message::failure("the agent is shutting down")),
            Err(_) => {
                // It goes on without this client.
                let text = format!("{what} not established after {timeout}ms");
                return Ok(Message::failure(text));
            }
        }
    }
}

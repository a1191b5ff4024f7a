//! `terminate`: takes SAs down, and tells once they are gone.

use std::time::Duration;

use futures::future::join_all;
use holdfast_vici::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{control_log::ControlLog, list_sas::selector};
use crate::{
    supervisor::messages::{ForceClose, Terminate, Victim},
    vici_session::{Gone, Session},
};

/// How long SAs that were forgotten may take to be gone.
const FORCED: Duration = Duration::from_secs(1);

pub(super) async fn run<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    let selector = selector(request);
    let force = request.get_bool("force").unwrap_or(false);
    let timeout = request.get_int("timeout").unwrap_or(0);
    let mut log = ControlLog::open(session, request);
    let victims = match session.shared.supervisor.send(Terminate(selector)).await {
        Err(error) => return Ok(super::unavailable(error)),
        Ok(Err(refusal)) => return Ok(verdict(0, 0, Some(refusal))),
        Ok(Ok(victims)) => victims,
    };
    if let Some(connection) = victims.iter().find_map(|victim| victim.connection.clone()) {
        log.follow(connection);
    }
    let matches = victims.len();
    if matches == 0 {
        let reason = "no matching SAs to terminate found".to_owned();
        return Ok(verdict(0, 0, Some(reason)));
    }
    // "Do not wait" is any negative number.
    let Ok(timeout) = u64::try_from(timeout) else {
        return Ok(verdict(matches, matches, None));
    };
    let patience = match (force, timeout) {
        (false, 0) => None,
        (_, timeout) => Some(Duration::from_millis(timeout)),
    };
    let mut gone = await_all(session, &victims, patience, &mut log).await?;
    if force && gone < matches {
        let ids = victims.iter().filter_map(|victim| victim.ike_sa).collect();
        session.shared.supervisor.do_send(ForceClose(ids));
        gone = await_all(session, &victims, Some(FORCED), &mut log).await?;
    }
    log.flush(session).await?;
    let reason = match (gone == matches, matches) {
        (true, _) => None,
        (false, 1) => Some("terminating SA failed".to_owned()),
        (false, _) => Some("not all matching SAs could be terminated".to_owned()),
    };
    Ok(verdict(matches, gone, reason))
}

fn is_gone(victim: &Victim) -> bool {
    victim
        .gone
        .as_ref()
        .is_none_or(|gone| gone.has_changed().is_err())
}

/// Waits until all are gone, or for as long as `patience` says, telling the log meanwhile; returns
/// how many are.
async fn await_all<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    victims: &[Victim],
    patience: Option<Duration>,
    log: &mut ControlLog,
) -> Result<usize, Gone> {
    // Nothing is ever sent through these: an error says that the SA is gone.
    let ends = victims.iter().filter_map(|victim| victim.gone.clone());
    let all = join_all(ends.map(|mut gone| async move { while gone.changed().await.is_ok() {} }));
    let over = async {
        match patience {
            Some(patience) => {
                let _ = tokio::time::timeout(patience, all).await;
            }
            None => {
                all.await;
            }
        }
    };
    let mut over = std::pin::pin!(over);
    loop {
        let heard = async {
            tokio::select! {
                biased;
                () = over.as_mut() => None,
                line = log.next() => Some(line),
            }
        };
        match session.wait(heard).await? {
            Some(line) => session.stream("control-log", line).await?,
            None => return Ok(victims.iter().filter(|victim| is_gone(victim)).count()),
        }
    }
}

fn verdict(matches: usize, terminated: usize, reason: Option<String>) -> Message {
    Message::new()
        .with("success", reason.is_none())
        .with("matches", matches.to_string())
        .with("terminated", terminated.to_string())
        .with_some("errmsg", reason)
}

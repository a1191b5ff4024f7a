//! What control clients can ask for, one file a command.

mod control_log;
mod counters;
pub(crate) mod events;
mod health;
mod initiate;
mod list_conns;
mod list_sas;
mod load_conn;
mod policies;
mod rekey;
mod reload_settings;
mod stats;
mod terminate;
mod version;

use actix::MailboxError;
use holdfast_vici::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::vici_session::{Gone, Session};

/// Runs a command; `None` says that there is no such command.
pub(crate) async fn run<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    name: &str,
    request: &Message,
) -> Result<Option<Message>, Gone> {
    let response = match name {
        "version" => version::run(),
        "stats" => stats::run(session.shared),
        "reload-settings" => reload_settings::run(session.shared, request).await,
        "unload-conn" => load_conn::unload(session.shared, request).await,
        "get-conns" => load_conn::names(session.shared).await,
        "rekey" => rekey::rekey(session.shared, request).await,
        "redirect" => rekey::redirect(session.shared, request).await,
        "install" => policies::install(session.shared, request).await,
        "uninstall" => policies::uninstall(request),
        // Nothing but CHILD_SAs has policies so far.
        "list-policies" => Message::new(),
        "get-counters" => counters::get(session.shared, request),
        "reset-counters" => counters::reset(session.shared, request),
        "list-conns" => list_conns::run(session, request).await?,
        "list-sas" => list_sas::run(session, request).await?,
        // Boxed, so that idle sessions need not have room for their state.
        "initiate" => Box::pin(initiate::run(session, request)).await?,
        "terminate" => Box::pin(terminate::run(session, request)).await?,
        "health" => health::run(session, request).await?,
        #[cfg(feature = "fault-injection")]
        "inject-panic" => inject_panic(session, request).await,
        _ => return Ok(None),
    };
    Ok(Some(response))
}

/// The answer when the supervisor does not answer.
fn unavailable(_: MailboxError) -> Message {
    Message::failure("the agent is shutting down")
}

/// Breaks an IKE_SA on purpose.
#[cfg(feature = "fault-injection")]
async fn inject_panic<S: AsyncRead + AsyncWrite>(
    session: &Session<'_, S>,
    request: &Message,
) -> Message {
    use crate::{handle::IkeSaId, supervisor::messages::InjectPanic};
    let id = request.get_int("ike-id").and_then(|id| id.try_into().ok());
    let Some(id) = id else {
        return Message::failure("missing ike-id");
    };
    match session
        .shared
        .supervisor
        .send(InjectPanic(IkeSaId(id)))
        .await
    {
        Ok(true) => Message::success(),
        Ok(false) => Message::failure(format!("no IKE_SA {id}")),
        Err(error) => unavailable(error),
    }
}

//! What control clients can ask for, one file a command.

mod algorithms;
mod authorities;
mod certificates;
mod control_log;
mod counters;
pub(crate) mod events;
mod health;
mod initiate;
mod keys;
mod list_certs;
mod list_conns;
mod list_sas;
mod load_conn;
mod maintenance;
mod policies;
mod pools;
mod rekey;
mod reload_settings;
mod shared_keys;
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
        "load-conn" => load_conn::load(session.shared, request).await,
        "unload-conn" => load_conn::unload(session.shared, request).await,
        "get-conns" => load_conn::names(session.shared).await,
        "rekey" => rekey::rekey(session.shared, request).await,
        "redirect" => rekey::redirect(session.shared, request).await,
        "install" => policies::install(session.shared, request).await,
        "uninstall" => policies::uninstall(session.shared, request).await,
        "list-policies" => policies::list(session, request).await?,
        "get-counters" => counters::get(session.shared, request),
        "reset-counters" => counters::reset(session.shared, request),
        "load-shared" => shared_keys::load(session.shared, request),
        "unload-shared" => shared_keys::unload(session.shared, request),
        "get-shared" => shared_keys::names(session.shared),
        "load-key" => keys::load(session.shared, request),
        "unload-key" => keys::unload(session.shared, request),
        "get-keys" => keys::ids(session.shared),
        "load-token" => keys::load_token(request),
        "load-cert" => certificates::load(session.shared, request),
        "flush-certs" => certificates::flush(session.shared, request),
        "clear-creds" => certificates::clear(session.shared),
        "list-certs" => list_certs::run(session, request).await?,
        "load-authority" => authorities::load(session.shared, request),
        "unload-authority" => authorities::unload(session.shared, request),
        "get-authorities" => authorities::names(session.shared),
        "list-authorities" => authorities::list(session, request).await?,
        "load-pool" => pools::load(session.shared, request),
        "unload-pool" => pools::unload(session.shared, request),
        "get-pools" => pools::get(session.shared, request),
        "get-algorithms" => algorithms::get(),
        "list-conns" => list_conns::run(session, request).await?,
        "list-sas" => list_sas::run(session, request).await?,
        // Boxed, so that idle sessions need not have room for their state.
        "initiate" => Box::pin(initiate::run(session, request)).await?,
        "terminate" => Box::pin(terminate::run(session, request)).await?,
        "down" => maintenance::down(session.shared, request).await,
        "up" => maintenance::up(session.shared, request).await,
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

//! `install`, `uninstall`, `list-policies`: traps and shunts. What a CHILD_SA protects is listed with it.

use std::sync::Arc;

use holdfast_ipsec::PolicyAction;
use holdfast_vici::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use super::list_sas::texts;
use crate::{
    environment::Shared,
    supervisor::messages::{InstallPolicy, ListPolicies, PolicyListing, UninstallPolicy},
    vici_session::{Gone, Session},
};

const NO_NAME: &str = "missing configuration name";

pub(super) async fn install(shared: &Arc<Shared>, request: &Message) -> Message {
    let text = |key| request.get_str(key).map(ToOwned::to_owned);
    let Some(child) = text("child") else {
        return Message::failure(NO_NAME);
    };
    let ike = text("ike");
    match shared.supervisor.send(InstallPolicy { ike, child }).await {
        Ok(Ok(())) => Message::success(),
        Ok(Err(reason)) => Message::failure(reason),
        Err(error) => super::unavailable(error),
    }
}

pub(super) async fn uninstall(shared: &Arc<Shared>, request: &Message) -> Message {
    let text = |key| request.get_str(key).map(ToOwned::to_owned);
    let Some(child) = text("child") else {
        return Message::failure(NO_NAME);
    };
    let ike = text("ike");
    match shared.supervisor.send(UninstallPolicy { ike, child }).await {
        Ok(Ok(())) => Message::success(),
        Ok(Err(reason)) => Message::failure(reason),
        Err(error) => super::unavailable(error),
    }
}

/// One event for each policy of the kinds that the request names.
pub(super) async fn list<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    let kinds = [
        ("trap", PolicyAction::Protect),
        ("pass", PolicyAction::Bypass),
        ("drop", PolicyAction::Discard),
    ];
    let asked = kinds
        .iter()
        .filter(|(key, _)| request.get_str(key).is_some());
    let actions: Vec<PolicyAction> = asked.map(|(_, action)| *action).collect();
    if actions.is_empty() || !session.wants("list-policy") {
        return Ok(Message::new());
    }
    let filter = ListPolicies {
        actions,
        ike: request.get_str("ike").map(ToOwned::to_owned),
        child: request.get_str("child").map(ToOwned::to_owned),
    };
    let policies = match session.shared.supervisor.send(filter).await {
        Ok(policies) => policies,
        Err(error) => return Ok(super::unavailable(error)),
    };
    for policy in &policies {
        let name = format!("{}/{}", policy.connection, policy.child);
        let message = Message::new().with(name, render(policy));
        session.stream("list-policy", message).await?;
    }
    Ok(Message::new())
}

fn render(policy: &PolicyListing) -> Message {
    let mut message = Message::new().with("child", &*policy.child);
    if let Some(reqid) = policy.reqid {
        message.push("reqid", reqid.to_string());
    }
    message
        .with("ike", &*policy.connection)
        .with(
            "mode",
            match policy.action {
                PolicyAction::Protect => "TUNNEL",
                PolicyAction::Bypass => "PASS",
                PolicyAction::Discard => "DROP",
            },
        )
        .with("local-ts", texts(&policy.local_ts))
        .with("remote-ts", texts(&policy.remote_ts))
}

//! `list-conns`: one event for each configured connection, wherever it comes from.

mod authentication;

use std::sync::Arc;

use holdfast_config::{Child, CloseAction, Connection, DpdAction, Endpoint, Shunt, ShuntAction};
use holdfast_ike::{
    Mode,
    config::{SelectorTemplate, Unique},
};
use holdfast_vici::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    supervisor::messages::ListConnections,
    vici_session::{Gone, Session},
};

/// Connections asked for at once.
const PAGE: usize = 64;

pub(super) async fn run<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    if !session.wants("list-conn") {
        return Ok(Message::new());
    }
    let name = request.get_str("ike").map(ToOwned::to_owned);
    let mut cursor = None;
    loop {
        let page = ListConnections {
            name: name.clone(),
            cursor,
            limit: PAGE,
        };
        let connections = match session.shared.supervisor.send(page).await {
            Ok(connections) => connections,
            Err(error) => return Ok(super::unavailable(error)),
        };
        cursor = connections
            .last()
            .map(|connection| Arc::clone(&connection.name));
        let last = connections.len() < PAGE;
        for connection in &connections {
            let message = Message::new().with(&*connection.name, render(connection));
            session.stream("list-conn", message).await?;
        }
        if last {
            return Ok(Message::new());
        }
    }
}

fn render(connection: &Connection) -> Message {
    let ike = &connection.ike;
    let endpoints =
        |list: &[Endpoint]| -> Vec<String> { list.iter().map(ToString::to_string).collect() };
    let mut message = Message::new()
        .with("local_addrs", endpoints(&connection.local_addrs))
        .with("remote_addrs", endpoints(&connection.remote_addrs))
        .with("local_port", connection.local_port.to_string())
        .with("remote_port", connection.remote_port.to_string())
        .with("version", "IKEv2")
        .with("reauth_time", ike.reauth.time.as_secs().to_string())
        .with("rekey_time", ike.rekey_time.as_secs().to_string())
        .with(
            "unique",
            match ike.unique {
                Unique::No => "UNIQUE_NO",
                Unique::Never => "UNIQUE_NEVER",
                Unique::Keep => "UNIQUE_KEEP",
                Unique::Replace => "UNIQUE_REPLACE",
            },
        );
    if !ike.dpd_delay.is_zero() {
        message.push("dpd_delay", ike.dpd_delay.as_secs().to_string());
    }
    if let Some(ppk) = &ike.ppk {
        let id = ppk.id.notation().unwrap_or_else(|| "%any".to_owned());
        message.push("ppk_id", id);
        if ppk.required {
            message.push("ppk_required", "yes");
        }
    }
    let rounds = authentication::rounds(ike);
    for (key, round) in rounds {
        message.push(key, round);
    }
    let mut children = Message::new();
    for (name, child) in &connection.children {
        children.push(name.as_str(), render_child(child));
    }
    for (name, shunt) in &connection.shunts {
        children.push(name.as_str(), render_shunt(shunt));
    }
    message.with("children", children)
}

fn render_shunt(shunt: &Shunt) -> Message {
    let mode = match shunt.action {
        ShuntAction::Pass => "PASS",
        ShuntAction::Drop => "DROP",
    };
    Message::new()
        .with("mode", mode)
        .with("dpd_action", "none")
        .with("close_action", "none")
        .with("local-ts", selectors(&shunt.local_ts))
        .with("remote-ts", selectors(&shunt.remote_ts))
}

fn render_child(child: &Child) -> Message {
    let ike = &child.ike;
    let mode = match ike.mode {
        Mode::Tunnel => "TUNNEL",
        Mode::Transport => "TRANSPORT",
    };
    let dpd = match child.dpd_action {
        DpdAction::Clear => "none",
        DpdAction::Trap => "trap",
        DpdAction::Restart => "start",
    };
    let close = match child.close_action {
        CloseAction::None => "none",
        CloseAction::Trap => "trap",
        CloseAction::Start => "start",
    };
    Message::new()
        .with("mode", mode)
        .with("rekey_time", ike.rekey_time.as_secs().to_string())
        .with("rekey_bytes", ike.lifetime.soft_bytes.to_string())
        .with("rekey_packets", ike.lifetime.soft_packets.to_string())
        .with("dpd_action", dpd)
        .with("close_action", close)
        .with("local-ts", selectors(&ike.local_ts))
        .with("remote-ts", selectors(&ike.remote_ts))
}

fn selectors(templates: &[SelectorTemplate]) -> Vec<String> {
    templates.iter().map(selector).collect()
}

fn selector(template: &SelectorTemplate) -> String {
    match template {
        SelectorTemplate::Fixed(selector) => selector.to_string(),
        SelectorTemplate::Dynamic {
            protocol: 0,
            start_port: 0,
            end_port: u16::MAX,
        } => "dynamic".to_owned(),
        SelectorTemplate::Dynamic {
            protocol,
            start_port,
            end_port,
        } if start_port == end_port => format!("dynamic[{protocol}/{start_port}]"),
        SelectorTemplate::Dynamic {
            protocol,
            start_port,
            end_port,
        } => format!("dynamic[{protocol}/{start_port}-{end_port}]"),
    }
}

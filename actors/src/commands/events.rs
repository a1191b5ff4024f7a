//! Events that nobody asked for one by one.

use std::sync::Arc;

use holdfast_vici::Message;

use super::list_sas::{self, render_ike};
use crate::{
    bus::{ControlEvent, LogLine},
    environment::Shared,
};

/// charon's groups of log messages; what concerns operators here is all about IKE.
const LOG_GROUP: &str = "IKE";

/// An event's name and content.
pub(crate) fn render(event: &ControlEvent, shared: &Arc<Shared>) -> (&'static str, Message) {
    let updown = |up: bool| {
        let message = Message::new();
        if up {
            message.with("up", true)
        } else {
            message
        }
    };
    match event {
        ControlEvent::IkeUpdown { up, listing } => {
            let ike = render_ike(listing, shared);
            ("ike-updown", updown(*up).with(&*listing.connection, ike))
        }
        ControlEvent::ChildUpdown { up, listing } => {
            let mut message = updown(*up);
            for (name, section) in list_sas::render(listing, shared).iter() {
                message.push(name, section.clone());
            }
            ("child-updown", message)
        }
        ControlEvent::Log(line) => ("log", log(line)),
    }
}

fn log(line: &LogLine) -> Message {
    let mut message = Message::new()
        .with("group", LOG_GROUP)
        .with("level", "1")
        .with("thread", "0");
    message.push_some("ikesa-name", line.connection.as_deref());
    message.push_some("ikesa-uniqueid", line.ike_sa.map(|id| id.to_string()));
    message.with("msg", line.text.as_str())
}

/// A line for the client whose command causes it.
pub(super) fn control_log(ike: Option<&str>, text: &str) -> Message {
    let mut message = Message::new().with("group", LOG_GROUP).with("level", "1");
    message.push_some("ikesa-name", ike);
    message.with("msg", text)
}

//! Events that nobody asked for one by one.

use std::sync::Arc;

use holdfast_vici::Message;

use super::{
    control_log::render_line,
    list_sas::{render, render_child, render_ike},
};
use crate::{bus::ControlEvent, environment::Shared, supervisor::messages::IkeSaListing};

/// An event's name and content; `None` for what the protocol has no event for.
pub(crate) fn render_event(
    event: &ControlEvent,
    shared: &Arc<Shared>,
) -> Option<(&'static str, Message)> {
    Some(match event {
        ControlEvent::IkeUpdown { up, listing } => {
            let section = render_ike(listing);
            (
                "ike-updown",
                updown(*up).with(&*listing.connection, section),
            )
        }
        ControlEvent::ChildUpdown { up, listing } => {
            let mut message = updown(*up);
            for (name, section) in render(listing, shared).iter() {
                message.push(name, section.clone());
            }
            ("child-updown", message)
        }
        ControlEvent::IkeRekey { old, new } => {
            let change = Message::new()
                .with("old", render_ike(old))
                .with("new", render_ike(new));
            ("ike-rekey", Message::new().with(&*new.connection, change))
        }
        ControlEvent::ChildRekey { old, new } => {
            let section = render_ike(new).with("child-sas", rekeyed_child(old, new, shared));
            (
                "child-rekey",
                Message::new().with(&*new.connection, section),
            )
        }
        // As charon does: the new addresses beside what it was until now.
        ControlEvent::IkeUpdate { old, path } => {
            let message = Message::new()
                .with("local-host", path.local.ip().to_string())
                .with("local-port", path.local.port().to_string())
                .with("remote-host", path.remote.ip().to_string())
                .with("remote-port", path.remote.port().to_string())
                .with(&*old.connection, render_ike(old));
            ("ike-update", message)
        }
        ControlEvent::Alert { kind, listing } => {
            let mut message = Message::new().with("type", *kind);
            if let Some(listing) = listing {
                let ike = Message::new().with(&*listing.connection, render_ike(listing));
                message.push("ike-sa", ike);
            }
            ("alert", message)
        }
        ControlEvent::Log(line) => ("log", render_line(line, Some("0"))),
        ControlEvent::ConnectionChanged { .. }
        | ControlEvent::AttemptFailed { .. }
        | ControlEvent::Reloaded(_)
        | ControlEvent::Draining => return None,
    })
}

fn updown(up: bool) -> Message {
    let message = Message::new();
    if up {
        message.with("up", true)
    } else {
        message
    }
}

/// The section is named after the child alone, without its number.
fn rekeyed_child(old: &IkeSaListing, new: &IkeSaListing, shared: &Arc<Shared>) -> Message {
    let one = |listing: &IkeSaListing| {
        let child = listing.children.first()?;
        Some(render_child(child, listing.config.as_deref(), shared))
    };
    let mut change = Message::new();
    change.push_some("old", one(old));
    change.push_some("new", one(new));
    match new.children.first() {
        Some(child) => Message::new().with(&*child.up.name, change),
        None => Message::new(),
    }
}

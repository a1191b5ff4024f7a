//! Events as JSON lines. Fields are never renamed or removed; new ones may be added, as may events.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::{
    bus::ControlEvent,
    supervisor::messages::{ChildListing, IkeSaListing},
};

/// One line. What does not apply is left out.
#[derive(Debug, Default, Serialize)]
struct Line<'a> {
    time: String,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    child: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ike_sa: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    child_sa: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    local_ts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remote_ts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<&'a [std::sync::Arc<str>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<&'a [std::sync::Arc<str>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<&'a [std::sync::Arc<str>]>,
}

/// The line of an event, with its end; `None` for what listeners do not hear of.
pub(super) fn line(event: &ControlEvent) -> Option<Vec<u8>> {
    let mut line = describe(event)?;
    line.time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let mut text = serde_json::to_vec(&line).ok()?;
    text.push(b'\n');
    Some(text)
}

fn describe(event: &ControlEvent) -> Option<Line<'_>> {
    Some(match event {
        ControlEvent::ConnectionChanged {
            connection,
            up,
            reason,
        } => Line {
            event: if *up {
                "connection-up"
            } else {
                "connection-down"
            },
            connection: Some(connection),
            reason: Some(&**reason).filter(|reason| !reason.is_empty()),
            ..Line::default()
        },
        ControlEvent::AttemptFailed {
            connection,
            reason,
            failures,
            next_retry,
        } => Line {
            event: "attempt-failed",
            connection: Some(connection),
            reason: Some(reason),
            failures: Some(*failures),
            next_retry_ms: next_retry.map(milliseconds),
            ..Line::default()
        },
        ControlEvent::IkeUpdown { up, listing } => Line {
            event: if *up { "ike-up" } else { "ike-down" },
            ..ike_sa(listing)
        },
        ControlEvent::ChildUpdown { up, listing } => Line {
            event: if *up { "child-up" } else { "child-down" },
            ..child_sa(listing)
        },
        ControlEvent::IkeRekey { new, .. } => Line {
            event: "ike-rekeyed",
            ..ike_sa(new)
        },
        ControlEvent::ChildRekey { new, .. } => Line {
            event: "child-rekeyed",
            ..child_sa(new)
        },
        ControlEvent::IkeUpdate { old, path } => Line {
            event: "ike-moved",
            local: Some(path.local.to_string()),
            remote: Some(path.remote.to_string()),
            ..ike_sa(old)
        },
        ControlEvent::Alert { kind, listing } => Line {
            event: "alert",
            alert: Some(kind),
            ..listing.as_ref().map(ike_sa).unwrap_or_default()
        },
        ControlEvent::Reloaded(applied) => Line {
            event: "reloaded",
            added: Some(&applied.added),
            changed: Some(&applied.changed),
            removed: Some(&applied.removed),
            ..Line::default()
        },
        ControlEvent::Draining => Line {
            event: "draining",
            ..Line::default()
        },
        ControlEvent::Log(_) => return None,
    })
}

fn ike_sa(listing: &IkeSaListing) -> Line<'_> {
    let established = listing.established.as_ref();
    Line {
        connection: Some(&listing.connection),
        ike_sa: Some(listing.id.0),
        local: Some(listing.path.local.to_string()),
        remote: Some(listing.path.remote.to_string()),
        remote_id: established.map(|facts| facts.remote_id.to_string()),
        ..Line::default()
    }
}

/// The listing holds just that one.
fn child_sa(listing: &IkeSaListing) -> Line<'_> {
    let mut line = ike_sa(listing);
    if let Some(ChildListing { id, up, .. }) = listing.children.first() {
        line.child = Some(&up.name);
        line.child_sa = Some(*id);
        line.local_ts = up.local_ts.iter().map(ToString::to_string).collect();
        line.remote_ts = up.remote_ts.iter().map(ToString::to_string).collect();
    }
    line
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(event: &ControlEvent) -> serde_json::Value {
        let text = line(event).unwrap();
        assert_eq!(text.iter().filter(|octet| **octet == b'\n').count(), 1);
        let mut value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let time = value.as_object_mut().unwrap().remove("time").unwrap();
        humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
        value
    }

    /// Programs depend on every one of these names.
    #[test]
    fn fields() {
        let failed = ControlEvent::AttemptFailed {
            connection: "paris".into(),
            reason: "the peer\ndoes not answer".into(),
            failures: 3,
            next_retry: Some(Duration::from_millis(1500)),
        };
        assert_eq!(
            parse(&failed),
            serde_json::json!({
                "event": "attempt-failed",
                "connection": "paris",
                "reason": "the peer\ndoes not answer",
                "failures": 3,
                "next_retry_ms": 1500,
            })
        );
        let up = ControlEvent::ConnectionChanged {
            connection: "paris".into(),
            up: true,
            reason: "".into(),
        };
        assert_eq!(
            parse(&up),
            serde_json::json!({ "event": "connection-up", "connection": "paris" })
        );
        assert_eq!(
            parse(&ControlEvent::Draining),
            serde_json::json!({ "event": "draining" })
        );
    }
}

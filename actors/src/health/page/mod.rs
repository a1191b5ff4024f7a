//! `/`: the connections for people, one page without anything from elsewhere.
//!
//! It is complete when it arrives; its script only keeps it up to date. Whatever is not ours, names
//! and identities of peers above all, passes through [`html::Text`].

mod connection;
mod drawing;
mod html;
mod sentence;

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
    time::{Instant, SystemTime},
};

use base64ct::{Base64, Encoding};
use ring::digest::{SHA256, digest};

use self::html::Text;
use super::throughput::{Rate, Throughput};
use crate::{
    data_plane::Plane,
    supervisor::{
        Snapshot,
        connection::status::{ConnectionStatus, State},
    },
    text,
};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What a picture of the last day advances by without other news.
const COARSE: u64 = 300;

/// The instant that a page shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) time: SystemTime,
}

impl Now {
    /// This one.
    pub(super) fn read() -> Self {
        Self {
            instant: Instant::now(),
            time: SystemTime::now(),
        }
    }
}

/// What a browser may do with the page: run this one script, use this one style, and ask us.
pub(super) fn policy() -> String {
    let hash = |text: &str| Base64::encode_string(digest(&SHA256, text.as_bytes()).as_ref());
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// What a page tells.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) started: Instant,
    pub(super) draining: bool,
    pub(super) plane: &'a Plane,
    pub(super) snapshot: &'a Snapshot,
    pub(super) throughput: &'a Throughput,
    pub(super) now: Now,
}

/// The whole page.
pub(super) fn page(view: View<'_>) -> String {
    let View { snapshot, .. } = view;
    let mut page = String::with_capacity(16_384 + snapshot.connections.len() * 2048);
    let title = summary(snapshot);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>holdfast: {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>holdfast</h1>\n"
    );
    page.push_str(&head(view));
    let version = version(view);
    let _ = write!(page, "</header>\n<main data-version=\"{version:016x}\">\n");
    for status in &snapshot.connections {
        write_article(&mut page, status, view);
    }
    if snapshot.connections.is_empty() {
        page.push_str(
            "<p class=\"nothing\">No connections are configured: add <code>[connections.NAME]</code> \
             to the configuration, then <code>holdfast reload</code>.</p>\n",
        );
    }
    let _ = write!(
        page,
        "</main>\n<footer><p>Pictures of the last 24 hours: <span class=\"key up\">up</span> \
         <span class=\"key down\">down</span> <span class=\"key unwanted\">not wanted</span> \
         <span class=\"key\">not known</span></p></footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n"
    );
    page
}

/// The part above the connections that changes.
pub(super) fn head(view: View<'_>) -> String {
    let mut head = String::new();
    let _ = write!(
        head,
        "<div id=\"head\"><p class=\"summary\">{}</p>\n<p class=\"agent\">version {}, running for {}, \
         data plane {}{}</p></div>\n",
        summary(view.snapshot),
        env!("CARGO_PKG_VERSION"),
        html::since(view.started, view.now),
        Text(view.plane.name()),
        if view.draining { ", shutting down" } else { "" },
    );
    head
}

/// How many connections are in each state.
fn summary(snapshot: &Snapshot) -> String {
    let all = &snapshot.connections;
    let mut summary = text::count(all.len(), "connection", "connections");
    let mut separator = ": ";
    for state in State::ALL {
        let count = all.iter().filter(|status| status.state == state).count();
        if count > 0 {
            let _ = write!(summary, "{separator}{count} {}", state.name());
            separator = ", ";
        }
    }
    summary
}

/// One connection as the page shows it.
pub(super) fn article(status: &ConnectionStatus, view: View<'_>) -> String {
    let mut article = String::new();
    write_article(&mut article, status, view);
    article
}

fn write_article(out: &mut String, status: &ConnectionStatus, view: View<'_>) {
    let rates = view.throughput.of(&status.name);
    connection::article(out, status, &rates, view.plane, view.now);
}

/// Differs from before when a connection has to be shown anew.
pub(super) fn mark(status: &ConnectionStatus, view: View<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    status.name.hash(&mut hasher);
    status.state.name().hash(&mut hasher);
    (status.since, status.next_retry, &status.reason).hash(&mut hasher);
    (status.failures, status.peer, &status.remote_id).hash(&mut hasher);
    for child in &status.children {
        (&child.name, child.state.name(), child.up_since).hash(&mut hasher);
        (&child.local_ts, &child.remote_ts).hash(&mut hasher);
    }
    let rates = view.throughput.of(&status.name);
    if !rates.iter().all(|rate: &Rate| rate.is_zero()) {
        rates.hash(&mut hasher);
    }
    let time = view.now.time.duration_since(SystemTime::UNIX_EPOCH);
    (time.unwrap_or_default().as_secs() / COARSE).hash(&mut hasher);
    hasher.finish()
}

/// Differs from before when anything has to be shown anew.
pub(super) fn version(view: View<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for status in &view.snapshot.connections {
        mark(status, view).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;

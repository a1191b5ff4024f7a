//! Whether and how the path of a child is probed.

use std::{net::IpAddr, time::Duration};

use holdfast_ike::{ChildConfig, config::SelectorTemplate};

use super::{keyword, time};
use crate::{Probe, ProbeAction, ProbeKind, raw::RawProbe, report::Scope};

/// The threshold of a probe that says none, and the largest.
const THRESHOLD: u32 = 3;
const MOST_LOSSES: u32 = 1000;

pub(super) fn probe(raw: &RawProbe, child: &ChildConfig, scope: &Scope<'_>) -> Option<Probe> {
    if raw.is_empty() {
        return None;
    }
    let kind = kind(raw, scope);
    let target = address(raw.target.as_deref(), &scope.key("target"));
    if raw.target.is_none() {
        scope.error(
            "there is nothing to probe",
            "set target to an address behind the peer",
        );
    }
    let source = address(raw.source.as_deref(), &scope.key("source"));
    let interval = time::positive(
        raw.interval,
        Duration::from_secs(10),
        &scope.key("interval"),
    );
    let interval = time::not_hasty(interval, Duration::from_secs(1), &scope.key("interval"));
    let timeout = Duration::from_secs(2).min(interval);
    let timeout = time::positive(raw.timeout, timeout, &scope.key("timeout"));
    if timeout > interval {
        let remedy = "make timeout as long as interval at most";
        let message = "a probe would be waited for when the next one is due";
        scope.key("timeout").error(message, remedy);
    }
    let threshold = raw.threshold.unwrap_or(THRESHOLD);
    if !(1..=MOST_LOSSES).contains(&threshold) {
        let remedy = format!("use a number from 1 to {MOST_LOSSES}");
        scope
            .key("threshold")
            .error(format!("{threshold} is out of range"), remedy);
    }
    let actions = [
        ("repair", ProbeAction::Repair),
        ("report", ProbeAction::Report),
    ];
    let action = keyword(raw.action.as_deref(), &actions, &[], &scope.key("action"));
    let target = target?;
    check_ends(target, source, child, scope);
    Some(Probe {
        kind,
        target,
        source,
        interval,
        timeout,
        threshold,
        action: action.unwrap_or(ProbeAction::Repair),
    })
}

fn kind(raw: &RawProbe, scope: &Scope<'_>) -> ProbeKind {
    let port = raw.port.filter(|port| *port != 0);
    let kinds = [("icmp", false), ("tcp", true)];
    let tcp = keyword(raw.kind.as_deref(), &kinds, &[], &scope.key("kind")).unwrap_or(false);
    match (tcp, port) {
        (true, Some(port)) => ProbeKind::Tcp(port),
        (true, None) => {
            let message = "a TCP probe needs a port";
            scope
                .key("kind")
                .error(message, "set port, such as port = 443");
            ProbeKind::Icmp
        }
        (false, _) => {
            if raw.port.is_some() {
                let message = "an ICMP probe has no port";
                scope
                    .key("port")
                    .error(message, "leave it out, or set kind = \"tcp\"");
            }
            ProbeKind::Icmp
        }
    }
}

fn address(text: Option<&str>, scope: &Scope<'_>) -> Option<IpAddr> {
    let text = text?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let message = format!("\"{text}\" is no IP address");
        scope.error(message, "write an address such as \"10.2.0.1\"");
    }
    parsed
}

/// Both ends must be in the tunnel, as far as that is known from here.
fn check_ends(target: IpAddr, source: Option<IpAddr>, child: &ChildConfig, scope: &Scope<'_>) {
    let covered = |list: &[SelectorTemplate], address: IpAddr| {
        list.iter().any(|selector| match selector {
            SelectorTemplate::Fixed(selector) => selector.contains_address(address),
            SelectorTemplate::Dynamic { .. } => true,
        })
    };
    if !covered(&child.remote_ts, target) {
        scope.key("target").error(
            format!("{target} is not in remote_ts: no packet to it enters the tunnel"),
            "name an address in remote_ts",
        );
    }
    let Some(source) = source else { return };
    if source.is_ipv4() != target.is_ipv4() {
        let message = "source and target are of different address families";
        scope
            .key("source")
            .error(message, "name an address of the target's family");
    } else if !covered(&child.local_ts, source) {
        scope.key("source").error(
            format!("{source} is not in local_ts: no packet from it enters the tunnel"),
            "name an address in local_ts, or leave the key out",
        );
    }
}

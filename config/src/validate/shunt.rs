//! A child that is no CHILD_SA: traffic that passes by the tunnels, or that never leaves.

use std::sync::Arc;

use holdfast_ike::config::SelectorTemplate;
use ipnet::IpNet;

use super::child::{Actions, selectors};
use crate::{Shunt, ShuntAction, StartAction, raw::RawChild, report::Scope};

/// The shunt that a child is, if its mode says so.
pub(super) fn shunt(
    name: &str,
    raw: &RawChild,
    persistent: bool,
    scope: &Scope<'_>,
) -> Option<Shunt> {
    let action = match raw.mode.as_deref() {
        Some("pass") => ShuntAction::Pass,
        Some("drop") => ShuntAction::Drop,
        _ => return None,
    };
    let actions = Actions {
        raw,
        persistent,
        scope,
    };
    let shunt = Shunt {
        name: Arc::from(name),
        action,
        local_ts: selectors(raw.local_ts.as_ref(), &scope.key("local_ts")),
        remote_ts: selectors(raw.remote_ts.as_ref(), &scope.key("remote_ts")),
        // It needs nobody at the other end: to start it is to install it.
        installed: actions.start() != StartAction::None,
    };
    if action == ShuntAction::Drop {
        check_drop(&shunt, scope);
    }
    if !shunt.installed && raw.start_action.is_none() {
        scope.key("mode").warning(
            "it has no effect until an operator installs it",
            "set start_action = \"trap\", or \"none\" if that is meant",
        );
    }
    Some(shunt)
}

/// What is dropped is dropped by a route, which holds whether the agent's tunnels are up or not, and
/// sees destinations only.
fn check_drop(shunt: &Shunt, scope: &Scope<'_>) {
    let remedy = "leave local_ts, protocol and port out, or drop it with a firewall";
    let message = "what is dropped is told by its destination alone";
    let whole = |selector: &SelectorTemplate| match *selector {
        SelectorTemplate::Fixed(selector) => selector.protocol == 0 && selector.is_any_port(),
        SelectorTemplate::Dynamic {
            protocol,
            start_port,
            end_port,
        } => protocol == 0 && (start_port, end_port) == (0, u16::MAX),
    };
    let everything = |selector: &SelectorTemplate| match selector {
        SelectorTemplate::Fixed(selector) => selector
            .subnets()
            .iter()
            .all(|net: &IpNet| net.prefix_len() == 0),
        SelectorTemplate::Dynamic { .. } => true,
    };
    if !shunt
        .local_ts
        .iter()
        .all(|local| whole(local) && everything(local))
    {
        scope.key("local_ts").error(message, remedy);
    }
    if !shunt.remote_ts.iter().all(whole) {
        scope.key("remote_ts").error(message, remedy);
    }
}

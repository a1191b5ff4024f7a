//! One child of a connection.

use std::{net::IpAddr, sync::Arc, time::Duration};

use holdfast_ike::{
    ChildConfig, Mode, child_sa::Lifetime, config::SelectorTemplate, proposal::Protocol,
};

use super::{
    connection::{OCTET, proposals},
    elements, hooks, keyword,
    options::options,
    probe, time,
};
use crate::{
    Child, CloseAction, DpdAction, StartAction,
    quantity::{Amount, Interval, TextList},
    raw::RawChild,
    report::Scope,
};

/// charon's default of 32 drops packets that several queues or paths put out of order.
const REPLAY_WINDOW: u32 = 1024;
const LARGEST_REPLAY_WINDOW: u32 = 65_536;

pub(super) fn child(name: &str, raw: &RawChild, persistent: bool, scope: &Scope<'_>) -> Child {
    let (rekey_time, hard_time) = times(raw, scope);
    let (soft_bytes, hard_bytes) =
        amounts(raw.rekey_bytes, raw.life_bytes, &scope.key("life_bytes"));
    let (soft_packets, hard_packets) = amounts(
        raw.rekey_packets,
        raw.life_packets,
        &scope.key("life_packets"),
    );
    let lifetime = Lifetime {
        hard_time,
        soft_bytes,
        hard_bytes,
        soft_packets,
        hard_packets,
    };
    let ike = ChildConfig {
        name: Arc::from(name),
        proposals: proposals(
            raw.esp_proposals.as_ref(),
            Protocol::Esp,
            &scope.key("esp_proposals"),
        ),
        local_ts: selectors(raw.local_ts.as_ref(), &scope.key("local_ts")),
        remote_ts: selectors(raw.remote_ts.as_ref(), &scope.key("remote_ts")),
        mode: mode(raw.mode.as_deref(), &scope.key("mode")),
        replay_window: replay_window(raw.replay_window, &scope.key("replay_window")),
        rekey_time,
        rand_time: time::random_part(
            raw.rand_time,
            hard_time.saturating_sub(rekey_time),
            rekey_time,
            &scope.key("rand_time"),
        ),
        lifetime,
        options: options(raw, &lifetime, scope),
    };
    check_families(raw, &ike, scope);
    let actions = Actions {
        raw,
        persistent,
        scope,
    };
    Child {
        updown: hooks::updown(raw.updown.as_deref(), &scope.key("updown")),
        probe: probe::probe(&raw.probe, &ike, &scope.key("probe")),
        ike: Arc::new(ike),
        start_action: actions.start(),
        close_action: actions.close(),
        dpd_action: actions.dpd(),
    }
}

/// Replacement and end of a CHILD_SA. What is not given follows from the other by ten per cent.
fn times(raw: &RawChild, scope: &Scope<'_>) -> (Duration, Duration) {
    let given = |interval: Option<Interval>| interval.map(|interval| interval.0);
    let (rekey, life) = match (given(raw.rekey_time), given(raw.life_time)) {
        (None, None) => (Duration::from_secs(3600), Duration::from_secs(3960)),
        (Some(rekey), None) => (rekey, time::with_tenth(rekey)),
        (None, Some(life)) => (life * 10 / 11, life),
        (Some(rekey), Some(life)) => (rekey, life),
    };
    if !life.is_zero() && rekey >= life {
        scope.key("life_time").error(
            "the CHILD_SA would end before it is replaced",
            "make life_time longer than rekey_time, or leave it out",
        );
    }
    let rekey = time::not_hasty(rekey, Duration::from_secs(60), &scope.key("rekey_time"));
    (rekey, life)
}

fn amounts(rekey: Option<Amount>, life: Option<Amount>, scope: &Scope<'_>) -> (u64, u64) {
    let (rekey, life) = match (rekey.map(|rekey| rekey.0), life.map(|life| life.0)) {
        (None, None) => (0, 0),
        (Some(rekey), None) => (rekey, rekey.saturating_add(rekey / 10)),
        (None, Some(life)) => (life - life / 11, life),
        (Some(rekey), Some(life)) => (rekey, life),
    };
    if life != 0 && rekey >= life {
        scope.error(
            "the CHILD_SA would end before it is replaced",
            "make the life_ limit larger than the rekey_ limit, or leave it out",
        );
    }
    (rekey, life)
}

/// What `mode` may say. Shunts are read elsewhere.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    Mode(Mode),
    Pass,
    Drop,
}

fn mode(text: Option<&str>, scope: &Scope<'_>) -> Mode {
    let refused = ["transport_proxy", "iptfs", "beet"];
    let known = [
        ("tunnel", Known::Mode(Mode::Tunnel)),
        ("transport", Known::Mode(Mode::Transport)),
        ("pass", Known::Pass),
        ("drop", Known::Drop),
    ];
    match keyword(text, &known, &refused, scope) {
        Some(Known::Mode(mode)) => mode,
        Some(Known::Pass | Known::Drop) | None => Mode::default(),
    }
}

fn replay_window(value: Option<u32>, scope: &Scope<'_>) -> u32 {
    let value = value.unwrap_or(REPLAY_WINDOW);
    if value > LARGEST_REPLAY_WINDOW {
        let remedy = format!("use {LARGEST_REPLAY_WINDOW} packets at most");
        scope.error(format!("{value} is out of range"), remedy);
    } else if value == 0 {
        scope.warning(
            "without a replay window, recorded packets can be sent to us again",
            "leave the key out",
        );
    }
    value
}

pub(super) fn selectors(list: Option<&TextList>, scope: &Scope<'_>) -> Vec<SelectorTemplate> {
    let Some(list) = list else {
        return vec![SelectorTemplate::Dynamic {
            protocol: 0,
            start_port: 0,
            end_port: u16::MAX,
        }];
    };
    if list.0.is_empty() || list.0.len() > OCTET {
        let message = format!("there are {} selectors", list.0.len());
        let remedy = "give 1 to 255 of them, or leave the key out for the end's own address";
        scope.error(message, remedy);
    }
    let remedy =
        "write a network such as \"10.1.0.0/16\", optionally with [protocol/port], or \"dynamic\"";
    elements(list, scope, remedy, |text| {
        SelectorTemplate::from_config(text).map_err(|error| error.to_string())
    })
}

/// Traffic has one address family at both ends.
fn check_families(raw: &RawChild, ike: &ChildConfig, scope: &Scope<'_>) {
    let has = |list: &[SelectorTemplate], family: fn(&IpAddr) -> bool| {
        list.iter().any(|selector| match selector {
            SelectorTemplate::Fixed(selector) => family(&selector.start),
            SelectorTemplate::Dynamic { .. } => true,
        })
    };
    let common = |family| has(&ike.local_ts, family) && has(&ike.remote_ts, family);
    let all_read = |list: Option<&TextList>, read: &[SelectorTemplate]| {
        !read.is_empty() && list.is_none_or(|list| list.0.len() == read.len())
    };
    if all_read(raw.local_ts.as_ref(), &ike.local_ts)
        && all_read(raw.remote_ts.as_ref(), &ike.remote_ts)
        && !common(IpAddr::is_ipv4)
        && !common(IpAddr::is_ipv6)
    {
        scope.key("remote_ts").error(
            "local_ts and remote_ts have no address family in common: no packet can match",
            "name IPv4 networks in both, or IPv6 networks in both",
        );
    }
}

/// What is done about a child without being asked.
pub(super) struct Actions<'a> {
    pub(super) raw: &'a RawChild,
    pub(super) persistent: bool,
    pub(super) scope: &'a Scope<'a>,
}

impl Actions<'_> {
    pub(super) fn start(&self) -> StartAction {
        let known = [
            ("none", StartAction::None),
            ("trap", StartAction::Trap),
            ("start", StartAction::Start),
            ("trap|start", StartAction::TrapStart),
            ("start|trap", StartAction::TrapStart),
            ("clear", StartAction::None),
            ("route", StartAction::Trap),
            ("restart", StartAction::Start),
        ];
        let default = if self.persistent {
            StartAction::Start
        } else {
            StartAction::None
        };
        let text = self.raw.start_action.as_deref();
        keyword(text, &known, &[], &self.scope.key("start_action")).unwrap_or(default)
    }

    fn close(&self) -> CloseAction {
        let known = [
            ("none", CloseAction::None),
            ("trap", CloseAction::Trap),
            ("start", CloseAction::Start),
            ("clear", CloseAction::None),
            ("route", CloseAction::Trap),
            ("restart", CloseAction::Start),
        ];
        let text = self.raw.close_action.as_deref();
        keyword(
            text,
            &known,
            &["trap|start"],
            &self.scope.key("close_action"),
        )
        .unwrap_or_default()
    }

    fn dpd(&self) -> DpdAction {
        let known = [
            ("clear", DpdAction::Clear),
            ("trap", DpdAction::Trap),
            ("restart", DpdAction::Restart),
            ("none", DpdAction::Clear),
            ("route", DpdAction::Trap),
            ("start", DpdAction::Restart),
        ];
        let default = if self.persistent {
            DpdAction::Restart
        } else {
            DpdAction::Clear
        };
        let text = self.raw.dpd_action.as_deref();
        keyword(text, &known, &["trap|start"], &self.scope.key("dpd_action")).unwrap_or(default)
    }
}

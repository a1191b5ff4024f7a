//! What a child asks for beside its protection, and how long a proof of identity lasts.

use std::time::Duration;

use holdfast_ike::{ChildOptions, TfcPadding, child_sa::Lifetime, config::Reauthentication};

use super::time;
use crate::{
    quantity::{Amount, Name},
    raw::{RawChild, RawConnection},
    report::Scope,
};

/// More cannot be in one UDP datagram with what ESP adds to it.
const LARGEST_PACKET: u16 = 65_000;

pub(super) fn options(raw: &RawChild, limits: &Lifetime, scope: &Scope<'_>) -> ChildOptions {
    let amount =
        |amount: Option<Amount>, hard: u64, soft| amount.map_or(hard.saturating_sub(soft), |a| a.0);
    ChildOptions {
        rand_bytes: amount(raw.rand_bytes, limits.hard_bytes, limits.soft_bytes),
        rand_packets: amount(raw.rand_packets, limits.hard_packets, limits.soft_packets),
        tfc_padding: tfc_padding(raw.tfc_padding.as_ref(), &scope.key("tfc_padding")),
        inactivity: time::not_hasty(
            time::or(raw.inactivity, Duration::ZERO),
            Duration::from_secs(10),
            &scope.key("inactivity"),
        ),
        reqid: raw.reqid.unwrap_or_default(),
    }
}

fn tfc_padding(value: Option<&Name>, scope: &Scope<'_>) -> TfcPadding {
    let Some(Name(text)) = value else {
        return TfcPadding::Off;
    };
    match (text.as_str(), text.parse::<u16>()) {
        ("mtu", _) => TfcPadding::Mtu,
        (_, Ok(0)) => TfcPadding::Off,
        (_, Ok(size)) if size <= LARGEST_PACKET => TfcPadding::To(size),
        _ => {
            let message = format!("\"{text}\" is no size of a packet");
            let remedy = format!("write \"mtu\", or a number of octets up to {LARGEST_PACKET}");
            scope.error(message, remedy);
            TfcPadding::Off
        }
    }
}

/// `over_time` and `rand_time` count for reauthentication as they do for rekeying.
pub(super) fn reauthentication(raw: &RawConnection, scope: &Scope<'_>) -> Reauthentication {
    let interval = time::or(raw.reauth_time, Duration::ZERO);
    if interval.is_zero() {
        return Reauthentication::default();
    }
    let scope = scope.key("reauth_time");
    let over_time = time::or(raw.over_time, interval / 10);
    Reauthentication {
        time: time::not_hasty(interval, Duration::from_secs(60), &scope),
        rand_time: time::or(raw.rand_time, over_time),
        over_time: interval.saturating_add(over_time),
    }
}

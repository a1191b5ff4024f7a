//! One connection.

use std::fmt::Write as _;

use super::{
    super::throughput::Rate,
    Now, drawing,
    html::{Text, since},
    sentence::sentence,
};
use crate::{
    data_plane::Plane,
    supervisor::connection::status::{ChildStatus, ConnectionStatus, State},
    text,
};

/// Writes it as an article of its own, on one line.
pub(super) fn article(
    out: &mut String,
    status: &ConnectionStatus,
    rates: &[Rate],
    plane: &Plane,
    now: Now,
) {
    let state = status.state.name();
    let _ = write!(
        out,
        "<article class=\"{state}\" data-name=\"{name}\"><h2>{name}</h2><p class=\"state\">{state}</p>\
         <p class=\"sentence\">{}</p>",
        sentence(status, now),
        name = Text(&status.name),
    );
    last_day(out, status, now);
    traffic(out, status, rates, plane);
    children(out, &status.children, plane, now);
    out.push_str("</article>\n");
}

fn last_day(out: &mut String, status: &ConnectionStatus, now: Now) {
    let spans = status.history.last_day(now.time);
    drawing::day(out, &spans, now.time);
    let share = drawing::share_up(&spans).map_or_else(
        || "not wanted so far".to_owned(),
        |share| format!("up {}.{} % of the time", share / 10, share % 10),
    );
    let lost = match status.history.flaps.get() {
        0 => String::new(),
        1 => ", lost once".to_owned(),
        count => format!(", lost {count} times"),
    };
    let _ = write!(
        out,
        "<p class=\"axis\"><span>24 h ago</span><span>{share}{lost}</span><span>now</span></p>"
    );
}

fn traffic(out: &mut String, status: &ConnectionStatus, rates: &[Rate], plane: &Plane) {
    let amounts = status.children.iter().map(|child| child.amounts(plane));
    let (carried_in, carried_out) = amounts.fold((0_u64, 0_u64), |(inward, outward), amounts| {
        (
            inward.saturating_add(amounts.bytes_in),
            outward.saturating_add(amounts.bytes_out),
        )
    });
    if status.state != State::Up && carried_in == 0 && carried_out == 0 {
        return;
    }
    let last = rates.last().copied().unwrap_or_default();
    out.push_str("<div class=\"traffic\">");
    drawing::spark(out, rates);
    let _ = write!(
        out,
        "<p><span class=\"in\">in {}/s</span> <span class=\"out\">out {}/s</span> \
         <span class=\"total\">{} in, {} out so far</span></p></div>",
        text::size(last.inward),
        text::size(last.outward),
        text::size(carried_in),
        text::size(carried_out),
    );
}

fn children(out: &mut String, children: &[ChildStatus], plane: &Plane, now: Now) {
    if children.is_empty() {
        return;
    }
    let up = children.iter().filter(|child| child.state == State::Up);
    let _ = write!(
        out,
        "<details><summary>{} of {} up</summary><ul>",
        up.count(),
        text::count(children.len(), "child", "children"),
    );
    for child in children {
        let state = child.state.name();
        let _ = write!(
            out,
            "<li class=\"{state}\"><b>{}</b> {state}",
            Text(&child.name)
        );
        if let Some(at) = child.up_since {
            let _ = write!(out, " for {}", since(at, now));
        }
        if !child.local_ts.is_empty() {
            let _ = write!(
                out,
                "<br><span class=\"selectors\">{} ⇄ {}</span>",
                Text(&child.local_ts.join(" ")),
                Text(&child.remote_ts.join(" "))
            );
        }
        let amounts = child.amounts(plane);
        let dropped = amounts.replayed.saturating_add(amounts.integrity_failed);
        if amounts.packets_in > 0 || amounts.packets_out > 0 || dropped > 0 {
            let _ = write!(
                out,
                "<br>{} packets in, {} out, {dropped} dropped",
                amounts.packets_in, amounts.packets_out
            );
        }
        out.push_str("</li>");
    }
    out.push_str("</ul></details>");
}

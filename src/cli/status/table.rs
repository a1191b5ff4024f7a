//! The report for people.

use std::time::Duration;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableStyle, Width};

use super::report::{Child, Connection, Path, Report, Sandbox, Tone};
use crate::cli::{output::Style, text};

/// A column narrower than this cannot be read, however narrow the terminal is.
const NARROWEST: u16 = 24;

/// Peers choose their identities.
const LONGEST_IDENTITY: usize = 40;

const STATE: &str = "STATE";
const NOTHING: &str = "-";

/// One line for each connection, and how many there are.
pub(super) fn render(report: &Report, style: Style) -> String {
    if report.connections.is_empty() {
        return "No connections are configured: add [connections.NAME] to the agent's \
                configuration, and restart it.\n"
            .to_owned();
    }
    let tally: Vec<String> = report
        .tally()
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    format!(
        "{}\n{}: {}\n{}{}",
        connections(report, style),
        text::count(report.connections.len(), "connection", "connections"),
        tally.join(", "),
        warning(report),
        sandbox(report)
    )
}

fn warning(report: &Report) -> String {
    let sentence = |why| format!("State is not kept, a restart would forget what is new: {why}\n");
    report
        .state_warning
        .as_ref()
        .map_or_else(String::new, sentence)
}

fn sandbox(report: &Report) -> String {
    let sentence = report.sandbox.as_ref().map(Sandbox::sentence);
    sentence.map_or_else(String::new, |sentence| sentence + "\n")
}

/// The line of each connection with one line for each of its children.
pub(super) fn render_details(report: &Report, style: Style) -> String {
    let mut out = connections(report, style);
    for connection in &report.connections {
        out.push('\n');
        if let Some(summary) = &connection.summary {
            out.push_str(summary);
            out.push_str("\n\n");
        }
        out.push_str(&children(connection, style));
    }
    out
}

fn connections(report: &Report, style: Style) -> String {
    let rows = report.connections.iter().map(|connection| {
        vec![
            connection.name.clone(),
            connection.state.clone(),
            span(connection.since()),
            peer(connection),
            format!(
                "{}/{} up",
                connection.children_up(),
                connection.children.len()
            ),
            traffic(connection.traffic()),
            connection.next_retry().map(text::wait).unwrap_or_default(),
            why(connection),
        ]
    });
    let header = [
        "CONNECTION",
        STATE,
        "SINCE",
        "PEER",
        "CHILDREN",
        "TRAFFIC",
        "NEXT RETRY",
        "WHY",
    ];
    layout(&header, rows.collect(), style)
}

fn children(connection: &Connection, style: Style) -> String {
    if connection.children.is_empty() {
        return format!("{} has no children.\n", connection.name);
    }
    let row = |child: &Child| {
        vec![
            child.name.clone(),
            child.state.clone(),
            span(child.up_seconds.map(Duration::from_secs)),
            traffic((child.bytes_in, child.bytes_out)),
            format!("{} in, {} out", child.packets_in, child.packets_out),
            selectors(&child.local_ts),
            selectors(&child.remote_ts),
            child.path.as_ref().map(path).unwrap_or_default(),
        ]
    };
    let header = [
        "CHILD", STATE, "SINCE", "TRAFFIC", "PACKETS", "LOCAL", "REMOTE", "PATH",
    ];
    layout(
        &header,
        connection.children.iter().map(row).collect(),
        style,
    )
}

/// How the last probes went, in short.
fn path(path: &Path) -> String {
    if let Some(refused) = &path.refused {
        return refused.clone();
    }
    let ms = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1e3;
    let losses = format!("{}, {} of {} lost", path.state, path.lost, path.sent);
    match (path.rtt_min_us, path.rtt_avg_us, path.rtt_max_us) {
        (Some(min), Some(avg), Some(max)) => {
            let (min, avg, max) = (ms(min), ms(avg), ms(max));
            format!("{losses}, {min:.1}/{avg:.1}/{max:.1} ms")
        }
        _ => losses,
    }
}

fn span(duration: Option<Duration>) -> String {
    duration.map_or_else(|| NOTHING.to_owned(), text::span)
}

fn peer(connection: &Connection) -> String {
    let identity = connection
        .remote_id
        .as_ref()
        .map(|identity| text::shorten(identity, LONGEST_IDENTITY));
    match (&connection.peer, identity) {
        (Some(peer), Some(identity)) => format!("{peer} ({identity})"),
        (Some(one), None) => one.clone(),
        (None, Some(one)) => one,
        (None, None) => NOTHING.to_owned(),
    }
}

fn traffic((inward, outward): (u64, u64)) -> String {
    if inward == 0 && outward == 0 {
        NOTHING.to_owned()
    } else {
        format!("{} in, {} out", text::size(inward), text::size(outward))
    }
}

fn why(connection: &Connection) -> String {
    let reason = connection.reason.as_deref().unwrap_or_default();
    if let Some(seconds) = connection.maintenance_seconds {
        let lasted = text::span(Duration::from_secs(seconds));
        return format!(
            "{reason} (for {lasted}; `holdfast up {}` ends it)",
            connection.name
        );
    }
    match (reason, connection.failures) {
        (reason, 0 | 1) => reason.to_owned(),
        ("", failures) => format!("{failures} attempts failed"),
        (reason, failures) => format!("{reason} ({failures} attempts failed)"),
    }
}

fn selectors(selectors: &[String]) -> String {
    if selectors.is_empty() {
        NOTHING.to_owned()
    } else {
        selectors.join(" ")
    }
}

/// Aligns columns, leaves out those without content, and wraps the last where a terminal ends.
fn layout(header: &[&str], rows: Vec<Vec<String>>, style: Style) -> String {
    let shown: Vec<usize> = (0..header.len())
        .filter(|column| rows.iter().any(|row| !row[*column].is_empty()))
        .collect();
    let mut table = Table::new();
    table
        .load_style(TableStyle::new())
        .set_header(shown.iter().map(|column| header[*column]));
    for mut row in rows {
        table.add_row(shown.iter().map(|column| std::mem::take(&mut row[*column])));
    }
    let last = shown.len() - 1;
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    if let Some(width) = style.width {
        let widths = table.column_max_content_widths();
        let others: u16 = widths[..last]
            .iter()
            .fold(0, |sum, width| sum.saturating_add(width + 2));
        let room = width.saturating_sub(others).max(NARROWEST);
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(others.saturating_add(room));
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_constraint(if index == last {
                ColumnConstraint::UpperBoundary(Width::Fixed(room))
            } else {
                ColumnConstraint::ContentWidth
            });
        }
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    if style.colour {
        colour_states(&text)
    } else {
        text
    }
}

/// Colours what stands in the column of states.
///
/// comfy-table could do this only together with a terminal library of its own. Names are ASCII, so
/// in the columns before this one a character is a column.
fn colour_states(text: &str) -> String {
    let Some(column) = text.find(STATE) else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(text.len() * 2);
    for (number, line) in text.lines().enumerate() {
        let word = line
            .get(column..)
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or_default();
        let line = match sequence(word) {
            _ if number == 0 => format!("\x1b[1m{line}\x1b[0m"),
            Some(colour) => {
                let (before, rest) = line.split_at(column);
                let after = &rest[word.len()..];
                format!("{before}\x1b[{colour}m{word}\x1b[0m{after}")
            }
            None => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn sequence(state: &str) -> Option<&'static str> {
    Some(match Tone::of(state)? {
        Tone::Good => "32",
        Tone::Pending => "33",
        Tone::Bad => "31",
        Tone::Quiet => "2",
    })
}

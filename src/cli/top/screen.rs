//! The board on a terminal.

use std::{fmt::Write as _, time::Duration};

use holdfast_actors::text;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style, Stylize},
    text::{Line, Span},
    widgets::{Block, Borders, Cell, Paragraph, Row, Sparkline, Table, Wrap},
};

use super::board::{Board, Order};
use crate::cli::status::{Child, Connection, Tone};

/// Lines for the connection that is looked at.
const DETAILS: u16 = 9;

/// Terminals with fewer lines show the list alone.
const ROOM_FOR_DETAILS: u16 = 20;

const NOTHING: &str = "-";

pub(super) fn draw(board: &mut Board, frame: &mut Frame<'_>) {
    let area = frame.area();
    let details = if area.height >= ROOM_FOR_DETAILS {
        DETAILS
    } else {
        0
    };
    let [head, list, below, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(2),
        Constraint::Length(details),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(heading(board), head);
    let table = table(board, list.width);
    frame.render_stateful_widget(table, list, &mut board.rows);
    if details > 0
        && let Some(connection) = board.chosen()
    {
        draw_details(board, connection, frame, below);
    }
    frame.render_widget(footer(board), keys);
}

fn heading(board: &Board) -> Line<'static> {
    if let Some(why) = board.away() {
        return Line::from(format!("the agent does not answer: {why}"))
            .fg(Color::Red)
            .bold();
    }
    let report = board.report();
    let tally: Vec<String> = report
        .tally()
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let (inward, outward) = board.rate();
    let connections = text::count(report.connections.len(), "connection", "connections");
    Line::from(vec![
        Span::from("holdfast  ").bold(),
        Span::from(format!("{connections}: {}  ", tally.join(", "))),
        Span::from(format!(
            "in {}/s, out {}/s",
            text::size(inward),
            text::size(outward)
        )),
    ])
}

fn table(board: &Board, width: u16) -> Table<'static> {
    let rows: Vec<Row<'static>> = board
        .connections()
        .into_iter()
        .map(|connection| row(board, connection))
        .collect();
    let longest = board
        .report()
        .connections
        .iter()
        .map(|connection| connection.name.chars().count())
        .max()
        .unwrap_or(0);
    let name = u16::try_from(longest)
        .unwrap_or(u16::MAX)
        .clamp(10, (width / 4).max(10));
    let header = [
        "CONNECTION",
        "STATE",
        "SINCE",
        "PEER",
        "IN/s",
        "OUT/s",
        "RETRY",
        "WHY",
    ];
    Table::new(
        rows,
        [
            Constraint::Length(name),
            Constraint::Length(11),
            Constraint::Length(8),
            Constraint::Length(22),
            Constraint::Length(9),
            Constraint::Length(9),
            Constraint::Length(8),
            Constraint::Min(10),
        ],
    )
    .header(Row::new(header).bold())
    .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
}

fn row(board: &Board, connection: &Connection) -> Row<'static> {
    let (inward, outward) = board.flow(&connection.name).rate;
    let rate = |octets: u64| match octets {
        0 => NOTHING.to_owned(),
        octets => text::size(octets),
    };
    Row::new([
        Cell::from(connection.name.clone()),
        Cell::from(Span::styled(
            connection.state.clone(),
            colour(&connection.state),
        )),
        Cell::from(
            connection
                .since()
                .map_or_else(|| NOTHING.to_owned(), text::span),
        ),
        Cell::from(
            connection
                .peer
                .clone()
                .unwrap_or_else(|| NOTHING.to_owned()),
        ),
        Cell::from(rate(inward)),
        Cell::from(rate(outward)),
        Cell::from(connection.next_retry().map(text::wait).unwrap_or_default()),
        Cell::from(connection.reason.clone().unwrap_or_default()),
    ])
}

/// Terminals without colours ignore them.
fn colour(state: &str) -> Style {
    match Tone::of(state) {
        Some(Tone::Good) => Style::new().fg(Color::Green),
        Some(Tone::Pending) => Style::new().fg(Color::Yellow),
        Some(Tone::Bad) => Style::new().fg(Color::Red),
        Some(Tone::Quiet) | None => Style::new().add_modifier(Modifier::DIM),
    }
}

fn draw_details(board: &Board, connection: &Connection, frame: &mut Frame<'_>, area: Rect) {
    let block = Block::new()
        .borders(Borders::TOP)
        .title(format!(" {} ", connection.name));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [words, line] = Layout::vertical([Constraint::Min(1), Constraint::Length(2)]).areas(inner);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let sentence = connection
        .summary
        .as_deref()
        .or(connection.reason.as_deref());
    lines.extend(sentence.map(Line::from));
    for each in &connection.children {
        lines.push(child(each));
    }
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }), words);
    let history = &board.flow(&connection.name).history;
    let shown = history.len().saturating_sub(usize::from(line.width));
    let rates: Vec<u64> = history.iter().skip(shown).copied().collect();
    frame.render_widget(Sparkline::default().data(&rates).fg(Color::Cyan), line);
}

fn child(child: &Child) -> Line<'static> {
    let up = child.up_seconds.map(Duration::from_secs);
    let since = up.map_or_else(String::new, |up| format!(" {}", text::span(up)));
    let mut words = format!(
        "{since}, {} in, {} out",
        text::size(child.bytes_in),
        text::size(child.bytes_out),
    );
    if !child.local_ts.is_empty() {
        let (local, remote) = (child.local_ts.join(" "), child.remote_ts.join(" "));
        let _ = write!(words, ", {local} === {remote}");
    }
    if let Some(path) = &child.path {
        let average = path.rtt_avg_us.map_or_else(String::new, |micros| {
            let average = Duration::from_micros(micros).as_secs_f64() * 1e3;
            format!(", {average:.1} ms")
        });
        let _ = write!(
            words,
            ", path {}, {} of {} lost{average}",
            path.state, path.lost, path.sent
        );
    }
    Line::from(vec![
        Span::from(format!("{} ", child.name)).bold(),
        Span::styled(child.state.clone(), colour(&child.state)),
        Span::from(words),
    ])
}

fn footer(board: &Board) -> Line<'static> {
    let order = match board.order() {
        Order::Name => "name",
        Order::State => "state",
        Order::Traffic => "traffic",
    };
    Line::from(format!(
        "q quits   arrows choose a connection   s sorts (now by {order})"
    ))
    .add_modifier(Modifier::DIM)
}

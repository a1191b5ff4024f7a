use ratatui::{Terminal, backend::TestBackend};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn connection(name: &str, state: &str, octets: u64) -> Message {
    let child = Message::new()
        .with("state", state)
        .with("bytes-in", octets.to_string())
        .with("bytes-out", "0")
        .with("local-ts", vec!["10.1.0.0/16"])
        .with("remote-ts", vec!["10.2.0.0/16"]);
    let section = Message::new()
        .with("state", state)
        .with("since", "90")
        .with("peer", "192.0.2.9:500")
        .with(
            "reason",
            if state == "up" {
                ""
            } else {
                "the peer does not answer"
            },
        )
        .with("summary", format!("{name} is {state}."))
        .with("children", Message::new().with("net", child));
    Message::new().with(name, section)
}

fn report(octets: u64) -> Report {
    let events = [
        connection("paris", "up", octets),
        connection("rome", "waiting", 0),
    ];
    Report::read(&events, &Message::success())
}

fn drawn(board: &mut Board, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(board, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect();
    (0..height).map(line).collect()
}

fn contains(screen: &[String], words: &str) -> bool {
    screen.iter().any(|line| line.contains(words))
}

#[test]
fn connections_with_their_rates_and_the_one_that_is_looked_at() {
    let mut board = Board::default();
    let now = Instant::now();
    board.update(report(1_000), now);
    board.update(report(5_001_000), now + SECOND);
    let screen = drawn(&mut board, 120, 24);
    assert!(
        screen[0].contains("2 connections: 1 up, 1 waiting"),
        "{screen:#?}"
    );
    let rate = holdfast_actors::text::size(5_000_000);
    assert!(screen[0].contains(&format!("in {rate}/s")), "{screen:#?}");
    assert!(
        screen[2].contains("paris") && screen[2].contains(&rate),
        "{screen:#?}"
    );
    assert!(
        screen[3].contains("the peer does not answer"),
        "{screen:#?}"
    );
    assert!(contains(&screen, "paris is up."), "{screen:#?}");
    assert!(
        contains(&screen, "10.1.0.0/16 === 10.2.0.0/16"),
        "{screen:#?}"
    );
    board.select(Move::Down(1));
    assert!(contains(&drawn(&mut board, 120, 24), "rome is waiting."));
    board.select(Move::Down(10));
    board.select(Move::Up(1));
    assert!(contains(&drawn(&mut board, 120, 24), "paris is up."));
}

#[test]
fn the_mark_stays_with_its_connection_in_another_order() {
    let mut board = Board::default();
    let now = Instant::now();
    board.update(report(0), now);
    let names = |board: &Board| -> Vec<String> {
        let all = board.connections();
        all.iter().map(|other| other.name.clone()).collect()
    };
    assert_eq!(names(&board), ["paris", "rome"]);
    board.select(Move::First);
    board.next_order();
    assert_eq!(names(&board), ["rome", "paris"]);
    assert_eq!(board.chosen().unwrap().name, "paris");
    board.next_order();
    board.update(report(9), now + SECOND);
    assert_eq!(names(&board), ["paris", "rome"]);
    // One that is gone is not looked at.
    board.select(Move::Last);
    let alone = Report::read(&[connection("paris", "up", 9)], &Message::success());
    board.update(alone, now + SECOND * 2);
    assert_eq!(board.chosen().unwrap().name, "paris");
}

#[test]
fn an_agent_that_is_away_is_told_and_its_counters_may_begin_anew() {
    let mut board = Board::default();
    let now = Instant::now();
    board.update(report(1_000_000), now);
    board.lose("connection refused".to_owned());
    let screen = drawn(&mut board, 100, 24);
    assert!(screen[0].contains("the agent does not answer: connection refused"));
    assert!(
        contains(&screen, "paris"),
        "what was known stays: {screen:#?}"
    );
    board.update(report(500), now + SECOND);
    assert_eq!(board.flow("paris").rate, (500, 0));
    assert!(board.away().is_none());
}

#[test]
fn any_size_of_terminal_will_do() {
    let mut board = Board::default();
    for (width, height) in [(1, 1), (3, 2), (20, 5), (80, 24), (400, 100)] {
        drawn(&mut board, width, height);
    }
    board.update(Report::read(&[], &Message::success()), Instant::now());
    board.select(Move::Down(1));
    board.select(Move::Last);
    board.update(report(0), Instant::now());
    for (width, height) in [(1, 1), (3, 2), (20, 5), (80, 24), (400, 100)] {
        drawn(&mut board, width, height);
    }
}

#[test]
fn keys() {
    let key = |code| meaning(KeyEvent::new(code, KeyModifiers::NONE));
    assert_eq!(key(KeyCode::Char('q')), Some(Key::Quit));
    assert_eq!(key(KeyCode::Down), Some(Key::Move(Move::Down(1))));
    assert_eq!(key(KeyCode::Char('s')), Some(Key::NextOrder));
    assert_eq!(key(KeyCode::Char('c')), None);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(meaning(interrupt), Some(Key::Quit));
}

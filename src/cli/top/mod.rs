//! `holdfast top`: how every connection does, live.

mod board;
mod screen;
#[cfg(test)]
mod tests;

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use futures::StreamExt;
use holdfast_vici::Message;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
};
use tokio::time::MissedTickBehavior;

use super::{
    DONE, Outcome,
    arguments::{Agent, TopOptions},
    control::Control,
    exit::{Code, Failure},
    status::Report,
};
use board::{Board, Move};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Quit,
    Move(Move),
    NextOrder,
}

/// Shows the board until somebody has seen enough.
pub(super) async fn top(options: &TopOptions) -> Outcome {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::new(
            Code::Failed,
            "`holdfast top` needs a terminal; `holdfast status` prints the same once",
        ));
    }
    // Before the screen is taken: what is wrong at once is said in plain text.
    let mut agent = Source::connect(&options.agent).await?;
    let mut terminal = ratatui::try_init().map_err(|error| {
        Failure::new(
            Code::Failed,
            format!("the terminal cannot be used: {error}"),
        )
    })?;
    let shown = show(&mut agent, options.every, &mut terminal).await;
    ratatui::restore();
    shown.map_err(|error| Failure::new(Code::Failed, format!("the terminal fails: {error}")))?;
    DONE
}

async fn show(
    agent: &mut Source<'_>,
    every: Duration,
    terminal: &mut DefaultTerminal,
) -> io::Result<()> {
    let mut board = Board::default();
    let mut keys = EventStream::new();
    let mut ticks = tokio::time::interval(every);
    // After a pause, such as that of a suspended process, once is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => match agent.ask().await {
                Ok(report) => board.update(report, Instant::now()),
                Err(failure) => board.lose(failure.to_string()),
            },
            event = keys.next() => match event {
                Some(Ok(Event::Key(key))) => match meaning(key) {
                    Some(Key::Quit) => return Ok(()),
                    Some(Key::Move(step)) => board.select(step),
                    Some(Key::NextOrder) => board.next_order(),
                    None => continue,
                },
                // The terminal has another size.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        }
        terminal.draw(|frame| screen::draw(&mut board, frame))?;
    }
}

fn meaning(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if control => Key::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Char('s') => Key::NextOrder,
        KeyCode::Up | KeyCode::Char('k') => Key::Move(Move::Up(1)),
        KeyCode::Down | KeyCode::Char('j') => Key::Move(Move::Down(1)),
        KeyCode::PageUp => Key::Move(Move::Up(10)),
        KeyCode::PageDown => Key::Move(Move::Down(10)),
        KeyCode::Home | KeyCode::Char('g') => Key::Move(Move::First),
        KeyCode::End | KeyCode::Char('G') => Key::Move(Move::Last),
        _ => return None,
    })
}

/// The agent, which may go and come back.
struct Source<'a> {
    options: &'a Agent,
    control: Option<Control>,
}

impl<'a> Source<'a> {
    async fn connect(options: &'a Agent) -> Result<Self, Failure> {
        let control = Some(Control::connect(options).await?);
        Ok(Self { options, control })
    }

    async fn ask(&mut self) -> Result<Report, Failure> {
        let mut control = match self.control.take() {
            Some(control) => control,
            None => Control::connect(self.options).await?,
        };
        let (events, response) = control.collect("health", "health", Message::new()).await?;
        let refused = |reason: String| Failure::new(Code::Failed, reason);
        response.verdict().map_err(refused)?;
        self.control = Some(control);
        Ok(Report::read(&events, &response))
    }
}

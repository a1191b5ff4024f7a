//! `control-log`: the log of the connection that a command concerns, for the client that gave it.

use std::sync::Arc;

use holdfast_vici::Message;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::broadcast::{
        Receiver,
        error::{RecvError, TryRecvError},
    },
};

use crate::{
    bus::{ControlEvent, Group, LogLine},
    vici_session::{Gone, Session},
};

/// The level of every line; clients choose how many levels they want to see.
const LEVEL: i64 = 1;

/// A client's view of the log while its command runs.
pub(super) struct ControlLog {
    /// `None` where the client wants no lines.
    lines: Option<Receiver<Arc<ControlEvent>>>,
    connection: Option<Arc<str>>,
}

impl ControlLog {
    /// Listens from now on, if the client wants that.
    pub(super) fn open<S: AsyncRead + AsyncWrite>(
        session: &Session<'_, S>,
        request: &Message,
    ) -> Self {
        let wanted = session.wants("control-log")
            && request.get_int("timeout").unwrap_or(0) >= 0
            && request.get_int("loglevel").unwrap_or(LEVEL) >= LEVEL;
        Self {
            lines: wanted.then(|| session.shared.bus.subscribe()),
            connection: None,
        }
    }

    /// Only lines of this connection are told.
    pub(super) fn follow(&mut self, connection: Arc<str>) {
        self.connection = Some(connection);
    }

    /// The next line. Waits for ever where there is none.
    pub(super) async fn next(&mut self) -> Message {
        loop {
            let Some(lines) = &mut self.lines else {
                return std::future::pending().await;
            };
            match lines.recv().await {
                Ok(event) => {
                    if let Some(line) = self.render(&event) {
                        return line;
                    }
                }
                // Too slow for some of them: the outcome is what counts.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => self.lines = None,
            }
        }
    }

    /// Tells the lines that are there already.
    pub(super) async fn flush<S: AsyncRead + AsyncWrite>(
        &mut self,
        session: &mut Session<'_, S>,
    ) -> Result<(), Gone> {
        while let Some(lines) = &mut self.lines {
            match lines.try_recv() {
                Ok(event) => {
                    if let Some(line) = self.render(&event) {
                        session.stream("control-log", line).await?;
                    }
                }
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Ok(())
    }

    /// Tells a line of this command's own.
    pub(super) async fn say<S: AsyncRead + AsyncWrite>(
        &self,
        session: &mut Session<'_, S>,
        text: &str,
    ) -> Result<(), Gone> {
        if self.lines.is_none() {
            return Ok(());
        }
        let line = LogLine {
            group: Group::Ike,
            connection: self.connection.clone(),
            ike_sa: None,
            text: text.to_owned(),
        };
        session
            .stream("control-log", render_line(&line, None))
            .await
    }

    fn render(&self, event: &ControlEvent) -> Option<Message> {
        match event {
            ControlEvent::Log(line)
                if line.connection.is_some() && line.connection == self.connection =>
            {
                Some(render_line(line, None))
            }
            _ => None,
        }
    }
}

/// A line of the log. Only the event `log` tells a thread.
pub(super) fn render_line(line: &LogLine, thread: Option<&str>) -> Message {
    let mut message = Message::new()
        .with("group", line.group.name())
        .with("level", LEVEL.to_string())
        .with_some("thread", thread);
    message.push_some("ikesa-name", line.connection.as_deref());
    message.push_some("ikesa-uniqueid", line.ike_sa.map(|id| id.to_string()));
    message.with("msg", line.text.as_str())
}

//! The agent's end of a control connection: what a client asks, and the replies.
//!
//! The two halves are apart, so that events can be sent while the next request is awaited.

use std::io;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::{
    error::{DecodeError, EncodeError},
    frame::{FrameError, Reader},
    message::Message,
    packet::Packet,
};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// To run a command; answer with [`Replies::respond`] or [`Replies::unknown_command`].
    Command {
        /// The command.
        name: String,
        /// Its arguments.
        message: Message,
    },
    /// To run a command whose arguments are unreadable. The client waits for an answer all the
    /// same: [`Replies::respond`] with a [`Message::failure`].
    Unreadable {
        /// The command.
        name: String,
        /// What is wrong with its arguments.
        error: DecodeError,
    },
    /// To receive events; answer with [`Replies::confirm`] or [`Replies::unknown_event`].
    Register(String),
    /// To receive them no longer; answered like [`Incoming::Register`].
    Unregister(String),
}

/// Why a control connection is over. Nothing more can be said to the client: close it.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The stream failed, or what came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A reply could not be written.
    #[error("writing to the control connection failed: {0}")]
    Write(io::Error),
    /// A reply that does not fit into a packet.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Splits a client's stream into both directions.
pub fn split<S: AsyncRead + AsyncWrite>(
    stream: S,
) -> (Requests<ReadHalf<S>>, Replies<WriteHalf<S>>) {
    let (read, write) = tokio::io::split(stream);
    (Requests::new(read), Replies::new(write))
}

/// Reads what a client asks.
#[derive(Debug)]
pub struct Requests<R> {
    reader: Reader<R>,
    warned: Warned,
}

impl<R: AsyncRead + Unpin> Requests<R> {
    /// Reads from this stream.
    pub fn new(stream: R) -> Self {
        Self {
            reader: Reader::new(stream),
            warned: Warned::default(),
        }
    }

    /// The next request; `None` when the client has closed the connection.
    ///
    /// What is no request is ignored, as strongSwan's daemon does: a packet of another type, or one
    /// whose command or event has no readable name. Only the end of the frames ends the connection.
    ///
    /// A caller that drops the future loses nothing: the next call continues.
    pub async fn next(&mut self) -> Result<Option<Incoming>, ServerError> {
        loop {
            let Some(octets) = self.reader.next_packet().await? else {
                return Ok(None);
            };
            match incoming(octets) {
                Ok(incoming) => return Ok(Some(incoming)),
                Err(ignored) => self.warned.warn_once(&ignored),
            }
        }
    }
}

/// Why a packet is ignored.
#[derive(Debug, Error)]
enum Ignored {
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    #[error("only an agent may send it")]
    OfAgents,
}

/// One line in the log for each connection: who sends nonsense sends a lot of it.
#[derive(Debug, Default)]
struct Warned(bool);

impl Warned {
    fn warn_once(&mut self, why: &Ignored) {
        if !std::mem::replace(&mut self.0, true) {
            tracing::warn!(%why, "a control client's packet is ignored, and further ones silently");
        }
    }
}

fn incoming(octets: &[u8]) -> Result<Incoming, Ignored> {
    match Packet::decode(octets) {
        Ok(Packet::CommandRequest { name, message }) => Ok(Incoming::Command { name, message }),
        Ok(Packet::EventRegister(name)) => Ok(Incoming::Register(name)),
        Ok(Packet::EventUnregister(name)) => Ok(Incoming::Unregister(name)),
        Ok(_) => Err(Ignored::OfAgents),
        Err(error) => match Packet::requested_command(octets) {
            Some(name) => Ok(Incoming::Unreadable { name, error }),
            None => Err(error.into()),
        },
    }
}

/// Writes replies and events. A future that is dropped half-way leaves half a frame behind: close
/// the connection then.
#[derive(Debug)]
pub struct Replies<W> {
    stream: W,
}

impl<W: AsyncWrite + Unpin> Replies<W> {
    /// Writes to this stream.
    pub fn new(stream: W) -> Self {
        Self { stream }
    }

    /// Answers a command.
    ///
    /// A response that cannot be sent is replaced by one that says so, because the client would
    /// wait for ever.
    pub async fn respond(&mut self, message: Message) -> Result<(), ServerError> {
        let frame = match Packet::CommandResponse(message).to_frame() {
            Ok(frame) => frame,
            Err(error) => {
                tracing::warn!(%error, "a response cannot be sent");
                Packet::CommandResponse(Message::failure(error_text(&error))).to_frame()?
            }
        };
        self.write(&frame).await
    }

    /// Answers that there is no such command.
    pub async fn unknown_command(&mut self) -> Result<(), ServerError> {
        self.send(&Packet::CommandUnknown).await
    }

    /// Answers that the registration, or its end, is noted.
    pub async fn confirm(&mut self) -> Result<(), ServerError> {
        self.send(&Packet::EventConfirm).await
    }

    /// Answers that there is no such event.
    pub async fn unknown_event(&mut self) -> Result<(), ServerError> {
        self.send(&Packet::EventUnknown).await
    }

    /// Sends an event.
    pub async fn event(&mut self, name: &str, message: Message) -> Result<(), ServerError> {
        self.send(&Packet::Event {
            name: name.to_owned(),
            message,
        })
        .await
    }

    /// Sends any packet.
    pub async fn send(&mut self, packet: &Packet) -> Result<(), ServerError> {
        let frame = packet.to_frame()?;
        self.write(&frame).await
    }

    /// Sends a frame that [`Packet::to_frame`] made: an event that goes to many clients is
    /// written once.
    pub async fn send_frame(&mut self, frame: &[u8]) -> Result<(), ServerError> {
        self.write(frame).await
    }

    /// Tells the client that nothing more will come.
    pub async fn close(&mut self) -> Result<(), ServerError> {
        self.stream.shutdown().await.map_err(ServerError::Write)
    }

    async fn write(&mut self, frame: &[u8]) -> Result<(), ServerError> {
        self.stream
            .write_all(frame)
            .await
            .map_err(ServerError::Write)?;
        self.stream.flush().await.map_err(ServerError::Write)
    }
}

/// The error's text if it can be sent. It may quote a name, and a name is what may be too long.
fn error_text(error: &EncodeError) -> String {
    const LONGEST: usize = 1024;
    let mut text = error.to_string();
    if text.len() > LONGEST {
        let end = (0..=LONGEST)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests;

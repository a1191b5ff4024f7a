//! The client's end of a control connection.

use std::{collections::VecDeque, io};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::{
    address::{Address, Stream},
    error::{DecodeError, EncodeError},
    frame::{FrameError, Reader},
    message::Message,
    packet::Packet,
};

/// Events that are kept for [`Client::next_event`] while a command runs; the oldest go first.
const MAX_KEPT_EVENTS: usize = 1024;

/// Why a request got no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// There is nobody at the address.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// Where.
        address: Address,
        /// Why not.
        error: io::Error,
    },
    /// The stream failed, or what came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The request could not be written.
    #[error("writing to the control connection failed: {0}")]
    Write(io::Error),
    /// The agent closed the connection.
    #[error("the agent closed the control connection")]
    Closed,
    /// The agent does not know the command.
    #[error("the agent does not know the command `{0}`")]
    UnknownCommand(String),
    /// The agent does not know the event.
    #[error("the agent does not know the event `{0}`")]
    UnknownEvent(String),
    /// An unreadable packet.
    #[error("the agent sent an unreadable packet: {0}")]
    Decode(#[from] DecodeError),
    /// A request that does not fit into a packet.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A packet that answers nothing that was asked.
    #[error("the agent sent a packet that does not answer the request")]
    UnexpectedPacket,
    /// An earlier request was abandoned while it was being written.
    #[error("an earlier request was abandoned half-way; connect again")]
    Abandoned,
}

/// An event that the client registered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The kind of event.
    pub name: String,
    /// What happened.
    pub message: Message,
}

/// A connection to an agent. One request is in flight at a time.
///
/// There are no time limits here: wrap the calls in one. A call may be dropped while it waits; its
/// answer is then skipped when it comes.
#[derive(Debug)]
pub struct Client<S> {
    reader: Reader<ReadHalf<S>>,
    writer: WriteHalf<S>,
    events: VecDeque<Event>,
    lost_events: u64,
    /// Requests whose reply has not come yet.
    unanswered: usize,
    writing: bool,
}

impl Client<Box<dyn Stream>> {
    /// Connects to an agent.
    pub async fn connect(address: &Address) -> Result<Self, ClientError> {
        let stream = address
            .connect()
            .await
            .map_err(|error| ClientError::Connect {
                address: address.clone(),
                error,
            })?;
        Ok(Self::new(stream))
    }
}

impl<S: AsyncRead + AsyncWrite> Client<S> {
    /// Uses a stream that is connected to an agent.
    pub fn new(stream: S) -> Self {
        let (read, writer) = tokio::io::split(stream);
        Self {
            reader: Reader::new(read),
            writer,
            events: VecDeque::new(),
            lost_events: 0,
            unanswered: 0,
            writing: false,
        }
    }

    /// Runs a command and returns its response, whatever it says; see [`Message::verdict`].
    pub async fn request(
        &mut self,
        command: &str,
        message: Message,
    ) -> Result<Message, ClientError> {
        self.ask(&request(command, message)).await?;
        loop {
            match self.next_packet().await? {
                Received::Reply(reply) => return response(command, reply),
                Received::Event(event) => self.keep(event),
            }
        }
    }

    /// Runs a command that streams its results as events of one kind.
    ///
    /// The registration for that kind is made before and undone by [`Streaming::finish`].
    pub async fn stream(
        &mut self,
        command: &str,
        event: &str,
        message: Message,
    ) -> Result<Streaming<'_, S>, ClientError> {
        self.register(event).await?;
        self.ask(&request(command, message)).await?;
        Ok(Streaming {
            client: self,
            command: command.to_owned(),
            event: event.to_owned(),
            response: None,
        })
    }

    /// Runs a command that streams its results, and returns them with the response.
    pub async fn collect(
        &mut self,
        command: &str,
        event: &str,
        message: Message,
    ) -> Result<(Vec<Message>, Message), ClientError> {
        let mut stream = self.stream(command, event, message).await?;
        let mut results = Vec::new();
        while let Some(result) = stream.next().await? {
            results.push(result);
        }
        Ok((results, stream.finish().await?))
    }

    /// Asks for the events of this kind.
    pub async fn register(&mut self, event: &str) -> Result<(), ClientError> {
        self.change_registration(event, Packet::EventRegister(event.to_owned()))
            .await
    }

    /// Asks for the events of this kind no longer.
    pub async fn unregister(&mut self, event: &str) -> Result<(), ClientError> {
        self.change_registration(event, Packet::EventUnregister(event.to_owned()))
            .await
    }

    /// The next event that was registered for.
    pub async fn next_event(&mut self) -> Result<Event, ClientError> {
        if let Some(event) = self.events.pop_front() {
            return Ok(event);
        }
        loop {
            match self.next_packet().await? {
                Received::Event(event) => return Ok(event),
                // The answer to a request that its caller gave up.
                Received::Reply(_) => {}
            }
        }
    }

    /// Events that came while a command ran, were not asked for in time, and are gone.
    pub fn lost_events(&self) -> u64 {
        self.lost_events
    }

    async fn change_registration(
        &mut self,
        event: &str,
        packet: Packet,
    ) -> Result<(), ClientError> {
        self.ask(&packet).await?;
        loop {
            match self.next_packet().await? {
                Received::Reply(Packet::EventConfirm) => return Ok(()),
                Received::Reply(Packet::EventUnknown) => {
                    return Err(ClientError::UnknownEvent(event.to_owned()));
                }
                Received::Reply(_) => return Err(ClientError::UnexpectedPacket),
                Received::Event(event) => self.keep(event),
            }
        }
    }

    async fn ask(&mut self, packet: &Packet) -> Result<(), ClientError> {
        let frame = packet.to_frame()?;
        if self.writing {
            return Err(ClientError::Abandoned);
        }
        self.writing = true;
        self.writer
            .write_all(&frame)
            .await
            .map_err(ClientError::Write)?;
        self.writer.flush().await.map_err(ClientError::Write)?;
        self.writing = false;
        self.unanswered += 1;
        Ok(())
    }

    /// The next event, or the reply to the latest request.
    async fn next_packet(&mut self) -> Result<Received, ClientError> {
        loop {
            let octets = self
                .reader
                .next_packet()
                .await?
                .ok_or(ClientError::Closed)?;
            match Packet::decode(octets)? {
                Packet::Event { name, message } => {
                    return Ok(Received::Event(Event { name, message }));
                }
                Packet::CommandRequest { .. }
                | Packet::EventRegister(_)
                | Packet::EventUnregister(_) => return Err(ClientError::UnexpectedPacket),
                reply => match self.unanswered {
                    0 => return Err(ClientError::UnexpectedPacket),
                    1 => {
                        self.unanswered = 0;
                        return Ok(Received::Reply(reply));
                    }
                    // The answer to a request that its caller gave up.
                    _ => self.unanswered -= 1,
                },
            }
        }
    }

    fn keep(&mut self, event: Event) {
        if self.events.len() == MAX_KEPT_EVENTS {
            self.events.pop_front();
            self.lost_events += 1;
        }
        self.events.push_back(event);
    }
}

/// The results of a command that streams them.
#[derive(Debug)]
pub struct Streaming<'a, S> {
    client: &'a mut Client<S>,
    command: String,
    event: String,
    response: Option<Message>,
}

impl<S: AsyncRead + AsyncWrite> Streaming<'_, S> {
    /// The next result; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Message>, ClientError> {
        while self.response.is_none() {
            match self.client.next_packet().await? {
                Received::Event(event) if event.name == self.event => {
                    return Ok(Some(event.message));
                }
                Received::Event(event) => self.client.keep(event),
                Received::Reply(reply) => self.response = Some(response(&self.command, reply)?),
            }
        }
        Ok(None)
    }

    /// Skips what is left and returns the command's response.
    pub async fn finish(mut self) -> Result<Message, ClientError> {
        while self.next().await?.is_some() {}
        self.client.unregister(&self.event).await?;
        Ok(self.response.unwrap_or_default())
    }
}

enum Received {
    Event(Event),
    Reply(Packet),
}

fn request(command: &str, message: Message) -> Packet {
    Packet::CommandRequest {
        name: command.to_owned(),
        message,
    }
}

fn response(command: &str, reply: Packet) -> Result<Message, ClientError> {
    match reply {
        Packet::CommandResponse(message) => Ok(message),
        Packet::CommandUnknown => Err(ClientError::UnknownCommand(command.to_owned())),
        _ => Err(ClientError::UnexpectedPacket),
    }
}

#[cfg(test)]
mod tests;

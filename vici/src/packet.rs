//! The eight kinds of packets.

use crate::{
    error::{DecodeError, EncodeError},
    frame::MAX_LENGTH,
    message::{
        Message,
        codec::{read_name, write_name},
    },
};

const COMMAND_REQUEST: u8 = 0;
const COMMAND_RESPONSE: u8 = 1;
const COMMAND_UNKNOWN: u8 = 2;
const EVENT_REGISTER: u8 = 3;
const EVENT_UNREGISTER: u8 = 4;
const EVENT_CONFIRM: u8 = 5;
const EVENT_UNKNOWN: u8 = 6;
const EVENT: u8 = 7;

/// One packet. A connection has no sequence numbers: replies come in the order of the requests,
/// and events come between them at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A client asks for a command.
    CommandRequest {
        /// The command.
        name: String,
        /// Its arguments.
        message: Message,
    },
    /// The answer to a command.
    CommandResponse(Message),
    /// The answer to a command that does not exist.
    CommandUnknown,
    /// A client wants the events of this name.
    EventRegister(String),
    /// A client wants them no longer.
    EventUnregister(String),
    /// The answer to either.
    EventConfirm,
    /// The answer to either if the event does not exist or is not registered.
    EventUnknown,
    /// Something happened that the client registered for.
    Event {
        /// The kind of event.
        name: String,
        /// What happened.
        message: Message,
    },
}

impl Packet {
    /// Reads a packet: what a frame holds after its length.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let (kind, rest) = octets
            .split_first()
            .ok_or(DecodeError::Truncated("the packet's type"))?;
        let empty = |packet| end(rest).map(|()| packet);
        match *kind {
            COMMAND_REQUEST => {
                let (name, rest) = read_name(rest)?;
                let message = Message::decode(rest)?;
                Ok(Self::CommandRequest { name, message })
            }
            COMMAND_RESPONSE => Ok(Self::CommandResponse(Message::decode(rest)?)),
            COMMAND_UNKNOWN => empty(Self::CommandUnknown),
            EVENT_REGISTER => only_name(rest).map(Self::EventRegister),
            EVENT_UNREGISTER => only_name(rest).map(Self::EventUnregister),
            EVENT_CONFIRM => empty(Self::EventConfirm),
            EVENT_UNKNOWN => empty(Self::EventUnknown),
            EVENT => {
                let (name, rest) = read_name(rest)?;
                let message = Message::decode(rest)?;
                Ok(Self::Event { name, message })
            }
            unknown => Err(DecodeError::UnknownPacket(unknown)),
        }
    }

    /// The command of a packet that is a command request, even when its message is unreadable.
    ///
    /// A client waits without end for the answer to a command, so a server should answer this too.
    pub fn requested_command(octets: &[u8]) -> Option<String> {
        let (kind, rest) = octets.split_first()?;
        let (name, _) = read_name(rest).ok()?;
        (*kind == COMMAND_REQUEST).then_some(name)
    }

    /// The whole frame of this packet: its length, then the packet.
    pub fn to_frame(&self) -> Result<Vec<u8>, EncodeError> {
        // The length is filled in once it is known.
        let mut frame = vec![0; 4];
        self.encode(&mut frame)?;
        let length = frame.len() - 4;
        match u32::try_from(length) {
            Ok(prefix) if length <= MAX_LENGTH => {
                frame[..4].copy_from_slice(&prefix.to_be_bytes());
                Ok(frame)
            }
            _ => Err(EncodeError::TooLarge(length)),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::CommandRequest { name, message } => {
                out.push(COMMAND_REQUEST);
                write_name(name, out)?;
                message.encode(out)
            }
            Self::CommandResponse(message) => {
                out.push(COMMAND_RESPONSE);
                message.encode(out)
            }
            Self::CommandUnknown => {
                out.push(COMMAND_UNKNOWN);
                Ok(())
            }
            Self::EventRegister(name) => {
                out.push(EVENT_REGISTER);
                write_name(name, out)
            }
            Self::EventUnregister(name) => {
                out.push(EVENT_UNREGISTER);
                write_name(name, out)
            }
            Self::EventConfirm => {
                out.push(EVENT_CONFIRM);
                Ok(())
            }
            Self::EventUnknown => {
                out.push(EVENT_UNKNOWN);
                Ok(())
            }
            Self::Event { name, message } => {
                out.push(EVENT);
                write_name(name, out)?;
                message.encode(out)
            }
        }
    }
}

fn only_name(octets: &[u8]) -> Result<String, DecodeError> {
    let (name, rest) = read_name(octets)?;
    end(rest).map(|()| name)
}

fn end(rest: &[u8]) -> Result<(), DecodeError> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(DecodeError::TrailingOctets(rest.len()))
    }
}

#[cfg(test)]
mod tests;

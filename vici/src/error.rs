//! What can be wrong with bytes that came in, and with messages that should go out.

use thiserror::Error;

/// Why bytes are not a packet or a message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end inside an element.
    #[error("the message ends in the middle of {0}")]
    Truncated(&'static str),
    /// The first octet is no known kind of packet.
    #[error("unknown packet type {0}")]
    UnknownPacket(u8),
    /// An element's first octet is no known kind, or not one that may stand at this place.
    #[error("element type {element} is not allowed {place}")]
    UnexpectedElement {
        /// The kind that was found.
        element: u8,
        /// Where: inside a list, or outside of one.
        place: &'static str,
    },
    /// A section or a list is still open where the message ends.
    #[error("a section or list is not closed")]
    Unclosed,
    /// A section end without a section.
    #[error("a section is closed that was never opened")]
    UnmatchedEnd,
    /// A name with octets other than printable ASCII.
    #[error("a name is not printable ASCII")]
    UnprintableName,
    /// Sections nested deeper than [`crate::message::MAX_DEPTH`].
    #[error("sections are nested too deeply")]
    TooDeep,
    /// Octets after a packet that carries no message.
    #[error("{0} octets too many after the packet")]
    TrailingOctets(usize),
}

/// Why a message cannot be put on the wire.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum EncodeError {
    /// A name is longer than 255 octets or not printable ASCII.
    #[error("`{0}` cannot be a name: it must be printable ASCII of at most 255 octets")]
    Name(String),
    /// A value is longer than 65,535 octets.
    #[error("the value of `{name}` has {length} octets; at most 65535 are possible")]
    ValueTooLong {
        /// The key of the value or the name of the list.
        name: String,
        /// Its length.
        length: usize,
    },
    /// The packet is longer than [`crate::frame::MAX_LENGTH`].
    #[error("the packet has {0} octets, more than a receiver accepts; send it in smaller parts")]
    TooLarge(usize),
    /// Sections nested deeper than [`crate::message::MAX_DEPTH`].
    #[error("sections are nested too deeply")]
    TooDeep,
}

//! The VICI control protocol: codec, client and server framing.
//!
//! VICI is strongSwan's control protocol; `swanctl` and the client libraries of several languages
//! speak it. Every packet travels in a frame: a length of four octets, then the packet.
//!
//! - [`message`]: the tree of sections, lists and values that requests, responses and events carry;
//! - [`packet`]: the eight kinds of packets around it;
//! - [`frame`]: finding packets in a stream of bytes, with limits;
//! - [`server`] and [`client`]: both ends over any `AsyncRead` and `AsyncWrite`;
//! - [`address`]: `unix://` and `tcp://` addresses of a control socket.
//!
//! Nothing here knows a command by name. Input never panics, and never makes a buffer grow beyond
//! [`frame::MAX_LENGTH`] and one read.

pub mod address;
pub mod client;
pub mod error;
pub mod frame;
pub mod fuzz;
pub mod message;
pub mod packet;
pub mod server;

pub use address::Address;
pub use client::{Client, ClientError};
pub use error::{DecodeError, EncodeError};
pub use message::{Message, Value};
pub use packet::Packet;
pub use server::{Incoming, Replies, Requests, ServerError};

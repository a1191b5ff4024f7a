//! ESP (RFC 4303) and its place in UDP (RFC 3948). Pure computation on buffers: no
//! sockets, no tables. The ciphers themselves are `holdfast_ike::crypto`'s.
//!
//! ```text
//!  0        4        8
//!  | SPI    | seq    | IV     | inner packet | padding | length | next | ICV     |
//!                             |<-------------- encrypted ------------->|
//!  |<---- authenticated: without the IV by AEAD ciphers, which use it ---->|
//! ```
//!
//! How long IV and ICV are and what the encrypted part must be a multiple of is the cipher's matter.

mod cipher;
mod replay;
mod sequence;
mod wire;

pub(crate) use cipher::Cipher;
pub(crate) use replay::{MOST_WINDOW, ReplayWindow};
pub(crate) use sequence::SequenceNumbers;
pub(crate) use wire::{Datagram, classify, open, seal};

#[cfg(test)]
mod tests;

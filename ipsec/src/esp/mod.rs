//! ESP in tunnel mode (RFC 4303) with the AEAD ciphers of RFC 4106 and RFC 7634, and its place in
//! UDP (RFC 3948). Pure computation on buffers: no sockets, no tables.
//!
//! ```text
//!  0        4        8               16                                        -16
//!  | SPI    | seq    | IV            | inner packet | padding | length | next | ICV |
//!  |<---- additional data ---->      |<-------------- encrypted ------------->|
//! ```

mod cipher;
mod replay;
mod sequence;
mod wire;

pub(crate) use cipher::Cipher;
pub(crate) use replay::{MOST_WINDOW, ReplayWindow};
pub(crate) use sequence::SequenceNumbers;
pub(crate) use wire::{Datagram, HEADER, classify, open, seal, sealed_len};

#[cfg(test)]
mod tests;

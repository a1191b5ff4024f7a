//! Frames in a stream of octets.
//!
//! [`Decoder`] works on octets that someone else read; [`Reader`] reads them. The buffer grows
//! with what arrived, never with what a length announces, and an idle connection keeps none.

use std::io;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use zeroize::Zeroize;

/// The longest packet, without the four octets of its length.
pub const MAX_LENGTH: usize = 512 * 1024;

/// The most that is read at once.
const READ: usize = 16 * 1024;

/// The octets of the length in front of a packet.
const PREFIX: usize = 4;

/// A frame announces a packet longer than [`MAX_LENGTH`]. The stream cannot be used any more.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a packet of {length} octets was announced; at most {MAX_LENGTH} are accepted")]
pub struct TooLong {
    /// The announced length.
    pub length: u32,
}

/// Why there is no further frame.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The stream failed.
    #[error("reading from the control connection failed: {0}")]
    Io(#[from] io::Error),
    /// The stream ended inside a frame.
    #[error("the control connection ended in the middle of a packet")]
    Incomplete,
    /// The peer announced too long a packet.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Finds frames in octets that arrive in any pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// The frame at the front of the buffer was handed out and is to be removed.
    used: usize,
}

impl Decoder {
    /// Adds octets that arrived. The caller takes out every frame before it adds more.
    pub fn push(&mut self, octets: &[u8]) {
        self.discard();
        self.buffer.extend_from_slice(octets);
    }

    /// The next packet, if all of it is here.
    pub fn next_packet(&mut self) -> Result<Option<&[u8]>, TooLong> {
        self.discard();
        match self.frame_length()? {
            Some(length) if self.buffer.len() >= length => {
                self.used = length;
                Ok(Some(&self.buffer[PREFIX..length]))
            }
            _ => Ok(None),
        }
    }

    /// The octets that wait for the rest of their frame.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// The whole frame's length, once its prefix is here.
    fn frame_length(&self) -> Result<Option<usize>, TooLong> {
        let Some(prefix) = self.buffer.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*prefix);
        if length as usize > MAX_LENGTH {
            return Err(TooLong { length });
        }
        Ok(Some(PREFIX + length as usize))
    }

    /// Frees the room of the frame that was handed out, and wipes it: requests carry secrets.
    fn discard(&mut self) {
        let used = std::mem::take(&mut self.used);
        self.buffer[..used].zeroize();
        self.buffer.advance(used);
        if self.buffer.is_empty() && self.buffer.capacity() > READ {
            self.buffer = BytesMut::new();
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.buffer.as_mut().zeroize();
    }
}

/// Reads frames.
#[derive(Debug)]
pub struct Reader<R> {
    stream: R,
    decoder: Decoder,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads frames from this stream.
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
        }
    }

    /// The next packet; `None` where the stream ends between two frames.
    ///
    /// A caller that drops the future loses nothing: the next call continues.
    pub async fn next_packet(&mut self) -> Result<Option<&[u8]>, FrameError> {
        while self.decoder.next_packet()?.is_none() {
            self.decoder.buffer.reserve(READ.min(self.missing()?));
            if self.stream.read_buf(&mut self.decoder.buffer).await? == 0 {
                return if self.decoder.buffered() == 0 {
                    Ok(None)
                } else {
                    Err(FrameError::Incomplete)
                };
            }
        }
        let packet = PREFIX..self.decoder.used;
        Ok(Some(&self.decoder.buffer[packet]))
    }

    /// How many octets are missing to the end of the frame, as far as known.
    fn missing(&self) -> Result<usize, TooLong> {
        let buffered = self.decoder.buffered();
        Ok(match self.decoder.frame_length()? {
            // Small packets come one after the other: room for a few saves reads.
            Some(length) => (length - buffered).max(256),
            None => 256,
        })
    }
}

#[cfg(test)]
mod tests;

//! Where unprotected packets come from and go to.

use std::io::{self, IoSlice};

/// A source and sink of IP packets: a TUN device, or an application in the same process.
///
/// Calls come from two threads: one receives and waits, the other transmits.
pub trait PacketDevice: Send + Sync {
    /// For people.
    fn name(&self) -> &str;

    /// Takes the next frame without waiting; `WouldBlock` when there is none. `buffer` holds 64 KiB
    /// and more.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Waits until [`PacketDevice::receive`] may have a frame, [`PacketDevice::wake`] was called, or
    /// the device was closed.
    /// `Ok(false)` says that it was closed.
    fn wait(&self) -> io::Result<bool>;

    /// Hands over one frame in pieces. Must not wait: a device that is full returns `WouldBlock`
    /// and the frame is dropped.
    fn transmit(&self, offload: Offload, parts: &[IoSlice<'_>]) -> io::Result<()>;

    /// Whether [`PacketDevice::transmit`] takes frames with this offload. [`Offload::None`] must
    /// always be taken.
    fn takes(&self, offload: Offload) -> bool {
        matches!(offload, Offload::None)
    }

    /// Ends the present [`PacketDevice::wait`], or else the next one: there is something to do that
    /// did not come from the device.
    fn wake(&self);

    /// Ends every [`PacketDevice::wait`], now and later.
    fn close(&self);
}

/// A frame that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its length.
    pub length: usize,
    /// What is left to be done to it.
    pub offload: Offload,
}

/// What is left to be done to a frame before it is one or more ordinary IP packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offload {
    /// Nothing.
    #[default]
    None,
    /// The transport checksum must be computed: the field holds the sum over the pseudo header.
    Checksum {
        /// Where the sum begins.
        start: u16,
        /// Where its result belongs, from `start`.
        offset: u16,
    },
    /// TCP payload of many packets behind one set of headers; checksums as for
    /// [`Offload::Checksum`].
    TcpSegments {
        /// Payload of each packet but the last.
        size: u16,
    },
    /// The same for UDP: each packet is a datagram of its own.
    UdpSegments {
        /// Payload of each packet but the last.
        size: u16,
    },
}

//! The TUN device, with the kernel's offloads: frames of up to 64 KiB in both directions, each
//! behind a header that says what is left to be done to it.

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::AsFd,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::eventfd::{EfdFlags, EventFd},
};
use tun_rs::{DeviceBuilder, SyncDevice};

use super::{options::StartError, shared::Stop};
use crate::device::{Offload, PacketDevice, Received};

/// Length of `struct virtio_net_hdr`, in native byte order on a TUN device.
const FRAME_HEADER: usize = 10;

/// `VIRTIO_NET_HDR_F_NEEDS_CSUM`
const NEEDS_CHECKSUM: u8 = 1;
/// `VIRTIO_NET_HDR_GSO_NONE`
const GSO_NONE: u8 = 0;
/// `VIRTIO_NET_HDR_GSO_TCPV4`
const GSO_TCPV4: u8 = 1;
/// `VIRTIO_NET_HDR_GSO_TCPV6`
const GSO_TCPV6: u8 = 4;
/// `VIRTIO_NET_HDR_GSO_UDP_L4`
const GSO_UDP: u8 = 5;
/// `VIRTIO_NET_HDR_GSO_ECN`: the first segment carries CWR.
const GSO_ECN: u8 = 0x80;

/// More pieces than any frame has.
const MOST_PARTS: usize = 80;

/// A TUN device that goes away with this value.
pub(crate) struct TunDevice {
    name: String,
    device: SyncDevice,
    udp: bool,
    stop: Stop,
    wake: EventFd,
}

impl TunDevice {
    /// Makes the device. It is not up yet and has no routes.
    pub(crate) fn create(name: &str) -> Result<Self, StartError> {
        let failed = |source: io::Error| StartError::Device {
            name: name.to_owned(),
            source,
        };
        let device = DeviceBuilder::new()
            .name(name)
            .offload(true)
            .enable(false)
            .build_sync()
            .map_err(failed)?;
        device.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            name: device.name().map_err(failed)?,
            udp: device.udp_gso(),
            device,
            stop: Stop::new().map_err(|error| failed(error.into()))?,
            wake: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
                .map_err(|error| failed(error.into()))?,
        })
    }
}

impl PacketDevice for TunDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut header = [0; FRAME_HEADER];
        let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(buffer)];
        let length = self.device.recv_vectored(&mut parts)?;
        let length = length
            .checked_sub(FRAME_HEADER)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Received {
            length,
            offload: FrameHeader::parse(header).offload(),
        })
    }

    fn wait(&self) -> io::Result<bool> {
        let mut ready = [
            PollFd::new(self.device.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.stop.event().as_fd(), PollFlags::POLLIN),
            PollFd::new(self.wake.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        if !self.stop.is_set() && ready[0].revents().is_some_and(|seen| seen.intersects(gone)) {
            return Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "somebody removed it",
            ));
        }
        if ready[2].any().unwrap_or(false) {
            // Back to zero; somebody may have been faster.
            let _ = self.wake.read();
        }
        Ok(!self.stop.is_set())
    }

    fn transmit(&self, offload: Offload, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let first: &[u8] = parts.first().map_or(&[], |part| part);
        let header = FrameHeader::new(offload, first)
            .ok_or(io::ErrorKind::InvalidData)?
            .octets();
        let mut all = [IoSlice::new(&[]); MOST_PARTS];
        let used = all
            .get_mut(..=parts.len())
            .ok_or(io::ErrorKind::InvalidData)?;
        used[0] = IoSlice::new(&header);
        used[1..].copy_from_slice(parts);
        self.device.send_vectored(used)?;
        Ok(())
    }

    fn takes(&self, offload: Offload) -> bool {
        !matches!(offload, Offload::UdpSegments { .. }) || self.udp
    }

    fn wake(&self) {
        // A full counter is readable just as well.
        let _ = self.wake.write(1);
    }

    fn close(&self) {
        self.stop.set();
    }
}

/// `struct virtio_net_hdr`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FrameHeader {
    flags: u8,
    gso: u8,
    headers: u16,
    size: u16,
    checksum_start: u16,
    checksum_offset: u16,
}

impl FrameHeader {
    fn parse(octets: [u8; FRAME_HEADER]) -> Self {
        let word = |at: usize| u16::from_ne_bytes([octets[at], octets[at + 1]]);
        Self {
            flags: octets[0],
            gso: octets[1],
            headers: word(2),
            size: word(4),
            checksum_start: word(6),
            checksum_offset: word(8),
        }
    }

    fn octets(self) -> [u8; FRAME_HEADER] {
        let mut octets = [0; FRAME_HEADER];
        octets[0] = self.flags;
        octets[1] = self.gso;
        let words = [
            self.headers,
            self.size,
            self.checksum_start,
            self.checksum_offset,
        ];
        for (chunk, word) in octets[2..].chunks_exact_mut(2).zip(words) {
            chunk.copy_from_slice(&word.to_ne_bytes());
        }
        octets
    }

    /// What the kernel left to be done.
    fn offload(self) -> Offload {
        let size = self.size;
        match self.gso & !GSO_ECN {
            GSO_TCPV4 | GSO_TCPV6 => Offload::TcpSegments { size },
            GSO_UDP => Offload::UdpSegments { size },
            _ if self.flags & NEEDS_CHECKSUM != 0 => Offload::Checksum {
                start: self.checksum_start,
                offset: self.checksum_offset,
            },
            _ => Offload::None,
        }
    }

    /// The header for a frame whose headers are in `first`.
    fn new(offload: Offload, first: &[u8]) -> Option<Self> {
        let (gso, size, transport, checksum) = match offload {
            Offload::None => return Some(Self::default()),
            Offload::Checksum { start, offset } => {
                return Some(Self {
                    flags: NEEDS_CHECKSUM,
                    gso: GSO_NONE,
                    checksum_start: start,
                    checksum_offset: offset,
                    ..Self::default()
                });
            }
            Offload::TcpSegments { size } => (GSO_TCPV4, size, 20, 16),
            Offload::UdpSegments { size } => (GSO_UDP, size, 8, 6),
        };
        let v6 = first.first()? >> 4 == 6;
        let ip = if v6 {
            40
        } else {
            usize::from(first[0] & 0x0f) * 4
        };
        let headers = if gso == GSO_UDP {
            ip + transport
        } else {
            ip + usize::from(first.get(ip + 12)? >> 4) * 4
        };
        Some(Self {
            flags: NEEDS_CHECKSUM,
            gso: if v6 && gso == GSO_TCPV4 {
                GSO_TCPV6
            } else {
                gso
            },
            headers: headers as u16,
            size,
            checksum_start: ip as u16,
            checksum_offset: checksum,
        })
    }
}

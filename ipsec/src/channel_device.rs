//! A packet device whose other end is in the same process: for tests, demonstrations, and programs
//! that bring their own network stack.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, IoSlice},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::device::{Offload, PacketDevice, Received};

/// The data plane's end.
#[derive(Debug)]
pub struct ChannelDevice {
    name: String,
    link: Arc<Link>,
}

/// The application's end. Clones share the queues.
#[derive(Clone, Debug)]
pub struct Application {
    link: Arc<Link>,
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// The data plane is slower than the application.
    #[error("the device's queue is full")]
    Full,
    /// The data plane has closed the device.
    #[error("the device is closed")]
    Closed,
    /// No IP packet is that long.
    #[error("a packet may not be longer than 65535 octets")]
    TooLong,
}

/// Both queues.
struct Link {
    capacity: usize,
    queues: Mutex<Queues>,
    /// Something to protect, or the end.
    outgoing: Condvar,
    /// Something was received, or the end.
    incoming: Condvar,
    received: Notify,
}

#[derive(Default)]
struct Queues {
    outgoing: VecDeque<Vec<u8>>,
    incoming: VecDeque<Vec<u8>>,
    woken: bool,
    closed: bool,
}

/// Makes a device whose queues hold `capacity` packets each.
pub fn channel_device(name: impl Into<String>, capacity: usize) -> (ChannelDevice, Application) {
    let link = Arc::new(Link {
        capacity,
        queues: Mutex::default(),
        outgoing: Condvar::new(),
        incoming: Condvar::new(),
        received: Notify::new(),
    });
    let application = Application {
        link: Arc::clone(&link),
    };
    let name = name.into();
    (ChannelDevice { name, link }, application)
}

impl Link {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Application {
    /// Gives an IP packet to the data plane, without waiting.
    pub fn inject(&self, packet: Vec<u8>) -> Result<(), InjectError> {
        if packet.len() > usize::from(u16::MAX) {
            return Err(InjectError::TooLong);
        }
        let mut queues = self.link.queues();
        if queues.closed {
            return Err(InjectError::Closed);
        }
        if queues.outgoing.len() >= self.link.capacity {
            return Err(InjectError::Full);
        }
        queues.outgoing.push_back(packet);
        drop(queues);
        self.link.outgoing.notify_one();
        Ok(())
    }

    /// The next IP packet from the data plane, if there is one.
    pub fn try_receive(&self) -> Option<Vec<u8>> {
        self.link.queues().incoming.pop_front()
    }

    /// Waits for the next IP packet from the data plane; `None` when there was none in time, or
    /// there will be none.
    pub fn receive_timeout(&self, timeout: Duration) -> Option<Vec<u8>> {
        let waiting = |queues: &mut Queues| queues.incoming.is_empty() && !queues.closed;
        let (mut queues, _) = self
            .link
            .incoming
            .wait_timeout_while(self.link.queues(), timeout, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        queues.incoming.pop_front()
    }

    /// Waits for the next IP packet from the data plane; `None` when there will be none.
    pub async fn receive(&self) -> Option<Vec<u8>> {
        loop {
            let notified = self.link.received.notified();
            {
                let mut queues = self.link.queues();
                if let Some(packet) = queues.incoming.pop_front() {
                    return Some(packet);
                }
                if queues.closed {
                    return None;
                }
            }
            notified.await;
        }
    }
}

impl PacketDevice for ChannelDevice {
    fn name(&self) -> &str {
        &self.name
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let packet = self
            .link
            .queues()
            .outgoing
            .pop_front()
            .ok_or(io::ErrorKind::WouldBlock)?;
        // Longer packets were refused by `inject`.
        let length = packet.len().min(buffer.len());
        buffer[..length].copy_from_slice(&packet[..length]);
        Ok(Received {
            length,
            offload: Offload::None,
        })
    }

    fn wait(&self) -> io::Result<bool> {
        let waiting =
            |queues: &mut Queues| queues.outgoing.is_empty() && !queues.woken && !queues.closed;
        let mut queues = self
            .link
            .outgoing
            .wait_while(self.link.queues(), waiting)
            .unwrap_or_else(PoisonError::into_inner);
        queues.woken = false;
        Ok(!queues.closed)
    }

    fn transmit(&self, offload: Offload, parts: &[IoSlice<'_>]) -> io::Result<()> {
        if offload != Offload::None {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut queues = self.link.queues();
        if queues.incoming.len() >= self.link.capacity {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        queues
            .incoming
            .push_back(parts.iter().flat_map(|part| part.iter().copied()).collect());
        drop(queues);
        self.link.incoming.notify_one();
        self.link.received.notify_one();
        Ok(())
    }

    fn wake(&self) {
        self.link.queues().woken = true;
        self.link.outgoing.notify_all();
    }

    fn close(&self) {
        self.link.queues().closed = true;
        self.link.outgoing.notify_all();
        self.link.incoming.notify_all();
        self.link.received.notify_waiters();
        // Also the one that has not begun to wait.
        self.link.received.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn both_queues_are_bounded() {
        let (device, application) = channel_device("test", 2);
        for _ in 0..2 {
            application.inject(vec![1, 2, 3]).unwrap();
            let parts = [IoSlice::new(&[4]), IoSlice::new(&[5, 6])];
            device.transmit(Offload::None, &parts).unwrap();
        }
        assert_eq!(application.inject(vec![1]), Err(InjectError::Full));
        let full = device.transmit(Offload::None, &[]).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(application.try_receive(), Some(vec![4, 5, 6]));
        let mut buffer = [0; 8];
        assert_eq!(device.receive(&mut buffer).unwrap().length, 3);
        assert_eq!(buffer[..3], [1, 2, 3]);
        assert_eq!(
            application.inject(vec![0; 70_000]),
            Err(InjectError::TooLong)
        );
    }

    #[test]
    fn closing_ends_all_waiting() {
        let (device, application) = channel_device("test", 2);
        let waiting = std::thread::spawn({
            let application = application.clone();
            move || application.receive_timeout(Duration::from_secs(60))
        });
        let mut receiving = Box::pin(application.receive());
        assert!(receiving.as_mut().now_or_never().is_none());
        device.close();
        assert_eq!(waiting.join().unwrap(), None);
        assert_eq!(receiving.now_or_never(), Some(None));
        assert!(!device.wait().unwrap());
        assert_eq!(application.inject(vec![1]), Err(InjectError::Closed));
    }
}

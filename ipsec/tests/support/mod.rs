//! Two data planes in one process, and what lies between them.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use holdfast_ike::{
    ChildSa, EspKey, EspSpi, EspSuite, Mode, Path, Secret, TrafficSelector,
    child_sa::{Lifetime, Sending},
    proposal::{AdditionalKeyExchanges, EncryptionId},
};
use holdfast_ipsec::{
    Application, DataPlane, Device, NatTDatagram, PlaneEvent, Random, Userspace, UserspaceOptions,
    channel_device,
};
use tokio::sync::mpsc;

/// Longer than anything takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A data plane with an application on its device.
pub(crate) struct Gateway {
    pub(crate) plane: Userspace,
    pub(crate) application: Application,
    pub(crate) address: SocketAddr,
    pub(crate) ike: mpsc::Receiver<NatTDatagram>,
    pub(crate) events: mpsc::Receiver<PlaneEvent>,
}

impl Gateway {
    /// Starts one on a port of its own.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let (device, application) = channel_device("test", 4096);
        let (ike_sender, ike) = mpsc::channel(4);
        let (event_sender, events) = mpsc::channel(16);
        let plane = Userspace::start(UserspaceOptions {
            device: Device::Custom(Arc::new(device)),
            sockets: vec![socket],
            ike: ike_sender,
            events: event_sender,
            manage_routes: true,
            random: counting(),
        })
        .unwrap();
        Self {
            plane,
            application,
            address,
            ike,
            events,
        }
    }

    /// Waits until the data plane has counted what the test did.
    pub(crate) fn wait_for(&self, what: &str, condition: impl Fn(&Userspace) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !condition(&self.plane) {
            assert!(
                Instant::now() < end,
                "{what} did not happen: {}",
                self.plane.counters(),
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> PlaneEvent {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.events.try_recv() {
                Ok(event) => return event,
                Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("no event: {error}"),
            }
        }
    }
}

/// "Random" bytes without repetition.
pub(crate) fn counting() -> Random {
    let next = AtomicU64::new(0x1234_5678);
    Arc::new(move |buffer: &mut [u8]| {
        for chunk in buffer.chunks_mut(4) {
            let number = next.fetch_add(0x0101_0101, Ordering::Relaxed) as u32;
            chunk.copy_from_slice(&number.to_be_bytes()[..chunk.len()]);
        }
    })
}

/// The CHILD_SA of one end. Ends 1 and 2 fit together.
pub(crate) fn child(end: u8, local: SocketAddr, remote: SocketAddr) -> ChildSa {
    let other = 3 - end;
    let key = |number| EspKey {
        encryption: Secret::new([number; 36]),
        integrity: Secret::new([]),
    };
    let nets = |end: u8| {
        [format!("10.{end}.0.0/16"), format!("fd00:{end}::/32")]
            .map(|net| TrafficSelector::from_net(net.parse().unwrap()))
            .to_vec()
    };
    ChildSa {
        connection: "test".into(),
        name: "net".into(),
        inbound_spi: EspSpi(0x1000 + u32::from(end)),
        outbound_spi: EspSpi(0x1000 + u32::from(other)),
        inbound_key: key(end),
        outbound_key: key(other),
        suite: EspSuite {
            encryption: EncryptionId::AES_GCM_16,
            key_bits: 256,
            integrity: None,
            key_exchange: None,
            additional: AdditionalKeyExchanges::NONE,
            extended_sequence_numbers: true,
        },
        mode: Mode::Tunnel,
        local_ts: nets(end),
        remote_ts: nets(other),
        path: Path { local, remote },
        encapsulation: true,
        replay_window: 1024,
        tfc_padding: holdfast_ike::TfcPadding::Off,
        lifetime: Lifetime::default(),
        sending: Sending::AtOnce,
    }
}

/// A UDP packet between these hosts; checksums are not looked at on the way.
pub(crate) fn packet(source: &str, destination: &str, payload: &[u8]) -> Vec<u8> {
    let udp = [
        &[0x30, 0x39, 0, 53][..],
        &(8 + payload.len() as u16).to_be_bytes(),
        &[0, 0],
        payload,
    ]
    .concat();
    let (source, destination): (IpAddr, IpAddr) =
        (source.parse().unwrap(), destination.parse().unwrap());
    let mut packet = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut header = vec![0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0];
            header[2..4].copy_from_slice(&(20 + udp.len() as u16).to_be_bytes());
            header.extend(source.octets());
            header.extend(destination.octets());
            header
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut header = vec![0x60, 0, 0, 0, 0, 0, 17, 64];
            header[4..6].copy_from_slice(&(udp.len() as u16).to_be_bytes());
            header.extend(source.octets());
            header.extend(destination.octets());
            header
        }
        _ => panic!("one family, please"),
    };
    packet.extend(udp);
    packet
}

/// A network between two gateways that does as it is told with each datagram from the first.
pub(crate) struct Network {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Network {
    /// `fate` says what arrives for a datagram sent.
    pub(crate) fn to(
        destination: SocketAddr,
        mut fate: impl FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let address = socket.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok(length) = socket.recv(&mut buffer) {
                    for datagram in fate(buffer[..length].to_vec()) {
                        socket.send_to(&datagram, destination).unwrap();
                    }
                }
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

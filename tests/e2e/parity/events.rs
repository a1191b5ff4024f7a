//! The events of a tunnel's life, as a client hears them that registered before.

use std::thread::JoinHandle;

use crate::lab::{pretty::Packet, sas::Daemon, vici::Client};

const NAMES: [&str; 2] = ["child-updown", "ike-updown"];

/// A client that listens on a thread of its own.
pub(super) struct Listener(JoinHandle<Vec<Packet>>);

impl Listener {
    pub(super) fn start(daemon: &dyn Daemon) -> Self {
        let mut client = daemon.client().expect("a connection");
        for name in NAMES {
            client.register(name).expect("a registration");
        }
        Self(std::thread::spawn(|| listen(client)))
    }

    /// The first event of each kind, by name: a tunnel that comes and goes makes one of each.
    pub(super) fn finish(self) -> Vec<Packet> {
        self.0.join().expect("the listener")
    }
}

fn listen(mut client: Client) -> Vec<Packet> {
    let mut packets: Vec<Packet> = Vec::new();
    while packets.len() < 2 * NAMES.len() {
        let event = client.next_event();
        let (name, message) = event.unwrap_or_else(|error| {
            let titles: Vec<&str> = packets.iter().map(|packet| packet.title.as_str()).collect();
            panic!("heard only {titles:?}: {error}")
        });
        let direction = message.text("up").map_or("down", |_| "up");
        let title = format!("{name} {direction}");
        if packets.iter().all(|packet| packet.title != title) {
            packets.push(Packet { title, message });
        }
    }
    packets.sort_by(|one, other| one.title.cmp(&other.title));
    packets
}

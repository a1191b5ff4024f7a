//! What the kernel drops because somebody is too slow to take it: on a busy machine also datagrams
//! that no protocol and no cable has lost.

use std::{fmt, fs, ops};

use super::Namespace;

/// Packets dropped from full queues, each with the name of the queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overflows(Vec<(String, u64)>);

impl Overflows {
    /// Those of a namespace: its devices' queues and its UDP sockets' buffers.
    pub(crate) fn at(namespace: &Namespace) -> Self {
        let name = namespace.name().rsplit('-').next().unwrap_or_default();
        let (devices, snmp) = namespace.enter(|| (net_file("dev"), net_file("snmp")));
        let mut all = Self::of_devices(&devices, name);
        all.0.push((format!("{name} UDP"), full_udp_buffers(&snmp)));
        all
    }

    /// Those in a text like `/proc/net/dev`.
    pub(crate) fn of_devices(text: &str, owner: &str) -> Self {
        let drops = |device: Device| (format!("{owner} {}", device.name), device.dropped);
        Self(devices(text).map(drops).collect())
    }

    /// What has come since.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let former = |name: &str| {
            let known = before.0.iter().find(|(known, _)| known == name);
            known.map_or(0, |(_, count)| *count)
        };
        let growth = |(name, count): &(String, u64)| (name.clone(), count - former(name));
        Self(self.0.iter().map(growth).collect())
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

impl ops::Add for Overflows {
    type Output = Self;

    fn add(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }
}

impl fmt::Display for Overflows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.total())?;
        for (name, count) in self.0.iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {} {count}", name.trim())?;
        }
        Ok(())
    }
}

/// What the kernel has counted at a device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Device {
    name: String,
    /// Packets that it has brought to the kernel: for a TUN device, what the program wrote.
    pub(crate) received: u64,
    dropped: u64,
}

impl Device {
    /// The device of this name in a namespace.
    pub(crate) fn at(namespace: &Namespace, name: &str) -> Self {
        let text = namespace.enter(|| net_file("dev"));
        devices(&text)
            .find(|device| device.name == name)
            .unwrap_or_else(|| panic!("{} has no {name}:\n{text}", namespace.name()))
    }
}

fn net_file(name: &str) -> String {
    let path = format!("/proc/thread-self/net/{name}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn devices(text: &str) -> impl Iterator<Item = Device> {
    text.lines().filter_map(|line| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers
            .split_whitespace()
            .map(|number| number.parse().expect("a count"))
            .collect();
        // Received: octets, packets, errors, drops and four more; then sent, the same.
        let [_, received, _, lost, _, _, _, _, _, _, _, refused, ..] = numbers[..] else {
            panic!("not a line of /proc/net/dev: {line}");
        };
        Some(Device {
            name: name.trim().to_owned(),
            received,
            dropped: lost + refused,
        })
    })
}

fn full_udp_buffers(snmp: &str) -> u64 {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next(), lines.next());
    let words = |line: Option<&str>| -> Vec<String> {
        let line = line.expect("two lines of UDP counts");
        line.split_whitespace().map(str::to_owned).collect()
    };
    let (names, values) = (words(names), words(values));
    let index = names.iter().position(|name| name == "RcvbufErrors");
    values[index.expect("the kernel counts full buffers")]
        .parse()
        .expect("a count")
}

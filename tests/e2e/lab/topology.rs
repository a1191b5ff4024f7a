//! Two gateways, `moon` and `sun`, on one cable; each with a network of its own behind it.

use std::net::IpAddr;

use super::{Lab, Namespace, namespace};

/// The pre-shared key of every tunnel in the lab that is meant to come up.
pub(crate) const PSK: &str = "correct horse battery staple";
/// The device that faces the other gateway.
pub(crate) const WIRE: &str = "eth0";
/// The child that every plain tunnel has.
pub(crate) const CHILD: &str = "net";
/// The connection that every plain tunnel has.
pub(crate) const CONNECTION: &str = "gw";

/// An IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// tshark's filter for packets from or to this address.
    pub(crate) fn display_filter(self, address: IpAddr) -> String {
        match self {
            Self::V4 => format!("ip.addr == {address}"),
            Self::V6 => format!("ipv6.addr == {address}"),
        }
    }
}

/// One gateway.
pub(crate) struct Gateway {
    pub(crate) namespace: Namespace,
    pub(crate) id: &'static str,
    number: u8,
}

impl Gateway {
    fn new(lab: &Lab, label: &str, id: &'static str, number: u8) -> Self {
        Self {
            namespace: lab.namespace(label),
            id,
            number,
        }
    }

    /// Its address on the cable.
    pub(crate) fn outer(&self, family: Family) -> IpAddr {
        address(
            family,
            &format!("192.0.2.{}", self.number),
            &format!("2001:db8::{}", self.number),
        )
    }

    /// Its address in the network behind it.
    pub(crate) fn inner(&self, family: Family) -> IpAddr {
        let n = self.number;
        address(family, &format!("10.{n}.0.1"), &format!("fd00:{n}::1"))
    }

    /// The network behind it.
    pub(crate) fn network(&self, family: Family) -> String {
        match family {
            Family::V4 => format!("10.{}.0.0/16", self.number),
            Family::V6 => format!("fd00:{}::/64", self.number),
        }
    }

    fn configure(&self) {
        self.configure_wire();
        for (family, length) in [(Family::V4, 32), (Family::V6, 128)] {
            let address = format!("{}/{length}", self.inner(family));
            self.namespace.add_address("lo", &address);
        }
    }

    fn configure_wire(&self) {
        for (family, length) in [(Family::V4, 24), (Family::V6, 64)] {
            let address = format!("{}/{length}", self.outer(family));
            self.namespace.add_address(WIRE, &address);
        }
    }
}

fn address(family: Family, v4: &str, v6: &str) -> IpAddr {
    let text = match family {
        Family::V4 => v4,
        Family::V6 => v6,
    };
    text.parse().expect("an address written here")
}

/// Both gateways and the cable.
pub(crate) struct Pair {
    pub(crate) moon: Gateway,
    pub(crate) sun: Gateway,
}

impl Pair {
    pub(crate) fn new(lab: &Lab) -> Self {
        Self::connected_by(lab, |moon, sun| {
            namespace::connect((moon, WIRE), (sun, WIRE));
        })
    }

    /// With a cable that the caller lays between the two, with ends of the name [`WIRE`].
    pub(crate) fn connected_by(lab: &Lab, lay: impl FnOnce(&Namespace, &Namespace)) -> Self {
        let moon = Gateway::new(lab, "moon", "moon.example", 1);
        let sun = Gateway::new(lab, "sun", "sun.example", 2);
        lay(&moon.namespace, &sun.namespace);
        moon.configure();
        sun.configure();
        Self { moon, sun }
    }

    /// Gives moon's end of the cable its addresses back, and nothing else, and has it translate none.
    pub(crate) fn tidy_moon(&self) {
        let moon = &self.moon.namespace;
        let own = format!("{}/", self.moon.outer(Family::V4));
        let addresses = moon.ip(&["-o", "-4", "addr", "show", "dev", WIRE]);
        if addresses.lines().count() != 1 || !addresses.contains(&own) {
            moon.ip(&["addr", "flush", "dev", WIRE]);
            self.moon.configure_wire();
        }
        moon.ip(&["link", "set", WIRE, "up"]);
        for command in [&["nft", "flush", "ruleset"][..], &["conntrack", "-F"]] {
            // Fails where there is nothing.
            moon.command(command[0]).args(&command[1..]).output().ok();
        }
    }

    /// Makes sun's IPv4 address one that does not answer: the cable is there, datagrams for it
    /// arrive at its end, and nobody has that address.
    pub(crate) fn silence_sun(&self) {
        let address = self.sun.outer(Family::V4).to_string();
        let link = self.sun.namespace.ip(&["-o", "link", "show", "dev", WIRE]);
        let mac = link
            .split("link/ether ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let mac = mac.expect("a MAC address of the cable's end");
        self.sun
            .namespace
            .ip(&["addr", "del", &format!("{address}/24"), "dev", WIRE]);
        self.moon.namespace.ip(&[
            "neigh",
            "replace",
            &address,
            "lladdr",
            mac,
            "dev",
            WIRE,
            "nud",
            "permanent",
        ]);
    }

    /// Undoes [`Self::silence_sun`].
    pub(crate) fn wake_sun(&self) {
        let address = self.sun.outer(Family::V4).to_string();
        let neighbour = ["neigh", "del", &address, "dev", WIRE];
        self.moon.namespace.ip(&neighbour);
        self.sun
            .namespace
            .add_address(WIRE, &format!("{address}/24"));
    }
}

/// What differs between tunnels of the lab.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    pub(crate) outer: Family,
    pub(crate) inner: Family,
    pub(crate) proposals: &'static str,
    pub(crate) esp_proposals: &'static str,
    pub(crate) psk: &'static str,
}

impl Default for Tunnel {
    fn default() -> Self {
        Self {
            outer: Family::V4,
            inner: Family::V4,
            proposals: "aes256gcm16-prfsha384-x25519",
            esp_proposals: "aes256gcm16",
            psk: PSK,
        }
    }
}

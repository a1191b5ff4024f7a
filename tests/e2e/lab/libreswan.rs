//! Libreswan's pluto, in a virtual machine: it has no ESP of its own and this machine's kernel may
//! have none.

use std::{fmt::Write as _, net::IpAddr, time::Duration};

use super::{
    Lab,
    guest::Guest,
    topology::{Family, Gateway, WIRE},
    wait,
};

/// pluto tests all its algorithms at its start, under emulation.
const START: Duration = Duration::from_secs(120);
const CONFIGURATION: &str = "/etc/ipsec.conf";
const SECRETS: &str = "/etc/ipsec.secrets";
const LOG: &str = "/run/pluto.log";
/// Keepalives are left as they are: with a shorter interval than 20 s pluto never sends one.
const SETUP: &str = "config setup\n logfile=/run/pluto.log\n dnssec-enable=no\n";
/// `ipsec` is a shell script that calls these: slowly, under emulation.
const PROGRAMS: &str = "/usr/libexec/ipsec";
pub(crate) const WHACK: &str = "/usr/libexec/ipsec/whack";
const NSS: &str = "sql:/var/lib/ipsec/nss";
/// Of the files that it imports.
pub(crate) const PASSWORD: &str = "lab";

/// A running pluto.
pub(crate) struct Libreswan {
    guest: Guest,
    /// The script that gives it its addresses on the cable.
    addresses: String,
    /// The one of IPv4.
    address: IpAddr,
}

/// One CHILD_SA as `ipsec trafficstatus` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Libreswan {
    /// Boots the virtual machine at this gateway's end of the cable, with the gateway's addresses,
    /// and starts pluto without any connection.
    pub(crate) fn start(lab: &Lab, here: &Gateway, there: &Gateway) -> Self {
        let guest = Guest::boot(lab, &here.namespace, &[WIRE]);
        for (family, length) in [(Family::V4, 32), (Family::V6, 128)] {
            let network = here.inner(family);
            guest.run(&format!("ip addr add {network}/{length} dev lo"));
        }
        let mut addresses = String::new();
        for (family, length) in [(Family::V4, 24), (Family::V6, 64)] {
            let (own, gateway) = (here.outer(family), there.outer(family));
            write!(
                addresses,
                "ip addr add {own}/{length} dev {WIRE}; \
                 ip route add default via {gateway} dev {WIRE}; "
            )
            .expect("writing to a string");
        }
        guest.run(&addresses);
        guest.run(
            "modprobe -a esp4 esp6 xfrm_user; touch /etc/hosts /etc/resolv.conf; ipsec initnss",
        );
        let libreswan = Self {
            guest,
            addresses,
            address: here.outer(Family::V4),
        };
        libreswan.guest.write(CONFIGURATION, SETUP);
        libreswan.guest.write(SECRETS, "");
        libreswan
            .guest
            .run(&format!("ipsec pluto --config {CONFIGURATION}"));
        wait::until("pluto listens", START, || {
            libreswan
                .log()
                .contains("listening for IKE messages")
                .then_some(())
        });
        libreswan
    }

    /// Takes these connections in place of those of the same names: names with the lines of a `conn`
    /// section. `secrets` are the lines of ipsec.secrets.
    pub(crate) fn configure(&self, connections: &[(&str, &str)], secrets: &str) {
        let mut text = SETUP.to_owned();
        let mut commands = format!("{WHACK} --rereadsecrets");
        for (name, lines) in connections {
            write!(text, "conn {name}\n{}", indented(lines)).expect("writing to a string");
            write!(commands, " && {PROGRAMS}/addconn {name}").expect("writing to a string");
        }
        self.guest.write(CONFIGURATION, &text);
        self.guest.write(SECRETS, secrets);
        self.guest.run(&commands);
    }

    /// Takes a private key with its certificate (PKCS #12, with [`PASSWORD`]), and the certificate of a
    /// CA that is trusted.
    pub(crate) fn import(&self, name: &str, pkcs12: &[u8], authority: &[u8]) {
        self.guest.write("/tmp/own.p12", pkcs12);
        self.guest.write("/tmp/ca.crt", authority);
        self.guest.run(&format!(
            "pk12util -d {NSS} -i /tmp/own.p12 -W {PASSWORD} && \
             certutil -d {NSS} -A -n ca-{name} -t CT,, -a -i /tmp/ca.crt"
        ));
    }

    /// Brings a connection up; the error is what pluto said.
    pub(crate) fn up(&self, name: &str) -> Result<String, String> {
        let up = format!("timeout 20 {WHACK} --initiate --name {name}");
        self.guest.attempt(&up)
    }

    /// Rekeys the `ike` or the `child` SA of a connection.
    pub(crate) fn rekey(&self, kind: &str, name: &str) -> Result<String, String> {
        let rekey = format!("timeout 20 {WHACK} --rekey-{kind} --name {name}");
        self.guest.attempt(&rekey)
    }

    /// Takes a connection down and forgets it.
    pub(crate) fn forget(&self, name: &str) {
        self.guest
            .attempt(&format!("timeout 20 {WHACK} --delete --name {name}"))
            .ok();
    }

    /// Has it the addresses that it began with, and no others, and no worries.
    pub(crate) fn tidy(&self) {
        let (addresses, address) = (&self.addresses, self.address);
        self.guest.run(&format!(
            "{WHACK} --ddos-auto; \
             [ \"$(ip -o -4 addr show dev {WIRE} | grep -o 'inet [^ ]*')\" = 'inet {address}/24' ] || \
             {{ ip addr flush dev {WIRE}; {addresses} {WHACK} --listen; }}"
        ));
    }

    /// The CHILD_SAs.
    pub(crate) fn traffic(&self) -> Vec<Traffic> {
        let text = self.guest.run(&format!("{WHACK} --trafficstatus"));
        text.lines().filter_map(traffic).collect()
    }

    /// Whether a ping from inside is answered.
    pub(crate) fn pings(&self, from: IpAddr, to: IpAddr, count: u32) -> bool {
        let ping = format!("ping -q -c {count} -i 0.05 -W 2 -I {from} {to}");
        self.guest.attempt(&ping).is_ok()
    }

    /// Runs a shell script where it runs: what it printed, as an error if it failed.
    pub(crate) fn script(&self, script: &str) -> Result<String, String> {
        self.guest.attempt(script)
    }

    /// What it said since this was called last.
    pub(crate) fn news(&self) -> String {
        self.guest.run(&format!("cat {LOG}; : > {LOG}"))
    }

    fn log(&self) -> String {
        self.guest.run(&format!("cat {LOG} 2>/dev/null"))
    }
}

fn indented(lines: &str) -> String {
    let lines: Vec<String> = lines
        .lines()
        .map(|line| format!(" {}", line.trim()))
        .collect();
    lines.join("\n") + "\n"
}

fn traffic(line: &str) -> Option<Traffic> {
    let value = |key: &str| {
        let (_, rest) = line.split_once(key)?;
        rest.split([',', ' ']).next()
    };
    Some(Traffic {
        bytes_in: value("inBytes=")?.parse().ok()?,
        bytes_out: value("outBytes=")?.parse().ok()?,
    })
}

//! Libreswan's pluto, in a virtual machine: it has no ESP of its own and this machine's kernel may
//! have none.

use std::{net::IpAddr, time::Duration};

use super::{
    Lab,
    guest::Guest,
    topology::{Family, Gateway, WIRE},
    wait,
};

/// pluto tests all its algorithms at its start, under emulation.
const START: Duration = Duration::from_secs(30);
const CONFIGURATION: &str = "/etc/ipsec.conf";
const SECRETS: &str = "/etc/ipsec.secrets";
const LOG: &str = "/run/pluto.log";

/// A running pluto.
pub(crate) struct Libreswan {
    guest: Guest,
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
        for (family, outer, inner) in [(Family::V4, 24, 32), (Family::V6, 64, 128)] {
            let (wire, network) = (here.outer(family), here.inner(family));
            guest.run(&format!(
                "ip addr add {wire}/{outer} dev {WIRE} && ip addr add {network}/{inner} dev lo"
            ));
        }
        for family in [Family::V4, Family::V6] {
            let gateway = there.outer(family);
            guest.run(&format!("ip route add default via {gateway} dev {WIRE}"));
        }
        guest.run(
            "modprobe -a esp4 esp6 xfrm_user; touch /etc/hosts /etc/resolv.conf; ipsec initnss",
        );
        let libreswan = Self { guest };
        libreswan.guest.write(
            CONFIGURATION,
            &format!("config setup\n logfile={LOG}\n dnssec-enable=no\n"),
        );
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

    /// Takes this connection in place of the one of the same name. Lines of a `conn` section and of
    /// ipsec.secrets.
    pub(crate) fn configure(&self, name: &str, connection: &str, secrets: &str) {
        self.guest.write(
            CONFIGURATION,
            &format!(
                "config setup\n logfile={LOG}\n dnssec-enable=no\nconn {name}\n{}",
                indented(connection)
            ),
        );
        self.guest.write(SECRETS, secrets);
        self.guest.run(&format!("ipsec secrets; ipsec add {name}"));
    }

    /// Brings a connection up; the error is what pluto said.
    pub(crate) fn up(&self, name: &str) -> Result<String, String> {
        self.guest.attempt(&format!("timeout 20 ipsec up {name}"))
    }

    /// Rekeys the `ike` or the `child` SA of a connection.
    pub(crate) fn rekey(&self, kind: &str, name: &str) -> Result<String, String> {
        let rekey = format!("timeout 20 ipsec whack --rekey-{kind} --name {name}");
        self.guest.attempt(&rekey)
    }

    /// Takes a connection down and forgets it.
    pub(crate) fn forget(&self, name: &str) {
        self.guest
            .attempt(&format!("timeout 20 ipsec delete {name}"))
            .ok();
    }

    /// The CHILD_SAs.
    pub(crate) fn traffic(&self) -> Vec<Traffic> {
        let text = self.guest.run("ipsec trafficstatus");
        text.lines().filter_map(traffic).collect()
    }

    /// Whether a ping from inside is answered.
    pub(crate) fn pings(&self, from: IpAddr, to: IpAddr, count: u32) -> bool {
        let ping = format!("ping -q -c {count} -i 0.05 -W 2 -I {from} {to}");
        self.guest.attempt(&ping).is_ok()
    }

    /// The end of its log.
    pub(crate) fn log_tail(&self) -> String {
        self.guest.run(&format!("tail -n 40 {LOG}"))
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

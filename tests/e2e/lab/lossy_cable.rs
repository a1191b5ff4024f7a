//! A cable that loses and reorders datagrams, in a virtual machine: netem is a module that this
//! machine's kernel may not have.

use super::{Lab, Namespace, guest::Guest, namespace, topology::WIRE};

/// What happens to IKE and to ESP on the way, each counted for itself.
const TROUBLE: &str = "delay 10ms reorder 25% 50% loss";
/// Datagrams of IKE on port 4500 begin with four zero octets (RFC 3948 section 2.2); those of ESP
/// begin with an SPI, which is never zero.
const AFTER_UDP_HEADER: &str = "at 28";

/// The cable.
pub(crate) struct LossyCable {
    guest: Guest,
    _namespace: Namespace,
}

/// Datagrams that the cable has dropped, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) ike: u64,
    pub(crate) esp: u64,
}

impl LossyCable {
    /// Lays it between two namespaces, whose ends are named [`WIRE`]. So many percent are lost in
    /// each direction.
    pub(crate) fn lay(lab: &Lab, one: &Namespace, other: &Namespace, percent: u8) -> Self {
        let middle = lab.namespace("cable");
        namespace::connect((one, WIRE), (&middle, "one"));
        namespace::connect((other, WIRE), (&middle, "other"));
        let guest = Guest::boot(lab, &middle, &["one", "other"]);
        guest.run(
            "modprobe -a bridge sch_netem sch_prio cls_u32 && ip link add cable type bridge && \
             ip link set eth0 master cable && ip link set eth1 master cable && ip link set cable up",
        );
        for device in ["eth0", "eth1"] {
            // Band 1 is ESP, band 2 IKE, band 3 the rest, which passes.
            guest.run(&format!(
                "tc qdisc add dev {device} root handle 1: prio bands 3 \
                   priomap 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 && \
                 tc qdisc add dev {device} parent 1:1 handle 10: netem {TROUBLE} {percent}% && \
                 tc qdisc add dev {device} parent 1:2 handle 20: netem {TROUBLE} {percent}% && \
                 tc filter add dev {device} parent 1: protocol ip prio 1 u32 \
                   match ip dport 4500 0xffff match u32 0 0xffffffff {AFTER_UDP_HEADER} flowid 1:2 && \
                 tc filter add dev {device} parent 1: protocol ip prio 2 u32 \
                   match ip dport 4500 0xffff flowid 1:1"
            ));
        }
        Self {
            guest,
            _namespace: middle,
        }
    }

    /// What has been dropped so far.
    pub(crate) fn dropped(&self) -> Dropped {
        let mut dropped = Dropped::default();
        for device in ["eth0", "eth1"] {
            let text = self.guest.run(&format!("tc -s qdisc show dev {device}"));
            dropped.esp += count(&text, "netem 10:");
            dropped.ike += count(&text, "netem 20:");
        }
        dropped
    }
}

/// The number of drops in the paragraph of this qdisc.
fn count(text: &str, qdisc: &str) -> u64 {
    let (_, paragraph) = text
        .split_once(qdisc)
        .unwrap_or_else(|| panic!("no {qdisc} in:\n{text}"));
    let (_, rest) = paragraph.split_once("(dropped ").expect("tc counts drops");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a count")
}

//! A cable that loses and reorders datagrams, in a virtual machine: netem is a module that this
//! machine's kernel may not have.

use super::{Lab, Namespace, guest::Guest, namespace, overflows::Overflows, topology::WIRE};

/// What happens to IKE and to ESP on the way, each counted for itself.
const TROUBLE: &str = "delay 10ms reorder 25% 50% loss";
/// Datagrams of IKE on port 4500 begin with four zero octets (RFC 3948 section 2.2); those of ESP
/// begin with an SPI, which is never zero.
const AFTER_UDP_HEADER: &str = "at 28";
/// The queueing disciplines, as `tc` names them.
const ESP: &str = "netem 10:";
const IKE: &str = "netem 20:";

/// The cable.
pub(crate) struct LossyCable {
    guest: Guest,
    namespace: Namespace,
}

/// What the cable has done with one kind of datagram in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) passed: u64,
    pub(crate) dropped: u64,
}

/// What the cable has done so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage {
    /// ESP from the first end to the other.
    pub(crate) there: Flow,
    /// ESP the other way.
    pub(crate) back: Flow,
    /// Messages of IKE that were dropped, in both directions.
    pub(crate) ike: u64,
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
            namespace: middle,
        }
    }

    /// What has come and gone so far.
    pub(crate) fn passage(&self) -> Passage {
        // What leaves by a device is on its way to the end that is plugged in there.
        let [to_one, to_other] = ["eth0", "eth1"]
            .map(|device| self.guest.run(&format!("tc -s qdisc show dev {device}")));
        Passage {
            there: flow(&to_other, ESP),
            back: flow(&to_one, ESP),
            ike: flow(&to_other, IKE).dropped + flow(&to_one, IKE).dropped,
        }
    }

    /// Frames that queues on the way into the virtual machine, inside, and out of it have dropped.
    pub(crate) fn overflows(&self) -> Overflows {
        let inside = Overflows::of_devices(&self.guest.run("cat /proc/net/dev"), "guest");
        inside + Overflows::at(&self.namespace)
    }
}

/// What a queueing discipline has done with what came to it.
fn flow(text: &str, qdisc: &str) -> Flow {
    let (_, paragraph) = text
        .split_once(qdisc)
        .unwrap_or_else(|| panic!("no {qdisc} in:\n{text}"));
    let after = |words| {
        let (_, rest) = paragraph.split_once(words).expect("tc counts");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a count")
    };
    Flow {
        passed: after("bytes "),
        dropped: after("(dropped "),
    }
}

//! CHILD_SAs and what they carry.

use super::super::{
    proofs,
    row::{Ends, Lines, PLAIN, Row, Starter, row},
};
use crate::lab::topology::Family;

pub(super) fn all() -> Vec<Row> {
    vec![
        later_child(),
        several(),
        protocol(),
        ports(),
        narrowing(),
        dynamic(),
        mixed_families(),
        transport(),
        translated_transport(),
        padding(),
        compression(),
        trap(),
        reqid(),
        marks(),
    ]
}

fn several() -> Row {
    two_children("two CHILD_SAs at once", "RFC 7296 1.3.1").proof(proofs::has_another_child)
}

/// A child of IPv6 beside the usual one, which nobody has asked for yet.
pub(super) fn two_children(feature: &'static str, document: &'static str) -> Row {
    row(feature, document)
        .holdfast(Lines {
            sections: "[connections.gw.children.six]\nlocal_ts = [\"fd00:1::/64\"]\n\
                       remote_ts = [\"fd00:2::/64\"]\nesp_proposals = [\"aes256gcm16\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            child: "local_ts = 10.2.0.0/16\nremote_ts = 10.1.0.0/16\n}\nsix {\n\
                    local_ts = fd00:2::/64\nremote_ts = fd00:1::/64\nesp_proposals = aes256gcm16\n",
            ..PLAIN
        })
        .libreswan(Lines {
            daemon: "conn six\nkeyexchange=ikev2\nleft=192.0.2.2\nright=192.0.2.1\nauthby=secret\n\
                     leftid=@sun.example\nrightid=@moon.example\nleftsubnet=fd00:2::/64\n\
                     rightsubnet=fd00:1::/64\nike=aes_gcm256-sha2_384;dh20\nesp=aes_gcm256\npfs=no\n",
            ..PLAIN
        })
}

fn ports() -> Row {
    row("selectors with a range of ports", "RFC 7296 3.13.1")
        .holdfast(Lines {
            child: "local_ts = [\"10.1.0.0/16[icmp]\", \"10.1.0.0/16[udp/4096-8191]\"]\n\
                    remote_ts = [\"10.2.0.0/16[icmp]\", \"10.2.0.0/16[udp/4096-8191]\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            child: "local_ts = 10.2.0.0/16[icmp], 10.2.0.0/16[udp/4096-8191]\n\
                    remote_ts = 10.1.0.0/16[icmp], 10.1.0.0/16[udp/4096-8191]",
            ..PLAIN
        })
        .libreswan_lacks("Libreswan has one port or all of them, and no ranges")
        .proof(proofs::has_port_ranges)
}

const NO_HOSTS: &str = "charon's ESP in user space takes no traffic between the ends themselves";

/// The addresses of the IKE_SA.
fn dynamic() -> Row {
    row("selectors that are the ends themselves", "RFC 7296 2.9")
        .holdfast(Lines {
            child: "local_ts = [\"dynamic\"]\nremote_ts = [\"dynamic\"]\n",
            ..PLAIN
        })
        .charon_lacks(NO_HOSTS)
        .libreswan(Lines {
            child: "leftsubnet=192.0.2.2/32\nrightsubnet=192.0.2.1/32",
            ..PLAIN
        })
        .ends(Ends::Outer)
}

fn transport() -> Row {
    row("transport mode", "RFC 7296 1.3.1")
        .holdfast(Lines {
            child: "mode = \"transport\"\nlocal_ts = [\"dynamic\"]\nremote_ts = [\"dynamic\"]\n",
            ..PLAIN
        })
        .charon_lacks(NO_HOSTS)
        .libreswan(Lines {
            child: "type=transport",
            ..PLAIN
        })
        .ends(Ends::Outer)
        .proof(proofs::is_in_transport_mode)
}

/// The other end knows whoever starts by another address, and a packet of transport mode has no other.
fn translated_transport() -> Row {
    row("transport mode through a NAT", "RFC 7296 2.23.1")
        .charon_lacks(NO_HOSTS)
        .libreswan_lacks(
            "Libreswan takes the addresses in selectors of transport mode behind a NAT as they are",
        )
}

/// Every packet is as large as the largest.
fn padding() -> Row {
    row("padding against traffic analysis", "RFC 4303 2.7")
        .holdfast(Lines {
            child: "tfc_padding = 1000\n",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "tfc=1000",
            ..PLAIN
        })
        .wire(&["udp.length > 1000 && udp.dstport == 4500 && ip.src == {moon}"])
}

/// The tunnel comes up without.
fn compression() -> Row {
    row("compression is declined", "RFC 7296 2.22")
        .charon_lacks("charon's ESP in user space has no compression, which is not offered then")
        .when_starting(Starter::Holdfast)
        .libreswan_lacks("the initiator offers compression, and holdfast never does")
        .when_starting(Starter::Peer)
        .libreswan(Lines {
            connection: "compress=yes",
            ..PLAIN
        })
}

/// The tunnel comes up with the first packet of whoever starts.
fn trap() -> Row {
    row("traffic brings the tunnel up", "RFC 4301 4.4.1")
        .start(proofs::begins_by_traffic)
        .holdfast(Lines {
            child: "start_action = \"trap\"\n",
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(PLAIN)
        .charon_lacks("charon's ESP in user space does not notice traffic without a tunnel")
        .libreswan(Lines {
            connection: "narrowing=no",
            ..PLAIN
        })
}

fn reqid() -> Row {
    row("a fixed reqid", "RFC 4301 4.4.2.1")
        .holdfast(Lines {
            child: "reqid = 42\n",
            ..PLAIN
        })
        .proof(proofs::has_its_reqid)
}

fn marks() -> Row {
    row("marks", "none").nobody_has("holdfast's ESP in user space has no marks")
}

fn later_child() -> Row {
    row("another CHILD_SA of the same IKE_SA", "RFC 7296 1.3.1")
        .proof(proofs::creates_a_child_later)
}

fn protocol() -> Row {
    row("selectors with a protocol", "RFC 7296 3.13.1")
        .holdfast(Lines {
            child: "local_ts = [\"10.1.0.0/16[icmp]\"]\nremote_ts = [\"10.2.0.0/16[icmp]\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            child: "local_ts = 10.2.0.0/16[icmp]\nremote_ts = 10.1.0.0/16[icmp]",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "leftprotoport=icmp\nrightprotoport=icmp",
            ..PLAIN
        })
}

fn narrowing() -> Row {
    row("narrowing of selectors", "RFC 7296 2.9")
        .holdfast(Lines {
            child: "local_ts = [\"10.1.0.0/24\"]\nremote_ts = [\"10.2.0.0/16\"]\n",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "narrowing=yes",
            ..PLAIN
        })
}

fn mixed_families() -> Row {
    row("IPv6 inside IPv4", "RFC 7296 2.9")
        .holdfast(Lines {
            child: "local_ts = [\"fd00:1::/64\"]\nremote_ts = [\"fd00:2::/64\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            child: "local_ts = fd00:2::/64\nremote_ts = fd00:1::/64",
            ..PLAIN
        })
        .libreswan(Lines {
            child: "leftsubnet=fd00:2::/64\nrightsubnet=fd00:1::/64",
            ..PLAIN
        })
        .ends(Ends::Inner(Family::V6))
}

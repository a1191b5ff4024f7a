//! How SAs age, are replaced, and end.

use super::super::{
    proofs,
    row::{Lines, PLAIN, Row, Starter, row},
};

pub(super) fn all() -> Vec<Row> {
    let mut rows = vec![
        row("rekeying the CHILD_SA", "RFC 7296 1.3.3, 2.8").proof(proofs::rekeys_child),
        row("rekeying the IKE_SA", "RFC 7296 1.3.2, 2.8").proof(proofs::rekeys_ike),
        forward_secrecy(),
        row(
            "both ends rekey at the same instant",
            "RFC 7296 2.8.1, 2.25",
        )
        .proof(proofs::rekeys_at_once),
        delayed_deletes(),
        after_a_time(),
        too_old(),
        after_octets(),
        after_packets(),
        authenticating_anew(),
        lifetime_of_authentication(),
        idle(),
    ];
    rows.extend([silence_clear(), silence_trap(), liveness()]);
    rows.extend([
        closed_start(),
        closed_trap(),
        initial_contact(),
        lost(),
        told(),
    ]);
    rows.extend([unique_replace(), unique_keep(), unique_never()]);
    rows
}

fn delayed_deletes() -> Row {
    row("no packet is lost while SAs are replaced", "RFC 7296 2.8").proof(proofs::loses_nothing)
}

/// Whoever starts renews both.
fn after_a_time() -> Row {
    row("rekeying after a time", "RFC 7296 2.8")
        .proof(proofs::is_rekeyed_in_time)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            connection: "rekey_time = \"6s\"\nrand_time = \"1s\"\nover_time = \"60s\"\n",
            child: "rekey_time = \"4s\"\nrand_time = \"1s\"\nlife_time = \"60s\"\n",
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .charon(Lines {
            connection: "rekey_time = 6s\nrand_time = 1s\nover_time = 60s",
            child: "rekey_time = 4s\nrand_time = 1s\nlife_time = 60s",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "ikelifetime=10s\nsalifetime=8s\nrekeymargin=4s\nrekeyfuzz=0%",
            ..PLAIN
        })
}

/// Nobody has replaced it.
fn too_old() -> Row {
    row("a CHILD_SA that grows too old is closed", "RFC 7296 2.8")
        .holdfast(Lines {
            child: "rekey_time = \"0s\"\nlife_time = \"4s\"\n",
            says: &["its lifetime has passed"],
            ..PLAIN
        })
        .proof(proofs::closes_what_is_idle)
}

fn after_octets() -> Row {
    row("rekeying after an amount of traffic", "RFC 4301 4.4.2.1")
        .holdfast(Lines {
            child: "rekey_bytes = \"40k\"\nlife_bytes = \"64m\"\nrand_bytes = 0\n",
            ..PLAIN
        })
        .proof(proofs::is_rekeyed_by_traffic)
}

fn after_packets() -> Row {
    row("rekeying after a number of packets", "RFC 7296 2.8")
        .holdfast(Lines {
            child: "rekey_packets = 50\nlife_packets = 100000\nrand_packets = 0\n",
            ..PLAIN
        })
        .proof(proofs::is_rekeyed_by_traffic)
}

/// The new IKE_SA is there before the old one goes.
fn authenticating_anew() -> Row {
    row("authenticating anew, make before break", "RFC 7296 2.8.3")
        .proof(proofs::authenticates_anew)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            connection: "reauth_time = \"3s\"\nrand_time = \"0s\"\nover_time = \"60s\"\n",
            says: &["replaced by"],
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            connection: "unique = \"replace\"\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "reauth_time = 3s\nrand_time = 0s\nover_time = 60s",
            daemon: "make_before_break = yes",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "reauth=yes\nikelifetime=8s\nrekeymargin=4s\nrekeyfuzz=0%",
            ..PLAIN
        })
}

/// The responder says how long it believes in the initiator.
fn lifetime_of_authentication() -> Row {
    row("AUTH_LIFETIME", "RFC 4478")
        .proof(proofs::authenticates_anew)
        .libreswan_lacks("Libreswan neither sends nor obeys AUTH_LIFETIME")
        .when_starting(Starter::Holdfast)
        .charon(Lines {
            connection: "reauth_time = 4s\nrand_time = 0s\nover_time = 60s",
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            connection: "reauth_time = \"4s\"\nrand_time = \"0s\"\nover_time = \"60s\"\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "over_time = 1s",
            says: &["received AUTH_LIFETIME of"],
            ..PLAIN
        })
}

fn idle() -> Row {
    row("a CHILD_SA that nobody uses is closed", "RFC 7296 1.4.1")
        .holdfast(Lines {
            child: "inactivity = \"2s\"\n",
            says: &["it carried nothing for too long"],
            ..PLAIN
        })
        .proof(proofs::closes_what_is_idle)
}

fn silence_clear() -> Row {
    row(
        "a silent peer is noticed, and nothing comes back",
        "RFC 7296 2.4",
    )
    .holdfast(Lines {
        connection: IMPATIENT,
        child: "dpd_action = \"clear\"\n",
        ..PLAIN
    })
    .proof(proofs::gives_up_after_a_cut)
}

fn silence_trap() -> Row {
    row(
        "a silent peer is noticed, and traffic brings it back",
        "RFC 7296 2.4",
    )
    .holdfast(Lines {
        connection: IMPATIENT,
        child: "dpd_action = \"trap\"\n",
        ..PLAIN
    })
    .proof(proofs::waits_for_traffic_after_a_cut)
}

const IMPATIENT: &str = "dpd_delay = \"500ms\"\n\
     retransmit = { timeout = \"400ms\", base = 1.5, tries = 2 }\n\
     reconnect = { initial = \"100ms\", max = \"1s\" }\n";

const OPENS_ITSELF: &str = "Libreswan opens at once what it has to keep up";

fn closed_start() -> Row {
    row(
        "the peer closes a CHILD_SA, which is opened again",
        "RFC 7296 1.4.1",
    )
    .holdfast(Lines {
        child: "close_action = \"start\"\n",
        ..PLAIN
    })
    .proof(proofs::opens_again)
    .when_starting(Starter::Peer)
    .libreswan_lacks(OPENS_ITSELF)
}

fn closed_trap() -> Row {
    row(
        "the peer closes a CHILD_SA, and traffic brings it back",
        "RFC 7296 1.4.1",
    )
    .holdfast(Lines {
        child: "close_action = \"trap\"\n",
        ..PLAIN
    })
    .proof(proofs::waits_for_traffic)
    .when_starting(Starter::Peer)
    .libreswan_lacks(OPENS_ITSELF)
}

const ONE_IKE_SA: &str = "Libreswan's connections with a peer share one IKE_SA";

/// A second connection with the same two ends.
const AGAIN: &str = "[connections.again]\nlocal_addrs = [\"192.0.2.11\"]\n\
     remote_addrs = [\"192.0.2.2\"]\nproposals = [\"aes256gcm16-prfsha384-ecp384\"]\nunique = \"never\"\n\
     local = { auth = \"psk\", id = \"moon.example\" }\n\
     remote = { auth = \"psk\", id = \"sun.example\" }\n\
     [connections.again.children.again]\nlocal_ts = [\"10.1.0.0/16\"]\n\
     remote_ts = [\"10.2.0.0/16\"]\nesp_proposals = [\"aes256gcm16\"]\n";

const CHARONS_AGAIN: &str = "connections { again { version = 2\nlocal_addrs = 192.0.2.12\n\
     remote_addrs = 192.0.2.1\nproposals = aes256gcm16-prfsha384-ecp384\nunique = never\n\
     local { auth = psk\n id = sun.example }\nremote { auth = psk\n id = moon.example }\n\
     children { again { local_ts = 10.2.0.0/16\nremote_ts = 10.1.0.0/16\n\
     esp_proposals = aes256gcm16 } } } }";

/// Whoever does not start has a policy about a second IKE_SA with the same peer, and that one does not
/// say that it is the only one.
fn unique(feature: &'static str, ours: &'static str, charons: &'static str) -> Row {
    row(feature, "RFC 7296 2.4")
        .libreswan_lacks(ONE_IKE_SA)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            connection: "unique = \"never\"\n",
            sections: AGAIN,
            ..PLAIN
        })
        .charon(Lines {
            connection: charons,
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            connection: ours,
            ..PLAIN
        })
        .charon(Lines {
            connection: "unique = never",
            sections: CHARONS_AGAIN,
            ..PLAIN
        })
        .when_both_start()
        .before(proofs::have_two_addresses)
}

fn unique_replace() -> Row {
    let feature = "a second IKE_SA replaces the first";
    unique(
        feature,
        "remote_addrs = [\"192.0.2.2\", \"192.0.2.12\"]\nunique = \"replace\"\n",
        "remote_addrs = 192.0.2.1, 192.0.2.11\nunique = replace",
    )
    .proof(proofs::is_replaced)
}

fn unique_keep() -> Row {
    let feature = "a second IKE_SA is refused";
    unique(
        feature,
        "remote_addrs = [\"192.0.2.2\", \"192.0.2.12\"]\nunique = \"keep\"\n",
        "remote_addrs = 192.0.2.1, 192.0.2.11\nunique = keep",
    )
    .proof(proofs::is_kept)
}

fn unique_never() -> Row {
    let feature = "a second IKE_SA stands beside the first";
    unique(
        feature,
        "remote_addrs = [\"192.0.2.2\", \"192.0.2.12\"]\nunique = \"never\"\n",
        "remote_addrs = 192.0.2.1, 192.0.2.11\nunique = never",
    )
    .proof(proofs::has_both)
}

fn forward_secrecy() -> Row {
    let lines = Lines {
        esp_proposals: "aes256gcm16-ecp384",
        ..PLAIN
    };
    row("a fresh key exchange for each CHILD_SA", "RFC 7296 1.3.1")
        .holdfast(lines)
        .charon(lines)
        .libreswan(Lines {
            esp_proposals: "aes_gcm256;dh20",
            connection: "pfs=yes",
            ..PLAIN
        })
        .proof(proofs::rekeys_child)
}

fn liveness() -> Row {
    row(
        "a silent peer is noticed, and the tunnel comes back",
        "RFC 7296 2.4",
    )
    .holdfast(Lines {
        child: "dpd_action = \"restart\"\n",
        connection: IMPATIENT,
        ..PLAIN
    })
    .proof(proofs::survives_a_cut)
}

/// holdfast crashes, and says so to a peer that believes in the old IKE_SA.
fn lost() -> Row {
    row(
        "an IKE_SA that is not there is disowned",
        "RFC 7296 1.5, 2.21.4",
    )
    .charon(Lines {
        connection: "dpd_delay = 1s",
        child: "dpd_action = clear",
        daemon: "retransmit_timeout = 1\nretransmit_tries = 1",
        ..PLAIN
    })
    .libreswan(Lines {
        connection: "dpddelay=1s\nretransmit-timeout=3s",
        ..PLAIN
    })
    .proof(proofs::is_missed_after_a_crash)
    .wire(&["isakmp.notify.msgtype == 4 && ip.src == {moon}"])
}

fn told() -> Row {
    row(
        "a peer that disowns an IKE_SA is asked again",
        "RFC 7296 1.5, 2.4",
    )
    .charon_lacks("charon disowns nothing; tried between two holdfasts: `hints` in testing.md")
    .libreswan_lacks(
        "Libreswan disowns nothing; tried between two holdfasts: `hints` in testing.md",
    )
}

fn initial_contact() -> Row {
    row("after a crash the peer keeps no old SA", "RFC 7296 2.4").proof(proofs::survives_a_crash)
}

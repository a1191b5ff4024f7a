//! What is between the two ends: datagrams, NATs, other gateways.

use super::{
    super::{
        keys::Kind,
        proofs,
        row::{Lines, PLAIN, Row, Starter, row},
        stage,
    },
    children::two_children,
    configuration::client,
};

pub(super) fn all() -> Vec<Row> {
    vec![
        fragments(),
        window(),
        cookies(),
        half_open(),
        encapsulation(),
        behind_a_nat(),
        remapped(),
        moving(),
        moving_client(),
        redirected_at_once(),
        redirected_in_auth(),
        redirected_later(),
    ]
}

/// RSA's certificates make messages long.
fn fragments() -> Row {
    row("IKE messages in fragments, both ways", "RFC 7383")
        .keys(Kind::Rsa)
        .holdfast(Lines {
            auth: "local = { auth = \"rsa/pss-sha256\", id = \"moon.example\", \
                   certs = [\"{pki}/x509/moon.example.crt\"] }\n\
                   remote = { auth = \"pubkey\", id = \"sun.example\", \
                   cacerts = [\"{pki}/x509ca/ca.crt\"] }\n",
            daemon: "fragment_size = 576",
            sections: "[secrets.moon]\ntype = \"private_key\"\n\
                       file = \"{pki}/private/moon.example.key\"\n",
            ..PLAIN
        })
        .charon(Lines {
            auth: "local { auth = pubkey\n certs = sun.example.crt\n id = sun.example }\n\
                   remote { auth = pubkey\n id = moon.example }\n",
            daemon: "fragment_size = 576",
            says: &["reassembled fragmented IKE message"],
            ..PLAIN
        })
        .libreswan(Lines {
            auth: "authby=rsa-sha2\nleftcert=sun-rsa\nleftid=@sun.example\n\
                   rightid=@moon.example\nrightca=%same",
            connection: "fragmentation=force",
            ..PLAIN
        })
        .wire(&[
            "isakmp.frag.number == 2 && ip.src == {moon}",
            "isakmp.frag.number == 2 && ip.src == {sun}",
        ])
}

/// Nobody has a window above one: a second request waits until the first is answered.
fn window() -> Row {
    two_children("requests wait for their turn", "RFC 7296 2.3")
        .proof(proofs::asks_for_two_things_at_once)
}

const OTHER_END: &str =
    "remote_addrs = [\"192.0.2.2\", \"192.0.2.1\"]\nhalf_open_timeout = \"2s\"\n";
const X25519: &str = "aes256gcm16-prfsha384-x25519";

/// The responder has a half-open IKE_SA and wants a cookie for the next one.
fn cookies() -> Row {
    row("cookies under load", "RFC 7296 2.6")
        .charon(Lines {
            proposals: X25519,
            daemon: "cookie_threshold = 1\nhalf_open_timeout = 2",
            ..PLAIN
        })
        .libreswan(Lines {
            proposals: "aes_gcm256-sha2_384;dh31",
            ..PLAIN
        })
        .before(proofs::makes_half_open_ones)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            proposals: X25519,
            ..PLAIN
        })
        .wire(&[
            "isakmp.notify.msgtype == 16390 && ip.src == {sun}",
            "isakmp.notify.msgtype == 16390 && ip.src == {moon}",
        ])
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            proposals: X25519,
            connection: OTHER_END,
            daemon: "limits = { cookie_threshold = 1 }",
            ..PLAIN
        })
        .wire(&[
            "isakmp.notify.msgtype == 16390 && ip.src == {moon}",
            "isakmp.notify.msgtype == 16390 && ip.src == {sun}",
        ])
}

/// The responder drops further ones of the same address, until the first is forgotten.
fn half_open() -> Row {
    row("a limit of half-open IKE_SAs", "RFC 7296 2.6")
        .libreswan_lacks("Libreswan's limit of half-open IKE_SAs is set when it starts, for all")
        .before(proofs::makes_half_open_ones)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            proposals: X25519,
            connection: "retransmit = { timeout = \"500ms\", base = 1.2, tries = 10 }\n",
            ..PLAIN
        })
        .charon(Lines {
            proposals: X25519,
            daemon: "block_threshold = 1\ncookie_threshold_ip = 0\nhalf_open_timeout = 2",
            says: &["half-open IKE_SA limit of 1 reached"],
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            proposals: X25519,
            connection: OTHER_END,
            daemon: "limits = { block_threshold = 1, cookie_threshold_ip = 0 }",
            ..PLAIN
        })
        .charon(Lines {
            proposals: X25519,
            ..PLAIN
        })
}

fn encapsulation() -> Row {
    row("UDP encapsulation without a NAT", "RFC 7296 2.23, RFC 3948")
        .holdfast(Lines {
            connection: "encap = true\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "encap = yes",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "encapsulation=yes",
            ..PLAIN
        })
}

/// Whoever starts is behind it, goes to port 4500, and keeps the translation alive.
fn behind_a_nat() -> Row {
    let lines = Lines {
        connection: "keep_alive = \"1s\"\n",
        ..PLAIN
    };
    row("a NAT in between, with keepalives", "RFC 7296 2.23")
        .stage(stage::translator)
        .holdfast(lines)
        .charon(Lines {
            daemon: "keep_alive = 1s",
            ..PLAIN
        })
        .when_starting(Starter::Holdfast)
        .wire(&[
            "udp.srcport >= 20000 && udp.dstport == 4500 && ip.src == {moon}",
            "udp.srcport >= 20000 && udp.length == 9 && ip.src == {moon}",
        ])
        .when_starting(Starter::Peer)
        .wire(&[
            "udp.dstport == 4500 && ip.src == {sun}",
            "udp.length == 9 && ip.src == {sun}",
        ])
}

/// The NAT forgets, and translates to other ports from then on: the responder follows.
fn remapped() -> Row {
    row("a NAT that changes its translation", "RFC 7296 2.23")
        .stage(stage::translator)
        .holdfast(Lines {
            connection: "dpd_delay = \"1s\"\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "dpd_delay = 1s",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "dpddelay=1s",
            ..PLAIN
        })
        .proof(proofs::follows_a_new_translation)
        .when_starting(Starter::Holdfast)
        .libreswan_lacks("Libreswan ignores, and says so, a new address of a peer behind a NAT")
        .when_starting(Starter::Peer)
        .charon_lacks("tried with a router between two hosts instead: `roaming` in testing.md")
}

/// Whoever started moves to another address, and takes every SA along.
fn moving() -> Row {
    row(
        "the initiator moves to another address (MOBIKE)",
        "RFC 4555",
    )
    .libreswan_lacks("Libreswan moves, and follows, only clients of virtual addresses")
    .when_starting(Starter::Holdfast)
    .holdfast(Lines {
        connection: "local_addrs = [\"%any\"]\n",
        says: &["has moved to 192.0.2.11"],
        ..PLAIN
    })
    .when_starting(Starter::Peer)
    .holdfast(Lines {
        says: &["192.0.2.12"],
        ..PLAIN
    })
    .charon(Lines {
        connection: "local_addrs = %any",
        ..PLAIN
    })
    .when_both_start()
    .proof(proofs::moves)
}

/// The same with an address inside the tunnel, which stays.
fn moving_client() -> Row {
    let feature = "a client of virtual addresses moves (MOBIKE)";
    client(feature, "RFC 4555")
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            connection: "vips = [\"0.0.0.0\"]\nlocal_addrs = [\"%any\"]\n",
            child: "remote_ts = [\"10.2.0.0/16\"]\n",
            says: &["has moved to 192.0.2.11"],
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "leftmodecfgserver=yes\nrightmodecfgclient=yes\nmobike=yes\nright=%any",
            child: "leftsubnet=10.2.0.0/16\nrightaddresspool=10.99.0.1-10.99.0.9",
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .charon(Lines {
            connection: "vips = 0.0.0.0\nlocal_addrs = %any",
            child: "remote_ts = 10.1.0.0/16",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "leftmodecfgclient=yes\nrightmodecfgserver=yes\nmodecfgpull=yes\n\
                         narrowing=yes\nleftupdown=\"ipsec _updown\"\nmobike=yes\n\
                         left=%defaultroute",
            child: "leftsubnet=0.0.0.0/0\nrightsubnet=10.1.0.0/16",
            ..PLAIN
        })
        .when_both_start()
        .proof(proofs::moves)
}

const CHARONS_REDIRECTS: &str = "charon redirects only whom its operator chooses";

/// Whoever does not start has two addresses, and sends who asks at the first one to the second.
fn redirected_at_once() -> Row {
    row("redirected in IKE_SA_INIT", "RFC 5685")
        .before(proofs::have_two_addresses)
        .when_starting(Starter::Holdfast)
        .charon_lacks(CHARONS_REDIRECTS)
        .libreswan_lacks("Libreswan redirects all in IKE_SA_INIT, also from where it sent them to")
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            connection: "redirect_to = \"192.0.2.11\"\nredirect_at = \"ike_sa_init\"\n",
            sections: SECOND_GATEWAY,
            ..PLAIN
        })
        .libreswan(REDIRECTED)
        .wire(&["isakmp.notify.msgtype == 16407 && ip.src == {moon}"])
        .proof(proofs::is_at_the_second_gateway)
}

fn redirected_in_auth() -> Row {
    row("redirected in IKE_AUTH", "RFC 5685")
        .before(proofs::have_two_addresses)
        .start(|scene| {
            // charon tells its operator how it went with the first gateway: it failed there.
            scene.initiate().ok();
            Ok(())
        })
        .when_starting(Starter::Holdfast)
        .charon_lacks(CHARONS_REDIRECTS)
        .libreswan(Lines {
            connection: "send-redirect=yes\nredirect-to=192.0.2.12",
            daemon: "conn second\nkeyexchange=ikev2\nleft=192.0.2.12\nright=192.0.2.1\nauthby=secret\n\
                     leftid=@sun.example\nrightid=@moon.example\nleftsubnet=10.2.0.0/16\n\
                     rightsubnet=10.1.0.0/16\nike=aes_gcm256-sha2_384;dh20\nesp=aes_gcm256\n\
                     pfs=no\n",
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            connection: "redirect_to = \"192.0.2.11\"\nredirect_at = \"ike_auth\"\n\
                         half_open_timeout = \"5s\"\n",
            sections: SECOND_GATEWAY,
            ..PLAIN
        })
        .charon_5_lacks("charon 5.9.8 crashes when it is redirected in IKE_AUTH")
        .libreswan(REDIRECTED)
        .proof(proofs::is_at_the_second_gateway)
}

const REDIRECTED: Lines = Lines {
    connection: "accept-redirect=yes",
    ..PLAIN
};

/// Of holdfast's.
const SECOND_GATEWAY: &str = "[connections.second]\nlocal_addrs = [\"192.0.2.11\"]\n\
     remote_addrs = [\"192.0.2.2\"]\nproposals = [\"aes256gcm16-prfsha384-ecp384\"]\n\
     local = { auth = \"psk\", id = \"moon.example\" }\n\
     remote = { auth = \"psk\", id = \"sun.example\" }\n\
     [connections.second.children.net]\nlocal_ts = [\"10.1.0.0/16\"]\n\
     remote_ts = [\"10.2.0.0/16\"]\nesp_proposals = [\"aes256gcm16\"]\n";

/// An operator sends the peer there, once all is up.
fn redirected_later() -> Row {
    row("redirected once established", "RFC 5685")
        .before(proofs::have_two_addresses)
        .when_starting(Starter::Holdfast)
        .charon(Lines {
            connection: "local_addrs = 192.0.2.2, 192.0.2.12",
            ..PLAIN
        })
        .libreswan_lacks("Libreswan's operator redirects a connection to where there is none of it")
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            sections: SECOND_GATEWAY,
            ..PLAIN
        })
        .libreswan(REDIRECTED)
        .proof(proofs::is_redirected)
}

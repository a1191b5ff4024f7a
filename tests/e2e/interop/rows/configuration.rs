//! The configuration payload: addresses inside the tunnel, and what comes with them.

use super::super::{
    proofs,
    row::{Ends, Lines, PLAIN, Row, Starter, row},
};

pub(super) fn all() -> Vec<Row> {
    vec![
        virtual_v4(),
        virtual_v6(),
        virtual_both(),
        name_servers(),
        split_dns(),
    ]
}

/// A client of virtual IPv4 addresses, which is whoever starts.
pub(super) fn client(feature: &'static str, document: &'static str) -> Row {
    row(feature, document)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            connection: "vips = [\"0.0.0.0\"]\n",
            child: "remote_ts = [\"10.2.0.0/16\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "pools = four",
            child: "local_ts = 10.2.0.0/16",
            sections: "pools { four { addrs = 10.99.0.0/24 } }",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: LIBRESWAN_SERVER,
            child: "leftsubnet=10.2.0.0/16\nrightaddresspool=10.99.0.1-10.99.0.9",
            ..PLAIN
        })
        .ends(Ends::Virtual("10.99.0.1", "10.2.0.1"))
        .when_starting(Starter::Peer)
        .holdfast(AS_SERVER)
        .charon(CHARON_AS_CLIENT)
        .libreswan(LIBRESWAN_AS_CLIENT)
        .ends(Ends::Virtual("10.1.0.1", "10.99.0.1"))
}

/// What the rows of [`client`] have in common where the peer starts: holdfast lends an IPv4 address.
const AS_SERVER: Lines = Lines {
    connection: "pools = [\"four\"]\n",
    child: "local_ts = [\"10.1.0.0/16\"]\n",
    sections: "[pools.four]\naddrs = \"10.99.0.0/24\"\n",
    ..PLAIN
};
const CHARON_AS_CLIENT: Lines = Lines {
    connection: "vips = 0.0.0.0",
    child: "remote_ts = 10.1.0.0/16",
    ..PLAIN
};
const LIBRESWAN_AS_CLIENT: Lines = Lines {
    connection: LIBRESWAN_CLIENT,
    child: "leftsubnet=0.0.0.0/0\nrightsubnet=10.1.0.0/16",
    ..PLAIN
};

const LIBRESWAN_SERVER: &str = "leftmodecfgserver=yes\nrightmodecfgclient=yes";
const LIBRESWAN_CLIENT: &str = "leftmodecfgclient=yes\nrightmodecfgserver=yes\nmodecfgpull=yes\nnarrowing=yes\n\
     leftupdown=\"ipsec _updown\"";

fn virtual_v4() -> Row {
    client("a virtual IPv4 address from a pool", "RFC 7296 2.19")
        .proof(proofs::has_its_virtual_address)
}

fn virtual_v6() -> Row {
    row("a virtual IPv6 address from a pool", "RFC 7296 2.19")
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            connection: "vips = [\"::\"]\n",
            child: "remote_ts = [\"fd00:2::/64\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "pools = six",
            child: "local_ts = fd00:2::/64",
            sections: "pools { six { addrs = fd00:99::/120 } }",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: LIBRESWAN_SERVER,
            child: "leftsubnet=fd00:2::/64\nrightaddresspool=fd00:99::1/128",
            ..PLAIN
        })
        .ends(Ends::Virtual("fd00:99::1", "fd00:2::1"))
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            connection: "pools = [\"six\"]\n",
            child: "local_ts = [\"fd00:1::/64\"]\n",
            sections: "[pools.six]\naddrs = \"fd00:99::/120\"\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "vips = ::",
            child: "remote_ts = fd00:1::/64",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: LIBRESWAN_CLIENT,
            child: "leftsubnet=::/0\nrightsubnet=fd00:1::/64",
            ..PLAIN
        })
        .ends(Ends::Virtual("fd00:1::1", "fd00:99::1"))
        .proof(proofs::has_its_virtual_address)
}

/// A client of both families.
fn virtual_both() -> Row {
    row(
        "virtual addresses of both families at once",
        "RFC 7296 2.19",
    )
    .libreswan_lacks("Libreswan as a client asks for one family only, and as a server gives one")
    .when_starting(Starter::Holdfast)
    .holdfast(Lines {
        connection: "vips = [\"0.0.0.0\", \"::\"]\n",
        child: "remote_ts = [\"10.2.0.0/16\", \"fd00:2::/64\"]\n",
        ..PLAIN
    })
    .charon(Lines {
        connection: "pools = four, six",
        child: "local_ts = 10.2.0.0/16, fd00:2::/64",
        sections: "pools { four { addrs = 10.99.0.0/24 } six { addrs = fd00:99::/120 } }",
        ..PLAIN
    })
    .ends(Ends::Virtual("10.99.0.1", "10.2.0.1"))
    .when_starting(Starter::Peer)
    .holdfast(Lines {
        connection: "pools = [\"four\", \"six\"]\n",
        child: "local_ts = [\"10.1.0.0/16\", \"fd00:1::/64\"]\n",
        sections: "[pools.four]\naddrs = \"10.99.0.0/24\"\n\
                       [pools.six]\naddrs = \"fd00:99::/120\"\n",
        ..PLAIN
    })
    .charon(Lines {
        connection: "vips = 0.0.0.0, ::",
        child: "remote_ts = 10.1.0.0/16, fd00:1::/64",
        ..PLAIN
    })
    .ends(Ends::Virtual("10.1.0.1", "10.99.0.1"))
    .when_both_start()
    .proof(proofs::has_virtual_addresses_of_both_families)
}

fn name_servers() -> Row {
    client("name servers and networks handed out", "RFC 7296 3.15")
        .when_starting(Starter::Holdfast)
        .charon(Lines {
            connection: "pools = four",
            child: "local_ts = 10.2.0.0/16",
            sections: "pools { four { addrs = 10.99.0.0/24\n dns = 10.2.0.53\n \
                       subnet = 10.2.0.0/16 } }",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: LIBRESWAN_SERVER,
            child: "leftsubnet=10.2.0.0/16\nrightaddresspool=10.99.0.1-10.99.0.9\n\
                    modecfgdns=10.2.0.53",
            ..PLAIN
        })
        .proof(proofs::knows_the_name_server)
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            sections: "[pools.four]\naddrs = \"10.99.0.0/24\"\ndns = [\"10.1.0.53\"]\n\
                       subnet = [\"10.1.0.0/16\"]\n",
            ..AS_SERVER
        })
        .charon(Lines {
            says: &[
                "handling INTERNAL_IP4_DNS attribute failed",
                "handling INTERNAL_IP4_SUBNET attribute failed",
            ],
            ..CHARON_AS_CLIENT
        })
        .libreswan(Lines {
            says: &["received INTERNAL_IP4_DNS", "10.1.0.53"],
            ..LIBRESWAN_AS_CLIENT
        })
}

/// Name servers for some domains only.
fn split_dns() -> Row {
    client(
        "name servers for domains of their own (split DNS)",
        "RFC 8598",
    )
    .when_both_start()
    .charon_lacks("charon has no domains for name servers")
    .when_starting(Starter::Holdfast)
    .libreswan(Lines {
        connection: LIBRESWAN_SERVER,
        child: "leftsubnet=10.2.0.0/16\nrightaddresspool=10.99.0.1-10.99.0.9\n\
                    modecfgdns=10.2.0.53\nmodecfgdomains=corp.example",
        ..PLAIN
    })
    .proof(proofs::knows_the_domain)
    .when_starting(Starter::Peer)
    .holdfast(Lines {
        sections: "[pools.four]\naddrs = \"10.99.0.0/24\"\ndns = [\"10.1.0.53\"]\n\
                       dns_domain = [\"corp.example\"]\n",
        ..AS_SERVER
    })
    .libreswan(Lines {
        says: &["INTERNAL_DNS_DOMAIN", "corp.example"],
        ..LIBRESWAN_AS_CLIENT
    })
}

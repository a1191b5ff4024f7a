//! The rows of the table.

use super::{
    proofs,
    row::{Lines, Row, row},
};

/// Told nothing more.
const PLAIN: Lines = Lines {
    proposals: "",
    esp_proposals: "",
    auth: "",
    connection: "",
    child: "",
    daemon: "",
    sections: "",
};

pub(super) fn all() -> Vec<Row> {
    let mut rows = vec![
        row("pre-shared key", "RFC 7296 2.15"),
        row("rekeying the CHILD_SA", "RFC 7296 1.3.3, 2.8").proof(proofs::rekeys_child),
        row("rekeying the IKE_SA", "RFC 7296 1.3.2, 2.8").proof(proofs::rekeys_ike),
    ];
    rows.extend(suites());
    rows.push(extended_sequence_numbers());
    rows.extend([
        forward_secrecy(),
        liveness(),
        initial_contact(),
        encapsulation(),
    ]);
    rows.extend([later_child(), protocol(), narrowing(), mixed_families()]);
    rows
}

/// Suites of algorithms, the same in IKE and ESP: in our notation and in Libreswan's.
struct Suite {
    name: &'static str,
    ours: [&'static str; 2],
    libreswan: Result<[&'static str; 2], &'static str>,
}

const SUITES: &[Suite] = &[
    Suite {
        name: "3DES, HMAC-MD5, MODP-1024",
        ours: ["3des-md5-modp1024", "3des-md5"],
        libreswan: Err("Debian builds Libreswan without MODP-1024"),
    },
    Suite {
        name: "3DES, HMAC-SHA-1, MODP-1536",
        ours: ["3des-sha1-modp1536", "3des-sha1"],
        libreswan: Ok(["3des-sha1;dh5", "3des-sha1"]),
    },
    Suite {
        name: "AES-CBC-128, HMAC-SHA-1, MODP-2048",
        ours: ["aes128-sha1-modp2048", "aes128-sha1"],
        libreswan: Ok(["aes128-sha1;dh14", "aes128-sha1"]),
    },
    Suite {
        name: "AES-CBC-256, HMAC-SHA-256, MODP-3072",
        ours: ["aes256-sha256-modp3072", "aes256-sha256"],
        libreswan: Ok(["aes256-sha2_256;dh15", "aes256-sha2_256"]),
    },
    Suite {
        name: "AES-CBC-192, HMAC-SHA-384, ECP-256",
        ours: ["aes192-sha384-ecp256", "aes192-sha384"],
        libreswan: Ok(["aes192-sha2_384;dh19", "aes192-sha2_384"]),
    },
    Suite {
        name: "AES-CBC-256, HMAC-SHA-512, ECP-521",
        ours: ["aes256-sha512-ecp521", "aes256-sha512"],
        libreswan: Ok(["aes256-sha2_512;dh21", "aes256-sha2_512"]),
    },
    Suite {
        name: "AES-CTR-256, HMAC-SHA-256, MODP-4096",
        ours: ["aes256ctr-sha256-modp4096", "aes256ctr-sha256"],
        libreswan: Ok(["aes_ctr256-sha2_256;dh16", "aes_ctr256-sha2_256"]),
    },
    Suite {
        name: "AES-XCBC",
        ours: ["aes128-aesxcbc-ecp256", "aes128-aesxcbc"],
        libreswan: Ok(["aes128-aes_xcbc;dh19", "aes128-aes_xcbc"]),
    },
    Suite {
        name: "AES-CMAC",
        ours: ["aes128-aescmac-ecp256", "aes128-aescmac"],
        libreswan: Err("Libreswan has AES-CMAC in ESP only"),
    },
    Suite {
        name: "AES-CCM-16",
        ours: ["aes256ccm16-prfsha256-x25519", "aes256ccm16"],
        libreswan: Err("Libreswan has AES-CCM in ESP only"),
    },
    Suite {
        name: "AES-GCM-128, X25519",
        ours: ["aes128gcm16-prfsha256-x25519", "aes128gcm16"],
        libreswan: Ok(["aes_gcm128-sha2_256;dh31", "aes_gcm128"]),
    },
    Suite {
        name: "ChaCha20-Poly1305, X25519",
        ours: ["chacha20poly1305-prfsha256-x25519", "chacha20poly1305"],
        libreswan: Ok(["chacha20_poly1305-sha2_256;dh31", "chacha20_poly1305"]),
    },
    #[cfg(feature = "openssl")]
    Suite {
        name: "Curve448",
        ours: ["aes256gcm16-prfsha512-x448", "aes256gcm16-x448"],
        libreswan: Err("Libreswan has no Curve448"),
    },
    #[cfg(feature = "openssl")]
    Suite {
        name: "Brainpool P-256",
        ours: ["aes128-sha256-ecp256bp", "aes128-sha256-ecp256bp"],
        libreswan: Err("Libreswan has no Brainpool curves"),
    },
    #[cfg(feature = "openssl")]
    Suite {
        name: "Brainpool P-384",
        ours: ["aes192-sha384-ecp384bp", "aes192-sha384-ecp384bp"],
        libreswan: Err("Libreswan has no Brainpool curves"),
    },
    #[cfg(feature = "openssl")]
    Suite {
        name: "Brainpool P-512",
        ours: ["aes256-sha512-ecp512bp", "aes256-sha512-ecp512bp"],
        libreswan: Err("Libreswan has no Brainpool curves"),
    },
];

fn suites() -> impl Iterator<Item = Row> {
    SUITES.iter().map(|suite| {
        let [proposals, esp_proposals] = suite.ours;
        let lines = Lines {
            proposals,
            esp_proposals,
            ..PLAIN
        };
        let row = row(suite.name, "RFC 8221, RFC 8247")
            .holdfast(lines)
            .charon(lines);
        match suite.libreswan {
            Ok([proposals, esp_proposals]) => row.libreswan(Lines {
                proposals,
                esp_proposals,
                ..PLAIN
            }),
            Err(reason) => row.libreswan_lacks(reason),
        }
    })
}

fn extended_sequence_numbers() -> Row {
    row("extended sequence numbers", "RFC 4303 2.2.1")
        .holdfast(Lines {
            esp_proposals: "aes256gcm16-esn",
            ..PLAIN
        })
        .charon_lacks("charon's ESP in user space has no extended sequence numbers")
        .libreswan(Lines {
            connection: "esn=yes",
            ..PLAIN
        })
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
        connection: "dpd_delay = \"1s\"\n\
                         retransmit = { timeout = \"1s\", base = 1.8, tries = 2 }\n\
                         reconnect = { initial = \"100ms\", max = \"1s\" }\n",
        ..PLAIN
    })
    .proof(proofs::survives_a_cut)
}

fn initial_contact() -> Row {
    row("after a crash the peer keeps no old SA", "RFC 7296 2.4").proof(proofs::survives_a_crash)
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
        .inner_v6()
}

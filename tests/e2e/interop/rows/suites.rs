//! Algorithms.

use super::super::row::{Lines, PLAIN, Row, row};

pub(super) fn all() -> Vec<Row> {
    let mut rows: Vec<Row> = suites().collect();
    rows.push(extended_sequence_numbers());
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
        name: "AES-CBC-256, HMAC-SHA-512, MODP-6144",
        ours: ["aes256-sha512-modp6144", "aes256-sha512"],
        libreswan: Ok(["aes256-sha2_512;dh17", "aes256-sha2_512"]),
    },
    Suite {
        name: "AES-CBC-256, HMAC-SHA-512, MODP-8192",
        ours: ["aes256-sha512-modp8192", "aes256-sha512"],
        libreswan: Ok(["aes256-sha2_512;dh18", "aes256-sha2_512"]),
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
        name: "AES-GCM-256 with 8 octets",
        ours: ["aes256gcm8-prfsha256-x25519", "aes256gcm8"],
        libreswan: Ok(["aes_gcm_a256-sha2_256;dh31", "aes_gcm_a256"]),
    },
    Suite {
        name: "AES-GCM-256 with 12 octets",
        ours: ["aes256gcm12-prfsha256-x25519", "aes256gcm12"],
        libreswan: Ok(["aes_gcm_b256-sha2_256;dh31", "aes_gcm_b256"]),
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

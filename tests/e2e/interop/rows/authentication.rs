//! Shared keys, signatures, certificates and identities.

use super::super::{
    keys::Kind,
    row::{Lines, PLAIN, Row, Starter, row},
};

pub(super) fn all() -> Vec<Row> {
    let mut rows = vec![row("pre-shared key", "RFC 7296 2.15"), weak()];
    rows.extend(SIGNATURES.iter().map(Signature::row));
    rows.extend([raw_keys(), chain(), asked_for(), distinguished_names()]);
    rows.extend([addresses_as_names(), mailboxes()]);
    rows.push(hash_and_url());
    rows
}

/// A way to sign, and how charon calls it.
struct Signature {
    name: &'static str,
    document: &'static str,
    kind: Kind,
    /// In our tables and in charon's sections.
    holdfast: &'static str,
    charon: &'static str,
    /// charon's own lines, and its words about both signatures.
    daemon: &'static str,
    says: &'static [&'static str],
    /// Lines of Libreswan's, and its words.
    libreswan: Result<(&'static str, &'static [&'static str]), &'static str>,
}

/// Both ends with their certificates.
macro_rules! holdfast_certificates {
    ($auth:literal) => {
        concat!(
            "local = { auth = \"",
            $auth,
            "\", certs = [\"{pki}/x509/moon.example.crt\"], id = \"moon.example\" }\n",
            "remote = { auth = \"",
            $auth,
            "\", cacerts = [\"{pki}/x509ca/ca.crt\"], id = \"sun.example\" }\n"
        )
    };
}
macro_rules! charon_certificates {
    ($auth:literal) => {
        concat!(
            "local { auth = ",
            $auth,
            "\n certs = sun.example.crt\n id = sun.example }\n remote { auth = ",
            $auth,
            "\n id = moon.example }\n"
        )
    };
}
macro_rules! libreswan_certificates {
    ($auth:literal, $cert:literal) => {
        concat!(
            "authby=",
            $auth,
            "\nleftcert=",
            $cert,
            "\nleftid=@sun.example\nrightid=@moon.example\nrightca=%same\n"
        )
    };
}

/// holdfast's key.
const KEY: &str =
    "[secrets.moon]\ntype = \"private_key\"\nfile = \"{pki}/private/moon.example.key\"\n";

const NO_PKCS1: &str = "Libreswan signs with RSA and SHA-2 by PSS only";

const SIGNATURES: &[Signature] = &[
    Signature {
        name: "RSA PKCS #1 v1.5 with SHA-256",
        document: "RFC 7427",
        kind: Kind::Rsa,
        holdfast: holdfast_certificates!("rsa-sha256"),
        charon: charon_certificates!("ike:rsa-sha256"),
        daemon: "",
        says: &[
            "(myself) with RSA_EMSA_PKCS1_SHA2_256",
            "'moon.example' with RSA_EMSA_PKCS1_SHA2_256",
        ],
        libreswan: Err(NO_PKCS1),
    },
    Signature {
        name: "RSA PKCS #1 v1.5 with SHA-384",
        document: "RFC 7427",
        kind: Kind::Rsa,
        holdfast: holdfast_certificates!("rsa-sha384"),
        charon: charon_certificates!("ike:rsa-sha384"),
        daemon: "",
        says: &[
            "(myself) with RSA_EMSA_PKCS1_SHA2_384",
            "'moon.example' with RSA_EMSA_PKCS1_SHA2_384",
        ],
        libreswan: Err(NO_PKCS1),
    },
    Signature {
        name: "RSA PKCS #1 v1.5 with SHA-512",
        document: "RFC 7427",
        kind: Kind::Rsa,
        holdfast: holdfast_certificates!("rsa-sha512"),
        charon: charon_certificates!("ike:rsa-sha512"),
        daemon: "",
        says: &[
            "(myself) with RSA_EMSA_PKCS1_SHA2_512",
            "'moon.example' with RSA_EMSA_PKCS1_SHA2_512",
        ],
        libreswan: Err(NO_PKCS1),
    },
    Signature {
        name: "RSASSA-PSS with SHA-256",
        document: "RFC 7427",
        kind: Kind::Rsa,
        holdfast: holdfast_certificates!("rsa/pss-sha256"),
        charon: charon_certificates!("ike:rsa/pss-sha256"),
        daemon: "",
        says: &[
            "(myself) with RSA_EMSA_PSS_SHA2_256",
            "'moon.example' with RSA_EMSA_PSS_SHA2_256",
        ],
        libreswan: Ok((
            libreswan_certificates!("rsa-sha2_256", "sun-rsa"),
            &["RSASSA-PSS with SHA2_256 digital signature"],
        )),
    },
    Signature {
        name: "RSASSA-PSS with SHA-384",
        document: "RFC 7427",
        kind: Kind::Rsa,
        holdfast: holdfast_certificates!("rsa/pss-sha384"),
        charon: charon_certificates!("ike:rsa/pss-sha384"),
        daemon: "",
        says: &[
            "(myself) with RSA_EMSA_PSS_SHA2_384",
            "'moon.example' with RSA_EMSA_PSS_SHA2_384",
        ],
        libreswan: Ok((
            libreswan_certificates!("rsa-sha2_384", "sun-rsa"),
            &["RSASSA-PSS with SHA2_384 digital signature"],
        )),
    },
    Signature {
        name: "RSASSA-PSS with SHA-512",
        document: "RFC 7427",
        kind: Kind::Rsa,
        holdfast: holdfast_certificates!("rsa/pss-sha512"),
        charon: charon_certificates!("ike:rsa/pss-sha512"),
        daemon: "",
        says: &[
            "(myself) with RSA_EMSA_PSS_SHA2_512",
            "'moon.example' with RSA_EMSA_PSS_SHA2_512",
        ],
        libreswan: Ok((
            libreswan_certificates!("rsa-sha2_512", "sun-rsa"),
            &["RSASSA-PSS with SHA2_512 digital signature"],
        )),
    },
    Signature {
        name: "ECDSA with P-256",
        document: "RFC 7427",
        kind: Kind::P256,
        holdfast: holdfast_certificates!("pubkey"),
        charon: charon_certificates!("pubkey"),
        daemon: "",
        says: &[
            "(myself) with ECDSA_WITH_SHA256_DER",
            "'moon.example' with ECDSA_WITH_SHA256_DER",
        ],
        libreswan: Ok((
            libreswan_certificates!("ecdsa-sha2_256", "sun-p256"),
            &["ECDSA with SHA2_256 digital signature"],
        )),
    },
    Signature {
        name: "ECDSA with P-384",
        document: "RFC 7427",
        kind: Kind::P384,
        holdfast: holdfast_certificates!("pubkey"),
        charon: charon_certificates!("pubkey"),
        daemon: "",
        says: &[
            "(myself) with ECDSA_WITH_SHA384_DER",
            "'moon.example' with ECDSA_WITH_SHA384_DER",
        ],
        libreswan: Ok((
            libreswan_certificates!("ecdsa-sha2_384", "sun-p384"),
            &["ECDSA with SHA2_384 digital signature"],
        )),
    },
    Signature {
        name: "ECDSA with P-521",
        document: "RFC 7427",
        kind: Kind::P521,
        holdfast: holdfast_certificates!("pubkey"),
        charon: charon_certificates!("pubkey"),
        daemon: "",
        says: &[
            "(myself) with ECDSA_WITH_SHA512_DER",
            "'moon.example' with ECDSA_WITH_SHA512_DER",
        ],
        libreswan: Ok((
            libreswan_certificates!("ecdsa-sha2_512", "sun-p521"),
            &["ECDSA with SHA2_512 digital signature"],
        )),
    },
    Signature {
        name: "ECDSA with P-256, method 9",
        document: "RFC 4754",
        kind: Kind::P256,
        holdfast: holdfast_certificates!("pubkey"),
        charon: charon_certificates!("pubkey"),
        daemon: "signature_authentication = no",
        says: &["(myself) with ECDSA-256", "'moon.example' with ECDSA-256"],
        libreswan: Err(NO_CLASSIC_ECDSA),
    },
    Signature {
        name: "ECDSA with P-384, method 10",
        document: "RFC 4754",
        kind: Kind::P384,
        holdfast: holdfast_certificates!("pubkey"),
        charon: charon_certificates!("pubkey"),
        daemon: "signature_authentication = no",
        says: &["(myself) with ECDSA-384", "'moon.example' with ECDSA-384"],
        libreswan: Err(NO_CLASSIC_ECDSA),
    },
    Signature {
        name: "ECDSA with P-521, method 11",
        document: "RFC 4754",
        kind: Kind::P521,
        holdfast: holdfast_certificates!("pubkey"),
        charon: charon_certificates!("pubkey"),
        daemon: "signature_authentication = no",
        says: &["(myself) with ECDSA-521", "'moon.example' with ECDSA-521"],
        libreswan: Err(NO_CLASSIC_ECDSA),
    },
    Signature {
        name: "Ed25519",
        document: "RFC 8420",
        kind: Kind::Ed25519,
        holdfast: holdfast_certificates!("ed25519"),
        charon: charon_certificates!("pubkey"),
        daemon: "",
        says: &["(myself) with ED25519", "'moon.example' with ED25519"],
        libreswan: Err("Libreswan has no signatures with Ed25519"),
    },
];

const NO_CLASSIC_ECDSA: &str =
    "Libreswan always announces hash algorithms, and so has ECDSA by RFC 7427 only";

impl Signature {
    fn row(&self) -> Row {
        let row = row(self.name, self.document)
            .keys(self.kind)
            .holdfast(Lines {
                auth: self.holdfast,
                sections: KEY,
                ..PLAIN
            })
            .charon(Lines {
                auth: self.charon,
                daemon: self.daemon,
                says: self.says,
                ..PLAIN
            });
        match self.libreswan {
            Ok((auth, says)) => row.libreswan(Lines {
                auth,
                says,
                ..PLAIN
            }),
            Err(reason) => row.libreswan_lacks(reason),
        }
    }
}

fn weak() -> Row {
    row("RSA with SHA-1, method 1", "RFC 7296 2.15")
        .nobody_has("holdfast neither makes nor takes signatures with SHA-1, which can be forged")
}

/// Both ends with certificates of P-256, as each daemon is told.
pub(super) const CERTIFICATES: [&str; 3] = [
    holdfast_certificates!("pubkey"),
    charon_certificates!("pubkey"),
    libreswan_certificates!("ecdsa", "sun-p256"),
];

/// The same with RSA.
pub(super) const RSA_CERTIFICATES: [&str; 3] = [
    holdfast_certificates!("rsa/pss-sha256"),
    charon_certificates!("ike:rsa/pss-sha256"),
    libreswan_certificates!("rsa-sha2_256", "sun-rsa"),
];

/// ECDSA with P-256 and these lines about who is who.
fn certified(
    feature: &'static str,
    document: &'static str,
    [holdfast, charon, libreswan]: [&'static str; 3],
) -> Row {
    let told = |auth| Lines { auth, ..PLAIN };
    row(feature, document)
        .keys(Kind::P256)
        .holdfast(Lines {
            sections: KEY,
            ..told(holdfast)
        })
        .charon(told(charon))
        .libreswan(told(libreswan))
}

/// Of names of their own: Libreswan asks nobody for a certificate whose key it has had.
fn raw_keys() -> Row {
    certified(
        "raw public keys",
        "RFC 7670",
        [
            "local = { auth = \"pubkey\", pubkeys = [\"{pki}/pubkey/moon.example.pub\"], \
             id = \"moon.raw.example\" }\n\
             remote = { auth = \"pubkey\", pubkeys = [\"{pki}/pubkey/sun.example.pub\"], \
             id = \"sun.raw.example\" }\n",
            "local { auth = pubkey\n pubkeys = sun.example.pub\n id = sun.raw.example }\n\
             remote { auth = pubkey\n pubkeys = moon.example.pub\n id = moon.raw.example }\n",
            "authby=ecdsa\nleftid=@sun.raw.example\nrightid=@moon.raw.example\nleftpubkey={sun_key}\n\
             rightpubkey={moon_key}\n",
        ],
    )
}

fn chain() -> Row {
    row("certificates by an intermediate CA", "RFC 7296 3.6")
        .keys(Kind::Chain)
        .holdfast(Lines {
            auth: "local = { auth = \"pubkey\", id = \"moon.example\", \
                   certs = [\"{pki}/x509/moon.example.crt\", \"{pki}/x509ca/moon.crt\"] }\n\
                   remote = { auth = \"pubkey\", cacerts = [\"{pki}/x509ca/ca.crt\"], \
                   id = \"sun.example\" }\n",
            // Libreswan does not ask for it where it takes that of any CA.
            connection: "send_cert = \"always\"\n",
            sections: KEY,
            ..PLAIN
        })
        .charon(Lines {
            auth: charon_certificates!("pubkey"),
            says: &[
                "received issuer cert \"C=CH, O=Lab chain, CN=moon\"",
                "sending issuer cert \"C=CH, O=Lab chain, CN=sun\"",
            ],
            ..PLAIN
        })
        .libreswan(Lines {
            auth: "authby=ecdsa\nleftcert=sun-chain\nleftid=@sun.example\nrightid=@moon.example\n\
                   rightca=%any\n",
            connection: "sendca=issuer",
            ..PLAIN
        })
}

/// Neither end shows its certificate unasked.
fn asked_for() -> Row {
    certified("certificates are asked for", "RFC 7296 3.7", CERTIFICATES)
        .charon(Lines {
            auth: charon_certificates!("pubkey"),
            connection: "send_cert = ifasked",
            says: &[
                "sending cert request for \"C=CH, O=Lab p256, CN=ca\"",
                "received cert request for \"C=CH, O=Lab p256, CN=ca\"",
                "sending end entity cert",
                "received end entity cert",
            ],
            ..PLAIN
        })
        .libreswan(Lines {
            auth: libreswan_certificates!("ecdsa", "sun-p256"),
            connection: "leftsendcert=sendifasked",
            ..PLAIN
        })
}

/// Each is the subject of its certificate, and expected by a pattern.
fn distinguished_names() -> Row {
    certified(
        "distinguished names with wildcards",
        "RFC 7296 3.5",
        [
            "local = { auth = \"pubkey\", certs = [\"{pki}/x509/moon.example.crt\"] }\n\
             remote = { auth = \"pubkey\", cacerts = [\"{pki}/x509ca/ca.crt\"], \
             id = \"C=CH, O=Lab p256, CN=*\" }\n",
            "local { auth = pubkey\n certs = sun.example.crt }\n\
             remote { auth = pubkey\n id = \"C=CH, O=Lab p256, CN=*\" }\n",
            "authby=ecdsa\nleftcert=sun-p256\nleftid=%fromcert\nrightca=%same\n\
             rightid=\"C=CH, O=Lab p256, CN=*\"\n",
        ],
    )
    .when_starting(Starter::Peer)
    .libreswan_lacks("Libreswan asks for the pattern itself as the name of the responder")
}

fn addresses_as_names() -> Row {
    certified(
        "addresses as identities",
        "RFC 7296 3.5",
        [
            "local = { auth = \"pubkey\", certs = [\"{pki}/x509/moon.example.crt\"], \
             id = \"192.0.2.1\" }\n\
             remote = { auth = \"pubkey\", cacerts = [\"{pki}/x509ca/ca.crt\"], \
             id = \"192.0.2.2\" }\n",
            "local { auth = pubkey\n certs = sun.example.crt\n id = 192.0.2.2 }\n\
             remote { auth = pubkey\n id = 192.0.2.1 }\n",
            "authby=ecdsa\nleftcert=sun-p256\nleftid=192.0.2.2\nrightid=192.0.2.1\nrightca=%same\n",
        ],
    )
}

fn mailboxes() -> Row {
    certified(
        "mail addresses as identities",
        "RFC 7296 3.5",
        [
            "local = { auth = \"pubkey\", certs = [\"{pki}/x509/moon.example.crt\"], \
             id = \"moon@lab.example\" }\n\
             remote = { auth = \"pubkey\", cacerts = [\"{pki}/x509ca/ca.crt\"], \
             id = \"sun@lab.example\" }\n",
            "local { auth = pubkey\n certs = sun.example.crt\n id = sun@lab.example }\n\
             remote { auth = pubkey\n id = moon@lab.example }\n",
            "authby=ecdsa\nleftcert=sun-p256\nleftid=sun@lab.example\nrightid=moon@lab.example\n\
             rightca=%same\n",
        ],
    )
}

/// We do not say that we look certificates up, and are not sent there.
fn hash_and_url() -> Row {
    certified(
        "certificates by hash and URL are not asked for",
        "RFC 7296 3.6",
        [
            holdfast_certificates!("pubkey"),
            charon_certificates!("pubkey"),
            "",
        ],
    )
    .charon(Lines {
        auth: charon_certificates!("pubkey"),
        daemon: "hash_and_url = yes",
        sections: "authorities { lab { cacert = ca.crt\n cert_uri_base = http://192.0.2.9/ } }",
        says: &["sending end entity cert", "received end entity cert"],
        ..PLAIN
    })
    .libreswan_lacks("Libreswan has no certificates by hash and URL")
}

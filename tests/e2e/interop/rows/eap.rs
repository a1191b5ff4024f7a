//! EAP, and several rounds of authentication.

use super::super::{
    keys::Kind,
    row::{Lines, PLAIN, Row, Starter, row},
    stage,
};

pub(super) fn all() -> Vec<Row> {
    vec![password(), tls(), radius(), two_rounds()]
}

pub(super) const NO_MSCHAP: &str = "Libreswan has no EAP but EAP-TLS";

const OUR_PASSWORD: &str = "[secrets.carol]\ntype = \"eap\"\nids = [\"carol\"]\n\
                            secret = { value = \"Ar3etTnp\" }\n";
const CHARONS_PASSWORD: &str = "secrets { eap-carol { id = carol\n secret = \"Ar3etTnp\" } }";

/// The end that starts is carol, and the other one has a shared key.
pub(super) const OUR_CLIENT: &str = "local = { auth = \"eap\", id = \"moon.example\", eap_id = \"carol\" }\n\
                          remote = { auth = \"psk\", id = \"sun.example\" }\n";
pub(super) const CHARONS_CLIENT: &str = "local { auth = eap\n id = sun.example\n eap_id = carol }\n\
                              remote { auth = psk\n id = moon.example }\n";

fn password() -> Row {
    row("EAP-MSCHAPv2", "RFC 7296 2.16")
        .libreswan_lacks(NO_MSCHAP)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            auth: OUR_CLIENT,
            sections: OUR_PASSWORD,
            ..PLAIN
        })
        .charon(Lines {
            auth: "local { auth = psk\n id = sun.example }\n\
                   remote { auth = eap-mschapv2\n eap_id = %any }\n",
            sections: CHARONS_PASSWORD,
            says: &["with EAP successful"],
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            auth: "local = { auth = \"psk\", id = \"moon.example\" }\n\
                   remote = { auth = \"eap-mschapv2\", eap_id = \"%any\" }\n",
            sections: OUR_PASSWORD,
            ..PLAIN
        })
        .charon(Lines {
            auth: CHARONS_CLIENT,
            sections: CHARONS_PASSWORD,
            says: &["EAP method EAP_MSCHAPV2 succeeded, MSK established"],
            ..PLAIN
        })
}

const OUR_KEY: &str =
    "[secrets.moon]\ntype = \"private_key\"\nfile = \"{pki}/private/moon.example.key\"\n";

const OUR_KEY_AND_CA: &str = "[secrets.moon]\ntype = \"private_key\"\nfile = \"{pki}/private/moon.example.key\"\n\
     [authorities.lab]\ncacert = \"{pki}/x509ca/ca.crt\"\n";

fn tls() -> Row {
    row("EAP-TLS", "RFC 5216, RFC 9190")
        .keys(Kind::P256)
        .libreswan_lacks(
            "Libreswan has EAP-TLS as a server without any other proof only (RFC 5998)",
        )
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            auth: "local = { auth = \"eap-tls\", id = \"moon.example\", \
                   certs = [\"{pki}/x509/moon.example.crt\"] }\n\
                   remote = { auth = \"pubkey\", id = \"sun.example\" }\n",
            sections: OUR_KEY_AND_CA,
            ..PLAIN
        })
        .charon(Lines {
            auth: "local { auth = pubkey\n certs = sun.example.crt\n id = sun.example }\n\
                   remote { auth = eap-tls\n id = moon.example }\n",
            says: &["with EAP successful"],
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            auth: "local = { auth = \"pubkey\", id = \"moon.example\", \
                   certs = [\"{pki}/x509/moon.example.crt\"] }\n\
                   remote = { auth = \"eap-tls\", id = \"sun.example\" }\n",
            sections: OUR_KEY_AND_CA,
            ..PLAIN
        })
        .charon(Lines {
            auth: "local { auth = eap-tls\n certs = sun.example.crt\n id = sun.example }\n\
                   remote { auth = pubkey\n id = moon.example }\n",
            says: &["EAP method EAP_TLS succeeded, MSK established"],
            ..PLAIN
        })
}

/// The gateway asks FreeRADIUS.
fn radius() -> Row {
    row("EAP by a RADIUS server", "RFC 3579")
        .libreswan_lacks(NO_MSCHAP)
        .stage(stage::radius)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            auth: OUR_CLIENT,
            sections: OUR_PASSWORD,
            ..PLAIN
        })
        .charon(Lines {
            auth: "local { auth = psk\n id = sun.example }\n\
                   remote { auth = eap-radius\n eap_id = %any }\n",
            daemon: "plugins { eap-radius { servers { lab { address = 127.0.0.1\n \
                     secret = testing123 } } } }",
            says: &["RADIUS authentication of 'carol' successful"],
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            auth: "local = { auth = \"psk\", id = \"moon.example\" }\n\
                   remote = { auth = \"eap-radius\", eap_id = \"%any\" }\n",
            sections: "[radius.servers.lab]\naddress = \"127.0.0.1\"\n\
                       secret = { value = \"testing123\" }\n",
            says: &["the RADIUS server accepts the peer"],
            ..PLAIN
        })
        .charon(Lines {
            auth: CHARONS_CLIENT,
            sections: CHARONS_PASSWORD,
            says: &["EAP method EAP_MSCHAPV2 succeeded, MSK established"],
            ..PLAIN
        })
}

/// First by a shared key, then by certificates.
fn two_rounds() -> Row {
    row("two rounds of authentication", "RFC 4739")
        .keys(Kind::P256)
        .libreswan_lacks("Libreswan has one round of authentication only")
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            auth: "local = [{ auth = \"psk\", id = \"moon.example\" }, \
                   { auth = \"pubkey\", id = \"moon.example\", \
                   certs = [\"{pki}/x509/moon.example.crt\"] }]\n\
                   remote = [{ auth = \"psk\", id = \"sun.example\" }, \
                   { auth = \"pubkey\", id = \"sun.example\", \
                   cacerts = [\"{pki}/x509ca/ca.crt\"] }]\n",
            sections: OUR_KEY,
            ..PLAIN
        })
        .charon(Lines {
            auth: "local-1 { auth = psk\n id = sun.example }\n\
                   local-2 { auth = pubkey\n certs = sun.example.crt\n id = sun.example }\n\
                   remote-1 { auth = psk\n id = moon.example }\n\
                   remote-2 { auth = pubkey\n id = moon.example }\n",
            says: &[
                "'moon.example' with pre-shared key successful",
                "'moon.example' with ECDSA_WITH_SHA256_DER successful",
                "(myself) with ECDSA_WITH_SHA256_DER successful",
            ],
            ..PLAIN
        })
        // charon as initiator takes one round of the responder's only.
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            auth: "local = { auth = \"pubkey\", id = \"moon.example\", \
                   certs = [\"{pki}/x509/moon.example.crt\"] }\n\
                   remote = [{ auth = \"psk\", id = \"sun.example\" }, \
                   { auth = \"pubkey\", id = \"sun.example\", \
                   cacerts = [\"{pki}/x509ca/ca.crt\"] }]\n",
            sections: OUR_KEY,
            ..PLAIN
        })
        .charon(Lines {
            auth: "local-1 { auth = psk\n id = sun.example }\n\
                   local-2 { auth = pubkey\n certs = sun.example.crt\n id = sun.example }\n\
                   remote { auth = pubkey\n id = moon.example }\n",
            says: &[
                "(myself) with pre-shared key",
                "(myself) with ECDSA_WITH_SHA256_DER successful",
                "'moon.example' with ECDSA_WITH_SHA256_DER successful",
            ],
            ..PLAIN
        })
}

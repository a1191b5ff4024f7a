//! Whether certificates were revoked, and how much holdfast wants to know.

use super::super::{
    keys::Kind,
    proofs,
    row::{Lines, PLAIN, Row, row},
    stage,
};

pub(super) fn all() -> Vec<Row> {
    vec![by_a_list(), by_a_responder(), strict(), relaxed()]
}

macro_rules! holdfast {
    ($revocation:literal) => {
        concat!(
            "local = { auth = \"pubkey\", certs = [\"{pki}/x509/moon.example.crt\"], ",
            "id = \"moon.example\" }\n",
            "remote = { auth = \"pubkey\", cacerts = [\"{pki}/x509ca/ca.crt\"], ",
            "id = \"sun.example\", revocation = \"",
            $revocation,
            "\" }\n"
        )
    };
}

const KEY: &str =
    "[secrets.moon]\ntype = \"private_key\"\nfile = \"{pki}/private/moon.example.key\"\n";

const STRICT: Lines = Lines {
    auth: holdfast!("strict"),
    sections: KEY,
    ..PLAIN
};

/// The peer shows a certificate of a CA with a register.
fn certified(feature: &'static str, document: &'static str, kind: Kind, ours: Lines) -> Row {
    let libreswan = match kind {
        Kind::Answered => LIBRESWAN_ANSWERED,
        _ => LIBRESWAN_LISTED,
    };
    row(feature, document)
        .keys(kind)
        .holdfast(ours)
        .charon(Lines {
            auth: "local { auth = pubkey\n certs = sun.example.crt\n id = sun.example }\n\
                   remote { auth = pubkey\n id = moon.example }\n",
            ..PLAIN
        })
        .libreswan(Lines {
            auth: libreswan,
            ..PLAIN
        })
}

const LIBRESWAN_LISTED: &str = "authby=ecdsa\nleftcert=sun-listed\nleftid=@sun.example\n\
                                rightid=@moon.example\nrightca=%same\n";
const LIBRESWAN_ANSWERED: &str = "authby=ecdsa\nleftcert=sun-answered\nleftid=@sun.example\n\
                                  rightid=@moon.example\nrightca=%same\n";

fn by_a_list() -> Row {
    let ours = Lines {
        says: &["was revoked: key compromise"],
        ..STRICT
    };
    let feature = "a revoked certificate is refused, by a list (CRL)";
    certified(feature, "RFC 5280 5", Kind::Listed, ours)
        .stage(stage::list)
        .proof(proofs::refuses_what_a_list_has)
}

fn by_a_responder() -> Row {
    let ours = Lines {
        says: &["was revoked"],
        ..STRICT
    };
    let feature = "a revoked certificate is refused, by a responder (OCSP)";
    certified(feature, "RFC 6960", Kind::Answered, ours)
        .stage(stage::responder)
        .proof(proofs::refuses_what_a_responder_knows)
}

fn strict() -> Row {
    let ours = Lines {
        says: &["nobody who could tell was reached"],
        ..STRICT
    };
    let feature = "nobody tells whether a certificate was revoked: strict refuses it";
    certified(feature, "RFC 5280 6.3", Kind::Listed, ours)
        .stage(stage::hidden_list)
        .start(proofs::waits_for_a_list)
}

fn relaxed() -> Row {
    let ours = Lines {
        auth: holdfast!("relaxed"),
        says: &["fetching what is known about revoked certificates"],
        ..STRICT
    };
    let feature = "nobody tells whether a certificate was revoked: relaxed takes it";
    certified(feature, "RFC 5280 6.3", Kind::Listed, ours).stage(stage::hidden_list)
}

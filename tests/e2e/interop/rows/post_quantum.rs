//! Post-quantum pre-shared keys, beside each kind of proof.

use super::{
    super::{
        keys::Kind,
        proofs,
        row::{Lines, PLAIN, Row, Starter, row},
    },
    authentication::{CERTIFICATES, RSA_CERTIFICATES},
    eap::{CHARONS_CLIENT, NO_MSCHAP, OUR_CLIENT},
};

pub(super) fn all() -> Vec<Row> {
    vec![
        beside_a_shared_key(),
        beside_signatures(),
        beside_eap(),
        without(),
    ]
}

macro_rules! our_ppk {
    () => {
        "[secrets.q]\ntype = \"ppk\"\nids = [\"ppk.example\"]\n\
         secret = { value = \"a key that no quantum computer finds\" }\n"
    };
}
macro_rules! charons_ppk {
    () => {
        "ppk-q { secret = \"a key that no quantum computer finds\"\n id-1 = ppk.example }"
    };
}

const OURS: Lines = Lines {
    connection: "ppk_id = \"ppk.example\"\nppk_required = true\n",
    sections: our_ppk!(),
    ..PLAIN
};
const CHARONS: Lines = Lines {
    connection: "ppk_id = ppk.example\nppk_required = yes",
    sections: concat!("secrets { ", charons_ppk!(), " }"),
    ..PLAIN
};
const LIBRESWANS: Lines = Lines {
    connection: "ppk=insist",
    sections: "@sun.example @moon.example : PPKS \"ppk.example\" \
               \"a key that no quantum computer finds\"",
    ..PLAIN
};

fn beside_a_shared_key() -> Row {
    row("post-quantum pre-shared keys", "RFC 8784")
        .holdfast(OURS)
        .charon(CHARONS)
        .libreswan(LIBRESWANS)
        .proof(proofs::has_a_ppk)
}

const OUR_KEYS: &str = concat!(
    "[secrets.moon]\ntype = \"private_key\"\nfile = \"{pki}/private/moon.example.key\"\n",
    our_ppk!()
);

fn beside_signatures() -> Row {
    row("post-quantum pre-shared keys beside signatures", "RFC 8784")
        .keys(Kind::P256)
        .holdfast(Lines {
            auth: CERTIFICATES[0],
            sections: OUR_KEYS,
            ..OURS
        })
        .charon(Lines {
            auth: CERTIFICATES[1],
            ..CHARONS
        })
        .libreswan(Lines {
            auth: CERTIFICATES[2],
            ..LIBRESWANS
        })
        .proof(proofs::has_a_ppk)
}

const OUR_CAROL: &str = concat!(
    "[secrets.carol]\ntype = \"eap\"\nids = [\"carol\"]\nsecret = { value = \"Ar3etTnp\" }\n",
    our_ppk!()
);
const CHARONS_CAROL: &str = concat!(
    "secrets { eap-carol { id = carol\n secret = \"Ar3etTnp\" }\n",
    charons_ppk!(),
    " }"
);

/// The whole of EAP goes without.
fn beside_eap() -> Row {
    row("post-quantum pre-shared keys beside EAP", "RFC 8784")
        .libreswan_lacks(NO_MSCHAP)
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            auth: OUR_CLIENT,
            sections: OUR_CAROL,
            ..OURS
        })
        .charon(Lines {
            auth: "local { auth = psk\n id = sun.example }\n\
                   remote { auth = eap-mschapv2\n eap_id = %any }\n",
            sections: CHARONS_CAROL,
            says: &["with EAP successful"],
            ..CHARONS
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            auth: "local = { auth = \"psk\", id = \"moon.example\" }\n\
                   remote = { auth = \"eap-mschapv2\", eap_id = \"%any\" }\n",
            sections: OUR_CAROL,
            ..OURS
        })
        .charon(Lines {
            auth: CHARONS_CLIENT,
            sections: CHARONS_CAROL,
            says: &["EAP method EAP_MSCHAPV2 succeeded, MSK established"],
            ..CHARONS
        })
        .when_both_start()
        .proof(proofs::has_a_ppk)
}

/// The peer has another one, and nobody insists. Libreswan can offer to do without with RSA only.
fn without() -> Row {
    let feature = "a post-quantum pre-shared key that only one end has is done without";
    row(feature, "RFC 8784")
        .keys(Kind::Rsa)
        .libreswan(Lines {
            auth: RSA_CERTIFICATES[2],
            connection: "ppk=yes",
            sections: "@sun.example @moon.example : PPKS \"other.example\" \
                       \"a key that is another one\"",
            ..PLAIN
        })
        .when_starting(Starter::Holdfast)
        .holdfast(Lines {
            auth: RSA_CERTIFICATES[0],
            connection: "ppk_id = \"ppk.example\"\n",
            sections: OUR_KEYS,
            ..PLAIN
        })
        .charon(Lines {
            auth: RSA_CERTIFICATES[1],
            sections: ANOTHER,
            says: &["no PPK available, using NO_PPK_AUTH notify"],
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(Lines {
            auth: RSA_CERTIFICATES[0],
            connection: "ppk_id = \"*.example\"\n",
            sections: OUR_KEYS,
            ..PLAIN
        })
        .charon(Lines {
            auth: RSA_CERTIFICATES[1],
            connection: "ppk_id = other.example",
            sections: ANOTHER,
            says: &["peer didn't use PPK for PPK_ID 'other.example'"],
            ..PLAIN
        })
        .libreswan_lacks("Libreswan signs, in NO_PPK_AUTH, not what AUTH is over")
        .when_both_start()
        .proof(proofs::has_no_ppk)
}

const ANOTHER: &str =
    "secrets { ppk-q { secret = \"a key that is another one\"\n id-1 = other.example } }";

//! Both ends prove themselves by signatures: keys, certificates, identities, several rounds.
//!
//! Both daemons read the same kind of swanctl.conf and the same folders, by swanctl. A tunnel is
//! brought up from each end and has to carry packets.

pub(crate) mod scene;

use scene::{End, Scene};

use crate::lab::{
    authority::{ED25519, P256, P384, P521, RSA},
    sas::Daemon,
};

pub(crate) const MOON: End = End {
    local: "local { auth = pubkey\n certs = moon.example.crt\n id = moon.example\n }",
    remote: "remote { auth = pubkey\n id = sun.example\n }",
    connection: "",
};
pub(crate) const SUN: End = End {
    local: "local { auth = pubkey\n certs = sun.example.crt\n id = sun.example\n }",
    remote: "remote { auth = pubkey\n id = moon.example\n }",
    connection: "",
};

#[test]
fn rsa() {
    Scene::with_certificates(RSA).proves(&MOON, &SUN);
}

#[test]
fn everything_from_configuration_files() {
    let scene = Scene::with_certificates(P256);
    let (holdfast, charon) = scene.start_from_files(&SUN);
    scene.proves_with(&["holdfast", "charon"], &holdfast, &charon);
    let names = [("name", "lab")];
    let refusal = holdfast.command("unload-authority", &names);
    refusal.expect_err("it is in the files");
}

/// A folder of swanctl's, rewritten by `holdfast import`.
#[test]
fn everything_from_an_imported_folder() {
    let scene = Scene::with_certificates(RSA);
    let (holdfast, charon) = scene.start_from_import(&MOON, &SUN);
    scene.proves_with(&["holdfast", "charon"], &holdfast, &charon);
}

#[test]
fn rsa_pss() {
    let moon = End {
        local: "local { auth = rsa/pss-sha384\n certs = moon.example.crt\n id = moon.example\n }",
        remote: "remote { auth = rsa/pss\n id = sun.example\n }",
        ..MOON
    };
    let sun = End {
        local: "local { auth = rsa/pss-sha512\n certs = sun.example.crt\n id = sun.example\n }",
        remote: "remote { auth = ike:rsa/pss-sha384\n id = moon.example\n }",
        ..SUN
    };
    Scene::with_certificates(RSA).proves(&moon, &sun);
}

#[test]
fn ecdsa_on_three_curves() {
    for kind in [P256, P384, P521] {
        Scene::with_certificates(kind).proves(&MOON, &SUN);
    }
}

#[test]
fn ed25519() {
    Scene::with_certificates(ED25519).proves(&MOON, &SUN);
}

/// Moon's certificate comes from a CA that sun does not have: moon sends both.
#[test]
fn an_intermediate_ca_is_sent() {
    let scene = Scene::with_certificates(P256);
    for (name, sub, directory) in [
        ("moon.example", "sub-of-moon", scene.moon()),
        ("sun.example", "sub-of-sun", scene.sun()),
    ] {
        scene.authority.intermediate("ca", sub, P256);
        scene
            .authority
            .gateway(sub, name, P256, &format!("DNS:{name}"));
        scene.equip(&directory, name);
        scene
            .authority
            .give(&directory, "x509ca", &format!("{sub}.crt"));
    }
    scene.proves(&MOON, &SUN);
}

#[test]
fn raw_public_keys() {
    let scene = Scene::new();
    for (name, own, other) in [
        ("moon.example", scene.moon(), scene.sun()),
        ("sun.example", scene.sun(), scene.moon()),
    ] {
        scene.authority.key(name, P256);
        let public = format!("{name}.pub");
        scene
            .authority
            .give(&own, "private", &format!("{name}.key"));
        scene.authority.give(&own, "pubkey", &public);
        scene.authority.give(&other, "pubkey", &public);
    }
    let moon = End {
        local: "local { auth = pubkey\n pubkeys = moon.example.pub\n id = moon.example\n }",
        remote: "remote { auth = pubkey\n pubkeys = sun.example.pub\n id = sun.example\n }",
        ..MOON
    };
    let sun = End {
        local: "local { auth = pubkey\n pubkeys = sun.example.pub\n id = sun.example\n }",
        remote: "remote { auth = pubkey\n pubkeys = moon.example.pub\n id = moon.example\n }",
        ..SUN
    };
    scene.proves(&moon, &sun);
}

/// Each is the subject of its certificate; the other one is expected by a pattern.
#[test]
fn distinguished_names_with_wildcards() {
    let moon = End {
        local: "local { auth = pubkey\n certs = moon.example.crt\n }",
        remote: "remote { auth = pubkey\n id = \"C=CH, O=Lab, CN=*\"\n }",
        ..MOON
    };
    let sun = End {
        local: "local { auth = pubkey\n certs = sun.example.crt\n }",
        remote: "remote { auth = pubkey\n id = \"C=CH, O=Lab, CN=moon.example\"\n }",
        ..SUN
    };
    Scene::with_certificates(P256).proves(&moon, &sun);
}

/// First by a shared key, then by certificates (RFC 4739). charon as initiator takes one round of
/// the responder's only.
#[test]
fn two_rounds() {
    let moon = End {
        local: "local-1 { auth = psk\n id = moon.example\n }\n  \
                local-2 { auth = pubkey\n certs = moon.example.crt\n id = moon.example\n }",
        remote: "remote-1 { auth = psk\n id = sun.example\n }\n  \
                 remote-2 { auth = pubkey\n id = sun.example\n }",
        ..MOON
    };
    let sun = End {
        local: "local-1 { auth = psk\n id = sun.example\n }\n  \
                local-2 { auth = pubkey\n certs = sun.example.crt\n id = sun.example\n }",
        remote: "remote-1 { auth = psk\n id = moon.example\n }\n  \
                 remote-2 { auth = pubkey\n id = moon.example\n }",
        ..SUN
    };
    Scene::with_certificates(P256).proves_from(&["holdfast"], &moon, &sun);
    let moon = End {
        local: "local { auth = pubkey\n certs = moon.example.crt\n id = moon.example\n }",
        ..moon
    };
    let sun = End {
        remote: "remote { auth = pubkey\n id = moon.example\n }",
        ..sun
    };
    Scene::with_certificates(P256).proves_from(&["charon"], &moon, &sun);
}

/// Sun claims a name that its certificate does not have.
#[test]
fn a_name_that_the_certificate_does_not_have_is_refused() {
    let sun = End {
        local: "local { auth = pubkey\n certs = sun.example.crt\n id = mars.example\n }",
        ..SUN
    };
    let moon = End {
        remote: "remote { auth = pubkey\n id = mars.example\n }",
        ..MOON
    };
    Scene::with_certificates(P256).refuses(
        &moon,
        &sun,
        "does not confirm the identity mars.example",
    );
}

#[test]
fn an_authority_that_nobody_trusts_is_refused() {
    let scene = Scene::with_certificates(P256);
    scene.authority.root("other", P256);
    scene
        .authority
        .gateway("other", "sun.example", P256, "DNS:sun.example");
    scene.equip(&scene.sun(), "sun.example");
    scene.authority.give(&scene.sun(), "x509ca", "other.crt");
    scene.refuses(&MOON, &SUN, "is not known");
}

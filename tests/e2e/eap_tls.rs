//! Gateways that prove themselves by a certificate, and clients by EAP: a password, or a certificate of
//! their own, to the gateway or to a RADIUS server.

use std::time::Duration;

use crate::{
    lab::{
        authority::{P256, RSA},
        charon::Charon,
        freeradius::{self, FreeRadius},
        holdfast::Holdfast,
        sas::Daemon,
        topology::CHILD,
    },
    signatures::scene::{End, Scene},
};

const PLAIN: End = End {
    local: "",
    remote: "",
    connection: "",
};

const MOON_GATEWAY: &str =
    "local { auth = pubkey\n certs = moon.example.crt\n id = moon.example\n }";
const SUN_GATEWAY: &str = "local { auth = pubkey\n certs = sun.example.crt\n id = sun.example\n }";
const TO_MOON: &str = "remote { auth = pubkey\n id = moon.example\n }";
const TO_SUN: &str = "remote { auth = pubkey\n id = sun.example\n }";

/// A client with a password.
const CAROL: &str = "local { auth = eap-mschapv2\n id = carol@example.net\n eap_id = carol\n }";
const ANY_PASSWORD: &str = "remote { auth = eap-mschapv2\n id = %any\n eap_id = %any\n }";

/// A client with a certificate.
const MOON_BY_TLS: &str =
    "local { auth = eap-tls\n certs = moon.example.crt\n id = moon.example\n }";
const SUN_BY_TLS: &str = "local { auth = eap-tls\n certs = sun.example.crt\n id = sun.example\n }";

#[test]
fn we_prove_ourselves_by_a_password_to_a_certified_charon() {
    let moon = End {
        local: CAROL,
        remote: TO_SUN,
        ..PLAIN
    };
    let sun = End {
        local: SUN_GATEWAY,
        remote: ANY_PASSWORD,
        connection: "send_cert = always",
    };
    Scene::with_certificates(RSA).proves_from(&["holdfast"], &moon, &sun);
}

#[test]
fn charon_proves_itself_by_a_password_to_us_who_are_certified() {
    let moon = End {
        local: MOON_GATEWAY,
        remote: ANY_PASSWORD,
        connection: "send_cert = always",
    };
    let sun = End {
        local: CAROL,
        remote: TO_MOON,
        ..PLAIN
    };
    Scene::with_certificates(RSA).proves_from(&["charon"], &moon, &sun);
}

#[test]
fn we_prove_ourselves_by_tls_to_charon() {
    let moon = End {
        local: MOON_BY_TLS,
        remote: TO_SUN,
        ..PLAIN
    };
    let sun = End {
        local: SUN_GATEWAY,
        remote: "remote { auth = eap-tls\n id = moon.example\n }",
        ..PLAIN
    };
    for kind in [RSA, P256] {
        Scene::with_certificates(kind).proves_from(&["holdfast"], &moon, &sun);
    }
}

#[test]
fn charon_proves_itself_by_tls_to_us() {
    let moon = End {
        local: MOON_GATEWAY,
        remote: "remote { auth = eap-tls\n id = sun.example\n }",
        ..PLAIN
    };
    let sun = End {
        local: SUN_BY_TLS,
        remote: TO_MOON,
        ..PLAIN
    };
    for kind in [RSA, P256] {
        Scene::with_certificates(kind).proves_from(&["charon"], &moon, &sun);
    }
}

/// By files alone: the client's certificate is named in its own `local`.
#[test]
fn an_imported_client_proves_itself_by_tls() {
    let moon = End {
        local: MOON_BY_TLS,
        remote: TO_SUN,
        ..PLAIN
    };
    let sun = End {
        local: SUN_GATEWAY,
        remote: "remote { auth = eap-tls\n id = moon.example\n }",
        ..PLAIN
    };
    let scene = Scene::with_certificates(P256);
    let (holdfast, charon) = scene.start_from_import(&moon, &sun);
    scene.proves_with(&["holdfast"], &holdfast, &charon);
}

/// The client's certificate comes from a CA that the gateway does not trust.
#[test]
fn a_stranger_by_tls_is_refused() {
    let scene = Scene::with_certificates(P256);
    scene.authority.root("other", P256);
    scene
        .authority
        .gateway("other", "sun.example", P256, "DNS:sun.example");
    scene.equip(&scene.sun(), "sun.example");
    let moon = End {
        local: MOON_GATEWAY,
        remote: "remote { auth = eap-tls\n id = sun.example\n }",
        ..PLAIN
    };
    let sun = End {
        local: SUN_BY_TLS,
        remote: TO_MOON,
        ..PLAIN
    };
    let (holdfast, charon) = scene.start(&moon, &sun);
    refused(&charon, &holdfast);
}

fn refused(client: &Charon, gateway: &Holdfast) {
    client
        .initiate(CHILD, Duration::from_secs(15))
        .expect_err("nobody trusts its CA");
    assert!(gateway.sas().is_empty(), "{}", gateway.log());
}

/// The gateway passes EAP-TLS on to a RADIUS server, whose certificate the client checks.
#[test]
fn charon_proves_itself_by_tls_to_a_radius_server_of_ours() {
    let scene = Scene::with_certificates(RSA);
    scene
        .authority
        .gateway("ca", "radius.example", RSA, "DNS:radius.example");
    let tls = freeradius::Tls {
        folder: &scene.authority.directory,
        name: "radius.example",
        ca: "ca",
    };
    let namespace = &scene.pair.moon.namespace;
    let radius = FreeRadius::start_with_tls(&scene.lab, namespace, "", &tls);
    let tables = format!(
        "[radius]\ntimeout = \"1s\"\ntries = 3\n[radius.servers.a]\naddress = \"127.0.0.1\"\n\
         secret = {{ value = \"{}\" }}\n",
        freeradius::SECRET
    );
    let moon = End {
        local: MOON_GATEWAY,
        remote: "remote { auth = eap-radius\n id = %any\n eap_id = %any\n }",
        ..PLAIN
    };
    let sun = End {
        local: "local { auth = eap-tls\n certs = sun.example.crt\n id = sun.example\n \
                aaa_id = radius.example\n }",
        remote: TO_MOON,
        ..PLAIN
    };
    let (holdfast, charon) = scene.start_with(&tables, &moon, &sun);
    scene.proves_with(&["charon"], &holdfast, &charon);
    assert!(radius.log().contains("Access-Accept"), "{}", radius.log());
}

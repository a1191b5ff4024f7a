//! Both ends prove themselves by signatures: keys, certificates, identities, several rounds.
//!
//! Both daemons read the same kind of swanctl.conf and the same folders, by swanctl. A tunnel is
//! brought up from each end and has to carry packets.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::lab::{
    Lab,
    authority::{Authority, ED25519, P256, P384, P521, RSA},
    charon::{self, Charon},
    holdfast::Holdfast,
    sas::{Daemon, agreed_tunnel},
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION, Family, Gateway, Pair},
    traffic,
    userland::Release,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// What differs between tests, on both sides of one end.
struct End {
    local: &'static str,
    remote: &'static str,
    /// Further lines of the connection.
    connection: &'static str,
}

/// Both daemons, configured; nobody has started.
struct Scene {
    lab: Lab,
    pair: Pair,
    authority: Authority,
}

impl Scene {
    fn new() -> Self {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let authority = Authority::new(lab.subdirectory("authority"), "Lab");
        Self {
            lab,
            pair,
            authority,
        }
    }

    fn moon(&self) -> PathBuf {
        self.lab.subdirectory("moon-swanctl")
    }

    fn sun(&self) -> PathBuf {
        let name = self.pair.sun.namespace.name();
        self.lab.subdirectory(&format!("{name}-charon"))
    }

    /// A CA that both trust, and a key and a certificate for each.
    fn with_certificates(kind: &[&str]) -> Self {
        let scene = Self::new();
        scene.authority.root("ca", kind);
        for (name, directory) in [("moon.example", scene.moon()), ("sun.example", scene.sun())] {
            let names = format!("DNS:{name}");
            scene.authority.gateway("ca", name, kind, &names);
            scene.equip(&directory, name);
            scene.authority.give(&directory, "x509ca", "ca.crt");
        }
        scene
    }

    fn equip(&self, directory: &Path, name: &str) {
        self.authority
            .give(directory, "private", &format!("{name}.key"));
        self.authority
            .give(directory, "x509", &format!("{name}.crt"));
        self.authority
            .give(directory, "pubkey", &format!("{name}.pub"));
    }

    fn start(&self, moon: &End, sun: &End) -> (Holdfast, Charon) {
        let settings = charon::Settings::default();
        let charon = Charon::start(&self.lab, &self.pair.sun.namespace, &settings);
        charon.configure(&conf(&self.pair.sun, &self.pair.moon, sun));
        let agent = "dataplane = \"userspace\"";
        let holdfast = Holdfast::start(&self.lab, &self.pair.moon.namespace, agent, "");
        fs::write(
            self.moon().join("swanctl.conf"),
            conf(&self.pair.moon, &self.pair.sun, moon),
        )
        .expect("swanctl.conf");
        let swanctl = Swanctl::new(Release::Bookworm, &self.moon(), &holdfast);
        swanctl.ok(&["--load-all", "--noprompt"]);
        (holdfast, charon)
    }

    /// The same as swanctl.conf says, by the agent's own files: nothing is loaded by a client.
    fn start_from_files(&self, sun: &End) -> (Holdfast, Charon) {
        let settings = charon::Settings::default();
        let charon = Charon::start(&self.lab, &self.pair.sun.namespace, &settings);
        charon.configure(&conf(&self.pair.sun, &self.pair.moon, sun));
        let namespace = &self.pair.moon.namespace;
        let directory = self
            .lab
            .subdirectory(&format!("{}-holdfast", namespace.name()));
        for file in ["moon.example.key", "moon.example.crt", "ca.crt"] {
            self.authority.give(&directory, "credentials", file);
        }
        let key = directory.join("credentials/moon.example.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a mode");
        let tables = tables(&self.pair.moon, &self.pair.sun);
        let holdfast = Holdfast::start(&self.lab, namespace, "dataplane = \"userspace\"", &tables);
        (holdfast, charon)
    }

    /// A tunnel from each end.
    fn proves(&self, moon: &End, sun: &End) {
        self.proves_from(&["holdfast", "charon"], moon, sun);
    }

    fn proves_from(&self, starters: &[&str], moon: &End, sun: &End) {
        let (holdfast, charon) = self.start(moon, sun);
        self.proves_with(starters, &holdfast, &charon);
    }

    fn proves_with(&self, starters: &[&str], holdfast: &Holdfast, charon: &Charon) {
        for starter in starters {
            if *starter == "holdfast" {
                initiate(holdfast).unwrap_or_else(|error| {
                    panic!(
                        "holdfast: {error}\n{}\ncharon:\n{}",
                        holdfast.log(),
                        charon.process_log()
                    )
                });
            } else {
                initiate(charon).unwrap_or_else(|error| {
                    panic!(
                        "charon: {error}\n{}\nholdfast:\n{}",
                        charon.process_log(),
                        holdfast.log()
                    )
                });
            }
            wait::until("both agree", PATIENCE, || {
                agreed_tunnel(holdfast, charon, CHILD)
            });
            let (here, there) = (&self.pair.moon, &self.pair.sun);
            traffic::wait_for_answer(
                &here.namespace,
                here.inner(Family::V4),
                there.inner(Family::V4),
                PATIENCE,
            );
            holdfast
                .command("terminate", &[("ike", CONNECTION)])
                .expect("it ends");
            wait::until("both have ended it", PATIENCE, || {
                (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
            });
        }
    }

    /// Nobody gets through, whoever starts; `ours` is in holdfast's log.
    fn refuses(&self, moon: &End, sun: &End, ours: &str) {
        let (holdfast, charon) = self.start(moon, sun);
        initiate(&holdfast).expect_err("the peer is not who it should be");
        holdfast.wait_for_log(&[ours]);
        initiate(&charon).expect_err("the peer is not who it should be");
        assert!(holdfast.sas().is_empty(), "{}", holdfast.log());
    }
}

fn initiate(daemon: &dyn Daemon) -> Result<(), String> {
    daemon.initiate(CHILD, Duration::from_secs(15))
}

fn conf(here: &Gateway, there: &Gateway, end: &End) -> String {
    format!(
        "connections {{\n {CONNECTION} {{\n  version = 2\n  local_addrs = {}\n  remote_addrs = {}\n  \
         proposals = aes256gcm16-prfsha384-x25519\n  {}\n  {}\n  {}\n  children {{\n   {CHILD} {{\n    \
         local_ts = {}\n    remote_ts = {}\n    esp_proposals = aes256gcm16\n   }}\n  }}\n }}\n}}\n\
         secrets {{\n ike-lab {{ secret = \"a long secret of both\" }}\n}}\n",
        here.outer(Family::V4),
        there.outer(Family::V4),
        end.connection,
        end.local,
        end.remote,
        here.network(Family::V4),
        there.network(Family::V4),
    )
}

/// What `conf` says with [`MOON`], as TOML.
fn tables(here: &Gateway, there: &Gateway) -> String {
    format!(
        "[secrets.moon]\ntype = \"private_key\"\nfile = \"credentials/moon.example.key\"\n\
         [authorities.lab]\ncacert = \"credentials/ca.crt\"\n\
         [connections.{CONNECTION}]\nlocal_addrs = [\"{}\"]\nremote_addrs = [\"{}\"]\n\
         proposals = [\"aes256gcm16-prfsha384-x25519\"]\n\
         local = {{ auth = \"pubkey\", certs = [\"credentials/moon.example.crt\"], \
         id = \"moon.example\" }}\n\
         remote = {{ auth = \"pubkey\", id = \"sun.example\" }}\n\
         [connections.{CONNECTION}.children.{CHILD}]\nlocal_ts = [\"{}\"]\n\
         remote_ts = [\"{}\"]\nesp_proposals = [\"aes256gcm16\"]\n",
        here.outer(Family::V4),
        there.outer(Family::V4),
        here.network(Family::V4),
        there.network(Family::V4),
    )
}

const MOON: End = End {
    local: "local { auth = pubkey\n certs = moon.example.crt\n id = moon.example\n }",
    remote: "remote { auth = pubkey\n id = sun.example\n }",
    connection: "",
};
const SUN: End = End {
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
        let names = format!("DNS:{name}");
        scene.authority.gateway(sub, name, P256, &names);
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
    let name = "sun.example";
    scene
        .authority
        .gateway("other", name, P256, "DNS:sun.example");
    scene.equip(&scene.sun(), name);
    scene.authority.give(&scene.sun(), "x509ca", "other.crt");
    scene.refuses(&MOON, &SUN, "is not known");
}

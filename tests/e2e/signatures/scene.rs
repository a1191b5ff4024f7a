//! Two gateways with keys and certificates that openssl made, both configured by swanctl or, ours, by
//! files.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::lab::{
    Lab,
    authority::Authority,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    run,
    sas::{Daemon, agreed_tunnel},
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION, Family, Gateway, Pair},
    traffic,
    userland::Release,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Who proves itself by a password, where somebody does.
const USER: &str = "carol";
const PASSWORD: &str = "Ar3etTnp";

/// What differs between tests, on both sides of one end.
#[derive(Clone, Copy)]
pub(crate) struct End {
    pub(crate) local: &'static str,
    pub(crate) remote: &'static str,
    /// Further lines of the connection.
    pub(crate) connection: &'static str,
}

/// Both daemons, configured; nobody has started.
pub(crate) struct Scene {
    pub(crate) lab: Lab,
    pub(crate) pair: Pair,
    pub(crate) authority: Authority,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let authority = Authority::new(lab.subdirectory("authority"), "Lab");
        Self {
            lab,
            pair,
            authority,
        }
    }

    pub(crate) fn moon(&self) -> PathBuf {
        self.lab.subdirectory("moon-swanctl")
    }

    pub(crate) fn sun(&self) -> PathBuf {
        let name = self.pair.sun.namespace.name();
        self.lab.subdirectory(&format!("{name}-charon"))
    }

    /// A CA that both trust, and a key and a certificate for each.
    pub(crate) fn with_certificates(kind: &[&str]) -> Self {
        let scene = Self::new();
        scene.authority.root("ca", kind);
        for (name, directory) in [("moon.example", scene.moon()), ("sun.example", scene.sun())] {
            scene
                .authority
                .gateway("ca", name, kind, &format!("DNS:{name}"));
            scene.equip(&directory, name);
            scene.authority.give(&directory, "x509ca", "ca.crt");
        }
        scene
    }

    pub(crate) fn equip(&self, directory: &Path, name: &str) {
        self.authority
            .give(directory, "private", &format!("{name}.key"));
        self.authority
            .give(directory, "x509", &format!("{name}.crt"));
        self.authority
            .give(directory, "pubkey", &format!("{name}.pub"));
    }

    pub(crate) fn start(&self, moon: &End, sun: &End) -> (Holdfast, Charon) {
        self.start_with("", moon, sun)
    }

    /// With these tables beside what swanctl loads.
    pub(crate) fn start_with(&self, tables: &str, moon: &End, sun: &End) -> (Holdfast, Charon) {
        let charon = self.charon(sun);
        let agent = "dataplane = \"userspace\"";
        let holdfast = Holdfast::start(&self.lab, &self.pair.moon.namespace, agent, tables);
        fs::write(
            self.moon().join("swanctl.conf"),
            conf(&self.pair.moon, &self.pair.sun, moon),
        )
        .expect("swanctl.conf");
        let swanctl = Swanctl::new(Release::Bookworm, &self.moon(), &holdfast);
        swanctl.ok(&["--load-all", "--noprompt"]);
        (holdfast, charon)
    }

    /// The folder that swanctl would load at moon, as `holdfast import` rewrites it.
    pub(crate) fn start_from_import(&self, moon: &End, sun: &End) -> (Holdfast, Charon) {
        let charon = self.charon(sun);
        let folder = self.moon();
        let conf = conf(&self.pair.moon, &self.pair.sun, moon);
        fs::write(folder.join("swanctl.conf"), conf).expect("swanctl.conf");
        let mut import = Command::new(holdfast::PROGRAM);
        import.arg("import").arg(folder.join("swanctl.conf"));
        let output = import.arg("--with-secrets").output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let tables = String::from_utf8(output.stdout).expect("TOML");
        let namespace = &self.pair.moon.namespace;
        let name = format!("{}-holdfast", namespace.name());
        let directory = self.lab.subdirectory(&name);
        for part in ["private", "x509", "x509ca"] {
            fs::rename(folder.join(part), directory.join(part)).expect("the folder moves");
        }
        let holdfast = Holdfast::start(&self.lab, namespace, "dataplane = \"userspace\"", &tables);
        (holdfast, charon)
    }

    fn charon(&self, sun: &End) -> Charon {
        let settings = charon::Settings::default();
        let charon = Charon::start(&self.lab, &self.pair.sun.namespace, &settings);
        charon.configure(&conf(&self.pair.sun, &self.pair.moon, sun));
        charon
    }

    /// The same as swanctl.conf says, by the agent's own files: nothing is loaded by a client.
    pub(crate) fn start_from_files(&self, sun: &End) -> (Holdfast, Charon) {
        let charon = self.charon(sun);
        let namespace = &self.pair.moon.namespace;
        let directory = self
            .lab
            .subdirectory(&format!("{}-holdfast", namespace.name()));
        for file in ["moon.example.key", "moon.example.crt", "ca.crt"] {
            self.authority.give(&directory, "credentials", file);
        }
        let tables = tables(&self.pair.moon, &self.pair.sun);
        let holdfast = Holdfast::start(&self.lab, namespace, "dataplane = \"userspace\"", &tables);
        (holdfast, charon)
    }

    /// A tunnel from each end.
    pub(crate) fn proves(&self, moon: &End, sun: &End) {
        self.proves_from(&["holdfast", "charon"], moon, sun);
    }

    pub(crate) fn proves_from(&self, starters: &[&str], moon: &End, sun: &End) {
        let (holdfast, charon) = self.start(moon, sun);
        self.proves_with(starters, &holdfast, &charon);
    }

    pub(crate) fn proves_with(&self, starters: &[&str], holdfast: &Holdfast, charon: &Charon) {
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
    pub(crate) fn refuses(&self, moon: &End, sun: &End, ours: &str) {
        let (holdfast, charon) = self.start(moon, sun);
        initiate(&holdfast).expect_err("the peer is not who it should be");
        holdfast.wait_for_log(&[ours]);
        initiate(&charon).expect_err("the peer is not who it should be");
        assert!(holdfast.sas().is_empty(), "{}", holdfast.log());
    }
}

pub(crate) fn initiate(daemon: &dyn Daemon) -> Result<(), String> {
    daemon.initiate(CHILD, Duration::from_secs(15))
}

fn conf(here: &Gateway, there: &Gateway, end: &End) -> String {
    format!(
        "connections {{\n {CONNECTION} {{\n  version = 2\n  local_addrs = {}\n  remote_addrs = {}\n  \
         proposals = aes256gcm16-prfsha384-x25519\n  {}\n  {}\n  {}\n  children {{\n   {CHILD} {{\n    \
         local_ts = {}\n    remote_ts = {}\n    esp_proposals = aes256gcm16\n   }}\n  }}\n }}\n}}\n\
         secrets {{\n ike-lab {{ secret = \"a long secret of both\" }}\n \
         eap-carol {{ id = {USER}\n secret = \"{PASSWORD}\" }}\n}}\n",
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

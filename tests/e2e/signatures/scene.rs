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

/// How keys are made, as `openssl genpkey` is told.
pub(crate) const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
pub(crate) const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
pub(crate) const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
pub(crate) const P521: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
pub(crate) const ED25519: &[&str] = &["-algorithm", "ED25519"];

/// A folder of keys and certificates.
pub(crate) struct Authority {
    pub(crate) directory: PathBuf,
}

impl Authority {
    pub(crate) fn new(lab: &Lab) -> Self {
        let directory = lab.subdirectory("authority");
        Self { directory }
    }

    pub(crate) fn file(&self, name: &str, suffix: &str) -> PathBuf {
        self.directory.join(format!("{name}.{suffix}"))
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        run(command.args(arguments).current_dir(&self.directory));
    }

    pub(crate) fn key(&self, name: &str, kind: &[&str]) {
        let file = format!("{name}.key");
        self.openssl(&[&["genpkey"], kind, &["-out", &file]].concat());
        self.openssl(&[
            "pkey",
            "-in",
            &file,
            "-pubout",
            "-out",
            &format!("{name}.pub"),
        ]);
    }

    /// A certificate of its own making.
    pub(crate) fn root(&self, name: &str, kind: &[&str]) {
        self.key(name, kind);
        self.openssl(&[
            "req",
            "-x509",
            "-new",
            "-days",
            "30",
            "-key",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.crt"),
            "-subj",
            &format!("/C=CH/O=Lab/CN={name}"),
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]);
    }

    pub(crate) fn issue(&self, issuer: &str, name: &str, kind: &[&str], extensions: &str) {
        self.key(name, kind);
        fs::write(self.file(name, "ext"), extensions).expect("extensions");
        self.openssl(&[
            "req",
            "-new",
            "-key",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.csr"),
            "-subj",
            &format!("/C=CH/O=Lab/CN={name}"),
        ]);
        self.openssl(&[
            "x509",
            "-req",
            "-days",
            "30",
            "-in",
            &format!("{name}.csr"),
            "-CA",
            &format!("{issuer}.crt"),
            "-CAkey",
            &format!("{issuer}.key"),
            "-CAcreateserial",
            "-out",
            &format!("{name}.crt"),
            "-extfile",
            &format!("{name}.ext"),
        ]);
    }

    pub(crate) fn gateway(&self, issuer: &str, name: &str, kind: &[&str]) {
        self.issue(
            issuer,
            name,
            kind,
            &format!("subjectAltName=DNS:{name}\nkeyUsage=digitalSignature\n"),
        );
    }

    /// Puts a file where swanctl looks for it.
    pub(crate) fn give(&self, to: &Path, folder: &str, file: &str) {
        let folder = to.join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        fs::copy(self.directory.join(file), folder.join(file)).expect("a copy");
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o600)).expect("a mode");
    }
}

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
        let authority = Authority::new(&lab);
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
            scene.authority.gateway("ca", name, kind);
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

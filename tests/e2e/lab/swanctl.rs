//! swanctl of either release against any VICI socket, charon's or holdfast's.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{pretty, pretty::Packet, sas::Daemon, userland::Release};

/// What both releases have, so that neither complains about plugins that only the other has.
const OPTIONS: &str =
    "swanctl { load = random openssl pem pkcs1 pkcs7 pkcs8 pkcs12 x509 pubkey sha1 sha2 aes }\n";

/// Where swanctl looks for credentials; it complains about each that is missing.
const STORES: [&str; 13] = [
    "x509", "x509ca", "x509ocsp", "x509aa", "x509ac", "x509crl", "pubkey", "private", "rsa",
    "ecdsa", "bliss", "pkcs8", "pkcs12",
];

/// swanctl with a folder of configuration and the socket of a daemon.
#[derive(Clone)]
pub(crate) struct Swanctl {
    release: Release,
    directory: PathBuf,
    socket: PathBuf,
}

/// What a run of it printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Swanctl {
    /// `directory` is where `--load-…` finds `swanctl.conf`, and the folders beside it.
    pub(crate) fn new(release: Release, directory: &Path, daemon: &dyn Daemon) -> Self {
        Self::at(release, directory, daemon.control_socket())
    }

    pub(crate) fn at(release: Release, directory: &Path, socket: &Path) -> Self {
        Self {
            release,
            directory: directory.to_owned(),
            socket: socket.to_owned(),
        }
    }

    pub(crate) fn release(&self) -> Release {
        self.release
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // Not the machine's own: what is configured there is nothing of the lab's.
        let options = self.directory.join("swanctl-strongswan.conf");
        if !options.exists() {
            for store in STORES {
                let store = self.directory.join(store);
                std::fs::create_dir_all(store).expect("a store of credentials");
            }
            std::fs::write(&options, OPTIONS).expect("options for swanctl");
        }
        let mut command = self.release.command("swanctl");
        command
            .args(arguments)
            .arg("--uri")
            .arg(format!("unix://{}", self.socket.display()))
            .env("SWANCTL_DIR", &self.directory)
            .env("STRONGSWAN_CONF", options);
        command
    }

    /// Runs it to its end, however that is.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        let mut command = self.command(arguments);
        command.output().expect("swanctl runs").into()
    }

    /// Runs it and expects it to succeed; hands back what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments);
        assert_eq!(
            answer.code,
            Some(0),
            "swanctl {} {arguments:?}:\n{}",
            self.release.version(),
            answer.text()
        );
        answer.stdout
    }

    /// The packets that a command brings, as swanctl shows them with `--pretty`.
    pub(crate) fn packets(&self, arguments: &[&str]) -> Vec<Packet> {
        let arguments = [arguments, &["--pretty"]].concat();
        pretty::packets(&self.ok(&arguments))
    }

    /// Loads connections, credentials and pools from the folder.
    pub(crate) fn load_all(&self) -> String {
        self.ok(&["--load-all", "--noprompt"])
    }
}

impl Answer {
    /// Both streams, one after the other.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

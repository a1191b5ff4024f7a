//! Debian's charon, one per namespace, each with a configuration and a control socket of its own.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{
    Lab, Namespace,
    process::Process,
    run,
    sas::Daemon,
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION, Gateway, Pair, Tunnel},
    userland::Release,
    wait,
};

/// `kernel-libipsec` does ESP in user space: the kernel of a test machine may have none.
const PLUGINS: &str = "random nonce openssl aes sha1 sha2 hmac xcbc cmac ctr ccm pem pkcs1 pkcs8 x509 \
                       pubkey kdf gcm chapoly curve25519 socket-default kernel-libipsec \
                       kernel-netlink updown vici error-notify counters eap-identity \
                       eap-mschapv2 eap-tls eap-radius";

/// What differs between the charons of the lab.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Further lines of the section `charon-systemd` in strongswan.conf.
    pub(crate) daemon: String,
    /// Further lines of the connection in swanctl.conf.
    pub(crate) connection: String,
    /// Further lines of the child in swanctl.conf.
    pub(crate) child: String,
    /// Log failures only.
    pub(crate) quiet: bool,
    /// Whose charon it is.
    pub(crate) release: Release,
}

/// A running charon.
pub(crate) struct Charon {
    directory: PathBuf,
    socket: PathBuf,
    namespace: String,
    release: Release,
    process: Process,
}

impl Charon {
    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Starts it with one tunnel and loads its configuration.
    pub(crate) fn with_tunnel(
        lab: &Lab,
        here: &Gateway,
        there: &Gateway,
        tunnel: &Tunnel,
        settings: &Settings,
    ) -> Self {
        let charon = Self::start(lab, &here.namespace, settings);
        charon.configure(&swanctl_conf(here, there, tunnel, settings));
        charon
    }

    /// The same at the sun's end, with nothing that is out of the ordinary.
    pub(crate) fn at_sun(lab: &Lab, pair: &Pair, tunnel: &Tunnel) -> Self {
        Self::with_tunnel(lab, &pair.sun, &pair.moon, tunnel, &Settings::default())
    }

    /// Starts it without any connection.
    pub(crate) fn start(lab: &Lab, namespace: &Namespace, settings: &Settings) -> Self {
        let directory = lab.subdirectory(&format!("{}-charon", namespace.name()));
        let socket = directory.join("charon.vici");
        let configuration = format!(
            "charon-systemd {{\n load = {PLUGINS}{}\n \
             plugins {{ vici {{ socket = unix://{} }} }}\n \
             filelog {{ stderr {{ default = {} }} }}\n syslog {{ }}\n{}\n}}\n",
            settings.release.plugins(),
            socket.display(),
            i32::from(!settings.quiet),
            settings.daemon
        );
        std::fs::write(directory.join("strongswan.conf"), configuration).expect("strongswan.conf");
        let process = spawn(namespace.name(), settings.release, &directory);
        let charon = Self {
            directory,
            socket,
            namespace: namespace.name().to_owned(),
            release: settings.release,
            process,
        };
        charon.wait_until_ready();
        charon
    }

    /// Loads a swanctl.conf.
    pub(crate) fn configure(&self, swanctl_conf: &str) {
        std::fs::write(self.directory.join("swanctl.conf"), swanctl_conf).expect("swanctl.conf");
        self.load();
    }

    /// Loads the swanctl.conf that is there.
    pub(crate) fn load(&self) {
        run(&mut self.swanctl_command(&["--load-all", "--noprompt"]));
    }

    /// Dies as in a crash and comes back, empty, with the same configuration.
    pub(crate) fn crash_and_restart(&mut self) {
        self.process.kill();
        self.start_again();
    }

    /// Is stopped, says goodbye, and comes back with the same configuration.
    pub(crate) fn stop_and_restart(&mut self) {
        self.process.signal(Signal::SIGTERM);
        let ended = self.process.wait(Duration::from_secs(20));
        assert!(ended.is_some(), "charon ends when it is told to");
        self.start_again();
    }

    fn start_again(&mut self) {
        std::fs::remove_file(&self.socket).ok();
        self.process = spawn(&self.namespace, self.release, &self.directory);
        self.wait_until_ready();
        self.load();
    }

    /// Runs swanctl against this charon.
    pub(crate) fn swanctl(&self, arguments: &[&str]) -> Output {
        self.swanctl_command(arguments)
            .output()
            .expect("swanctl runs")
    }

    /// What it said.
    pub(crate) fn process_log(&self) -> String {
        self.process.log()
    }

    /// Where swanctl finds its files.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn swanctl_command(&self, arguments: &[&str]) -> Command {
        swanctl(&self.directory, &self.socket, arguments)
    }

    fn wait_until_ready(&self) {
        wait::until("charon answers", Duration::from_secs(20), || {
            self.client()
                .ok()?
                .request("version", &super::vici::Message::default())
                .ok()
        });
    }
}

impl Daemon for Charon {
    fn control_socket(&self) -> &Path {
        &self.socket
    }
}

fn spawn(namespace: &str, release: Release, directory: &Path) -> Process {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", namespace])
        .args(release.words("charon-systemd"))
        .env("STRONGSWAN_CONF", directory.join("strongswan.conf"))
        .env("SWANCTL_DIR", directory)
        .env_remove("NOTIFY_SOCKET");
    Process::spawn("charon", command, &directory.join("charon.log"))
}

/// This machine's swanctl against any VICI socket, charon's or holdfast's.
pub(crate) fn swanctl(directory: &Path, socket: &Path, arguments: &[&str]) -> Command {
    Swanctl::at(Release::Bookworm, directory, socket).command(arguments)
}

/// The swanctl.conf of one end of a tunnel.
pub(crate) fn swanctl_conf(
    here: &Gateway,
    there: &Gateway,
    tunnel: &Tunnel,
    settings: &Settings,
) -> String {
    let mut text = String::new();
    write!(
        text,
        "connections {{\n {CONNECTION} {{\n  version = 2\n  local_addrs = {}\n  remote_addrs = {}\n  \
         proposals = {}\n{}\n  local {{ auth = psk\n id = {} }}\n  remote {{ auth = psk\n id = {} }}\n  \
         children {{\n   {CHILD} {{\n    local_ts = {}\n    remote_ts = {}\n    esp_proposals = {}\n{}\n   \
         }}\n  }}\n }}\n}}\nsecrets {{ ike-lab {{ secret = \"{}\" }} }}\n",
        here.outer(tunnel.outer),
        there.outer(tunnel.outer),
        tunnel.proposals,
        settings.connection,
        here.id,
        there.id,
        here.network(tunnel.inner),
        there.network(tunnel.inner),
        tunnel.esp_proposals,
        settings.child,
        tunnel.psk,
    )
    .expect("writing to a string");
    text
}

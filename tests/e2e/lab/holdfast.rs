//! The agent under test, one per namespace, each with a configuration and a socket of its own.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use super::{
    Lab, Namespace,
    process::Process,
    sas::Daemon,
    topology::{CHILD, CONNECTION, Gateway, Tunnel},
    vici::Message,
    wait,
};

/// The program, built with fault injection.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_holdfast");

/// What differs between the agents of the lab. Each is lines of TOML.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Lines of `[agent]`.
    pub(crate) agent: String,
    /// Lines of the connection.
    pub(crate) connection: String,
    /// Lines of the child.
    pub(crate) child: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            agent: "dataplane = \"userspace\"".to_owned(),
            connection: String::new(),
            child: String::new(),
        }
    }
}

impl Settings {
    /// A persistent connection that notices a dead peer, and comes back, within seconds.
    pub(crate) fn persistent() -> Self {
        Self {
            connection: format!("persistent = true\n{IMPATIENT}"),
            ..Self::default()
        }
    }
}

/// Timing for tests: an unanswered request is given up after about a second and a half.
pub(crate) const IMPATIENT: &str = "dpd_delay = \"1s\"\n\
     retransmit = { timeout = \"200ms\", base = 1.8, tries = 2 }\n\
     reconnect = { initial = \"100ms\", max = \"1s\" }";

/// A running agent.
pub(crate) struct Holdfast {
    directory: PathBuf,
    socket: PathBuf,
    namespace: String,
    /// The words that run it.
    words: Vec<OsString>,
    process: Process,
    environment: Vec<(&'static str, String)>,
}

impl Holdfast {
    /// Starts it with one tunnel.
    pub(crate) fn with_tunnel(
        lab: &Lab,
        here: &Gateway,
        there: &Gateway,
        tunnel: &Tunnel,
        settings: &Settings,
    ) -> Self {
        let tables = tunnel_tables(here, there, tunnel, settings);
        Self::start(lab, &here.namespace, &settings.agent, &tables)
    }

    /// Starts it and waits until it answers. `agent` is lines of `[agent]`, `tables` the rest.
    pub(crate) fn start(lab: &Lab, namespace: &Namespace, agent: &str, tables: &str) -> Self {
        let holdfast = Self::launch(lab, namespace, agent, tables);
        holdfast.wait_until_ready();
        holdfast
    }

    /// Starts it and does not wait.
    pub(crate) fn launch(lab: &Lab, namespace: &Namespace, agent: &str, tables: &str) -> Self {
        let directory = lab.subdirectory(&format!("{}-holdfast", namespace.name()));
        let socket = directory.join("holdfast.vici");
        let state = directory.join("state");
        let state_dir = if agent.contains("state_dir") {
            String::new()
        } else {
            format!("state_dir = \"{}\"", state.display())
        };
        let configuration = format!(
            "[agent]\nvici = \"unix://{}\"\n{state_dir}\n{agent}\n\n{tables}",
            socket.display(),
        );
        let file = directory.join("holdfast.toml");
        write_private(&file, &configuration);
        let words = [PROGRAM, "run", "--config"].map(OsString::from);
        let words = words.into_iter().chain([file.into()]).collect();
        Self::launch_by(words, namespace, directory, socket)
    }

    /// Runs it by these words. Its log is in `directory`.
    pub(crate) fn launch_by(
        words: Vec<OsString>,
        namespace: &Namespace,
        directory: PathBuf,
        socket: PathBuf,
    ) -> Self {
        let process = spawn(namespace.name(), &words, &directory, &[]);
        Self {
            directory,
            socket,
            namespace: namespace.name().to_owned(),
            words,
            process,
            environment: Vec::new(),
        }
    }

    pub(crate) fn wait_until_ready(&self) {
        wait::until("holdfast answers", Duration::from_secs(20), || {
            self.client()
                .ok()?
                .request("version", &Message::default())
                .ok()
        });
    }

    /// Starts it again after it has ended, without waiting.
    pub(crate) fn relaunch(&mut self) {
        self.process.kill();
        self.process = spawn(
            &self.namespace,
            &self.words,
            &self.directory,
            &self.environment,
        );
    }

    /// With these variables from the next start on.
    pub(crate) fn set_environment(&mut self, environment: Vec<(&'static str, String)>) {
        self.environment = environment;
    }

    /// Runs a command of the program against this agent, as an operator would.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(arguments)
            .arg("--uri")
            .arg(format!("unix://{}", self.socket.display()))
            .output()
            .expect("the program runs")
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Waits until the log contains all of these words.
    pub(crate) fn wait_for_log(&self, words: &[&str]) {
        for word in words {
            let seen = wait::attempt(Duration::from_secs(10), || {
                self.log().contains(word).then_some(())
            });
            assert!(
                seen.is_some(),
                "`{word}` is missing in the log:\n{}",
                self.log()
            );
        }
    }

    /// What has gone wrong, as it counts.
    pub(crate) fn troubles(&self) -> String {
        self.counters(&[
            "esp-replayed",
            "esp-integrity-failed",
            "esp-unknown-spi",
            "esp-policy-mismatch",
            "esp-no-policy",
            "esp-expired",
            "esp-send-failed",
            "esp-deliver-failed",
            "retransmit-out",
            "mailbox-full",
        ])
    }

    /// These counters, each with its name.
    pub(crate) fn counters(&self, names: &[&str]) -> String {
        let answer = self
            .client()
            .and_then(|mut client| client.request("stats", &Message::default()))
            .expect("holdfast answers");
        let counters = answer.section("counters").expect("its counters");
        let count = |name: &&str| format!("{name} {}", counters.text(name).unwrap_or("missing"));
        names.iter().map(count).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Daemon for Holdfast {
    fn control_socket(&self) -> &Path {
        &self.socket
    }
}

/// Every test runs with the sandbox on, and none may meet its walls.
impl Drop for Holdfast {
    fn drop(&mut self) {
        let log = self.log();
        let denied = log.lines().find(|line| line.contains("the sandbox denied"));
        if let (Some(denied), false) = (denied, std::thread::panicking()) {
            panic!("{denied}");
        }
    }
}

/// Writes a configuration with secrets, which only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a configuration file");
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).expect("its mode");
}

fn spawn(
    namespace: &str,
    words: &[OsString],
    directory: &Path,
    environment: &[(&str, String)],
) -> Process {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", namespace])
        .args(words)
        .env("NO_COLOR", "1")
        .env_remove("NOTIFY_SOCKET")
        .envs(environment.iter().map(|(name, value)| (name, value)));
    Process::spawn("holdfast", command, &directory.join("holdfast.log"))
}

/// The configuration tables of one end of a tunnel.
pub(crate) fn tunnel_tables(
    here: &Gateway,
    there: &Gateway,
    tunnel: &Tunnel,
    settings: &Settings,
) -> String {
    let mut text = String::new();
    write!(
        text,
        "[connections.{CONNECTION}]\nlocal_addrs = [\"{}\"]\nremote_addrs = [\"{}\"]\n\
         proposals = [\"{}\"]\nlocal = {{ auth = \"psk\", id = \"{}\" }}\n\
         remote = {{ auth = \"psk\", id = \"{}\" }}\n{}\n\n\
         [connections.{CONNECTION}.children.{CHILD}]\nlocal_ts = [\"{}\"]\nremote_ts = [\"{}\"]\n\
         esp_proposals = [\"{}\"]\n{}\n\n\
         [secrets.lab]\ntype = \"psk\"\nids = [\"{}\"]\nsecret = {{ value = \"{}\" }}\n",
        here.outer(tunnel.outer),
        there.outer(tunnel.outer),
        tunnel.proposals,
        here.id,
        there.id,
        settings.connection,
        here.network(tunnel.inner),
        there.network(tunnel.inner),
        tunnel.esp_proposals,
        settings.child,
        there.id,
        tunnel.psk,
    )
    .expect("writing to a string");
    text
}

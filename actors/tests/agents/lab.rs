//! Agents in this process, on addresses of 127/8 that no other test uses, with the data plane that
//! carries nothing.

use std::{
    fmt::Write as _,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicU8, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use holdfast_actors::{Exit, Hooks, Options, StartError, Stop, run_with};
use holdfast_vici::{Address, Client, Message, address::Stream, client::Event};
use tempfile::TempDir;

/// Nothing here should take this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const PEER_CONFIG: &str = "HOLDFAST_TEST_PEER_CONFIG";

/// Two loopback addresses for one test: by process, since tests may run in many, and by test, since
/// they may run in one.
pub(crate) fn addresses() -> (String, String) {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let test = NEXT.fetch_add(2, Ordering::Relaxed);
    let [.., high, low] = std::process::id().to_be_bytes();
    // 127.0 and 127.255 belong to others.
    let high = 1 + high % 254;
    (
        format!("127.{high}.{low}.{test}"),
        format!("127.{high}.{low}.{}", test + 1),
    )
}

/// Writes a configuration.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) local: String,
    pub(crate) remote: String,
    /// Lines for `[agent]`; DIRECTORY stands for one of the agent's own.
    pub(crate) agent: String,
    /// Lines for every connection.
    pub(crate) keys: String,
    /// Lines for every child.
    pub(crate) child: String,
    /// Numbers of the connections.
    pub(crate) connections: usize,
    /// Which of two ends it is.
    pub(crate) first: bool,
}

impl Setup {
    /// Both ends of one connection.
    pub(crate) fn pair() -> (Self, Self) {
        let (local, remote) = addresses();
        let first = Self {
            local: local.clone(),
            remote: remote.clone(),
            agent: String::new(),
            keys: String::new(),
            child: String::new(),
            connections: 1,
            first: true,
        };
        let second = Self {
            local: remote,
            remote: local,
            first: false,
            ..first.clone()
        };
        (first, second)
    }

    fn text(&self, directory: &std::path::Path) -> String {
        let mut text = format!(
            "[agent]\nvici = \"unix://{}/vici\"\nstate_dir = \"none\"\ndataplane = \"none\"\nport = 15500\n\
             port_nat_t = 15501\nlisten = [\"{}\"]\nworkers = 2\nlog = {{ level = \"debug\" }}\n{}\n\
             limits = {{ cookie_threshold = 0, cookie_threshold_ip = 0, block_threshold = 0 }}\n\
             [secrets.all]\ntype = \"psk\"\nsecret = {{ value = \"in a test everybody may know\" }}\n",
            directory.display(),
            self.local,
            self.agent,
        );
        let (ours, theirs) = if self.first { ("a", "b") } else { ("b", "a") };
        for number in 0..self.connections {
            write!(
                text,
                "[connections.c{number}]\nlocal_addrs = [\"{}\"]\nremote_addrs = [\"{}\"]\n\
                 remote_port = 15500\nproposals = [\"aes128gcm16-prfsha256-x25519\"]\n{}\n\
                 local = {{ auth = \"psk\", id = \"{ours}{number}.example\" }}\n\
                 remote = {{ auth = \"psk\", id = \"{theirs}{number}.example\" }}\n\
                 [connections.c{number}.children.net]\nesp_proposals = [\"aes128gcm16\"]\n\
                 local_ts = [\"10.{}.0.0/16\"]\nremote_ts = [\"10.{}.0.0/16\"]\n{}\n",
                self.local,
                self.remote,
                self.keys,
                u8::from(self.first),
                u8::from(!self.first),
                self.child,
            )
            .unwrap();
        }
        text
    }

    fn write(&self) -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let file = self.write_into(directory.path());
        (directory, file)
    }

    /// Writes it where an agent that runs will find it when told to read it again.
    pub(crate) fn write_into(&self, directory: &std::path::Path) -> PathBuf {
        let file = directory.join("holdfast.toml");
        let place = directory.display().to_string();
        let text = self.text(directory).replace("DIRECTORY", &place);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        file
    }

    /// Runs an agent with it.
    pub(crate) fn start(&self) -> Agent {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same where it may fail.
    pub(crate) fn try_start(&self) -> Result<Agent, StartError> {
        let (directory, file) = self.write();
        let (ready, is_ready) = mpsc::channel();
        let stop = Stop::default();
        let hooks = Hooks {
            ready: Some(Box::new(move || {
                let _ = ready.send(());
            })),
            stop: stop.clone(),
            ..Hooks::default()
        };
        let loaded = holdfast_config::load(&file).unwrap_or_else(|error| panic!("{error}"));
        let thread = thread::spawn(move || {
            run_with(
                Options {
                    loaded,
                    config_path: file,
                    device: None,
                },
                hooks,
            )
        });
        if is_ready.recv().is_err() {
            return Err(thread.join().unwrap().unwrap_err());
        }
        Ok(Agent {
            vici: directory.path().join("vici"),
            directory,
            stop,
            thread: Some(thread),
        })
    }

    /// Runs an agent with it in a process of its own, which can be killed.
    pub(crate) fn start_process(&self) -> Process {
        let (directory, file) = self.write();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "peer_process", "--nocapture"])
            .env(PEER_CONFIG, &file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let vici = directory.path().join("vici");
        let process = Process {
            child,
            vici: vici.clone(),
            _directory: directory,
        };
        // The name is there before anybody listens at it.
        eventually("the peer's process serves", || {
            std::os::unix::net::UnixStream::connect(&vici).is_ok()
        });
        process
    }
}

/// The body of the test that is the peer's process.
pub(crate) fn be_peer_process() {
    let Some(file) = std::env::var_os(PEER_CONFIG) else {
        return;
    };
    let loaded = holdfast_config::load(file.as_ref()).unwrap_or_else(|error| panic!("{error}"));
    run_with(
        Options {
            loaded,
            config_path: file.into(),
            device: None,
        },
        Hooks::default(),
    )
    .unwrap();
}

/// An agent in another process.
pub(crate) struct Process {
    child: Child,
    vici: PathBuf,
    _directory: TempDir,
}

impl Process {
    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn sas(&self) -> Vec<Sa> {
        sas(&self.vici)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An agent in this process.
pub(crate) struct Agent {
    pub(crate) vici: PathBuf,
    directory: TempDir,
    stop: Stop,
    thread: Option<JoinHandle<Result<Exit, StartError>>>,
}

impl Agent {
    /// Asks it to drain.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.stop();
    }

    /// Waits for its end.
    pub(crate) fn exit(mut self) -> Exit {
        self.thread.take().unwrap().join().unwrap().unwrap()
    }

    /// Drains it.
    pub(crate) fn stop(self) -> Exit {
        self.ask_to_stop();
        self.exit()
    }

    /// Runs a command with these arguments as they are.
    pub(crate) fn request(&self, name: &str, request: Message) -> Message {
        request_with_events(&self.vici, name, request).1
    }

    /// Runs a command.
    pub(crate) fn command(&self, name: &str, arguments: &[(&str, &str)]) -> Message {
        command(&self.vici, name, arguments).1
    }

    /// Runs a command; what it streams comes first.
    pub(crate) fn command_with_events(
        &self,
        name: &str,
        arguments: &[(&str, &str)],
    ) -> (Vec<Event>, Message) {
        command(&self.vici, name, arguments)
    }

    /// Registers for events.
    pub(crate) fn listen(&self, events: &[&str]) -> Listener {
        let runtime = runtime();
        let client = runtime.block_on(async {
            let address = Address::Unix(self.vici.clone());
            let mut client = Client::connect(&address).await.unwrap();
            for event in events {
                client.register(event).await.unwrap();
            }
            client
        });
        Listener { runtime, client }
    }

    /// The agent's own directory.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Runs a command that must succeed.
    pub(crate) fn succeed(&self, name: &str, arguments: &[(&str, &str)]) {
        let response = self.command(name, arguments);
        assert_eq!(response.verdict(), Ok(()), "{name} {arguments:?}");
    }

    pub(crate) fn sas(&self) -> Vec<Sa> {
        sas(&self.vici)
    }

    /// What `health` says about a connection.
    pub(crate) fn health(&self, connection: &str) -> Message {
        let (events, _) = command(&self.vici, "health", &[("name", connection)]);
        events[0].message.child(connection).unwrap().clone()
    }

    pub(crate) fn state(&self, connection: &str) -> String {
        let health = self.health(connection);
        health.get_str("state").unwrap().to_owned()
    }

    pub(crate) fn half_open(&self) -> usize {
        let stats = self.command("stats", &[]);
        stats.get_str("ikesas.half-open").unwrap().parse().unwrap()
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        let stats = self.command("stats", &[]);
        let path = format!("counters.{name}");
        stats.get_str(&path).unwrap().parse().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Twice, so that a test that failed does not wait for a drain.
        self.stop.stop();
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client that listens.
pub(crate) struct Listener {
    runtime: tokio::runtime::Runtime,
    client: Client<Box<dyn Stream>>,
}

impl Listener {
    /// The next event.
    pub(crate) fn next(&mut self) -> Event {
        let next = async { tokio::time::timeout(PATIENCE, self.client.next_event()).await };
        self.runtime.block_on(next).unwrap().unwrap()
    }
}

/// An IKE_SA as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sa {
    pub(crate) connection: String,
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) spis: (String, String),
    pub(crate) children: Vec<(String, String)>,
}

fn sas(vici: &std::path::Path) -> Vec<Sa> {
    let (events, _) = command(vici, "list-sas", &[]);
    events
        .iter()
        .flat_map(|event| event.message.sections())
        .map(|(name, sa)| {
            let text = |key| sa.get_str(key).unwrap_or_default().to_owned();
            Sa {
                connection: name.to_owned(),
                id: text("uniqueid"),
                state: text("state"),
                spis: (text("initiator-spi"), text("responder-spi")),
                children: sa
                    .child("child-sas")
                    .unwrap()
                    .sections()
                    .map(|(name, child)| {
                        (name.to_owned(), child.get_str("state").unwrap().to_owned())
                    })
                    .collect(),
            }
        })
        .collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Runs a command on the socket of an agent; its own events come back too.
fn command(
    vici: &std::path::Path,
    name: &str,
    arguments: &[(&str, &str)],
) -> (Vec<Event>, Message) {
    request_with_events(vici, name, arguments.iter().copied().collect())
}

fn request_with_events(
    vici: &std::path::Path,
    name: &str,
    request: Message,
) -> (Vec<Event>, Message) {
    runtime().block_on(async {
        let mut client = Client::connect(&Address::Unix(vici.to_owned()))
            .await
            .unwrap();
        let streams = [
            "list-sa",
            "list-conn",
            "list-policy",
            "health",
            "control-log",
        ];
        for event in streams {
            client.register(event).await.unwrap();
        }
        let response = client.request(name, request).await.unwrap();
        let mut events = Vec::new();
        // What was sent before the response has been read with it.
        while let Ok(Ok(event)) =
            tokio::time::timeout(Duration::from_millis(1), client.next_event()).await
        {
            events.push(event);
        }
        (events, response)
    })
}

/// Waits for something to become true.
pub(crate) fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

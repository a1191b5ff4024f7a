//! A storm of real clients: `swanctl --initiate` for a peer that is away, many at once, each killed
//! soon after it has connected.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    measure,
    sas::Daemon,
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION},
    vici::{Client, Message},
    wait,
};

/// How long a client lives once it is connected.
const LIFE: Duration = Duration::from_millis(100);
/// How long a client may take to get that far.
const START: Duration = Duration::from_secs(5);
/// A daemon that does not answer for this long is dead.
const SILENCE: Duration = Duration::from_secs(3);
/// Between two questions for `stats`.
const PAUSE: Duration = Duration::from_millis(5);

/// How hard it blows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    /// Clients that ask for the IKE_SA; as many ask for the child.
    pub(crate) of_each: usize,
    /// Clients that are there at once.
    pub(crate) at_once: usize,
}

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    pub(crate) threads: usize,
    pub(crate) resident_bytes: u64,
}

/// What the storm did to a daemon.
#[derive(Debug)]
pub(crate) struct Course {
    /// How many clients had begun when it last answered, if it ever ceased to.
    pub(crate) dead_after: Option<usize>,
    pub(crate) clients: usize,
    pub(crate) elapsed: Duration,
    /// How long each answer to `stats` took, connecting included.
    pub(crate) answers: Vec<Duration>,
    /// The most IKE_SAs that `stats` told of.
    pub(crate) ike_sas: usize,
    pub(crate) before: Footprint,
    pub(crate) after: Footprint,
}

impl Footprint {
    pub(crate) fn of(pid: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a live process");
        Self {
            threads: tasks.count(),
            resident_bytes: measure::resident_bytes(pid),
        }
    }
}

impl Course {
    /// The longest answer.
    pub(crate) fn slowest(&self) -> Duration {
        self.answers.iter().copied().max().unwrap_or_default()
    }

    /// Memory that the storm left behind, in bytes.
    pub(crate) fn growth(&self) -> u64 {
        (self.after.resident_bytes).saturating_sub(self.before.resident_bytes)
    }
}

/// What clients and the watch have in common.
struct Progress {
    begun: AtomicUsize,
    dead: AtomicBool,
    over: AtomicBool,
}

impl Storm {
    /// Lets it blow over a daemon with this process id, until it is over or the daemon is dead.
    pub(crate) fn over(self, daemon: &dyn Daemon, swanctl: &Swanctl, pid: u32) -> Course {
        let progress = Progress {
            begun: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
            over: AtomicBool::new(false),
        };
        let failures = Mutex::new(Vec::new());
        let socket = daemon.control_socket();
        let before = Footprint::of(pid);
        let start = Instant::now();
        let (elapsed, watched) = std::thread::scope(|scope| {
            let watch = scope.spawn(|| watch(socket, &progress));
            let clients: Vec<_> = (0..self.at_once)
                .map(|_| scope.spawn(|| self.client(swanctl, &progress, &failures)))
                .collect();
            for client in clients {
                client.join().expect("a client's thread");
            }
            let elapsed = start.elapsed();
            progress.over.store(true, Ordering::Relaxed);
            (elapsed, watch.join().expect("the watch"))
        });
        let failures = failures.into_inner().expect("nobody panicked");
        assert!(failures.is_empty(), "clients failed: {failures:?}");
        Course {
            dead_after: watched.dead_after,
            clients: progress.begun.into_inner(),
            elapsed,
            answers: watched.answers,
            ike_sas: watched.ike_sas,
            before,
            after: Footprint::of(pid),
        }
    }

    /// One client after the other, alternating between the IKE_SA and the child.
    fn client(self, swanctl: &Swanctl, progress: &Progress, failures: &Mutex<Vec<String>>) {
        while !progress.dead.load(Ordering::Relaxed) {
            let number = progress.begun.fetch_add(1, Ordering::Relaxed);
            if number >= 2 * self.of_each {
                progress.begun.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            let what = match number % 2 {
                0 => ["--initiate", "--ike", CONNECTION],
                _ => ["--initiate", "--child", CHILD],
            };
            if let Err(failure) = interrupted_client(swanctl, &what) {
                failures.lock().expect("nobody panicked").push(failure);
            }
        }
    }
}

/// A swanctl that is killed a while after it has connected. What it prints is not looked at.
fn interrupted_client(swanctl: &Swanctl, arguments: &[&str]) -> Result<(), String> {
    // Starting programs is work, too, and none of the daemon's: it must not wait for that.
    let swanctl = swanctl.command(arguments);
    let mut command = Command::new("nice");
    command
        .args(["-n", "19"])
        .arg(swanctl.get_program())
        .args(swanctl.get_args())
        .envs(
            swanctl
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let connected = wait::attempt(START, || has_socket(&child));
    std::thread::sleep(LIFE);
    child.kill().map_err(|error| error.to_string())?;
    let end = child.wait().map_err(|error| error.to_string())?;
    match connected {
        Some(()) => Ok(()),
        None => Err(format!("swanctl did not connect, and ended with {end}")),
    }
}

fn has_socket(child: &Child) -> Option<()> {
    let files = fs::read_dir(format!("/proc/{}/fd", child.id())).ok()?;
    let is_socket = |target: PathBuf| target.to_string_lossy().starts_with("socket:");
    files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(is_socket)
        .then_some(())
}

struct Watched {
    dead_after: Option<usize>,
    answers: Vec<Duration>,
    ike_sas: usize,
}

/// Asks for `stats` again and again, each time as a new client.
fn watch(socket: &Path, progress: &Progress) -> Watched {
    let mut watched = Watched {
        dead_after: None,
        answers: Vec::new(),
        ike_sas: 0,
    };
    let mut begun = 0;
    while !progress.over.load(Ordering::Relaxed) {
        let start = Instant::now();
        let Some(ike_sas) = ike_sas(socket) else {
            watched.dead_after = Some(begun);
            progress.dead.store(true, Ordering::Relaxed);
            return watched;
        };
        watched.answers.push(start.elapsed());
        watched.ike_sas = watched.ike_sas.max(ike_sas);
        begun = progress.begun.load(Ordering::Relaxed);
        std::thread::sleep(PAUSE);
    }
    watched
}

/// How many IKE_SAs `stats` tells of; `None` if there is no answer.
fn ike_sas(socket: &Path) -> Option<usize> {
    let mut client = Client::connect_within(socket, SILENCE).ok()?;
    let stats = client.request("stats", &Message::default()).ok()?;
    stats.section("ikesas")?.text("total")?.parse().ok()
}

//! The storm with the clients that operators have: thousands of `swanctl --initiate`, fifty at once,
//! each killed when it has waited for 100 ms, while the peer is away; then the peer comes back.
//!
//! `make storm` is the same with more clients, and beside charon.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    process::Process,
    sas::agreed_tunnel,
    storm::{Course, Storm},
    swanctl::Swanctl,
    topology::{CHILD, Pair, Tunnel},
    userland::Release,
    wait,
};

/// What one daemon did.
pub(crate) struct Outcome {
    pub(crate) course: Course,
    /// Between the return of the peer and the tunnel that both ends agree about.
    pub(crate) tunnel_after: Option<Duration>,
    /// Between SIGTERM and the end of the process.
    pub(crate) exit_after: Option<Duration>,
}

/// Enough to have threads, buffers and the first IKE_SA, which belong to the agent.
const BREEZE: Storm = Storm {
    of_each: 25,
    at_once: 50,
};
/// No answer to `stats` may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_millis(50);
/// Sends every second while the peer is away, so that its return is noticed soon, and gives up after
/// a hundred.
const STEADY: &str = "retransmit = { timeout = \"1s\", base = 1.0, tries = 100 }";
const EXIT: Duration = Duration::from_secs(20);

#[test]
fn alone_interrupted_swanctls_leave_no_trace() {
    let storm = Storm {
        of_each: 200,
        at_once: 50,
    };
    let outcome = over_holdfast(storm);
    let course = &outcome.course;
    println!("{outcome}");
    assert_eq!(course.dead_after, None, "it answers throughout");
    assert_eq!(course.clients, 2 * storm.of_each);
    assert!(
        course.slowest() <= PATIENCE,
        "stats took {:?}",
        course.slowest()
    );
    assert_eq!(course.ike_sas, 1, "never more than one IKE_SA");
    assert_eq!(course.after.threads, course.before.threads);
    assert!(
        course.growth() < 1 << 20,
        "memory grew by {}",
        course.growth()
    );
}

/// The storm over holdfast. The tunnel that comes up in the end is checked here: one IKE_SA and one
/// CHILD_SA at both ends.
pub(crate) fn over_holdfast(storm: Storm) -> Outcome {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    pair.silence_sun();
    let tunnel = Tunnel::default();
    let settings = holdfast::Settings {
        connection: STEADY.to_owned(),
        ..holdfast::Settings::default()
    };
    let mut agent = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let swanctl = Swanctl::new(Release::Bookworm, lab.directory(), &agent);
    let pid = agent.process().id();
    BREEZE.over(&agent, &swanctl, pid);
    let course = storm.over(&agent, &swanctl, pid);

    pair.wake_sun();
    let settings = charon::Settings::default();
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let back = Instant::now();
    wait::until("one tunnel", Duration::from_secs(15), || {
        agreed_tunnel(&agent, &charon, CHILD)
    });
    let tunnel_after = back.elapsed();
    wait::throughout("one tunnel", Duration::from_secs(2), || {
        agreed_tunnel(&agent, &charon, CHILD).is_some()
    });
    Outcome {
        course,
        tunnel_after: Some(tunnel_after),
        exit_after: exit(agent.process()),
    }
}

/// How long it takes to end after SIGTERM.
pub(crate) fn exit(process: &mut Process) -> Option<Duration> {
    process.signal(Signal::SIGTERM);
    process.wait(EXIT).map(|(_, time)| time)
}

impl Outcome {
    /// What it did, as a column of the table: the names of the rows are [`ROWS`].
    pub(crate) fn column(&self) -> [String; ROWS.len()] {
        let course = &self.course;
        let seconds = |time: Duration| format!("{:.1} s", time.as_secs_f64());
        let clients = match course.dead_after {
            None => format!("{}, in {}", course.clients, seconds(course.elapsed)),
            Some(number) => format!("dead after {number}"),
        };
        let milliseconds = course.slowest().as_secs_f64() * 1e3;
        let answers = match course.dead_after {
            None => format!(
                "{} answers, none over {milliseconds:.0} ms",
                course.answers.len()
            ),
            Some(_) => "no answer any more".to_owned(),
        };
        [
            clients,
            course.ike_sas.to_string(),
            answers,
            format!(
                "{} before, {} after",
                course.before.threads, course.after.threads
            ),
            format!("{} kB", course.growth() / 1024),
            self.tunnel_after.map_or_else(
                || "no".to_owned(),
                |time| format!("yes, after {}", seconds(time)),
            ),
            self.exit_after.map_or_else(
                || format!("still there after {} s", EXIT.as_secs()),
                |time| format!("{:.2} s", time.as_secs_f64()),
            ),
        ]
    }
}

/// What the rows of [`Outcome::column`] say.
pub(crate) const ROWS: [&str; 7] = [
    "`swanctl --initiate`, killed after 100 ms, 50 at once",
    "IKE_SAs, at most",
    "`stats` meanwhile",
    "threads",
    "memory growth",
    "one tunnel when the peer is back",
    "exit after SIGTERM",
];

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in ROWS.iter().zip(self.column()) {
            writeln!(f, "{name:56}{value}")?;
        }
        Ok(())
    }
}

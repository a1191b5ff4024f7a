//! The soak: holdfast and charon rekey at the same instants, again and again, over a cable that loses
//! and reorders, while pings pass. Nothing but the cable may lose one: packets are counted at every
//! station of a ping's way there and back, and what leaves one station must arrive at the next. No SA may
//! be there twice, memory and descriptors must stay as they are. `make soak` runs it for as long as is
//! asked.

use std::{
    collections::HashSet,
    fmt,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    lossy_cable::{LossyCable, Passage},
    measure::resident_bytes,
    overflows::{Device, Overflows},
    sas::{Daemon, IkeSa},
    topology::{CHILD, Family, Pair, Tunnel},
    traffic, wait,
};

const LOSS_PERCENT: u8 = 5;
/// Both ends rekey at these ages, without any randomness: they do it at the same time.
const IKE_SECONDS: u64 = 10;
const CHILD_SECONDS: u64 = 4;
/// The devices that the tunnel's packets pass.
const TUN: &str = "tun0";
const CHARONS_TUN: &str = "ipsec0";
/// Between two pings.
const PACE: Duration = Duration::from_millis(10);
/// How long two CHILD_SAs may stand side by side: a retransmitted deletion takes this long on a cable
/// that drops every twentieth message (4 s, then 7.2 s).
const OVERLAP: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(500);
/// Growth of resident memory after the first tenth of the time that counts as flat.
const GROWTH: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "a measurement for a machine at rest: make soak"]
fn alone_both_ends_rekey_over_a_bad_cable() {
    soak(Duration::from_secs(30));
}

/// The soak for this long; prints what was seen, and fails if it is not as it must be.
pub(crate) fn soak(time: Duration) {
    let lab = Lab::new();
    let mut cable = None;
    let pair = Pair::connected_by(&lab, |moon, sun| {
        cable = Some(LossyCable::lay(&lab, moon, sun, LOSS_PERCENT));
    });
    let cable = cable.expect("the cable has been laid");
    let (mut holdfast, charon) = start(&lab, &pair);
    let before = Stations::look(&pair, &cable);
    let pid = holdfast.process().id();

    let (seen, pings) = std::thread::scope(|scope| {
        let pings = scope.spawn(|| ping(&pair, time));
        let seen = watch(&holdfast, &charon, pid, time);
        (seen, pings.join().expect("ping's thread"))
    });

    let way = Way::between(&before, &Stations::look(&pair, &cable), pings);
    let log = holdfast.log();
    println!(
        "{} minutes, {LOSS_PERCENT} % loss each way, reordering",
        time.as_secs() / 60
    );
    println!("{}", rekeyings(&holdfast, &charon));
    println!("{way}");
    println!(
        "longest overlap of CHILD_SAs: {:.1} s",
        seen.overlap.as_secs_f64()
    );
    println!(
        "memory: {} kB after a tenth of the time, {} kB at the end, {} kB at most",
        seen.early.resident / 1024,
        seen.last.resident / 1024,
        seen.most / 1024
    );
    println!(
        "descriptors: {} after a tenth of the time, {} at the end",
        seen.early.descriptors, seen.last.descriptors
    );
    println!("holdfast's counters: {}", holdfast.troubles());
    if let Some(complaint) = way.unexplained() {
        panic!("{complaint}\n{}", charon.process_log());
    }
    assert!(seen.overlap < OVERLAP, "SAs are there twice");
    assert!(
        seen.last.resident < seen.early.resident + GROWTH,
        "memory grows"
    );
    assert!(
        seen.last.descriptors <= seen.early.descriptors,
        "descriptors pile up"
    );
    for words in ["closed:", "panicked", "not established"] {
        assert!(!log.contains(words), "`{words}` in the log:\n{log}");
    }
    wait::until(
        "exactly one tunnel, the same at both ends",
        PATIENCE,
        || {
            let (here, there) = (settled(&holdfast)?, settled(&charon)?);
            (here.initiator_spi == there.initiator_spi
                && here.children[0].spi_in == there.children[0].spi_out)
                .then_some(())
        },
    );
    println!("one tunnel at the end, the same at both ends");
}

/// How many packets have been seen at each station of a ping's way.
struct Stations {
    moon: Device,
    cable: Passage,
    sun: Device,
    overflows: Overflows,
}

impl Stations {
    fn look(pair: &Pair, cable: &LossyCable) -> Self {
        let [moon, sun] = [&pair.moon.namespace, &pair.sun.namespace];
        Self {
            moon: Device::at(moon, TUN),
            cable: cable.passage(),
            sun: Device::at(sun, CHARONS_TUN),
            overflows: Overflows::at(moon) + cable.overflows() + Overflows::at(sun),
        }
    }
}

/// What has come to each station between two looks, in the order of a ping's way. What a station has
/// beside pings is the kernel's multicast on its way into a tunnel, which is why that is not counted.
struct Way {
    counts: [(&'static str, u64); 8],
    /// ESP that the cable has dropped on the way to these.
    dropped: [(&'static str, u64); 2],
    ike: u64,
    overflows: Overflows,
}

/// Stations whose packets have come over the cable.
const CARRIED_THERE: &str = "carried to charon";
const CARRIED_BACK: &str = "carried to holdfast";

impl Way {
    fn between(before: &Stations, after: &Stations, (sent, answered): (u64, u64)) -> Self {
        let since = |count: fn(&Stations) -> u64| count(after) - count(before);
        Self {
            counts: [
                ("pings sent", sent),
                (
                    "brought to the cable by holdfast",
                    since(|at| at.cable.there.passed + at.cable.there.dropped),
                ),
                (CARRIED_THERE, since(|at| at.cable.there.passed)),
                ("delivered by charon", since(|at| at.sun.received)),
                (
                    "brought to the cable by charon",
                    since(|at| at.cable.back.passed + at.cable.back.dropped),
                ),
                (CARRIED_BACK, since(|at| at.cable.back.passed)),
                ("delivered by holdfast", since(|at| at.moon.received)),
                ("pings answered", answered),
            ],
            dropped: [
                (CARRIED_THERE, since(|at| at.cable.there.dropped)),
                (CARRIED_BACK, since(|at| at.cable.back.dropped)),
            ],
            ike: since(|at| at.cable.ike),
            overflows: after.overflows.since(&before.overflows),
        }
    }

    /// The first station that has not what the one before had, but for what the cable dropped.
    fn unexplained(&self) -> Option<String> {
        self.counts.windows(2).find_map(|pair| {
            let [(from, before), (to, after)] = pair else {
                return None;
            };
            let dropped = self.dropped.iter().find(|(station, _)| station == to);
            let dropped = dropped.map_or(0, |(_, count)| *count);
            (before - dropped != *after).then(|| {
                format!("{before} {from}, {dropped} dropped by the cable, but {after} {to}")
            })
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.counts {
            writeln!(f, "{count:>8} {what}")?;
        }
        let [there, back] = self.dropped.map(|(_, count)| count);
        let (sent, answered) = (self.counts[0].1, self.counts[7].1);
        writeln!(
            f,
            "pings lost: {}; ESP dropped by the cable: {there} there, {back} back, {} together",
            sent - answered,
            there + back
        )?;
        writeln!(f, "messages of IKE dropped by the cable: {}", self.ike)?;
        write!(f, "dropped from full queues: {}", self.overflows)
    }
}

/// How often each end has renewed what, as the two count it.
fn rekeyings(holdfast: &Holdfast, charon: &Charon) -> String {
    let (ours, theirs) = (holdfast.log(), charon.process_log());
    let collisions = |kind: &str| {
        let words = format!("detected {kind} collision with {kind}");
        theirs.matches(&words).count()
    };
    format!(
        "rekeyed: the IKE_SA {} times, its CHILD_SA {} times ({})\n\
         collisions that charon saw: {} of the IKE_SA, {} of the CHILD_SA; redundant ones closed: {}",
        ours.matches("IKE_SA gw[1] rekeyed").count(),
        ours.matches("CHILD_SA net rekeyed").count(),
        holdfast.counters(&REKEYINGS),
        collisions("IKE_REKEY"),
        collisions("CHILD_REKEY"),
        theirs.matches("redundant").count(),
    )
}

/// Who asked whom.
const REKEYINGS: [&str; 4] = [
    "ike-rekey-init",
    "ike-rekey-resp",
    "create-child-out-req",
    "create-child-in-req",
];

fn start(lab: &Lab, pair: &Pair) -> (Holdfast, Charon) {
    let tunnel = Tunnel {
        esp_proposals: "aes256gcm16-x25519",
        ..Tunnel::default()
    };
    let settings = charon::Settings {
        connection: format!("rekey_time = {IKE_SECONDS}s\n over_time = 1h\n rand_time = 0"),
        child: format!("rekey_time = {CHILD_SECONDS}s\n life_time = 1h\n rand_time = 0"),
        ..charon::Settings::default()
    };
    let charon = Charon::with_tunnel(lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let settings = holdfast::Settings {
        agent: format!("dataplane = \"userspace\"\ntun = {{ name = \"{TUN}\" }}"),
        connection: format!(
            "rekey_time = \"{IKE_SECONDS}s\"\nover_time = \"1h\"\nrand_time = \"0s\""
        ),
        child: format!("rekey_time = \"{CHILD_SECONDS}s\"\nlife_time = \"1h\"\nrand_time = \"0s\""),
    };
    let holdfast = Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &tunnel, &settings);
    holdfast
        .initiate(CHILD, PATIENCE)
        .expect("the tunnel comes up");
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
    (holdfast, charon)
}

/// Pings all the time: how many, and how many were answered.
fn ping(pair: &Pair, time: Duration) -> (u64, u64) {
    let sent = u64::try_from(time.as_millis() / PACE.as_millis()).expect("a count");
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    let output = pair
        .moon
        .namespace
        .command("ping")
        .args(["-n", "-i", &PACE.as_secs_f64().to_string(), "-W", "5"])
        .args([
            "-c",
            &sent.to_string(),
            "-I",
            &here.to_string(),
            &there.to_string(),
        ])
        .stderr(Stdio::inherit())
        .output()
        .expect("ping runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let answered: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once("icmp_seq=")?.1.split(' ').next())
        .collect();
    (sent, answered.len() as u64)
}

/// What was seen while the pings passed.
struct Seen {
    overlap: Duration,
    early: Usage,
    last: Usage,
    most: u64,
}

/// What holdfast takes.
#[derive(Clone, Copy, Default)]
struct Usage {
    resident: u64,
    descriptors: usize,
}

impl Usage {
    fn of(pid: u32) -> Self {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
        Self {
            resident: resident_bytes(pid),
            descriptors: descriptors.count(),
        }
    }
}

fn watch(holdfast: &Holdfast, charon: &Charon, pid: u32, time: Duration) -> Seen {
    let start = Instant::now();
    let mut single = [start; 2];
    let mut overlap = Duration::ZERO;
    let (mut early, mut most) = (Usage::default(), 0);
    while start.elapsed() < time {
        for (daemon, single) in [holdfast as &dyn Daemon, charon]
            .into_iter()
            .zip(&mut single)
        {
            if daemon.try_sas().is_ok_and(|sas| live(&sas) <= 1) {
                *single = Instant::now();
            }
            overlap = overlap.max(single.elapsed());
        }
        let usage = Usage::of(pid);
        if start.elapsed() < time / 10 {
            early = usage;
        }
        most = most.max(usage.resident);
        std::thread::sleep(LOOK);
    }
    Seen {
        overlap,
        early,
        last: Usage::of(pid),
        most,
    }
}

/// CHILD_SAs that are neither replaced nor on their way out.
fn live(sas: &[IkeSa]) -> usize {
    let children = sas.iter().flat_map(|sa| &sa.children);
    children.filter(|child| child.state == "INSTALLED").count()
}

/// The one IKE_SA with the one CHILD_SA, if nothing else is there.
fn settled(daemon: &dyn Daemon) -> Option<IkeSa> {
    let mut sas = daemon.try_sas().ok()?;
    sas.retain(|sa| sa.state == "ESTABLISHED");
    let [sa] = sas.as_mut_slice() else {
        return None;
    };
    sa.children.retain(|child| child.state == "INSTALLED");
    (sa.children.len() == 1).then(|| sa.clone())
}

//! The soak: holdfast and charon rekey at the same instants, again and again, over a cable that loses
//! and reorders, while pings pass. Packets are counted at every station of a ping's way there and back,
//! and what leaves one station must arrive at the next: nothing is lost but by the cable, and what charon
//! loses between its own stations, as it does with its like. No SA may be there twice, memory and
//! descriptors must stay as they are. `make soak` runs it for as long as is asked.

#[path = "soak/way.rs"]
mod way;

use std::time::{Duration, Instant};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    lossy_cable::LossyCable,
    measure::resident_bytes,
    sas::{Daemon, IkeSa},
    topology::{CHILD, Family, Gateway, Pair, Tunnel},
    traffic, wait,
};

use way::{CHARONS_TUN, Stations, Way, ping};

const LOSS_PERCENT: u8 = 5;
/// Both ends rekey at these ages, without any randomness: they do it at the same time.
const IKE_SECONDS: u64 = 10;
const CHILD_SECONDS: u64 = 4;
/// Our device, which the tunnel's packets pass.
const TUN: &str = "tun0";
/// How long two CHILD_SAs may stand side by side: a retransmitted deletion takes this long on a cable
/// that drops every twentieth message (4 s, then 7.2 s).
const OVERLAP: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(500);
/// Growth of resident memory after the first tenth of the time that counts as flat.
const GROWTH: u64 = 1 << 20;
/// charon loses some packets by itself when rekeyings collide and messages are lost: between two of it
/// these are up to one in 250 (`control`). More than one in a hundred would be our doing.
const CHARONS_SHARE: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
#[ignore = "a measurement for a machine at rest: make soak"]
fn alone_both_ends_rekey_over_a_bad_cable() {
    soak(Duration::from_secs(30));
}

#[test]
#[ignore = "a measurement for a machine at rest: make soak"]
fn alone_charon_at_both_ends() {
    control(Duration::from_secs(30));
}

/// The soak for this long; prints what was seen, and fails if it is not as it must be.
pub(crate) fn soak(time: Duration) {
    let lab = Lab::new();
    let (pair, cable) = over_a_bad_cable(&lab);
    let charon = charon_at(&lab, &pair.sun, &pair.moon);
    let mut holdfast = holdfast_at_moon(&lab, &pair);
    holdfast
        .initiate(CHILD, PATIENCE)
        .expect("the tunnel comes up");
    wait_for_answer(&pair);
    let before = Stations::look(&pair, TUN, &cable);
    let pid = holdfast.process().id();

    let (seen, pings) = std::thread::scope(|scope| {
        let pings = scope.spawn(|| ping(&pair, time));
        let seen = watch(&holdfast, &charon, pid, time);
        (seen, pings.join().expect("ping's thread"))
    });

    let way = Way::between(&before, &Stations::look(&pair, TUN, &cable), pings);
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
    if let Some(loss) = way.lost_elsewhere() {
        panic!("{loss}\n{}", charon.process_log());
    }
    assert!(
        way.lost_in_sun() <= pings.0 / CHARONS_SHARE,
        "charon loses more than it does with its like:\n{}",
        charon.process_log()
    );
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

/// How often each end has renewed what, as the two count it.
fn rekeyings(holdfast: &Holdfast, charon: &Charon) -> String {
    let ours = holdfast.log();
    format!(
        "rekeyed: the IKE_SA {} times, its CHILD_SA {} times ({})\n{}",
        ours.matches("IKE_SA gw[1] rekeyed").count(),
        ours.matches("CHILD_SA net rekeyed").count(),
        holdfast.counters(&REKEYINGS),
        collisions(&charon.process_log()),
    )
}

/// What a charon has met.
fn collisions(log: &str) -> String {
    let collisions = |kind: &str| {
        let words = format!("detected {kind} collision with {kind}");
        log.matches(&words).count()
    };
    format!(
        "collisions that charon saw: {} of the IKE_SA, {} of the CHILD_SA; redundant ones closed: {}",
        collisions("IKE_REKEY"),
        collisions("CHILD_REKEY"),
        log.matches("redundant").count(),
    )
}

/// Who asked whom.
const REKEYINGS: [&str; 4] = [
    "ike-rekey-init",
    "ike-rekey-resp",
    "create-child-out-req",
    "create-child-in-req",
];

/// The same with charon at both ends: what charon loses by itself. Says so, and demands nothing.
pub(crate) fn control(time: Duration) {
    let lab = Lab::new();
    let (pair, cable) = over_a_bad_cable(&lab);
    let sun = charon_at(&lab, &pair.sun, &pair.moon);
    let moon = charon_at(&lab, &pair.moon, &pair.sun);
    moon.swanctl(&["--initiate", "--child", CHILD, "--timeout", "20"]);
    wait_for_answer(&pair);
    let before = Stations::look(&pair, CHARONS_TUN, &cable);
    let pings = ping(&pair, time);
    let way = Way::between(&before, &Stations::look(&pair, CHARONS_TUN, &cable), pings);
    println!("charon at both ends, {} minutes", time.as_secs() / 60);
    for (end, charon) in [("moon", &moon), ("sun", &sun)] {
        println!("the {end}: {}", collisions(&charon.process_log()));
    }
    println!("{way}");
    if let Some(loss) = way.lost_elsewhere() {
        println!("{loss}");
    }
}

fn over_a_bad_cable(lab: &Lab) -> (Pair, LossyCable) {
    let mut cable = None;
    let pair = Pair::connected_by(lab, |moon, sun| {
        cable = Some(LossyCable::lay(lab, moon, sun, LOSS_PERCENT));
    });
    (pair, cable.expect("the cable has been laid"))
}

fn tunnel() -> Tunnel {
    Tunnel {
        esp_proposals: "aes256gcm16-x25519",
        ..Tunnel::default()
    }
}

fn charon_at(lab: &Lab, here: &Gateway, there: &Gateway) -> Charon {
    let settings = charon::Settings {
        connection: format!("rekey_time = {IKE_SECONDS}s\n over_time = 1h\n rand_time = 0"),
        child: format!("rekey_time = {CHILD_SECONDS}s\n life_time = 1h\n rand_time = 0"),
        ..charon::Settings::default()
    };
    Charon::with_tunnel(lab, here, there, &tunnel(), &settings)
}

fn holdfast_at_moon(lab: &Lab, pair: &Pair) -> Holdfast {
    let settings = holdfast::Settings {
        agent: format!("dataplane = \"userspace\"\ntun = {{ name = \"{TUN}\" }}"),
        connection: format!(
            "rekey_time = \"{IKE_SECONDS}s\"\nover_time = \"1h\"\nrand_time = \"0s\""
        ),
        child: format!("rekey_time = \"{CHILD_SECONDS}s\"\nlife_time = \"1h\"\nrand_time = \"0s\""),
    };
    Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &tunnel(), &settings)
}

fn wait_for_answer(pair: &Pair) {
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
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

//! Many persistent connections to a peer that is silent: what that costs the machine and the wire, and
//! how soon all are up when the peer appears. `make silence` runs it for as long as is asked.

use std::time::{Duration, Instant};

use crate::lab::{
    Lab, fleet,
    holdfast::Holdfast,
    measure::processor_time,
    sas::Daemon,
    topology::{Pair, WIRE},
    wait,
};

const USERSPACE: &str = "dataplane = \"userspace\"";

/// Handshake packets that a silent peer may be sent in an hour, by each connection.
const BUDGET: u32 = 60;

/// How soon all are up once the peer is there.
const RETURN: Duration = Duration::from_secs(10);

/// The steps of the histogram.
const STEP: Duration = Duration::from_millis(100);

/// At the start 20 attempts begin in each step, and those that were begun together are sent again
/// together. Later waves meet, and a machine that has other things to do delays some packets into the
/// next step.
const BURST: usize = 60;

/// What is expected of the machine.
pub(crate) struct Terms {
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    /// Of one core.
    pub(crate) percent: f64,
    pub(crate) back_within: Duration,
}

#[test]
fn alone_many_connections_wait_for_a_silent_peer() {
    silence(&Terms {
        connections: 200,
        time: Duration::from_secs(30),
        // The program is not optimised here, and the start is in it.
        percent: 20.0,
        back_within: RETURN * 2,
    });
}

/// Prints what was seen, and fails if it is not as it must be.
pub(crate) fn silence(terms: &Terms) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    pair.silence_sun();
    let capture = crate::lab::capture::Capture::start(
        &lab,
        &pair.moon.namespace,
        WIRE,
        "udp port 500 or udp port 4500",
    );
    let lines = format!("persistent = true\nreconnect = {{ budget = {BUDGET} }}");
    let tables = fleet::starter_tables(&pair, terms.connections, &lines);
    let mut moon = Holdfast::start(&lab, &pair.moon.namespace, USERSPACE, &tables);
    let pid = moon.process().id();
    let (began, before) = (Instant::now(), processor_time(pid));
    std::thread::sleep(terms.time);
    let (passed, used) = (began.elapsed(), processor_time(pid).saturating_sub(before));
    let percent = used.as_secs_f64() / passed.as_secs_f64() * 100.0;
    let packets = capture.stop();

    // The peer appears: another holdfast, which waits to be called.
    let agent = fleet::no_limits("userspace");
    let _sun = Holdfast::start(
        &lab,
        &pair.sun.namespace,
        &agent,
        &fleet::waiter_tables(&pair),
    );
    let appeared = Instant::now();
    pair.wake_sun();
    let mut established = Vec::new();
    wait::until("every connection is up", RETURN * 6, || {
        let sas = moon.sas();
        let up = sas.iter().filter(|sa| sa.state == "ESTABLISHED").count();
        established.push((appeared.elapsed(), up));
        (up >= terms.connections).then_some(())
    });
    let back = appeared.elapsed();

    let sent = moments(&packets.fields("udp", &["frame.time_epoch"]));
    let seconds = passed.as_secs();
    let histogram = histogram(&sent, passed);
    let busiest = histogram.iter().copied().max().unwrap_or(0);
    println!(
        "{} connections, {seconds} s of silence: {percent:.2} % of a core, {} packets",
        terms.connections,
        sent.len()
    );
    println!(
        "packets in 100 ms: {:.1} on average, {busiest} at most",
        number(sent.len()) / number(histogram.len())
    );
    print(&histogram);
    for (at, up) in established.iter().step_by(established.len().div_ceil(8)) {
        println!(
            "{:>6.1} s after the peer appeared: {up} up",
            at.as_secs_f64()
        );
    }
    println!("all up after {:.1} s", back.as_secs_f64());

    assert!(
        percent < terms.percent,
        "{percent:.2} % of a core, {} % is the limit",
        terms.percent
    );
    // Half of it may have been saved up, the other half comes with the time.
    let share = f64::from(BUDGET) / 2.0 * (1.0 + passed.as_secs_f64() / 3600.0);
    let each = number(sent.len()) / number(terms.connections);
    assert!(
        each <= share,
        "{each:.1} packets of each connection, {share:.1} is the limit"
    );
    assert!(
        sent.len() >= terms.connections,
        "every connection has tried: {}",
        sent.len()
    );
    assert!(
        busiest <= BURST,
        "{busiest} packets in 100 ms, {BURST} is the limit"
    );
    assert!(
        back < terms.back_within,
        "all were up only after {back:?}, {:?} is the limit",
        terms.back_within
    );
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// When packets left, after the first one.
fn moments(rows: &[Vec<String>]) -> Vec<Duration> {
    let times: Vec<Duration> = rows
        .iter()
        .filter_map(|row| Duration::try_from_secs_f64(row.first()?.parse().ok()?).ok())
        .collect();
    let first = times.iter().copied().min().unwrap_or_default();
    times
        .into_iter()
        .map(|time| time.saturating_sub(first))
        .collect()
}

/// How many packets left in each step.
fn histogram(sent: &[Duration], time: Duration) -> Vec<usize> {
    let step = |moment: Duration| moment.as_millis() / STEP.as_millis();
    let last = step(time);
    let mut histogram = vec![0; usize::try_from(last).expect("not for ever") + 1];
    for moment in sent {
        let step = usize::try_from(step(*moment)).expect("not for ever");
        // What left while the capture was being stopped is in no step.
        if let Some(count) = histogram.get_mut(step) {
            *count += 1;
        }
    }
    histogram
}

/// One line for each of at most sixty slices of the time, with the busiest step of each.
fn print(histogram: &[usize]) {
    let width = histogram.len().div_ceil(60);
    let seconds = STEP.as_secs_f64() * number(width);
    println!("packets in the busiest 100 ms of each {seconds:.1} s:");
    for (slice, steps) in histogram.chunks(width).enumerate() {
        let busiest = steps.iter().copied().max().unwrap_or(0);
        let bar = "#".repeat(busiest);
        println!("{:>7.1} s {busiest:>3} {bar}", number(slice) * seconds);
    }
}

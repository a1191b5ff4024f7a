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

/// Attempts that begin in one second at the start, and thus packets of one second at any time: those
/// that were begun together are sent again together.
const BURST: usize = 250;

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
    let seconds = usize::try_from(passed.as_secs()).expect("not for ever");
    let histogram = per_second(&sent, seconds);
    let busiest = histogram.iter().copied().max().unwrap_or(0);
    println!(
        "{} connections, {seconds} s of silence: {percent:.2} % of a core, {} packets",
        terms.connections,
        sent.len()
    );
    println!(
        "packets a second: {:.1} on average, {busiest} at most",
        rate(sent.len(), passed)
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
    let budget = terms.connections * BUDGET as usize;
    assert!(sent.len() <= budget, "{} packets of {budget}", sent.len());
    assert!(
        sent.len() >= terms.connections,
        "every connection has tried: {}",
        sent.len()
    );
    assert!(
        busiest <= BURST,
        "{busiest} packets in one second, {BURST} is the limit"
    );
    assert!(
        back < terms.back_within,
        "all were up only after {back:?}, {:?} is the limit",
        terms.back_within
    );
}

/// Events a second.
fn rate(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
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

fn per_second(sent: &[Duration], seconds: usize) -> Vec<usize> {
    let mut histogram = vec![0; seconds + 1];
    for moment in sent {
        let second = usize::try_from(moment.as_secs()).unwrap_or(seconds);
        histogram[second.min(seconds)] += 1;
    }
    histogram
}

/// One line for each of at most sixty slices of the time, with the busiest second of each.
fn print(histogram: &[usize]) {
    let width = histogram.len().div_ceil(60);
    println!("busiest second of each {width} s:");
    for (slice, seconds) in histogram.chunks(width).enumerate() {
        let busiest = seconds.iter().copied().max().unwrap_or(0);
        let bar = "#".repeat(busiest.div_ceil(4));
        println!("{:>5} s {busiest:>4} {bar}", slice * width);
    }
}

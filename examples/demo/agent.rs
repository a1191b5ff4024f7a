//! One end: the agent with a host behind it. Orders for the host come line by line on standard
//! input (`ping ADDRESS COUNT INTERVAL_US PATIENCE_MS`), results go to standard output
//! (`SENT ANSWERED MEDIAN_US`).

use std::{
    io::{BufRead, Write},
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::getpid,
};

use crate::{Failure, host::Host};

/// Runs until the agent ends.
pub(crate) fn run(file: &str, address: &str) -> Result<(), Failure> {
    let host = Arc::new(Host::new(address.parse()?));
    let loaded = holdfast_config::load(Path::new(file)).map_err(|error| error.to_string())?;
    {
        let host = host.clone();
        thread::spawn(move || {
            obey(&host).ok();
            // Whoever gives the orders is gone.
            kill(getpid(), Signal::SIGTERM).ok();
        });
    }
    holdfast_actors::run(holdfast_actors::Options {
        loaded,
        config_path: file.into(),
        device: Some(host),
    })?;
    Ok(())
}

fn obey(host: &Host) -> Result<(), Failure> {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ').skip(1);
        let mut word = || words.next().ok_or("an order of four words");
        let to: Ipv4Addr = word()?.parse()?;
        let count = word()?.parse()?;
        let interval = Duration::from_micros(word()?.parse()?);
        let patience = Duration::from_millis(word()?.parse()?);
        let mut pings = host.ping(to, count, interval, patience);
        pings.round_trips.sort_unstable();
        let answered = pings.round_trips.len();
        let median = pings
            .round_trips
            .get(answered / 2)
            .map_or(0, Duration::as_micros);
        let mut output = std::io::stdout().lock();
        writeln!(output, "{} {answered} {median}", pings.sent)?;
        output.flush()?;
    }
    Ok(())
}

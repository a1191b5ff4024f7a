//! What the demo shows, in order, with live figures.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Failure,
    configuration::{self, Ports},
    control::Control,
    end::End,
};

const INITIATES: usize = 10_000;
const PINGS: usize = 1_000;
const GATEWAYS_HOST: &str = "10.1.0.1";
const PEERS_HOST: &str = "10.2.0.1";
const CHILD: &str = "net";
/// Longest wait for anything that must come by itself.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) fn tell() -> Result<(), Failure> {
    let start = Instant::now();
    let directory = tempfile::Builder::new()
        .prefix("holdfast-demo-")
        .tempdir()?;
    configuration::write_secret(directory.path())?;
    let gateway = ("gateway", Ports::free()?, "10.1.0.0/16");
    let peer = ("peer", Ports::free()?, "10.2.0.0/16");
    let gateways_files = configuration::write(directory.path(), gateway, peer, true)?;
    let peers_files = configuration::write(directory.path(), peer, gateway, false)?;

    step("A gateway with a persistent tunnel; its peer is not there.");
    let mut gateway = End::start(&gateways_files, GATEWAYS_HOST)?;
    let (state, reason) = until("the gateway says why it is not up", || {
        let (state, reason) = gateway.control.health("peer")?;
        Ok((!reason.is_empty()).then_some((state, reason)))
    })?;
    say(&format!("status: {state}, \"{reason}\""));

    storm(&gateway, gateways_files.socket)?;

    step("The peer starts.");
    let begin = Instant::now();
    let peer = End::start(&peers_files, PEERS_HOST)?;
    wait_for_tunnel(&gateway)?;
    say(&format!(
        "tunnel up {} after the peer was started",
        seconds(begin)
    ));
    pings(&mut gateway)?;

    step("The peer is killed (SIGKILL), and comes back with no memory of the tunnel.");
    peer.crash()?;
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    let peer = End::start(&peers_files, PEERS_HOST)?;
    until("pings come back", || {
        let pings = gateway.ping(PEERS_HOST, 1, Duration::ZERO, Duration::from_millis(50))?;
        Ok((pings.answered == 1).then_some(()))
    })?;
    say(&format!(
        "nobody did anything; pings again {} after the restart",
        seconds(begin)
    ));
    wait_for_tunnel(&gateway)?;
    say(&format!(
        "IKE_SAs: {} here, {} there",
        gateway.control.ike_sas()?.len(),
        peer.control.ike_sas()?.len()
    ));

    step("SIGTERM to the gateway.");
    let time = gateway.terminate()?;
    let left = until("the peer lets go", || {
        let left = peer.control.ike_sas()?.len();
        Ok((left == 0).then_some(left))
    })?;
    say(&format!(
        "drained and gone in {:.0} ms; IKE_SAs left at the peer: {left}",
        time.as_secs_f64() * 1e3
    ));
    peer.terminate()?;
    println!("\nThat was all of it, in {}.", seconds(start));
    Ok(())
}

/// Ten thousand clients ask for the tunnel and hang up, as fast as they can.
fn storm(gateway: &End, socket: std::path::PathBuf) -> Result<(), Failure> {
    step(&format!(
        "{INITIATES} clients ask for the tunnel at full speed and hang up at once."
    ));
    let before = gateway.memory()?;
    let watcher = Control::new(socket)?;
    let over = AtomicBool::new(false);
    let (elapsed, mut latencies) = thread::scope(|scope| -> Result<_, Failure> {
        let watch = scope.spawn(|| -> Result<Vec<Duration>, Failure> {
            let mut latencies = Vec::new();
            while !over.load(Ordering::Relaxed) {
                latencies.push(watcher.stats()?);
            }
            Ok(latencies)
        });
        let begin = Instant::now();
        let sent = (0..INITIATES).try_for_each(|_| gateway.control.drop_one_initiate(CHILD));
        let answered = gateway.control.stats();
        over.store(true, Ordering::Relaxed);
        let latencies = watch.join().map_err(|_| "the watcher failed")??;
        sent?;
        answered?;
        Ok((begin.elapsed(), latencies))
    })?;
    latencies.sort_unstable();
    let p99 = latencies[(latencies.len() * 99 / 100).min(latencies.len() - 1)];
    let sas = gateway.control.ike_sas()?;
    let connecting = sas.iter().filter(|sa| sa.state == "CONNECTING").count();
    say(&format!(
        "{INITIATES} initiates in {:.1} s",
        elapsed.as_secs_f64()
    ));
    say(&format!("IKE_SAs: {} ({connecting} connecting)", sas.len()));
    say(&format!(
        "status answered {} times meanwhile, p99 {:.1} ms",
        latencies.len(),
        p99.as_secs_f64() * 1e3
    ));
    let growth = gateway.memory()?.saturating_sub(before);
    say(&format!("memory grew by {growth} kB"));
    if sas.len() > 1 {
        return Err("more than one IKE_SA".into());
    }
    Ok(())
}

fn pings(gateway: &mut End) -> Result<(), Failure> {
    let pings = gateway.ping(
        PEERS_HOST,
        PINGS,
        Duration::from_millis(1),
        Duration::from_secs(2),
    )?;
    say(&format!(
        "{} pings through AES-256-GCM, {} answered, median round trip {} us",
        pings.sent,
        pings.answered,
        pings.median.as_micros()
    ));
    if pings.answered == pings.sent {
        Ok(())
    } else {
        Err("pings were lost".into())
    }
}

/// Waits until there is exactly one IKE_SA with exactly one CHILD_SA.
fn wait_for_tunnel(gateway: &End) -> Result<(), Failure> {
    until("exactly one tunnel", || {
        let sas = gateway.control.ike_sas()?;
        let up = matches!(sas.as_slice(), [sa] if sa.state == "ESTABLISHED" && sa.children_up == 1);
        Ok(up.then_some(()))
    })
}

fn until<T>(
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(format!("not seen within {PATIENCE:?}: {what}").into())
}

fn step(text: &str) {
    println!("\n== {text}");
}

fn say(text: &str) {
    println!("   {text}");
}

fn seconds(since: Instant) -> String {
    format!("{:.2} s", since.elapsed().as_secs_f64())
}

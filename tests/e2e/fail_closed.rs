//! A trapped network is never reached in the clear, whatever happens to the tunnel, the configuration
//! or the agent, under traffic that does not pause.

use std::{
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use nix::sys::signal::Signal;

use crate::lab::{
    Lab, Namespace,
    capture::Capture,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Family, Pair, Tunnel, WIRE},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(15);

/// Datagrams from one network to the other, one a millisecond.
struct Traffic {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

impl Traffic {
    fn start(pair: &Pair) -> Self {
        let (from, to) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
        let socket = pair
            .moon
            .namespace
            .enter(|| UdpSocket::bind((from, 0)).expect("a socket"));
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU32::new(0)),
        );
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // What is prohibited is told at once; it goes on all the same.
                let _ = socket.send_to(b"for you alone", (to, 9));
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        Self {
            stop,
            sent,
            thread: Some(thread),
        }
    }

    fn sent(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

struct Scene {
    _lab: Lab,
    pair: Pair,
    charon: Charon,
    holdfast: Holdfast,
    traffic: Traffic,
}

/// The connection under traffic that began before the agent did. Without the agent it would get
/// through: both ends have a route.
fn scene(connection: &str) -> Scene {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let via = pair.sun.outer(Family::V4).to_string();
    let network = pair.sun.network(Family::V4);
    let moon = &pair.moon.namespace;
    moon.ip(&["route", "add", &network, "via", &via]);
    let tunnel = Tunnel::default();
    let settings = charon::Settings::default();
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let before = clear(&lab, &pair);
    let traffic = Traffic::start(&pair);
    std::thread::sleep(Duration::from_millis(300));
    let leaked = before.stop().count("frame");
    assert!(leaked > 50, "what leaks is seen: {leaked}");
    let settings = holdfast::Settings {
        connection: format!("{connection}\n{}", holdfast::IMPATIENT),
        child: "start_action = \"trap\"".to_owned(),
        ..holdfast::Settings::default()
    };
    let tables = holdfast::tunnel_tables(&pair.moon, &pair.sun, &tunnel, &settings);
    let holdfast = Holdfast::launch(&lab, moon, &settings.agent, &tables);
    wait_for_trap(moon);
    // From the first moment of the trap on, while the agent is still starting.
    let start = clear(&lab, &pair);
    holdfast.wait_until_ready();
    let scene = Scene {
        pair,
        charon,
        holdfast,
        traffic,
        _lab: lab,
    };
    scene.wait_for_tunnel();
    let leaked = start.stop().count("frame");
    println!("agent start: {leaked} packets in the clear");
    assert_eq!(leaked, 0);
    scene
}

fn wait_for_trap(moon: &Namespace) {
    wait::until("the trap's route is there", PATIENCE, || {
        let routes = moon.ip(&["route", "show", "table", "all"]);
        routes.contains("10.2.0.0/16 dev holdfast0").then_some(())
    });
}

/// What is on the wire between the networks themselves, unprotected.
fn clear(lab: &Lab, pair: &Pair) -> Capture {
    let filter = "net 10.1.0.0/16 or net 10.2.0.0/16";
    Capture::start(lab, &pair.sun.namespace, WIRE, filter)
}

impl Scene {
    fn wait_for_tunnel(&self) {
        wait::until("the tunnel is up", PATIENCE, || {
            agreed_tunnel(&self.holdfast, &self.charon, CHILD)
        });
    }

    /// Nothing leaves in the clear while this happens.
    fn during(&mut self, what: &str, happens: impl FnOnce(&mut Self)) {
        let capture = clear(&self._lab, &self.pair);
        let before = self.traffic.sent();
        happens(self);
        wait::until("traffic goes on", PATIENCE, || {
            (self.traffic.sent() - before > 300).then_some(())
        });
        let sent = self.traffic.sent() - before;
        let leaked = capture.stop().count("frame");
        println!("{what}: {leaked} of {sent} packets in the clear");
        assert_eq!(leaked, 0, "{what}");
    }

    fn rewrite(&self, change: impl FnOnce(String) -> String) {
        let file = self.holdfast.directory().join("holdfast.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration");
        std::fs::write(&file, change(text)).expect("the configuration is written");
        let reloaded = self.holdfast.cli(&["reload"]);
        assert!(reloaded.status.success(), "{reloaded:?}");
    }

    fn command(&self, command: &str, arguments: &[(&str, &str)]) {
        self.holdfast
            .command(command, arguments)
            .unwrap_or_else(|error| panic!("{command}: {error:?}"));
    }
}

#[test]
fn fail_closed_while_tunnels_and_configuration_change() {
    let mut scene = scene("");
    scene.during("the child is configured anew", |scene| {
        let line = "start_action = \"trap\"";
        scene.rewrite(|text| text.replace(line, &format!("{line}\nrekey_time = \"50m\"")));
        scene.wait_for_tunnel();
    });
    scene.during("the connection is negotiated anew", |scene| {
        scene.rewrite(|text| text.replace("dpd_delay", "mobike = false\ndpd_delay"));
        scene.wait_for_tunnel();
    });
    scene.during("the IKE_SA is replaced", |scene| {
        let before = scene.holdfast.sas()[0].initiator_spi.clone();
        scene.command("rekey", &[("ike", CONNECTION), ("reauth", "yes")]);
        wait::until("another IKE_SA", PATIENCE, || {
            let sa = agreed_tunnel(&scene.holdfast, &scene.charon, CHILD)?;
            (sa.initiator_spi != before).then_some(())
        });
    });
    scene.during(
        "an operator takes it down and traffic brings it up",
        |scene| {
            for _ in 0..5 {
                scene.command("terminate", &[("ike", CONNECTION)]);
                scene.wait_for_tunnel();
            }
        },
    );
    scene.during("the peer dies and comes back", |scene| {
        scene.charon.process().kill();
        std::thread::sleep(Duration::from_secs(4));
        scene.charon.crash_and_restart();
        scene.wait_for_tunnel();
    });
}

#[test]
fn fail_closed_while_the_agent_is_killed_or_loses_its_device() {
    let mut scene = scene("");
    scene.during("the agent is killed and started again", |scene| {
        scene.holdfast.process().signal(Signal::SIGKILL);
        std::thread::sleep(Duration::from_secs(2));
        scene.holdfast.relaunch();
        scene.wait_for_tunnel();
        // Longer than what a former run has left is kept for.
        std::thread::sleep(Duration::from_secs(11));
    });
    scene.during("somebody deletes its device", |scene| {
        let moon = &scene.pair.moon.namespace;
        moon.ip(&["link", "del", "holdfast0"]);
        scene.holdfast.process().wait(PATIENCE).expect("it ends");
        std::thread::sleep(Duration::from_secs(1));
        scene.holdfast.relaunch();
        scene.wait_for_tunnel();
    });
    // In order it takes everything away.
    scene.holdfast.process().signal(Signal::SIGTERM);
    scene.holdfast.process().wait(PATIENCE).expect("it ends");
    let moon = &scene.pair.moon.namespace;
    let routes = moon.ip(&["route", "show", "table", "all"]);
    assert!(!routes.contains("table 50"), "{routes}");
    assert!(!moon.ip(&["rule"]).contains("lookup 50"));
}

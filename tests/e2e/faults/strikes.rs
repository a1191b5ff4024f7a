//! What happens.

use std::{
    fs,
    net::UdpSocket,
    sync::Barrier,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use nix::sys::signal::Signal;

use super::{
    CAP, Fault,
    scene::{Peer, Scene, Settings, let_through, persistent, readdress, swallow},
};
use crate::lab::{
    capture::Capture,
    charon,
    sas::Daemon,
    topology::{CONNECTION, Family, Tunnel, WIRE},
    vici::Message,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);
/// Where the peer may be, and where its name leads to.
const PLACES: [&str; 2] = ["192.0.2.2", "192.0.2.12"];
/// Who takes the peer's room for half-open IKE_SAs.
const STRANGER: &str = "192.0.2.66";

pub(super) const ALL: &[Fault] = &[
    Fault {
        name: "the peer crashes",
        visible: false,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| scene.charon().crash_and_restart(),
    },
    Fault {
        name: "the peer crashes and calls once it is back",
        visible: true,
        cap: CAP,
        prepare: calling_peer,
        strike: |scene, _| scene.charon().crash_and_restart(),
    },
    Fault {
        name: "the peer is restarted",
        visible: false,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| scene.charon().stop_and_restart(),
    },
    Fault {
        name: "nothing passes for a while",
        visible: false,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| black_hole(scene, &["input", "output"]),
    },
    Fault {
        name: "nothing of the peer's arrives for a while",
        visible: false,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| black_hole(scene, &["output"]),
    },
    Fault {
        name: "nothing of ours arrives for a while",
        visible: false,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| black_hole(scene, &["input"]),
    },
    Fault {
        name: "the peer moves to its other address",
        visible: false,
        cap: CAP,
        prepare: two_places,
        strike: |scene, number| {
            move_peer(scene, number);
        },
    },
    Fault {
        name: "the peer's name means another address",
        visible: false,
        cap: CAP,
        prepare: named_peer,
        strike: rename_peer,
    },
    Fault {
        name: "our address changes",
        visible: true,
        cap: CAP,
        prepare: anywhere,
        strike: move_us,
    },
    Fault {
        name: "our link goes down and up",
        visible: true,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| {
            set_link(scene, "down");
            scene.wait_for_loss();
            set_link(scene, "up");
        },
    },
    Fault {
        name: "the secret is wrong, then right",
        visible: false,
        // What waits for somebody to mend a configuration waits ten times as long.
        cap: Duration::from_secs(10),
        prepare: plain,
        strike: |scene, _| wrong_secret(scene),
    },
    Fault {
        name: "the peer has no room for half-open IKE_SAs",
        visible: false,
        cap: CAP,
        prepare: crowded_peer,
        strike: |scene, number| crowd_out(scene, number),
    },
    Fault {
        name: "the clock jumps a day, the peer crashes",
        visible: false,
        cap: CAP,
        prepare: false_clock,
        strike: jump,
    },
    Fault {
        name: "the machine sleeps",
        visible: true,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| {
            scene.holdfast.process().signal(Signal::SIGSTOP);
            std::thread::sleep(Duration::from_secs(5));
            scene.holdfast.process().signal(Signal::SIGCONT);
        },
    },
    Fault {
        name: "the agent is killed and started again",
        visible: true,
        cap: CAP,
        prepare: plain,
        strike: |scene, _| scene.holdfast.relaunch(),
    },
    Fault {
        name: "the disk is full, the peer hangs up",
        visible: false,
        cap: CAP,
        prepare: small_disk,
        strike: |scene, number| fill_disk(scene, number),
    },
    Fault {
        name: "both ends want it and are killed at once",
        visible: true,
        cap: CAP,
        prepare: || Scene::with_holdfast(&keeping()),
        strike: |scene, _| both_again(scene),
    },
    Fault {
        name: "the agent starts before the network is there",
        visible: true,
        cap: CAP,
        prepare: anywhere,
        strike: late_network,
    },
    Fault {
        name: "traffic asks again while an attempt is failing",
        visible: false,
        cap: CAP,
        prepare: trapped,
        strike: |scene, _| black_hole(scene, &["input", "output"]),
    },
];

fn keeping() -> Settings {
    Settings {
        connection: persistent(),
        ..Settings::default()
    }
}

fn plain() -> Scene {
    Scene::with_charon(&keeping())
}

fn calling_peer() -> Scene {
    Scene::with_charon(&Settings {
        charon: charon::Settings {
            child: "start_action = start".to_owned(),
            ..charon::Settings::default()
        },
        fixed_peer: true,
        ..keeping()
    })
}

fn black_hole(scene: &mut Scene, hooks: &[&str]) {
    let sun = &scene.pair.sun.namespace;
    swallow(sun, hooks);
    scene.wait_for_loss();
    let_through(sun);
}

fn without_mobike() -> charon::Settings {
    charon::Settings {
        connection: "mobike = no".to_owned(),
        ..charon::Settings::default()
    }
}

fn two_places() -> Scene {
    Scene::with_charon(&Settings {
        remote_addrs: Some("[\"192.0.2.2\", \"192.0.2.12\"]"),
        charon: without_mobike(),
        ..keeping()
    })
}

fn named_peer() -> Scene {
    Scene::with_charon(&Settings {
        remote_addrs: Some("[\"sun.example\"]"),
        charon: without_mobike(),
        ..keeping()
    })
}

/// There and back again: where it goes to.
fn move_peer(scene: &mut Scene, number: usize) -> &'static str {
    let (from, to) = (PLACES[number % 2], PLACES[(number + 1) % 2]);
    readdress(&scene.pair.sun, &format!("{from}/24"), &format!("{to}/24"));
    to
}

fn rename_peer(scene: &mut Scene, number: usize) {
    let to = move_peer(scene, number);
    scene.wait_for_loss();
    scene.name(to);
}

fn anywhere() -> Scene {
    Scene::with_charon(&Settings {
        local_addrs: Some("[\"%any\"]"),
        ..keeping()
    })
}

fn move_us(scene: &mut Scene, number: usize) {
    let places = ["192.0.2.1/24", "192.0.2.11/24"];
    let (from, to) = (places[number % 2], places[(number + 1) % 2]);
    readdress(&scene.pair.moon, from, to);
}

fn set_link(scene: &Scene, state: &str) {
    scene.pair.moon.namespace.ip(&["link", "set", WIRE, state]);
}

/// charon hangs up and takes us for somebody else until its secret is right again.
fn wrong_secret(scene: &mut Scene) {
    let tunnel = Tunnel {
        psk: "something else",
        ..Tunnel::default()
    };
    scene.configure_charon(&tunnel);
    let refusals = |scene: &Scene| {
        scene
            .holdfast
            .log()
            .matches("refused our authentication")
            .count()
    };
    let before = refusals(scene);
    hang_up(scene);
    wait::until("charon refuses us", PATIENCE, || {
        (refusals(scene) > before + 1).then_some(())
    });
    scene.configure_charon(&Tunnel::default());
}

fn hang_up(scene: &mut Scene) {
    let connection = [("ike", CONNECTION)];
    scene
        .charon()
        .command("terminate", &connection)
        .expect("it is up");
}

fn crowded_peer() -> Scene {
    let mut scene = Scene::with_charon(&Settings {
        charon: charon::Settings {
            daemon: "init_limit_half_open = 1\nhalf_open_timeout = 3".to_owned(),
            ..charon::Settings::default()
        },
        ..keeping()
    });
    scene.settle("before its first message is recorded");
    let capture = Capture::start(&scene.lab, &scene.pair.sun.namespace, WIRE, "udp port 500");
    hang_up(&mut scene);
    scene.settle("once its first message is recorded");
    let requests = "isakmp.exchangetype == 34 && isakmp.rspi == 00:00:00:00:00:00:00:00";
    let rows = capture.stop().fields(requests, &["udp.payload"]);
    scene.recorded = crate::lab::capture::unhex(&rows[0][0]);
    let address = format!("{STRANGER}/24");
    scene.pair.moon.namespace.add_address(WIRE, &address);
    scene
}

/// A stranger begins what it does not finish, and the peer takes nobody else meanwhile.
fn crowd_out(scene: &mut Scene, number: usize) {
    let mut message = scene.recorded.clone();
    // Another initiator's SPI.
    message[..8].copy_from_slice(&(0x5754_5241_4e47_0000 + number as u64).to_be_bytes());
    let peer = (scene.pair.sun.outer(Family::V4), 500);
    scene.pair.moon.namespace.enter(|| {
        let socket = UdpSocket::bind((STRANGER, 0)).expect("a socket");
        socket.send_to(&message, peer).expect("it is sent");
    });
    let crowded = |scene: &mut Scene| half_open(scene) > 0;
    wait::until("the peer is full", PATIENCE, || {
        crowded(scene).then_some(())
    });
    hang_up(scene);
    wait::until("the peer has room again", PATIENCE, || {
        (!crowded(scene)).then_some(())
    });
}

fn half_open(scene: &mut Scene) -> u64 {
    let mut client = scene.charon().client().expect("charon answers");
    let stats = client.request("stats", &Message::default()).expect("stats");
    let sas = stats.section("ikesas").expect("ikesas");
    sas.text("half-open")
        .and_then(|text| text.parse().ok())
        .expect("a number")
}

/// State is kept where there is not much room.
fn small_disk() -> Scene {
    Scene::with_charon(&Settings {
        small_disk: true,
        ..keeping()
    })
}

/// The agent is started while there is no room for its state, and after that the tunnel falls. What there
/// was no room for last time is kept meanwhile.
fn fill_disk(scene: &mut Scene, number: usize) {
    if number > 0 {
        scene.disk().empty();
        wait_for_words(scene, "state is kept again", number);
    }
    scene.holdfast.process().kill();
    // Pages that the file has got already can be written, however full the disk is.
    let _ = fs::remove_file(scene.disk().place().join("state.redb"));
    scene.disk().fill();
    scene.holdfast.relaunch();
    wait_for_words(scene, "state is not kept", number + 1);
    let status = scene.holdfast.cli(&["status"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("State is not kept"), "{status}");
    scene.settle("while the disk is full");
    hang_up(scene);
}

/// Waits until the agent has said this so many times.
fn wait_for_words(scene: &Scene, words: &str, times: usize) {
    wait::until(words, PATIENCE, || {
        (scene.holdfast.log().matches(words).count() == times).then_some(())
    });
}

const CLOCK: &str = "clock";

/// The agent lives by a clock of its own, which is right at first.
fn false_clock() -> Scene {
    let mut scene = plain();
    let library = glob::glob("/usr/lib/*/faketime/libfaketimeMT.so.1").expect("a pattern");
    let library = library.flatten().next();
    let library = library.expect("libfaketime is missing: apt-get install faketime");
    // Where the agent's sandbox lets the library read it.
    let clock = scene.holdfast.directory().join(CLOCK);
    fs::write(&clock, "+0").expect("the clock");
    scene.holdfast.set_environment(vec![
        ("LD_PRELOAD", library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        // As in life: what counts the time that passes does not jump.
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ]);
    scene.holdfast.relaunch();
    scene
}

fn jump(scene: &mut Scene, number: usize) {
    const DAY: u64 = 24 * 60 * 60;
    let offset = if number.is_multiple_of(2) {
        "+1d"
    } else {
        "-1d"
    };
    fs::write(scene.holdfast.directory().join(CLOCK), offset).expect("the clock");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let jumped = if number.is_multiple_of(2) {
        now + DAY
    } else {
        now - DAY
    };
    let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(jumped));
    let day = date.to_string()[..10].to_owned();
    let connection = [("ike", CONNECTION)];
    scene
        .holdfast
        .command("rekey", &connection)
        .expect("it is up");
    wait::until("its clock has jumped", PATIENCE, || {
        scene.holdfast.log().contains(&day).then_some(())
    });
    scene.charon().crash_and_restart();
}

fn both_again(scene: &mut Scene) {
    let Peer::Holdfast(peer) = &mut scene.peer else {
        panic!("the peer is an agent of ours");
    };
    peer.process().kill();
    scene.holdfast.process().kill();
    let gate = Barrier::new(2);
    std::thread::scope(|scope| {
        for agent in [&mut scene.holdfast, peer] {
            scope.spawn(|| {
                gate.wait();
                agent.relaunch();
            });
        }
    });
}

fn late_network(scene: &mut Scene, _: usize) {
    const OURS: &str = "192.0.2.1/24";
    let moon = &scene.pair.moon.namespace;
    scene.holdfast.process().kill();
    moon.ip(&["addr", "del", OURS, "dev", WIRE]);
    let failures = |log: &str| log.matches("no route to the peer").count();
    let before = failures(&scene.holdfast.log());
    scene.holdfast.relaunch();
    wait::until("there is no network", PATIENCE, || {
        (failures(&scene.holdfast.log()) > before).then_some(())
    });
    moon.add_address(WIRE, OURS);
}

/// Not persistent: traffic alone asks for it.
fn trapped() -> Scene {
    Scene::with_charon(&Settings {
        connection: persistent().replace("persistent = true\n", ""),
        child: "start_action = \"trap\"".to_owned(),
        ..Settings::default()
    })
}

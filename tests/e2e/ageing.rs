//! What ages: proofs of identity, amounts of traffic, children that nobody uses.

use std::time::Duration;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    sas::{Daemon, IkeSa, agreed_tunnel},
    topology::{CHILD, Family, Pair, Tunnel},
    traffic, wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

struct Scene {
    pair: Pair,
    charon: Charon,
    holdfast: Holdfast,
    // Last: it takes the namespaces away.
    _lab: Lab,
}

/// What each end has in its configuration: lines of the connection and of the child.
#[derive(Default)]
struct Lines {
    connection: &'static str,
    child: &'static str,
}

impl Scene {
    fn new(holdfast: &Lines, charon: &Lines, daemon: &str) -> Self {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let tunnel = Tunnel::default();
        let settings = charon::Settings {
            connection: charon.connection.to_owned(),
            child: charon.child.to_owned(),
            daemon: daemon.to_owned(),
            ..charon::Settings::default()
        };
        let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
        let settings = holdfast::Settings {
            connection: holdfast.connection.to_owned(),
            child: holdfast.child.to_owned(),
            ..holdfast::Settings::default()
        };
        let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
        Self {
            pair,
            charon,
            holdfast,
            _lab: lab,
        }
    }

    fn ping(&self, count: u32) -> u32 {
        let (here, there) = (
            self.pair.moon.inner(Family::V4),
            self.pair.sun.inner(Family::V4),
        );
        traffic::ping(&self.pair.moon.namespace, here, there, count)
    }

    /// Waits until both ends tell of one and the same tunnel, which is not `before`.
    fn another(&self, before: Option<&IkeSa>) -> IkeSa {
        wait::until("both ends agree on another tunnel", PATIENCE, || {
            agreed_tunnel(&self.holdfast, &self.charon, CHILD)
                .filter(|sa| before.is_none_or(|old| old.initiator_spi != sa.initiator_spi))
        })
    }

    fn logged(&self, words: &str) -> usize {
        self.holdfast.log().matches(words).count()
    }
}

#[test]
fn holdfast_authenticates_anew_by_make_before_break() {
    let holdfast = Lines {
        connection: "reauth_time = \"4s\"\nrand_time = \"1s\"\nover_time = \"60s\"",
        ..Lines::default()
    };
    let charon = Lines {
        connection: "unique = replace",
        ..Lines::default()
    };
    let scene = Scene::new(&holdfast, &charon, "");
    scene
        .holdfast
        .initiate(CHILD, PATIENCE)
        .expect("the tunnel comes up");
    let first = scene.another(None);
    let answered = scene.ping(12_000);
    // charon sends by the new one while its IKE_AUTH response is still on its way.
    assert!(answered >= 11_990, "{} pings lost", 12_000 - answered);
    let later = scene.another(Some(&first));
    assert!(later.initiator);
    let replaced = scene.logged("replaced by");
    assert!(replaced >= 2, "replaced {replaced} times");
    println!(
        "authenticated anew {replaced} times, {} pings lost",
        12_000 - answered
    );
}

#[test]
fn charon_authenticates_anew_by_make_before_break() {
    let charon = Lines {
        connection: "reauth_time = 5s\nrand_time = 0s\nover_time = 60s",
        ..Lines::default()
    };
    let holdfast = Lines {
        connection: "unique = \"replace\"",
        ..Lines::default()
    };
    let scene = Scene::new(&holdfast, &charon, "make_before_break = yes");
    let output = scene.charon.swanctl(&["--initiate", "--child", CHILD]);
    assert!(output.status.success(), "{output:?}");
    let first = scene.another(None);
    let answered = scene.ping(8000);
    assert!(answered >= 7990, "{} pings lost", 8000 - answered);
    let later = scene.another(Some(&first));
    assert!(!later.initiator);
}

#[test]
fn charon_authenticates_anew_by_break_before_make() {
    let charon = Lines {
        connection: "reauth_time = 4s\nrand_time = 0s\nover_time = 60s",
        ..Lines::default()
    };
    let scene = Scene::new(&Lines::default(), &charon, "make_before_break = no");
    let output = scene.charon.swanctl(&["--initiate", "--child", CHILD]);
    assert!(output.status.success(), "{output:?}");
    let first = scene.another(None);
    let second = scene.another(Some(&first));
    scene.another(Some(&second));
    assert!(scene.ping(100) > 0);
}

/// AUTH_LIFETIME (RFC 4478). charon itself says it only where it cannot begin anew, for EAP or a
/// virtual address; `ike/tests/exchanges` has the other side.
#[test]
fn charon_obeys_when_holdfast_says_how_long_it_believes() {
    let holdfast = Lines {
        connection: "reauth_time = \"8s\"\nover_time = \"60s\"",
        ..Lines::default()
    };
    let charon = Lines {
        connection: "over_time = 2s\nrekey_time = 1h",
        ..Lines::default()
    };
    let scene = Scene::new(&holdfast, &charon, "");
    let output = scene.charon.swanctl(&["--initiate", "--child", CHILD]);
    assert!(output.status.success(), "{output:?}");
    let first = scene.another(None);
    let later = scene.another(Some(&first));
    assert!(!later.initiator, "charon did it, not holdfast");
}

#[test]
fn traffic_has_a_tunnel_rekeyed_and_never_reaches_the_hard_limit() {
    let holdfast = Lines {
        child: "rekey_bytes = \"1m\"\nlife_bytes = \"64m\"\nrand_bytes = \"200k\"",
        ..Lines::default()
    };
    let scene = Scene::new(&holdfast, &Lines::default(), "");
    scene
        .holdfast
        .initiate(CHILD, PATIENCE)
        .expect("the tunnel comes up");
    let first = scene.another(None);
    let (here, there) = (
        scene.pair.moon.inner(Family::V4),
        scene.pair.sun.inner(Family::V4),
    );
    let pump = || {
        let output = scene
            .pair
            .moon
            .namespace
            .command("ping")
            .args(["-q", "-n", "-i", "0.001", "-c", "1500", "-s", "1200"])
            .args(["-I", &here.to_string(), &there.to_string()])
            .output()
            .expect("ping runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(" 0% packet loss"), "{text}");
    };
    let rekeyed = || scene.logged("CHILD_SA net rekeyed");
    for round in 1..=2 {
        pump();
        wait::until("the CHILD_SA is rekeyed", PATIENCE, || {
            (rekeyed() >= round).then_some(())
        });
    }
    assert_eq!(scene.logged("its lifetime has passed"), 0);
    let later = wait::until("one tunnel", PATIENCE, || {
        agreed_tunnel(&scene.holdfast, &scene.charon, CHILD)
    });
    assert_eq!(first.initiator_spi, later.initiator_spi);
    assert_ne!(first.children[0].spi_in, later.children[0].spi_in);
}

#[test]
fn a_child_that_nobody_uses_is_closed_until_traffic_asks_for_it() {
    let holdfast = Lines {
        connection: "persistent = true",
        child: "start_action = \"trap|start\"\ninactivity = \"3s\"\nclose_action = \"start\"",
    };
    let scene = Scene::new(&holdfast, &Lines::default(), "");
    scene.another(None);
    // Traffic keeps it up for longer than that.
    assert_eq!(scene.ping(4500), 4500);
    assert_eq!(scene.logged("carried nothing"), 0);
    wait::until("no child is left, but the IKE_SA is", PATIENCE, || {
        let (here, there) = (scene.holdfast.sas(), scene.charon.sas());
        let bare = |sas: &[IkeSa]| matches!(sas, [sa] if sa.children.is_empty());
        (bare(&here) && bare(&there)).then_some(())
    });
    assert_eq!(scene.logged("it carried nothing for too long"), 1);
    traffic::wait_for_answer(
        &scene.pair.moon.namespace,
        scene.pair.moon.inner(Family::V4),
        scene.pair.sun.inner(Family::V4),
        PATIENCE,
    );
    scene.another(None);
}

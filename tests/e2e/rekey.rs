//! Rekeying with charon while pings pass: none may be lost, whoever rekeys, and both at once.

use std::time::Duration;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    sas::{Daemon, IkeSa},
    topology::{CHILD, CONNECTION, Family, Pair, Tunnel},
    traffic, wait,
};

/// At one each millisecond: half a minute.
const PINGS: u32 = 30_000;
const PATIENCE: Duration = Duration::from_secs(10);

struct Scene {
    pair: Pair,
    charon: Charon,
    holdfast: Holdfast,
    // Last: it takes the namespaces away.
    _lab: Lab,
}

/// Lines of configuration for an end that rekeys every few seconds, or never.
struct Pace {
    ike: &'static str,
    child: &'static str,
}

const NEVER: Pace = Pace {
    ike: "0",
    child: "0",
};

impl Scene {
    /// A tunnel that is up. PFS: each rekeying of a child has a key exchange of its own.
    fn new(holdfast: &Pace, charon: &Pace) -> Self {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let tunnel = Tunnel {
            esp_proposals: "aes256gcm16-x25519",
            ..Tunnel::default()
        };
        let settings = charon::Settings {
            connection: format!(
                "rekey_time = {}\n over_time = 1h\n rand_time = 1s",
                charon.ike
            ),
            child: format!(
                "rekey_time = {}\n life_time = 1h\n rand_time = 1s",
                charon.child
            ),
            ..charon::Settings::default()
        };
        let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
        let over_time = if holdfast.ike == "0" {
            ""
        } else {
            "over_time = \"1h\"\n"
        };
        let settings = holdfast::Settings {
            connection: format!("{over_time}rekey_time = \"{}\"", holdfast.ike),
            child: format!("rekey_time = \"{}\"\nlife_time = \"1h\"", holdfast.child),
            ..holdfast::Settings::default()
        };
        let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
        holdfast
            .initiate(CHILD, PATIENCE)
            .expect("the tunnel comes up");
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

    /// Waits until both ends tell of the same IKE_SA with the same CHILD_SA.
    fn agreement(&self) -> IkeSa {
        wait::until("both ends agree", PATIENCE, || {
            let (here, there) = (present(&self.holdfast)?, present(&self.charon)?);
            let same = here.initiator_spi == there.initiator_spi
                && here.responder_spi == there.responder_spi
                && here.initiator != there.initiator
                && here.children[0].spi_in == there.children[0].spi_out
                && here.children[0].spi_out == there.children[0].spi_in;
            same.then_some(here)
        })
    }

    /// How often holdfast's log says this.
    fn logged(&self, words: &str) -> usize {
        self.holdfast.log().matches(words).count()
    }

    fn assert_nothing_failed(&self) {
        for words in ["not rekeyed", "closed:", "panicked", "not established"] {
            let log = self.holdfast.log();
            // A peer that is busy is asked again.
            let lines: Vec<_> = log
                .lines()
                .filter(|line| line.contains(words) && !line.contains("try again later"))
                .collect();
            assert!(lines.is_empty(), "{lines:#?}");
        }
    }
}

/// The one established IKE_SA of a daemon with its one installed CHILD_SA; those that rekeying has
/// replaced do not count.
pub(crate) fn present(daemon: &dyn Daemon) -> Option<IkeSa> {
    let mut sas = daemon.try_sas().ok()?;
    sas.retain(|sa| sa.state == "ESTABLISHED");
    for sa in &mut sas {
        sa.children.retain(|child| child.state == "INSTALLED");
    }
    match <[IkeSa; 1]>::try_from(sas) {
        Ok([sa]) if sa.children.len() == 1 => Some(sa),
        _ => None,
    }
}

const IKE_REKEYED: &str = "IKE_SA gw[1] rekeyed";
const CHILD_REKEYED: &str = "CHILD_SA net rekeyed";

#[test]
fn both_ends_rekey_all_the_time_and_no_ping_is_lost() {
    let pace = Pace {
        ike: "5s",
        child: "4s",
    };
    let scene = Scene::new(&pace, &pace);
    let before = scene.agreement();
    assert_eq!(scene.ping(PINGS), PINGS, "pings lost while both ends rekey");
    let after = scene.agreement();
    assert_eq!(before.id, after.id, "to operators it is the same IKE_SA");
    assert_ne!(before.initiator_spi, after.initiator_spi);
    let (ike, child) = (scene.logged(IKE_REKEYED), scene.logged(CHILD_REKEYED));
    assert!(ike >= 5 && child >= 5, "{ike} and {child} times in 30 s");
    scene.assert_nothing_failed();
    println!("rekeyed in 30 s: the IKE_SA {ike} times, its child {child} times");
}

#[test]
fn holdfast_rekeys_and_charon_follows() {
    let pace = Pace {
        ike: "4s",
        child: "3s",
    };
    let scene = Scene::new(&pace, &NEVER);
    assert_eq!(scene.ping(PINGS / 2), PINGS / 2);
    let sa = scene.agreement();
    assert!(sa.initiator, "whoever rekeys is the initiator");
    assert!(scene.logged(IKE_REKEYED) >= 3 && scene.logged(CHILD_REKEYED) >= 3);
    scene.assert_nothing_failed();
}

#[test]
fn charon_rekeys_and_holdfast_follows() {
    let pace = Pace {
        ike: "4s",
        child: "3s",
    };
    let scene = Scene::new(&NEVER, &pace);
    assert_eq!(scene.ping(PINGS / 2), PINGS / 2);
    let sa = scene.agreement();
    assert!(!sa.initiator, "whoever rekeys is the initiator");
    assert!(scene.logged(IKE_REKEYED) >= 3 && scene.logged(CHILD_REKEYED) >= 3);
    scene.assert_nothing_failed();
}

#[test]
fn charons_operator_rekeys_both_kinds() {
    let scene = Scene::new(&NEVER, &NEVER);
    let first = scene.agreement();
    let rekey = |kind: &str, name: &str| {
        let output = scene.charon.swanctl(&["--rekey", kind, name]);
        assert!(output.status.success(), "{output:?}");
    };
    rekey("--child", CHILD);
    let second = wait::until("another CHILD_SA", PATIENCE, || {
        let sa = scene.agreement();
        (sa.children[0].spi_in != first.children[0].spi_in).then_some(sa)
    });
    assert_eq!(second.initiator_spi, first.initiator_spi);
    rekey("--ike", CONNECTION);
    let third = wait::until("another IKE_SA", PATIENCE, || {
        let sa = scene.agreement();
        (sa.initiator_spi != first.initiator_spi).then_some(sa)
    });
    assert_eq!(
        third.children[0].spi_in, second.children[0].spi_in,
        "the children are inherited"
    );
    // And the child can be rekeyed under the new IKE_SA.
    rekey("--child", CHILD);
    wait::until("one more CHILD_SA", PATIENCE, || {
        let sa = scene.agreement();
        (sa.children[0].spi_in != third.children[0].spi_in).then_some(())
    });
    assert_eq!(scene.ping(1000), 1000);
    scene.assert_nothing_failed();
    scene
        .holdfast
        .command("terminate", &[("ike", CONNECTION)])
        .expect("holdfast terminates its tunnel");
    wait::until("no SA is left", PATIENCE, || {
        (scene.holdfast.sas().is_empty() && scene.charon.sas().is_empty()).then_some(())
    });
}

//! Reading the configuration again: what did not change is not touched.

use std::{process::Output, time::Duration};

use nix::sys::signal::Signal;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    wait,
};

const NOWHERE: &str = "[connections.nowhere]\nremote_addrs = [\"192.0.2.99\"]\n\
    local = { auth = \"psk\", id = \"moon.example\" }\n\
    remote = { auth = \"psk\", id = \"nowhere.example\" }\n\
    [connections.nowhere.children.net]\nremote_ts = [\"10.99.0.0/16\"]\n\
    [secrets.nowhere]\ntype = \"psk\"\nids = [\"nowhere.example\"]\nsecret = { value = \"x7qPz0bV\" }\n";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_reload_changes_what_changed_and_drops_no_tunnel() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = charon::Settings::default();
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let settings = Settings::persistent();
    let mut holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    wait::until("the tunnel", Duration::from_secs(20), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    let before = holdfast.sas()[0].initiator_spi.clone();
    let untouched = |holdfast: &Holdfast| {
        let sas = holdfast.sas();
        let tunnel = sas.iter().find(|sa| sa.connection == CONNECTION);
        assert_eq!(tunnel.expect("the tunnel").initiator_spi, before);
    };
    let file = holdfast.directory().join("holdfast.toml");
    let original = std::fs::read_to_string(&file).expect("its own configuration");

    std::fs::write(&file, format!("{original}{NOWHERE}")).expect("more");
    let shown = holdfast.cli(&["reload", "--dry-run"]);
    assert!(text(&shown).contains("would add `nowhere`"), "{shown:?}");
    let status = text(&holdfast.cli(&["status"]));
    assert!(!status.contains("nowhere"), "{status}");
    let done = holdfast.cli(&["reload"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(text(&done), "added `nowhere`\n1 connection unchanged\n");
    assert!(text(&holdfast.cli(&["status"])).contains("nowhere"));
    untouched(&holdfast);

    // A mistake changes nothing and is shown with its line.
    std::fs::write(
        &file,
        format!("{original}[connections.broken]\nremote_adrs = []\n"),
    )
    .expect("a mistake");
    let refused = holdfast.cli(&["reload"]);
    assert_eq!(refused.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    let line = original.lines().count() + 2;
    for expected in ["holdfast.toml", &line.to_string(), "remote_adrs"] {
        assert!(complaint.contains(expected), "{expected}: {complaint}");
    }
    assert!(text(&holdfast.cli(&["status"])).contains("nowhere"));

    // What init systems do.
    std::fs::write(&file, original).expect("as it was");
    holdfast.process().signal(Signal::SIGHUP);
    wait::until("it is gone", Duration::from_secs(5), || {
        (!text(&holdfast.cli(&["status"])).contains("nowhere")).then_some(())
    });
    untouched(&holdfast);
    assert!(agreed_tunnel(&holdfast, &charon, CHILD).is_some());
}

//! Children that are shunts, and paths that are probed.

use std::time::Duration;

use super::{NET, PARIS, SECRET, Site};
use crate::{ProbeAction, ProbeKind, ShuntAction};

fn site(tables: &str) -> Site {
    Site::new(&format!("{PARIS}{NET}{SECRET}{tables}")).with_variable("PSK", "s3cret and long")
}

fn with_probe(probe: &str) -> Site {
    Site::new(&format!("{PARIS}{NET}probe = {{ {probe} }}\n{SECRET}"))
        .with_variable("PSK", "s3cret and long")
}

#[test]
fn a_shunt_is_no_child() {
    let shunts = "[connections.paris.children.printer]\nmode = \"pass\"\n\
         remote_ts = [\"10.2.0.9/32[tcp/9100]\"]\nstart_action = \"trap\"\n\
         [connections.paris.children.rest]\nmode = \"drop\"\nstart_action = \"none\"\n";
    let loaded = site(shunts).loaded();
    let paris = &loaded.config.connections["paris"];
    assert_eq!(paris.children.len(), 1);
    assert_eq!(paris.ike.children.len(), 1, "nothing is negotiated for it");
    let (printer, rest) = (&paris.shunts["printer"], &paris.shunts["rest"]);
    assert_eq!(
        (printer.action, printer.installed),
        (ShuntAction::Pass, true)
    );
    assert_eq!((rest.action, rest.installed), (ShuntAction::Drop, false));
    assert!(loaded.warnings.is_empty());
}

#[test]
fn what_a_route_cannot_drop_is_refused() {
    for (key, line) in [
        (
            "local_ts",
            "local_ts = [\"10.1.0.0/16\"]\nremote_ts = [\"10.9.0.0/16\"]",
        ),
        ("remote_ts", "remote_ts = [\"10.9.0.0/16[tcp/25]\"]"),
    ] {
        let said = site(&format!(
            "[connections.paris.children.mail]\nmode = \"drop\"\nstart_action = \"trap\"\n{line}\n"
        ))
        .said();
        let key = format!("connections.paris.children.mail.{key}: what is dropped is told by");
        assert!(said.contains(&key), "{said}");
        assert!(said.contains("with a firewall"), "{said}");
    }
}

#[test]
fn a_probe_has_defaults() {
    let loaded = with_probe("target = \"10.2.0.1\"").loaded();
    let child = &loaded.config.connections["paris"].children["net"];
    let probe = child.probe.as_ref().unwrap();
    assert_eq!((probe.kind, probe.source), (ProbeKind::Icmp, None));
    assert_eq!(probe.interval, Duration::from_secs(10));
    assert_eq!(probe.timeout, Duration::from_secs(2));
    assert_eq!((probe.threshold, probe.action), (3, ProbeAction::Repair));
    let loaded = site("").loaded();
    assert_eq!(
        loaded.config.connections["paris"].children["net"].probe,
        None
    );
}

#[test]
fn mistakes_about_probes_are_told() {
    for (probe, key, words) in [
        (
            "interval = \"5s\"",
            "probe",
            "set target to an address behind the peer",
        ),
        ("target = \"tower\"", "probe.target", "is no IP address"),
        ("target = \"10.3.0.1\"", "probe.target", "not in remote_ts"),
        (
            "target = \"10.2.0.1\", source = \"10.9.0.1\"",
            "probe.source",
            "not in local_ts",
        ),
        (
            "target = \"10.2.0.1\", source = \"::1\"",
            "probe.source",
            "address families",
        ),
        (
            "target = \"10.2.0.1\", kind = \"tcp\"",
            "probe.kind",
            "needs a port",
        ),
        (
            "target = \"10.2.0.1\", port = 4",
            "probe.port",
            "kind = \"tcp\"",
        ),
        (
            "target = \"10.2.0.1\", kind = \"udp\"",
            "probe.kind",
            "unknown value",
        ),
        (
            "target = \"10.2.0.1\", timeout = \"11s\"",
            "probe.timeout",
            "next one is due",
        ),
        (
            "target = \"10.2.0.1\", threshold = 0",
            "probe.threshold",
            "out of range",
        ),
        (
            "target = \"10.2.0.1\", action = \"x\"",
            "probe.action",
            "unknown value",
        ),
        (
            "target = \"10.2.0.1\", intervall = 4",
            "probe.intervall",
            "did you mean",
        ),
    ] {
        let said = with_probe(probe).said();
        let place = format!("connections.paris.children.net.{key}: ");
        assert!(
            said.contains(&place) && said.contains(words),
            "{probe}: {said}"
        );
    }
}

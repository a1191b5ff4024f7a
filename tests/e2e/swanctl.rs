//! The tool of strongSwan's operators works against holdfast as it stands.

use std::{process::Output, time::Duration};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    wait,
};

#[test]
fn swanctl_initiates_lists_and_terminates() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    let holdfast =
        Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &Settings::default());
    let swanctl = |arguments: &[&str]| swanctl(&holdfast, arguments);

    assert!(swanctl(&["--version", "--daemon"]).contains("holdfast"));
    let stats = swanctl(&["--stats"]);
    assert!(
        stats.contains("uptime") && stats.contains("IKE_SAs: 0 total, 0 half-open"),
        "{stats}"
    );
    let conns = swanctl(&["--list-conns"]);
    for line in [
        &format!("{CONNECTION}: IKEv2, no reauthentication"),
        "local:  192.0.2.1",
        "remote: 192.0.2.2",
        "local pre-shared key authentication:",
        "id: moon.example",
        &format!("{CHILD}: TUNNEL, rekeying every"),
        "local:  10.1.0.0/16",
        "remote: 10.2.0.0/16",
    ] {
        assert!(conns.contains(line), "`{line}` is missing in:\n{conns}");
    }

    let report = swanctl(&["--initiate", "--child", CHILD, "--timeout", "10"]);
    assert!(
        report.contains("initiate completed successfully"),
        "{report}"
    );
    let sa = wait::until("both agree", Duration::from_secs(5), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    let ours = swanctl(&["--list-sas"]);
    let charons = String::from_utf8_lossy(&charon.swanctl(&["--list-sas"]).stdout).into_owned();
    for line in [
        &format!(
            "ESTABLISHED, IKEv2, {}_i* {}_r",
            sa.initiator_spi, sa.responder_spi
        ),
        "local  'moon.example' @ 192.0.2.1[",
        "remote 'sun.example' @ 192.0.2.2[",
        "AES_GCM_16-256/PRF_HMAC_SHA2_384/CURVE_25519",
        "INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-256",
        "local  10.1.0.0/16",
        "remote 10.2.0.0/16",
    ] {
        assert!(
            ours.contains(line),
            "`{line}` is missing in:\n{ours}\ncharon says:\n{charons}"
        );
    }
    assert!(!ours.contains("(null)"), "{ours}");

    let again = swanctl(&["--initiate", "--child", CHILD, "--timeout", "10"]);
    assert!(again.contains("initiate completed successfully"), "{again}");
    assert!(
        agreed_tunnel(&holdfast, &charon, CHILD).is_some(),
        "still one tunnel"
    );

    let report = swanctl(&["--terminate", "--ike", CONNECTION]);
    assert!(
        report.contains("terminate completed successfully"),
        "{report}"
    );
    assert!(swanctl(&["--list-sas"]).trim().is_empty());
    wait::until("gone at charon", Duration::from_secs(5), || {
        charon.sas().is_empty().then_some(())
    });
}

#[test]
fn swanctl_is_told_what_is_wrong() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let holdfast = Holdfast::with_tunnel(
        &lab,
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &Settings::default(),
    );
    for (arguments, complaint) in [
        (
            &["--initiate", "--child", "nosuch"][..],
            "CHILD_SA config 'nosuch' not found",
        ),
        (
            &["--initiate", "--ike", "nosuch"],
            "IKE_SA config 'nosuch' not found",
        ),
        (
            &["--terminate", "--ike", "nosuch"],
            "no matching SAs to terminate found",
        ),
        (
            &["--initiate", "--child", CHILD, "--timeout", "1"],
            "not established after 1000ms",
        ),
    ] {
        let output = run(&holdfast, arguments);
        assert!(!output.status.success(), "{arguments:?} succeeds");
        let text = text_of(&output);
        assert!(
            text.contains(complaint),
            "{arguments:?}: `{complaint}` is missing in:\n{text}"
        );
    }
}

fn run(holdfast: &Holdfast, arguments: &[&str]) -> Output {
    charon::swanctl(holdfast.directory(), holdfast.control_socket(), arguments)
        .output()
        .expect("swanctl runs")
}

fn swanctl(holdfast: &Holdfast, arguments: &[&str]) -> String {
    let output = run(holdfast, arguments);
    let text = text_of(&output);
    assert!(output.status.success(), "swanctl {arguments:?}: {text}");
    text
}

fn text_of(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

//! Operators' commands: what they are told beside what charon tells its own, and that they hold up
//! nobody.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    wait,
};

const LIMIT: Duration = Duration::from_secs(20);

/// A line for a shell that keeps the environment under the verb's name.
fn keeping(folder: &Path) -> String {
    let folder = folder.display();
    format!("env | grep ^PLUTO_ > {folder}/new; mv {folder}/new {folder}/$PLUTO_VERB")
}

fn kept(folder: &Path, verb: &str) -> BTreeMap<String, String> {
    let text = wait::until(verb, LIMIT, || {
        std::fs::read_to_string(folder.join(verb)).ok()
    });
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The same from the other end.
fn mirrored(variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mirror = |name: String| {
        if name == "PLUTO_ME" {
            return "PLUTO_PEER".to_owned();
        }
        if name == "PLUTO_PEER" {
            return "PLUTO_ME".to_owned();
        }
        match (
            name.strip_prefix("PLUTO_MY_"),
            name.strip_prefix("PLUTO_PEER_"),
        ) {
            (Some(rest), _) => format!("PLUTO_PEER_{rest}"),
            (_, Some(rest)) => format!("PLUTO_MY_{rest}"),
            _ => name,
        }
    };
    variables
        .into_iter()
        .map(|(name, value)| (mirror(name), value))
        .collect()
}

/// What each end numbers and names for itself.
const OWN: [&str; 3] = ["PLUTO_UNIQUEID", "PLUTO_REQID", "PLUTO_INTERFACE"];

#[test]
fn updown_scripts_are_told_what_charon_tells_them() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let (ours, theirs) = (lab.subdirectory("ours"), lab.subdirectory("theirs"));
    let mut settings = Settings::persistent();
    settings.child = format!("updown = \"{}\"", keeping(&ours));
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let settings = charon::Settings {
        child: format!("updown = \"{}\"", keeping(&theirs)),
        ..charon::Settings::default()
    };
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    wait::until("the tunnel", LIMIT, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    // The same CHILD_SA after it was rekeyed: no script runs.
    let up = kept(&ours, "up-client");
    std::fs::remove_file(ours.join("up-client")).expect("its file");
    holdfast
        .command("rekey", &[("child", CHILD)])
        .expect("rekeyed");
    assert!(holdfast.cli(&["terminate", CONNECTION]).status.success());
    let down = kept(&ours, "down-client");
    assert!(!ours.join("up-client").exists());

    for (verb, mut ours) in [("up-client", up), ("down-client", down)] {
        let mut theirs = mirrored(kept(&theirs, verb));
        for name in OWN {
            assert!(ours.remove(name).is_some(), "{name} of {verb}");
            theirs.remove(name);
        }
        assert_eq!(ours, theirs, "{verb}");
    }
}

/// A program that writes down what it is told, and then takes its time.
fn slow_hook(lab: &Lab) -> (PathBuf, PathBuf) {
    let (program, file) = (lab.directory().join("hook"), lab.directory().join("told"));
    let script = format!(
        "#!/bin/sh\necho \"$1 $HOLDFAST_CONNECTION $HOLDFAST_CHILD$HOLDFAST_ALERT\" >> {}\nsleep $2\n",
        file.display()
    );
    std::fs::write(&program, script).expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).expect("its mode");
    (program, file)
}

#[test]
fn hooks_run_in_order_hold_up_nobody_and_hear_of_the_end() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let (program, file) = slow_hook(&lab);
    let program = program.display();
    let mut settings = Settings::persistent();
    let _ = write!(
        settings.connection,
        "\nhooks.on_up = [\"{program}\", \"up\", \"60\"]\n\
         hooks.on_down = [\"{program}\", \"down\", \"0\"]\n\
         hooks.on_alert = [\"{program}\", \"alert\", \"0\"]\nhooks.timeout = \"2s\""
    );
    let mut holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    // Nobody is there yet.
    let told = || std::fs::read_to_string(&file).unwrap_or_default();
    wait::until("the alert", LIMIT, || {
        told()
            .contains(&format!("alert {CONNECTION} attempt-failed"))
            .then_some(())
    });
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    wait::until("the tunnel", LIMIT, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    let up = format!("up {CONNECTION} {CHILD}");
    wait::until("on_up", LIMIT, || told().contains(&up).then_some(()));

    // While it sleeps, everything else goes on.
    let began = Instant::now();
    for _ in 0..3 {
        holdfast
            .command("rekey", &[("child", CHILD)])
            .expect("rekeyed");
    }
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    wait::until("its end", LIMIT, || {
        let log = holdfast.log();
        log.contains("hook took too long and was killed")
            .then_some(())
    });

    // At the end the agent waits for the last of them, though not for long.
    assert!(!told().contains("down "), "{}", told());
    holdfast.process().signal(Signal::SIGTERM);
    let (status, _) = holdfast
        .process()
        .wait(Duration::from_secs(15))
        .expect("it ends");
    assert!(status.success(), "{status:?}");
    let down = format!("down {CONNECTION} {CHILD}");
    assert_eq!(told().matches(&down).count(), 1, "{}", told());
    assert_eq!(told().matches(&up).count(), 1, "{}", told());
}

#[test]
fn commands_of_control_clients_are_refused() {
    let lab = Lab::new();
    let namespace = lab.namespace("alone");
    let settings = "dataplane = \"none\"\nport = 15500\nport_nat_t = 14500";
    let holdfast = Holdfast::start(&lab, &namespace, settings, "");
    let conf = lab.subdirectory("conf").join("swanctl.conf");
    std::fs::write(
        &conf,
        "connections { gw { remote_addrs = 192.0.2.9\n local { auth = psk\n id = a }\n \
         remote { auth = psk\n id = b }\n children { net { updown = /bin/true } } } }\n",
    )
    .expect("a configuration");
    let folder = conf.parent().expect("its folder");
    let mut command = charon::swanctl(folder, holdfast.control_socket(), &["--load-conns"]);
    let output = command.output().expect("swanctl runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned()
        + &String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("commands are run for connections in the agent's own files only"),
        "{said}"
    );
}

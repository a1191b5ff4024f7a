//! The systemd unit, and the user that it names.

use std::{
    ffi::OsString,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::text;
use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, PROGRAM, Settings, tunnel_tables, write_private},
    run,
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Family, Pair, Tunnel},
    traffic,
    vici::Message,
    wait,
};

const UNIT: &str = "deploy/systemd/holdfast.service";

/// The unit with what an installed system has beside it.
fn installed(lab: &Lab) -> std::path::PathBuf {
    let unit = lab.directory().join("holdfast.service");
    let lines: Vec<String> = text(UNIT)
        .lines()
        .filter(|line| !line.starts_with("Documentation="))
        .map(|line| line.replace("/usr/bin/holdfast", PROGRAM))
        .collect();
    std::fs::write(&unit, lines.join("\n")).expect("a unit");
    unit
}

#[test]
fn the_unit_is_understood() {
    let lab = Lab::new();
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(installed(&lab))
        .output()
        .expect("systemd-analyze");
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("holdfast.service"))
        .collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

#[test]
fn the_unit_exposes_little() {
    let lab = Lab::new();
    let table = run(Command::new("systemd-analyze")
        .args(["security", "--offline=yes", "--no-pager"])
        .arg(installed(&lab)));
    let level = table
        .lines()
        .find_map(|line| line.split_once("Overall exposure level for holdfast.service: "))
        .and_then(|(_, level)| level.split(' ').next()?.parse::<f64>().ok())
        .unwrap_or_else(|| panic!("no level in {table}"));
    println!("exposure level {level}");
    assert!(level < 3.0, "{table}");
}

/// A wrong configuration stays wrong. systemd asks only the main process whether to try again, so nothing
/// may fail before it.
#[test]
fn a_wrong_configuration_is_not_tried_again() {
    let lab = Lab::new();
    let unit = text(UNIT);
    let told = |key: &'static str| unit.lines().filter_map(move |line| line.strip_prefix(key));
    assert_eq!(told("ExecStartPre=").count(), 0);
    let last: Vec<&str> = told("RestartPreventExitStatus=")
        .flat_map(str::split_whitespace)
        .collect();
    let file = lab.directory().join("holdfast.toml");
    write_private(&file, "[agent]\ndataplane = \"telepathy\"\n");
    let output = Command::new(PROGRAM)
        .args(["run", "--config"])
        .arg(&file)
        .output()
        .expect("holdfast runs");
    let code = output.status.code().expect("it exits").to_string();
    assert!(last.contains(&&*code), "{code} is not in {last:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("agent.dataplane"), "{said}");
}

/// Who nobody is: the unit's user does not exist on a machine without the package.
const NOBODY: u32 = 65_534;

#[test]
fn a_user_with_two_capabilities_has_a_tunnel() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let tables = tunnel_tables(&pair.moon, &pair.sun, &tunnel, &Settings::persistent());
    let directory = lab.subdirectory("nobody");
    let socket = directory.join("holdfast.vici");
    let configuration = format!(
        "[agent]\nvici = \"unix://{}\"\ndataplane = \"userspace\"\n\n{tables}",
        socket.display()
    );
    let file = directory.join("holdfast.toml");
    write_private(&file, &configuration);
    for path in [&directory, &file] {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).expect("chown");
    }
    // The lab's own folder lets them through, and shows them nothing.
    std::fs::set_permissions(lab.directory(), PermissionsExt::from_mode(0o711)).expect("chmod");
    let mut words = as_user(&NOBODY.to_string());
    words.extend([PROGRAM, "run", "--config"].map(OsString::from));
    words.push(file.into());
    let holdfast = Holdfast::launch_by(words, &pair.moon.namespace, directory, socket);
    holdfast.wait_until_ready();

    let settings = charon::Settings::default();
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    wait::until("the tunnel", Duration::from_secs(20), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    let (from, to) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    assert_eq!(traffic::ping(&pair.moon.namespace, from, to, 20), 20);
    holdfast.wait_for_log(&["confined", "capabilities=\"CAP_NET_ADMIN\""]);
}

/// `Type=notify` and `WatchdogSec=`, seen from the service manager's end.
#[test]
fn the_service_manager_is_told() {
    let lab = Lab::new();
    let namespace = lab.namespace("told");
    let settings = "dataplane = \"none\"\nport = 15500\nport_nat_t = 14500";
    let mut holdfast = Holdfast::start(&lab, &namespace, settings, "");
    let socket = lab.directory().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("the manager's socket");
    manager
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a limit");
    let hear = || {
        let mut word = [0; 128];
        let length = manager.recv(&mut word).expect("a word");
        String::from_utf8_lossy(&word[..length]).trim().to_owned()
    };
    holdfast.set_environment(vec![
        ("NOTIFY_SOCKET", socket.display().to_string()),
        ("WATCHDOG_USEC", "1000000".to_owned()),
    ]);
    holdfast.relaunch();

    // Who is ready answers.
    let mut word = hear();
    while word == "WATCHDOG=1" {
        word = hear();
    }
    assert_eq!(word, "READY=1");
    let mut client = holdfast.client().expect("the control socket");
    client
        .request("version", &Message::default())
        .expect("an answer");
    let start = Instant::now();
    for _ in 0..6 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    let took = start.elapsed();
    let expected = Duration::from_secs(2)..Duration::from_secs(6);
    assert!(expected.contains(&took), "six words took {took:?}");

    // Nothing is heard of an agent that does not run, and again of one that does.
    holdfast.process().signal(Signal::SIGSTOP);
    manager.set_nonblocking(true).expect("no wait");
    while manager.recv(&mut [0; 128]).is_ok() {}
    std::thread::sleep(Duration::from_secs(2));
    assert!(manager.recv(&mut [0; 128]).is_err());
    manager.set_nonblocking(false).expect("a wait");
    holdfast.process().signal(Signal::SIGCONT);
    assert_eq!(hear(), "WATCHDOG=1");

    holdfast.process().signal(Signal::SIGTERM);
    let mut word = hear();
    while word == "WATCHDOG=1" {
        word = hear();
    }
    assert_eq!(word, "STOPPING=1");
    let ended = holdfast.process().wait(Duration::from_secs(10));
    assert!(
        ended.is_some_and(|(status, _)| status.success()),
        "{ended:?}"
    );
}

/// The words that run a program as the unit does.
pub(super) fn as_user(user: &str) -> Vec<OsString> {
    let capabilities = "+net_admin,+net_bind_service";
    let words = [
        "setpriv",
        "--reuid",
        user,
        "--regid",
        user,
        "--clear-groups",
        "--inh-caps",
        capabilities,
        "--ambient-caps",
        capabilities,
    ];
    words.map(OsString::from).to_vec()
}

//! What the agent refuses to start with: one clear error each, naming the remedy, and an exit code
//! that says "do not try again like this".

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use crate::lab::{
    Lab, Namespace,
    holdfast::{Holdfast, PROGRAM, Settings, tunnel_tables, write_private},
    process::Process,
    topology::{Pair, Tunnel},
};

/// Starts the agent with this file and hands back how it ended.
fn refused(namespace: &Namespace, file: &Path) -> (Option<i32>, String) {
    let mut command = namespace.command(PROGRAM);
    command
        .args(["run", "--config"])
        .arg(file)
        .env("NO_COLOR", "1");
    let log = file.with_extension("log");
    let mut process = Process::spawn("holdfast", command, &log);
    let (status, _) = process
        .wait(Duration::from_secs(10))
        .expect("it must refuse to start, not hang");
    (status.code(), process.log())
}

fn assert_refusal((code, log): &(Option<i32>, String), words: &[&str]) {
    assert!(matches!(code, Some(1..=127)), "exit code {code:?}:\n{log}");
    for word in words {
        assert!(log.contains(word), "`{word}` is missing in:\n{log}");
    }
    assert!(!log.contains("panicked"), "{log}");
}

fn write(lab: &Lab, agent: &str, tables: &str) -> std::path::PathBuf {
    let file = lab.directory().join("holdfast.toml");
    let socket = lab.directory().join("holdfast.vici");
    let text = format!(
        "[agent]\nvici = \"unix://{}\"\n{agent}\n{tables}",
        socket.display()
    );
    write_private(&file, &text);
    file
}

#[test]
fn unknown_key_names_file_line_and_the_key_meant() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = Settings {
        connection: "presistent = true".to_owned(),
        ..Settings::default()
    };
    let tables = tunnel_tables(&pair.moon, &pair.sun, &Tunnel::default(), &settings);
    let file = write(&lab, "dataplane = \"userspace\"", &tables);
    assert_refusal(
        &refused(&pair.moon.namespace, &file),
        &["holdfast.toml", "presistent", "persistent"],
    );

    let check = Command::new(PROGRAM)
        .args(["check", "--config"])
        .arg(&file)
        .output();
    let check = check.expect("the program runs");
    assert!(!check.status.success(), "`check` sees it too");
    assert!(
        text_of(&check).contains("presistent"),
        "{}",
        text_of(&check)
    );
}

#[test]
fn unreadable_secret_names_the_file() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = tunnel_tables(
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &Settings::default(),
    );
    let missing = tables.replace(
        "secret = { value = \"correct horse battery staple\" }",
        "secret = { file = \"nosuch.psk\" }",
    );
    assert_ne!(missing, tables);
    let file = write(&lab, "dataplane = \"userspace\"", &missing);
    assert_refusal(&refused(&pair.moon.namespace, &file), &["nosuch.psk"]);
}

#[test]
fn port_in_use_names_the_port_and_who_may_have_it() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = tunnel_tables(
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &Settings::default(),
    );
    let first = Holdfast::start(
        &lab,
        &pair.moon.namespace,
        "dataplane = \"userspace\"",
        &tables,
    );
    let file = write(
        &lab,
        "dataplane = \"userspace\"\ntun = { name = \"other0\" }",
        &tables,
    );
    assert_refusal(&refused(&pair.moon.namespace, &file), &["500", "in use"]);
    drop(first);
}

#[test]
fn control_socket_in_use_is_not_stolen() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = tunnel_tables(
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &Settings::default(),
    );
    let first = Holdfast::start(
        &lab,
        &pair.moon.namespace,
        "dataplane = \"userspace\"",
        &tables,
    );
    let file = first.directory().join("holdfast.toml");
    let second = first.directory().join("second.toml");
    fs::copy(file, &second).expect("a copy of the configuration");
    assert_refusal(
        &refused(&pair.sun.namespace, &second),
        &["holdfast.vici", "another"],
    );
    first.wait_until_ready();
}

#[test]
fn without_permission_for_a_tun_device_it_says_so() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = tunnel_tables(
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &Settings::default(),
    );
    // Ports that need no privilege: only the device does.
    let agent = "dataplane = \"userspace\"\nport = 15500\nport_nat_t = 14500";
    let file = write(&lab, agent, &tables);
    fs::set_permissions(lab.directory(), fs::Permissions::from_mode(0o777)).expect("a mode");
    std::os::unix::fs::chown(&file, Some(65534), None).expect("a file of its own");
    let mut command = pair.moon.namespace.command("setpriv");
    command
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--bounding-set=-all",
        ])
        .args(["--inh-caps=-all", PROGRAM, "run", "--config"])
        .arg(&file)
        .env("NO_COLOR", "1");
    let mut process = Process::spawn(
        "holdfast",
        command,
        &lab.directory().join("unprivileged.log"),
    );
    let (status, _) = process
        .wait(Duration::from_secs(10))
        .expect("it must refuse to start, not hang");
    let refusal = (status.code(), process.log());
    assert_refusal(&refusal, &["CAP_NET_ADMIN"]);
}

fn text_of(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

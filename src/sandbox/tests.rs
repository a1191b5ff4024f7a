//! In the sandbox, seen from inside: a process of its own, since there is no way out.

use std::{io::ErrorKind, net::UdpSocket, os::unix::fs::PermissionsExt, process::Command};

use holdfast_config::{Environment, Loaded};

use super::{enter, system_calls};

const INSIDE: &str = "HOLDFAST_TEST_INSIDE";

/// Runs a test of this file, which is ignored otherwise, in a process of its own.
fn inside(test: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("sandbox::tests::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    said
}

#[test]
fn what_is_not_needed_is_denied_and_named() {
    let said = inside("a_forbidden_call_fails");
    // Once, although it was tried twice.
    let line = format!("system call with the number {} ", libc::SYS_unshare);
    assert_eq!(said.matches(&line).count(), 1, "{said}");
    assert!(
        said.contains(&format!("number {} ", libc::SYS_chroot)),
        "{said}"
    );
}

#[test]
#[ignore = "what_is_not_needed_is_denied_and_named runs it"]
fn a_forbidden_call_fails() {
    assert!(std::env::var_os(INSIDE).is_some());
    // A thread that was there before is filtered, too.
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    let other = std::thread::spawn(move || {
        asked.recv().unwrap();
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
    });
    system_calls::restrict(false).unwrap();
    ask.send(()).unwrap();
    assert_eq!(other.join().unwrap(), Err(nix::errno::Errno::EPERM));
    assert_eq!(
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET),
        Err(nix::errno::Errno::EPERM)
    );
    assert_eq!(nix::unistd::chroot("/"), Err(nix::errno::Errno::EPERM));
    let run = Command::new("/bin/true").spawn();
    assert_eq!(run.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert!(nix::sys::prctl::get_no_new_privs().unwrap());
    // What the agent does, it still does.
    UdpSocket::bind("127.0.0.1:0").unwrap();
    std::thread::spawn(|| std::fs::read("/proc/self/status").unwrap())
        .join()
        .unwrap();
    assert!(std::net::ToSocketAddrs::to_socket_addrs("localhost:500").is_ok());
}

fn loaded(folder: &std::path::Path) -> Loaded {
    let main = folder.join("holdfast.toml");
    let text = format!("[agent]\nvici = \"unix://{}/run/vici\"\n", folder.display());
    std::fs::create_dir_all(folder.join("run")).unwrap();
    std::fs::write(&main, text).unwrap();
    std::fs::set_permissions(&main, PermissionsExt::from_mode(0o600)).unwrap();
    holdfast_config::load_with(
        &main,
        &Environment::Fixed(std::collections::BTreeMap::new()),
    )
    .unwrap()
}

#[test]
fn files_and_capabilities_are_those_of_the_configuration() {
    inside("only_our_files_are_there");
}

#[test]
#[ignore = "files_and_capabilities_are_those_of_the_configuration runs it"]
fn only_our_files_are_there() {
    assert!(std::env::var_os(INSIDE).is_some());
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::write(elsewhere.path().join("secret"), "x").unwrap();
    let sandbox = enter(&loaded(folder.path()), &folder.path().join("holdfast.toml"));
    assert!(sandbox.enabled && sandbox.no_new_privileges, "{sandbox:?}");
    assert!(sandbox.system_calls.contains("seccomp"), "{sandbox:?}");
    assert!(
        sandbox.files.contains("Landlock"),
        "the kernel must have Landlock for this test (lsm=landlock,...): {sandbox:?}"
    );
    let others = sandbox
        .capabilities
        .iter()
        .filter(|name| *name != "CAP_NET_ADMIN" && *name != "CAP_NET_RAW");
    assert_eq!(others.count(), 0, "{sandbox:?}");

    let denied = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
    };
    denied(std::fs::read(elsewhere.path().join("secret")).map(|_| ()));
    denied(std::fs::write(elsewhere.path().join("new"), "x"));
    denied(std::fs::write(folder.path().join("holdfast.toml"), "x"));
    denied(std::fs::File::open("/dev/kmsg").map(|_| ()));
    std::fs::read(folder.path().join("holdfast.toml")).unwrap();
    std::fs::write(folder.path().join("run/new"), "x").unwrap();
    std::fs::remove_file(folder.path().join("run/new")).unwrap();
    std::fs::read("/etc/passwd").unwrap();
}

//! In the sandbox, seen from inside: a process of its own, since there is no way out.

use std::{
    io::ErrorKind,
    net::UdpSocket,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::Command,
};

use holdfast_config::{ConfigError, Environment, Loaded};

use super::{enter, system_calls};

const INSIDE: &str = "HOLDFAST_TEST_INSIDE";

/// Runs a test of this file, which is ignored otherwise, in a process of its own.
fn inside(test: &str) -> String {
    // What it makes it cannot remove any more.
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("sandbox::tests::{test}"),
            "--ignored",
            "--nocapture",
        ])
        .env(INSIDE, "1")
        .env("TMPDIR", folder.path())
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
    assert_eq!(
        nix::unistd::execv(c"/bin/true", &[c"true"]),
        Err(nix::errno::Errno::EPERM)
    );
    // A child that is to run a program has given up our handler before, and dies of it.
    if let Ok(status) = Command::new("/bin/true").status() {
        assert_eq!(status.signal(), Some(libc::SIGSYS), "{status}");
    }
    assert_eq!(clone(libc::CLONE_NEWUSER), Err(nix::errno::Errno::EPERM));
    assert_eq!(clone(libc::CLONE_NEWNET), Err(nix::errno::Errno::EPERM));
    assert!(nix::sys::prctl::get_no_new_privs().unwrap());
    // What the agent does, it still does.
    UdpSocket::bind("127.0.0.1:0").unwrap();
    std::thread::spawn(|| std::fs::read("/proc/self/status").unwrap())
        .join()
        .unwrap();
    assert!(std::net::ToSocketAddrs::to_socket_addrs("localhost:500").is_ok());
}

/// A new process in namespaces of its own.
#[allow(unsafe_code, reason = "nothing safe makes a bare process")]
fn clone(flags: libc::c_int) -> nix::Result<()> {
    let flags = libc::c_long::from(flags | libc::SIGCHLD);
    let none: libc::c_long = 0;
    // SAFETY: without a stack or CLONE_VM this is fork(2); the child, if there is one, only exits.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    if pid == 0 {
        std::process::exit(1);
    }
    nix::errno::Errno::result(pid).map(drop)
}

fn write_private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

/// A configuration whose control socket is in `run` and which has this secret.
fn configuration(run: &Path, secret: &Path) -> String {
    format!(
        "[agent]\nvici = \"unix://{}/vici\"\n\
         [secrets.paris]\ntype = \"psk\"\nsecret = {{ file = \"{}\" }}\n",
        run.display(),
        secret.display(),
    )
}

fn load(main: &Path, text: &str) -> Result<Loaded, ConfigError> {
    write_private(main, text);
    let environment = Environment::Fixed(std::collections::BTreeMap::new());
    holdfast_config::load_with(main, &environment)
}

#[test]
fn files_and_capabilities_are_those_of_the_configuration() {
    inside("only_our_files_are_there");
}

#[test]
#[ignore = "files_and_capabilities_are_those_of_the_configuration runs it"]
fn only_our_files_are_there() {
    assert!(std::env::var_os(INSIDE).is_some());
    let folders: [_; 5] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let [folder, secrets, authorities, lists, elsewhere] =
        folders.each_ref().map(tempfile::TempDir::path);
    std::fs::create_dir(folder.join("run")).unwrap();
    write_private(&elsewhere.join("secret"), "x");
    // What the configuration names leads on to another folder.
    let named = folder.join("paris.psk");
    write_private(&secrets.join("paris"), "x");
    std::os::unix::fs::symlink(secrets.join("paris"), &named).unwrap();
    // Of an authority, too, and of its list, which is not there yet.
    let authority = authorities.join("ca.pem");
    std::fs::write(&authority, include_bytes!("../../pki/testdata/ca.pem")).unwrap();
    let list = lists.join("crl.pem");
    let text = format!(
        "{}[authorities.ca]\ncacert = \"{}\"\ncrl_uris = [\"file://{}\"]\n",
        configuration(&folder.join("run"), &named),
        authority.display(),
        list.display(),
    );
    let main = folder.join("holdfast.toml");
    let loaded = load(&main, &text).unwrap();
    std::fs::write(&list, "x").unwrap();
    let sandbox = enter(&loaded, &main);
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
    denied(std::fs::read(elsewhere.join("secret")).map(|_| ()));
    denied(std::fs::write(elsewhere.join("new"), "x"));
    denied(std::fs::write(folder.join("holdfast.toml"), "x"));
    denied(std::fs::File::open("/dev/kmsg").map(|_| ()));
    std::fs::read(folder.join("holdfast.toml")).unwrap();
    std::fs::write(folder.join("run/new"), "x").unwrap();
    std::fs::remove_file(folder.join("run/new")).unwrap();
    std::fs::read("/etc/passwd").unwrap();
    for file in [named, authority, list] {
        std::fs::read(file).unwrap();
    }
}

#[test]
fn a_file_outside_is_told_from_one_of_somebody_else() {
    let said = inside("files_that_cannot_be_read_are_explained");
    assert!(
        said.contains("does not let the agent read this file again"),
        "{said}"
    );
}

#[test]
#[ignore = "a_file_outside_is_told_from_one_of_somebody_else runs it"]
fn files_that_cannot_be_read_are_explained() {
    assert!(std::env::var_os(INSIDE).is_some());
    tracing_subscriber::fmt().init();
    let [folder, elsewhere] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let folder = folder.path();
    let files = ["known.psk", "others.psk"].map(|name| folder.join(name));
    let [known, others] = &files;
    let outside = &elsewhere.path().join("outside.psk");
    for file in [known, others, outside] {
        write_private(file, "x");
    }
    // Where its socket is the agent may write, here the configuration.
    let main = folder.join("holdfast.toml");
    let load = |secret: &Path| load(&main, &configuration(folder, secret));
    let loaded = load(others).unwrap();
    // Root may read it all the same, until it gives that up.
    std::fs::set_permissions(others, PermissionsExt::from_mode(0o000)).unwrap();
    enter(&loaded, &main);
    let mistake = |secret: &Path| load(secret).unwrap_err().to_string();
    let said = mistake(outside);
    assert!(said.contains("outside of the agent's sandbox"), "{said}");
    assert!(said.contains("(restart the agent"), "{said}");
    let said = mistake(others);
    assert!(said.contains("chown it"), "{said}");
    load(known).unwrap();
}

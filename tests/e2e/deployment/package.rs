//! The Debian package, installed where there is nothing but Debian.

use std::{
    ffi::OsString,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{file, unit::as_user};
use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, PROGRAM, Settings, tunnel_tables},
    run,
    sas::agreed_tunnel,
    topology::{CHILD, Family, Pair, Tunnel},
    traffic,
    userland::{bookworm, inside},
    wait,
};

/// A clean Debian 12 with the package installed.
struct Machine {
    root: PathBuf,
}

impl Machine {
    fn new(lab: &Lab) -> Self {
        let root = lab.subdirectory("debian");
        run(Command::new("tar")
            .arg("-xf")
            .arg(bookworm())
            .arg("-C")
            .arg(&root));
        let built = run(Command::new(file("scripts/deb"))
            .arg(PROGRAM)
            .arg(lab.directory()));
        let machine = Self { root };
        machine.run(&["dpkg", "--install", built.trim()]);
        machine
    }

    /// What a program in there prints.
    fn run(&self, words: &[&str]) -> String {
        let words = inside(&self.root, words);
        run(Command::new(&words[0])
            .args(&words[1..])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name.trim_start_matches('/'))
    }
}

fn mode(path: &Path) -> u32 {
    let file =
        std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.permissions().mode() & 0o777
}

#[test]
fn a_clean_debian_has_a_tunnel_from_its_etc_holdfast() {
    let lab = Lab::new();
    let machine = Machine::new(&lab);
    // Installed, described, and not started.
    assert!(
        machine
            .run(&["holdfast", "--version"])
            .contains(env!("CARGO_PKG_VERSION"))
    );
    assert!(!machine.path("/etc/holdfast/holdfast.toml").exists());
    assert_eq!(mode(&machine.path("/etc/holdfast")), 0o750);
    assert_eq!(
        mode(&machine.path("/etc/holdfast/holdfast.toml.example")),
        0o640
    );
    for name in [
        "/lib/systemd/system/holdfast.service",
        "/usr/share/man/man1/holdfast.1.gz",
        "/usr/share/man/man1/holdfast-status.1.gz",
        "/usr/share/bash-completion/completions/holdfast",
        "/usr/share/zsh/vendor-completions/_holdfast",
        "/usr/share/fish/vendor_completions.d/holdfast.fish",
        "/usr/share/holdfast/schema.json",
        "/usr/share/doc/holdfast/copyright",
        "/usr/share/doc/holdfast/examples/prometheus/holdfast.rules.yml",
    ] {
        let size = std::fs::metadata(machine.path(name)).map(|file| file.len());
        assert!(
            size.as_ref().is_ok_and(|size| *size > 0),
            "{name}: {size:?}"
        );
    }

    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let tables = tunnel_tables(&pair.moon, &pair.sun, &tunnel, &Settings::persistent());
    let main = machine.path("/etc/holdfast/holdfast.toml");
    let configuration = format!("[agent]\ndataplane = \"userspace\"\n\n{tables}");
    std::fs::write(&main, configuration).expect("a configuration");
    let group = std::fs::metadata(machine.path("/etc/holdfast"))
        .expect("its folder")
        .gid();
    assert_ne!(group, 0, "the folder belongs to the agent's group");
    std::os::unix::fs::chown(&main, Some(0), Some(group)).expect("chown");
    std::fs::set_permissions(&main, PermissionsExt::from_mode(0o640)).expect("chmod");
    // What RuntimeDirectory= of the unit makes.
    machine.run(&[
        "install",
        "-d",
        "-o",
        "holdfast",
        "-g",
        "holdfast",
        "-m",
        "0750",
        "/run/holdfast",
    ]);

    let mut words = inside(&machine.root, &[]);
    words.extend(as_user("holdfast"));
    words.extend(
        [
            "/usr/bin/holdfast",
            "run",
            "--config",
            "/etc/holdfast/holdfast.toml",
        ]
        .map(OsString::from),
    );
    let socket = machine.path("/run/holdfast/holdfast.vici");
    let directory = lab.subdirectory("log");
    let holdfast = Holdfast::launch_by(words, &pair.moon.namespace, directory, socket);
    holdfast.wait_until_ready();
    let settings = charon::Settings::default();
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    wait::until("the tunnel", Duration::from_secs(20), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    let (from, to) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    assert_eq!(traffic::ping(&pair.moon.namespace, from, to, 20), 20);
    let status = machine.run(&["holdfast", "status"]);
    assert!(status.contains("Sandbox: CAP_NET_ADMIN"), "{status}");
    drop(holdfast);

    machine.run(&["dpkg", "--purge", "holdfast"]);
    assert!(!machine.path("/usr/bin/holdfast").exists());
}

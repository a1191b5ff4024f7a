//! The lab: network namespaces, real daemons, captures, and waiting for real states.
//!
//! Everything a test starts is owned by a value whose drop ends it. A test process that was killed
//! cannot drop anything, so names carry its process id and the next lab sweeps what the dead left.

pub(crate) mod authority;
pub(crate) mod browser;
pub(crate) mod capture;
pub(crate) mod charon;
pub(crate) mod fleet;
pub(crate) mod freeradius;
pub(crate) mod guest;
pub(crate) mod holdfast;
pub(crate) mod http;
pub(crate) mod libreswan;
pub(crate) mod lossy_cable;
pub(crate) mod measure;
pub(crate) mod namespace;
pub(crate) mod overflows;
pub(crate) mod pretty;
pub(crate) mod process;
pub(crate) mod pulse;
pub(crate) mod register;
pub(crate) mod sas;
pub(crate) mod stock;
pub(crate) mod storm;
pub(crate) mod swanctl;
pub(crate) mod topology;
pub(crate) mod traffic;
pub(crate) mod userland;
pub(crate) mod vici;
pub(crate) mod wait;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

pub(crate) use namespace::Namespace;

/// What must be installed, and the Debian package that brings it.
const TOOLS: [(&str, &str); 14] = [
    ("ip", "iproute2"),
    ("ping", "iputils-ping"),
    ("charon-systemd", "charon-systemd"),
    ("swanctl", "strongswan-swanctl"),
    ("iperf3", "iperf3"),
    ("freeradius", "freeradius"),
    ("openssl", "openssl"),
    ("pki", "strongswan-pki"),
    ("tcpdump", "tcpdump"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("promtool", "prometheus"),
    ("tshark", "tshark"),
    ("qemu-system-x86_64", "qemu-system-x86"),
];

/// One test's scratch directory and the source of its unique names.
pub(crate) struct Lab {
    directory: tempfile::TempDir,
    number: u32,
}

impl Lab {
    /// Checks what the tests need and fails with the remedy; never skips.
    pub(crate) fn new() -> Self {
        static PREFLIGHT: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        PREFLIGHT.call_once(|| {
            preflight();
            namespace::sweep();
        });
        Self {
            directory: tempfile::Builder::new()
                .prefix("holdfast-lab-")
                .tempdir()
                .expect("a scratch directory under the temporary directory"),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A new directory below the scratch directory.
    pub(crate) fn subdirectory(&self, name: &str) -> PathBuf {
        let path = self.directory().join(name);
        std::fs::create_dir_all(&path).expect("a directory below the scratch directory");
        path
    }

    /// A new namespace with its loopback device up.
    pub(crate) fn namespace(&self, label: &str) -> Namespace {
        Namespace::create(&format!(
            "hf-{}-{}-{label}",
            std::process::id(),
            self.number
        ))
    }
}

fn preflight() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "the end-to-end tests make network namespaces and need root: run `sudo make test`, \
         or leave them out with `cargo nextest run -E 'not binary(e2e)'`"
    );
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|(tool, _)| !installed(tool))
        .map(|(_, package)| *package)
        .collect();
    assert!(
        missing.is_empty(),
        "missing Debian packages: run `scripts/install-test-packages` \
         or `apt-get install {}`",
        missing.join(" ")
    );
    assert!(
        Path::new("/dev/net/tun").exists(),
        "/dev/net/tun is missing: load the tun module (`modprobe tun`) or give the container the device"
    );
}

fn installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .any(|directory| directory.join(tool).is_file())
}

/// Runs a command to its end and hands back what it printed; a failure fails the test.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

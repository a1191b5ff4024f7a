//! Network namespaces that vanish with the value that owns them.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::run;

/// Where `ip netns` keeps its names.
const NAMES: &str = "/run/netns";

/// A named network namespace.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(super) fn create(name: &str) -> Self {
        run(Command::new("ip").args(["netns", "add", name]));
        let namespace = Self {
            name: name.to_owned(),
        };
        namespace.ip(&["link", "set", "lo", "up"]);
        namespace
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run inside. `ip netns exec` replaces itself by the program, so the
    /// process id is the program's.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.name])
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// Runs `ip ARGUMENTS` inside.
    pub(crate) fn ip(&self, arguments: &[&str]) -> String {
        run(Command::new("ip").args(["-n", &self.name]).args(arguments))
    }

    /// Runs a closure on a thread that lives inside.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let file = std::fs::File::open(format!("{NAMES}/{}", self.name)).expect("our namespace");
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(file, CloneFlags::CLONE_NEWNET).expect("root may enter");
                work()
            });
            thread.join().expect("the work inside the namespace")
        })
    }

    /// Gives a device an address that may be used at once (no duplicate address detection).
    pub(crate) fn add_address(&self, device: &str, address: &str) {
        if address.contains(':') {
            self.ip(&["addr", "add", address, "dev", device, "nodad"]);
        } else {
            self.ip(&["addr", "add", address, "dev", device]);
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Connects two namespaces by a cable; its ends have the given device names.
pub(crate) fn connect(one: (&Namespace, &str), other: (&Namespace, &str)) {
    run(Command::new("ip")
        .args(["link", "add", one.1, "netns", one.0.name(), "type", "veth"])
        .args(["peer", "name", other.1, "netns", other.0.name()]));
    one.0.ip(&["link", "set", one.1, "up"]);
    other.0.ip(&["link", "set", other.1, "up"]);
}

/// Removes the namespaces of test processes that no longer exist.
pub(super) fn sweep() {
    let Ok(names) = std::fs::read_dir(NAMES) else {
        return;
    };
    for name in names.flatten() {
        let name = name.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix("hf-")
            .and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else {
            continue;
        };
        if !Path::new(&format!("/proc/{owner}")).exists() {
            remove(&name);
        }
    }
}

/// Ends whatever still runs inside, then the namespace. Never panics: it runs in drops.
fn remove(name: &str) {
    if let Ok(output) = Command::new("ip").args(["netns", "pids", name]).output() {
        for pid in String::from_utf8_lossy(&output.stdout).lines() {
            if let Ok(pid) = pid.trim().parse() {
                kill(Pid::from_raw(pid), Signal::SIGKILL).ok();
            }
        }
    }
    Command::new("ip")
        .args(["netns", "del", name])
        .output()
        .ok();
}

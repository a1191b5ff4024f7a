//! Two releases of strongSwan: the machine's own, and Debian 13's in a folder of its own, which
//! `scripts/trixie` unpacks once and keeps.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::run;

/// Enters a folder. Its mounts are in a namespace of their own and go with the program, which
/// replaces the shell, so the process id is the program's.
const ENTER: &str = r#"root=$1 shared=$2; shift 2
mkdir -p "$root$shared" &&
mount --rbind /dev "$root/dev" && mount --rbind /proc "$root/proc" &&
mount --bind "$shared" "$root$shared" && exec chroot "$root" "$@""#;

/// A release of Debian with its swanctl and its charon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Release {
    /// Debian 12, which is what the machine runs.
    #[default]
    Bookworm,
    /// Debian 13.
    Trixie,
    /// The same with charon's `ml` plugin, which Debian leaves out: `scripts/trixie-mlkem`.
    TrixieMlKem,
}

impl Release {
    pub(crate) const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// The version of strongSwan that it brings.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Bookworm => "5.9.8",
            Self::Trixie | Self::TrixieMlKem => "6.0.1",
        }
    }

    /// The words that run a program of `/usr/sbin` of this release. It sees the temporary
    /// directory, and so everything of the lab's, under the same path.
    pub(crate) fn words(self, program: &str) -> Vec<OsString> {
        let program = format!("/usr/sbin/{program}");
        match self {
            Self::Bookworm => vec![program.into()],
            Self::Trixie | Self::TrixieMlKem => inside(&self.root(), &[&program]),
        }
    }

    fn root(self) -> PathBuf {
        match self {
            Self::TrixieMlKem => trixie_mlkem(),
            _ => trixie(),
        }
    }

    /// Plugins of its charon beside those of all releases.
    pub(crate) fn plugins(self) -> &'static str {
        match self {
            Self::TrixieMlKem => " ml",
            _ => "",
        }
    }

    /// [`Self::words`] as a command.
    pub(crate) fn command(self, program: &str) -> Command {
        let words = self.words(program);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }
}

/// The words that run a program inside a folder with a userland. It sees the temporary directory,
/// and so everything of the lab's, under the same path.
pub(crate) fn inside(root: &Path, words: &[&str]) -> Vec<OsString> {
    let enter = [
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        "sh",
        "-c",
        ENTER,
        "enter",
    ];
    let mut all: Vec<OsString> = enter.map(OsString::from).to_vec();
    all.push(root.into());
    all.push(std::env::temp_dir().into());
    all.extend(words.iter().map(OsString::from));
    all
}

/// The archive of a Debian 12 with nothing but what every system has, made if it is not there.
pub(crate) fn bookworm() -> PathBuf {
    static ARCHIVE: OnceLock<PathBuf> = OnceLock::new();
    ARCHIVE.get_or_init(|| made_by("bookworm")).clone()
}

/// Python with schemas of Kubernetes, installed if it is not there.
pub(crate) fn kubernetes_validate() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| made_by("python-kubernetes")).clone()
}

/// The folder of Debian 13, made if it is not there.
fn trixie() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| made_by("trixie")).clone()
}

/// The same with ML-KEM.
fn trixie_mlkem() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| made_by("trixie-mlkem")).clone()
}

/// Python with the package `vici`, installed if it is not there.
pub(crate) fn python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| made_by("python-vici")).clone()
}

/// The folder of a virtual machine's kernel and file system, made if it is not there.
pub(crate) fn guest() -> PathBuf {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| made_by("guest")).clone()
}

/// What a script of ours makes and then names.
fn made_by(script: &str) -> PathBuf {
    let script = format!("{}/scripts/{script}", env!("CARGO_MANIFEST_DIR"));
    let printed = run(&mut Command::new(script));
    PathBuf::from(OsStr::new(printed.trim()))
}

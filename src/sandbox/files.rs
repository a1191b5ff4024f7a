//! Files (Landlock, landlock(7)). Reading is for what the configuration names and the system's
//! own settings, writing for the folders of the sockets' files and of the agent's state, running
//! for nothing. The key log is open already.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use holdfast_config::{Loaded, StateDir, ViciAddress};
use landlock::{
    ABI, Access, AccessFs, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, path_beneath_rules,
};

/// The newest version that is asked for; an older kernel does what it can.
const NEWEST: ABI = ABI::V5;

/// Name look-ups, time zones, root certificates, libraries of name services, and what the kernel
/// says about itself and us. Credentials of the service manager are beneath /run.
const SYSTEM: [&str; 7] = ["/etc", "/usr", "/lib", "/lib64", "/run", "/proc", "/sys"];

/// Where the unit and the package let the agent keep what outlives a restart.
const STATE: &str = "/var/lib/holdfast";

/// Restricts the calling thread and those that it starts.
pub(super) fn restrict(loaded: &Loaded, main: &Path) -> Result<String, String> {
    let status = apply(loaded, main).map_err(|error| error.to_string())?;
    match status {
        RulesetStatus::FullyEnforced => Ok("those of the configuration (Landlock)".to_owned()),
        RulesetStatus::PartiallyEnforced => {
            Ok("those of the configuration, in part (Landlock of an older kernel)".to_owned())
        }
        RulesetStatus::NotEnforced => Err("the kernel has no Landlock".to_owned()),
    }
}

fn apply(loaded: &Loaded, main: &Path) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let change = AccessFs::from_write(NEWEST) | read;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(readable(loaded, main), read))?
        .add_rules(path_beneath_rules(["/dev/urandom"], read))?
        .add_rules(path_beneath_rules(["/dev/net/tun", "/dev/null"], device))?
        .add_rules(path_beneath_rules(writable(loaded), change))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The folders of every file that the configuration consists of: a reload may find new ones there.
fn readable(loaded: &Loaded, main: &Path) -> Vec<PathBuf> {
    let files = loaded.files.iter().map(PathBuf::as_path);
    let mut folders: Vec<PathBuf> = files
        .chain([main])
        .map(|file| folder_of(file).to_path_buf())
        .collect();
    folders.sort();
    folders.dedup();
    folders
}

fn writable(loaded: &Loaded) -> Vec<PathBuf> {
    let agent = &loaded.config.agent;
    // The files of the sockets are removed at the end.
    let sockets = [
        Some(&agent.vici),
        agent.events.as_ref(),
        agent.error_notify.as_ref(),
    ];
    let folders = sockets
        .into_iter()
        .flatten()
        .filter_map(|address| match address {
            ViciAddress::Unix(path) => Some(folder_of(path).to_path_buf()),
            ViciAddress::Tcp(_) => None,
        });
    folders.chain(state(&agent.state_dir)).collect()
}

/// The folder of what outlives a restart. A missing one can be made now, and no more later.
fn state(place: &StateDir) -> Option<PathBuf> {
    match place {
        StateDir::Memory => None,
        StateDir::Usual => Some(PathBuf::from(STATE)),
        StateDir::At(folder) => {
            if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(folder) {
                tracing::warn!(folder = %folder.display(), %error, "agent.state_dir cannot be made");
            }
            Some(folder.clone())
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => file,
    }
}

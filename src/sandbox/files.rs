//! Files (Landlock, landlock(7)). Reading is for what the configuration names and the system's
//! own settings, writing for the folders of the sockets' files and of the agent's state, running
//! for nothing. The key log is open already.

use std::{
    collections::BTreeSet,
    fs::{DirBuilder, File},
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

/// Settings of name look-ups. On some systems they are links to folders that no one else names.
const NAMES: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];

/// Revocation lists in files, as an authority names them.
const LIST_IN_FILE: &str = "file://";

/// Where the unit and the package let the agent keep what outlives a restart.
const STATE: &str = "/var/lib/holdfast";

/// Warns of files that were read at the start and that nothing can be read from any more: with
/// the capability to read everybody's files given up, owner and mode count for root, too.
pub(super) fn warn_of_lost(loaded: &Loaded) {
    for file in &loaded.files {
        if let Err(error) = File::open(file) {
            tracing::warn!(
                file = %file.display(), %error,
                "the sandbox does not let the agent read this file again: a reload will fail; make \
                 the agent's user its owner"
            );
        }
    }
}

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

/// The folders of every file that the configuration consists of or names: a reload may find new ones
/// there. Where a file is a link, the folder of what it leads to, too.
fn readable(loaded: &Loaded, main: &Path) -> BTreeSet<PathBuf> {
    let authorities = loaded.config.secrets.authorities().iter();
    let lists = authorities
        .flat_map(|authority| &authority.crl_uris)
        .filter_map(|uri| uri.strip_prefix(LIST_IN_FILE))
        .map(Path::new);
    let files = loaded.files.iter().map(PathBuf::as_path);
    let mut folders: BTreeSet<PathBuf> = files
        .chain([main])
        .chain(lists)
        .chain(NAMES.map(Path::new))
        .flat_map(|file| {
            let target = file.canonicalize().ok();
            let of_target = target.as_deref().map(folder_of).map(Path::to_path_buf);
            of_target.into_iter().chain([folder_of(file).to_path_buf()])
        })
        .collect();
    // Both may be links themselves, and empty until the first reload.
    folders.insert(main.with_file_name("conf.d"));
    folders.extend(std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from));
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

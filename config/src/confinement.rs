//! Files that this process has shut itself out of.

use std::{io, path::Path};

use nix::unistd::{AccessFlags, eaccess};

/// Why such a file cannot be read.
pub const OUTSIDE: &str = "it is outside of the agent's sandbox, which was set up at its start for \
                           the folders of the files that were named then";

/// What to do about it.
pub const RESTART: &str =
    "restart the agent, or put the file into a folder that was named then, or beneath /etc";

/// Whether it is a sandbox around this process that does not let it open the file, and not the
/// file's mode or owner. Of the two calls of the system only open(2) asks Landlock.
pub fn is_shut_out(path: &Path, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && eaccess(path, AccessFlags::R_OK).is_ok()
}

//! A disk that can be filled.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A file system of four megabytes.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    pub(crate) fn mount(place: &Path) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(place)
            .status()
            .expect("mount runs");
        assert!(
            mounted.success(),
            "a tmpfs cannot be mounted: run this as root"
        );
        Self(place.to_owned())
    }

    /// Where it is.
    pub(crate) fn place(&self) -> &Path {
        &self.0
    }

    /// Leaves no room for a further page.
    pub(crate) fn fill(&self) {
        let _ = fs::write(self.0.join("ballast"), vec![0; 8 << 20]);
    }

    /// Makes room again.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).expect("the ballast is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

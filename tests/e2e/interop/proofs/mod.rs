//! What is to be seen beyond traffic.

mod ends;
mod paths;
mod rekeying;
mod revocation;
mod services;

use std::time::Duration;

pub(super) use ends::*;
pub(super) use paths::*;
pub(super) use rekeying::*;
pub(super) use revocation::*;
pub(super) use services::*;

use super::scene::{Other, Scene};
use crate::lab::{sas::Daemon, wait};

const PATIENCE: Duration = Duration::from_secs(20);

/// holdfast's listing says so, and charon's where charon is the peer.
fn both_list(scene: &Scene<'_>, key: &str, value: &str) -> Result<(), String> {
    let mut daemons: Vec<&dyn Daemon> = vec![&scene.holdfast];
    if let Other::Charon(charon) = &scene.other {
        daemons.push(charon);
    }
    for daemon in daemons {
        lists(daemon, key, value)?;
    }
    Ok(())
}

fn lists(daemon: &dyn Daemon, key: &str, value: &str) -> Result<(), String> {
    let values = daemon.listed(key);
    if values.iter().any(|one| one == value) {
        Ok(())
    } else {
        Err(format!("{key} is {values:?}, and not {value}"))
    }
}

/// Waits until there is something to see in the scene.
fn wait_until(what: &str, look: impl FnMut() -> bool) -> Result<(), String> {
    let mut look = look;
    let seen = wait::attempt(PATIENCE, || look().then_some(()));
    seen.ok_or_else(|| format!("not seen: {what}"))
}

//! What a tunnel has beside its keys.

use super::{both_list, lists};
use crate::interop::scene::Scene;

pub(crate) fn has_a_ppk(scene: &mut Scene<'_>) -> Result<(), String> {
    both_list(scene, "ppk", "yes")
}

pub(crate) fn is_in_transport_mode(scene: &mut Scene<'_>) -> Result<(), String> {
    lists(&scene.holdfast, "mode", "TRANSPORT")
}

pub(crate) fn has_its_reqid(scene: &mut Scene<'_>) -> Result<(), String> {
    lists(&scene.holdfast, "reqid", "42")
}

//! Certificates that were revoked, and nobody who knows.

use super::wait_until;
use crate::{
    interop::scene::Scene,
    lab::{register::Told, sas::Daemon, topology::CONNECTION},
};

/// The peer's certificate is revoked: the list says so, and it is refused.
pub(crate) fn refuses_what_a_list_has(scene: &mut Scene<'_>) -> Result<(), String> {
    refuses_what_was_revoked(scene, Told::ByList)
}

/// The same, as an OCSP responder says.
pub(crate) fn refuses_what_a_responder_knows(scene: &mut Scene<'_>) -> Result<(), String> {
    refuses_what_was_revoked(scene, Told::ByResponder)
}

fn refuses_what_was_revoked(scene: &mut Scene<'_>, told: Told) -> Result<(), String> {
    let moon = &scene.pair.moon.namespace;
    let register = scene.props.register.as_mut().ok_or("no register")?;
    register.revoke();
    register.dismiss();
    register.serve(moon, told);
    scene.holdfast.command("flush-certs", &[])?;
    scene
        .holdfast
        .command("terminate", &[("ike", CONNECTION)])?;
    wait_until("nothing is up", || !is_established(scene))?;
    is_refused(scene)
}

/// Nobody knows whether the peer's certificate was revoked; once somebody does, all is well.
pub(crate) fn waits_for_a_list(scene: &mut Scene<'_>) -> Result<(), String> {
    is_refused(scene)?;
    let moon = &scene.pair.moon.namespace;
    let register = scene.props.register.as_mut().ok_or("no register")?;
    register.serve(moon, Told::ByList);
    scene.holdfast.command("flush-certs", &[])?;
    scene.initiate()
}

/// Whoever starts cannot.
fn is_refused(scene: &Scene<'_>) -> Result<(), String> {
    // A peer may take itself for established before it hears better.
    scene.initiate().ok();
    if is_established(scene) {
        Err("a tunnel that must not be".to_owned())
    } else {
        Ok(())
    }
}

fn is_established(scene: &Scene<'_>) -> bool {
    let sas = scene.holdfast.sas();
    sas.iter().any(|sa| sa.state == "ESTABLISHED")
}

//! Capabilities (capabilities(7)).

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use holdfast_config::DataPlaneKind;

/// Gives up what the data plane does not need. Ports below 1024 are bound already.
pub(super) fn keep_only(plane: DataPlaneKind) -> Result<(), CapsError> {
    let mut wanted = CapsHashSet::new();
    if plane != DataPlaneKind::None {
        // The TUN device, routes and addresses.
        wanted.insert(Capability::CAP_NET_ADMIN);
        // Where it was given: what a shunt passes on leaves by a raw socket.
        wanted.insert(Capability::CAP_NET_RAW);
    }
    let permitted = caps::read(None, CapSet::Permitted)?;
    let kept: CapsHashSet = permitted.intersection(&wanted).copied().collect();
    if permitted.contains(&Capability::CAP_SETPCAP) {
        for capability in caps::all().difference(&kept) {
            // An older kernel knows fewer of them.
            let _ = caps::drop(None, CapSet::Bounding, *capability);
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new())?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)
}

/// The capabilities that are in force, by name.
pub(super) fn left() -> Vec<String> {
    let effective = caps::read(None, CapSet::Effective).unwrap_or_default();
    let mut names: Vec<String> = effective.iter().map(ToString::to_string).collect();
    names.sort();
    names
}

//! The storm over charon.

use std::time::{Duration, Instant};

use crate::{
    client_storm::{Outcome, exit},
    lab::{
        Lab,
        charon::{self, Charon},
        sas::Daemon,
        storm::Storm,
        swanctl::Swanctl,
        topology::{CHILD, Pair, Tunnel},
        userland::Release,
        wait,
    },
};

/// The storm over charon, which is held to nothing.
pub(crate) fn over_charon(storm: Storm, release: Release) -> Outcome {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    pair.silence_sun();
    let tunnel = Tunnel::default();
    let settings = charon::Settings {
        release,
        quiet: true,
        ..charon::Settings::default()
    };
    let mut charon = Charon::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let swanctl = Swanctl::new(Release::Bookworm, lab.directory(), &charon);
    let pid = charon.process().id();
    let course = storm.over(&charon, &swanctl, pid);

    pair.wake_sun();
    let settings = charon::Settings::default();
    let peer = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let back = Instant::now();
    // Only the peer can be asked: the other one may be dead. It sends again after 4, 11 and 24 s.
    let tunnel = wait::attempt(Duration::from_secs(30), || peer.only_tunnel(CHILD));
    let tunnel_after = tunnel.map(|_| back.elapsed());
    Outcome {
        course,
        tunnel_after,
        exit_after: exit(charon.process()),
    }
}

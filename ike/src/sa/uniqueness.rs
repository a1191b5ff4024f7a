//! Which of several IKE_SAs with one peer stay (RFC 7296 sections 2.4 and 2.8.1).
//!
//! Two ends that start at the same instant create two IKE_SAs. Both ends must keep the same one
//! without talking about it. What makes that possible:
//!
//! * An end says INITIAL_CONTACT in the IKE_AUTH request unless it holds an established IKE_SA with
//!   the peer at that moment, and it marks one as established before it transmits the IKE_AUTH
//!   response. Both ends know of each IKE_SA whether its initiator said so.
//! * If both were begun with INITIAL_CONTACT and the IKE_SA_INIT of the newer one arrived after the
//!   older one was established here, the peer cannot have known the older one, although it had
//!   answered for it: the peer has lost its state, and the older one is dead.
//! * If it arrived before, the two crossed. Of those, the one that holds the lowest of the four
//!   nonces loses, as RFC 7296 section 2.8.1 rules for simultaneous rekeying.
//! * One that the same host creates after another, without INITIAL_CONTACT, is the same IKE_SA
//!   authenticated anew (RFC 7296 section 2.8.3): the older one stays until its children are moved.
//! * If only one was begun without INITIAL_CONTACT, its initiator knew the other one and meant to
//!   replace it.

use std::{net::IpAddr, time::Instant};

use super::io::Role;
use crate::config::Unique;

/// What the rule needs to know of an established IKE_SA.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Who created it.
    pub role: Role,
    /// The peer's address.
    pub remote: IpAddr,
    /// When its IKE_SA_INIT request was received (responder) or first sent (initiator).
    pub begun: Instant,
    /// When it was established here: arrival of the IKE_AUTH message that did it.
    pub established: Instant,
    /// The lower of its two nonces.
    pub lowest_nonce: Box<[u8]>,
    /// Whether its initiator said INITIAL_CONTACT.
    pub initial_contact: bool,
}

/// What becomes of the older of two IKE_SAs with the same peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both stay.
    KeepBoth,
    /// The older one is dead at the peer: forget it without a word.
    ForgetOlder,
    /// Close the older one, telling the peer.
    CloseOlder,
    /// The same, but not before all that it carries can have been moved to the newer one.
    CloseOlderSoon,
    /// Close the newer one, telling the peer.
    CloseNewer,
}

/// Decides between two established IKE_SAs of one connection with the same remote identity.
/// `newer` is the one that was established here last.
pub fn judge(older: &Contact, newer: &Contact, unique: Unique) -> Verdict {
    if unique == Unique::Never {
        return Verdict::KeepBoth;
    }
    let sequential = newer.begun > older.established;
    if newer.role == Role::Responder && newer.initial_contact && sequential {
        return Verdict::ForgetOlder;
    }
    if older.role != newer.role {
        return match (older.initial_contact, newer.initial_contact) {
            (true, false) => Verdict::CloseOlder,
            (false, true) => Verdict::CloseNewer,
            (false, false) if sequential => Verdict::CloseOlder,
            _ if older.lowest_nonce < newer.lowest_nonce => Verdict::CloseOlder,
            _ => Verdict::CloseNewer,
        };
    }
    let anew = sequential && !newer.initial_contact && newer.remote == older.remote;
    match unique {
        Unique::Replace if anew => Verdict::CloseOlderSoon,
        Unique::Keep if anew => Verdict::KeepBoth,
        Unique::Replace => Verdict::CloseOlder,
        Unique::Keep if newer.role == Role::Responder => Verdict::CloseNewer,
        Unique::No | Unique::Keep | Unique::Never => Verdict::KeepBoth,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Made {
        role: Role,
        begun: u64,
        established: u64,
        nonce: u8,
        initial_contact: bool,
        remote: u8,
    }

    fn contact(made: &Made, epoch: Instant) -> Contact {
        Contact {
            role: made.role,
            remote: [192, 0, 2, made.remote].into(),
            begun: epoch + Duration::from_secs(made.begun),
            established: epoch + Duration::from_secs(made.established),
            lowest_nonce: Box::new([made.nonce; 16]),
            initial_contact: made.initial_contact,
        }
    }

    const OURS: Made = Made {
        role: Role::Initiator,
        begun: 0,
        established: 2,
        nonce: 1,
        initial_contact: true,
        remote: 2,
    };
    const THEIRS: Made = Made {
        role: Role::Responder,
        begun: 1,
        established: 3,
        nonce: 2,
        initial_contact: true,
        remote: 2,
    };

    #[test]
    fn a_peer_that_lost_its_state_replaces() {
        let epoch = Instant::now();
        let older = contact(&OURS, epoch);
        let newer = contact(
            &Made {
                begun: 5,
                established: 6,
                ..THEIRS
            },
            epoch,
        );
        assert_eq!(judge(&older, &newer, Unique::No), Verdict::ForgetOlder);
        assert_eq!(judge(&older, &newer, Unique::Never), Verdict::KeepBoth);
    }

    #[test]
    fn crossing_ones_are_judged_alike_by_both_ends() {
        let epoch = Instant::now();
        for (a, b) in [(1, 2), (2, 1)] {
            let mine = contact(&Made { nonce: a, ..OURS }, epoch);
            let yours = contact(&Made { nonce: b, ..THEIRS }, epoch);
            let here = judge(&mine, &yours, Unique::No);
            // The other end established them in the same order but with roles exchanged.
            let mine_there = contact(
                &Made {
                    nonce: a,
                    role: Role::Responder,
                    ..OURS
                },
                epoch,
            );
            let yours_there = contact(
                &Made {
                    nonce: b,
                    role: Role::Initiator,
                    ..THEIRS
                },
                epoch,
            );
            assert_eq!(here, judge(&mine_there, &yours_there, Unique::No));
            // Or the other way round.
            let there = judge(
                &contact(&Made { nonce: b, ..OURS }, epoch),
                &contact(&Made { nonce: a, ..THEIRS }, epoch),
                Unique::No,
            );
            assert_eq!(here == Verdict::CloseOlder, there == Verdict::CloseNewer);
            assert_ne!(here, Verdict::ForgetOlder);
        }
    }

    #[test]
    fn a_deliberate_replacement_wins_whatever_the_nonces() {
        let epoch = Instant::now();
        for nonce in [0, 9] {
            let older = contact(&OURS, epoch);
            let newer = contact(
                &Made {
                    initial_contact: false,
                    nonce,
                    ..THEIRS
                },
                epoch,
            );
            assert_eq!(judge(&older, &newer, Unique::No), Verdict::CloseOlder);
            assert_eq!(judge(&newer, &older, Unique::No), Verdict::CloseNewer);
        }
    }

    #[test]
    fn the_same_host_authenticates_anew_and_loses_nothing_by_it() {
        let epoch = Instant::now();
        for made in [OURS, THEIRS] {
            let older = contact(&made, epoch);
            let again = Made {
                begun: 5,
                established: 6,
                initial_contact: false,
                ..made
            };
            let newer = contact(&again, epoch);
            for (unique, verdict) in [
                (Unique::No, Verdict::KeepBoth),
                (Unique::Never, Verdict::KeepBoth),
                (Unique::Keep, Verdict::KeepBoth),
                (Unique::Replace, Verdict::CloseOlderSoon),
            ] {
                assert_eq!(judge(&older, &newer, unique), verdict);
            }
        }
    }

    #[test]
    fn same_origin_follows_the_policy() {
        let epoch = Instant::now();
        let older = contact(
            &Made {
                remote: 9,
                ..THEIRS
            },
            epoch,
        );
        let newer = contact(
            &Made {
                begun: 5,
                established: 6,
                initial_contact: false,
                ..THEIRS
            },
            epoch,
        );
        for (unique, verdict) in [
            (Unique::No, Verdict::KeepBoth),
            (Unique::Never, Verdict::KeepBoth),
            (Unique::Keep, Verdict::CloseNewer),
            (Unique::Replace, Verdict::CloseOlder),
        ] {
            assert_eq!(judge(&older, &newer, unique), verdict);
        }
    }
}

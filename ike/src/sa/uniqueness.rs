//! Which of several IKE_SAs with one peer stay (RFC 7296 sections 2.4 and 2.8.1).
//!
//! Two ends that start at the same instant create two IKE_SAs, and both say INITIAL_CONTACT. Both
//! ends must keep the same one without talking about it. Two facts make that exact:
//!
//! * An end leaves INITIAL_CONTACT out once it holds an established IKE_SA with the peer, and it
//!   marks one as established before it transmits the IKE_AUTH response. So if the IKE_SA_INIT of
//!   the newer IKE_SA arrived after ours was established, the peer cannot have known ours when it
//!   said INITIAL_CONTACT: it has lost its state, and the older one is dead. If it arrived before,
//!   the two crossed and INITIAL_CONTACT says nothing about it.
//! * Of two that crossed, the one that holds the lowest of the four nonces loses, as RFC 7296
//!   section 2.8.1 rules for simultaneous rekeying. Both ends know all four.

use std::time::Instant;

use super::io::Role;

/// What the rule needs to know of an established IKE_SA.
#[derive(Clone, Debug)]
pub struct Contact {
    /// Who created it.
    pub role: Role,
    /// When its IKE_SA_INIT request was received (responder) or first sent (initiator).
    pub begun: Instant,
    /// When it was established here: arrival of the IKE_AUTH message that did it.
    pub established: Instant,
    /// The lower of its two nonces.
    pub lowest_nonce: Box<[u8]>,
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
    /// Close the newer one, telling the peer.
    CloseNewer,
}

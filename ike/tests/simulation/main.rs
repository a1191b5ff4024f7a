//! Two endpoints in simulated time over a bad network. Whatever happens while it is bad, once it is
//! good again exactly one IKE_SA and one CHILD_SA must remain, and both ends must agree on them.

#![allow(
    clippy::disallowed_methods,
    reason = "the simulation needs a first instant"
)]

mod endpoint;
mod network;
mod rng;
mod scenarios;
mod world;

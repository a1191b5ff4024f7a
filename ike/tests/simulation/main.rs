//! Two endpoints in simulated time over a bad network, with data planes that take their time and an
//! attacker who replays and forges. Whatever happens while it is bad, once it is good again exactly
//! one IKE_SA and one CHILD_SA of each name must remain, both ends must agree on them, and no SPI
//! may be left over.

#![allow(
    clippy::disallowed_methods,
    reason = "the simulation needs a first instant"
)]

mod addresses;
mod ageing;
#[path = "../common/answers.rs"]
mod answers;
mod attacker;
mod childless;
mod desk;
mod endpoint;
mod env;
mod fragments;
mod hybrid;
#[path = "../common/ledger.rs"]
mod ledger;
#[path = "../common/lending.rs"]
mod lending;
mod moving;
mod nat;
mod network;
mod passing;
mod plane;
mod proving;
mod reactions;
mod receiving;
mod rekeying;
mod replacing;
mod rng;
mod scenarios;
mod scribe;
mod witness;
mod world;

//! Exchanges between two IKE_SAs, message by message: what is agreed, what is refused, and what
//! bad input does.

#![allow(clippy::disallowed_methods, reason = "tests need a first instant")]

mod admission;
mod ageing;
#[path = "../common/answers.rs"]
mod answers;
mod childless;
mod children;
mod collisions;
mod configuration;
mod env;
mod forge;
mod former_ike;
mod fragments;
mod hostile;
mod hybrid;
mod hybrid_rekey;
#[path = "../common/ledger.rs"]
mod ledger;
#[path = "../common/lending.rs"]
mod lending;
mod misbehaviour;
mod mobike;
mod moving;
mod nat;
mod pair;
mod pending;
mod ppk;
mod redirect;
mod rekey_child;
mod rekey_ike;
mod resumption;
mod rounds;
mod setup;
mod spoofed;
mod timers;
mod transport;

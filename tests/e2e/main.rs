//! End to end: the agent as a real process, in real network namespaces, against Debian's charon,
//! swanctl and itself. Needs root; see `docs/testing.md`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "test reports go to the terminal"
)]

mod ageing;
mod algorithms;
mod client_storm;
mod commands;
mod credentials;
mod crowd;
mod datagrams;
mod deployment;
mod disagreement;
mod drain;
mod eap;
mod eap_tls;
mod events;
mod fail_closed;
mod faults;
mod fragments;
mod gateways;
mod hints;
mod hooks;
mod hybrid;
mod interop;
mod isolation;
mod keylog;
mod lab;
mod lab_itself;
mod operator;
mod page;
mod parity;
mod persistent;
mod ppk;
mod probes;
mod python;
mod redirect;
mod refusals;
mod rekey;
mod reload;
mod resumption;
mod revocation;
mod roaming;
mod sandbox;
mod shunts;
mod signatures;
mod silence;
mod simultaneous;
mod soak;
mod state;
mod staying_up;
mod storm;
mod swanctl;
mod swanctl_reload;
mod top;
mod transport;
mod traps;
mod tunnels;
mod virtual_addresses;
mod wire;

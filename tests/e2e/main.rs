//! End to end: the agent as a real process, in real network namespaces, against Debian's charon,
//! swanctl and itself. Needs root; see `docs/testing.md`.

#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "test reports go to the terminal"
)]

mod datagrams;
mod disagreement;
mod drain;
mod isolation;
mod keylog;
mod lab;
mod lab_itself;
mod operator;
mod persistent;
mod refusals;
mod rekey;
mod simultaneous;
mod storm;
mod swanctl;
mod tunnels;

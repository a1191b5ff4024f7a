//! The holdfast program: its command line, and the daemon around the agent.

pub mod cli;
mod hook_runner;
mod sandbox;

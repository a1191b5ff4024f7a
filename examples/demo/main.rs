//! `make demo`: a gateway and its peer, both holdfast, on 127.0.0.1, without root.
//!
//! The program starts itself twice more, once for each end. Each of the two is the whole agent;
//! only the TUN device is replaced by a host in the same process, which answers pings. Everything
//! between them (IKE, ESP in UDP, the control protocol) is real.

#![allow(clippy::print_stdout, reason = "the demo talks to people")]

mod agent;
mod configuration;
mod control;
mod end;
mod host;
mod packet;
mod story;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let result = match (
        arguments.next().as_deref(),
        arguments.next(),
        arguments.next(),
    ) {
        (Some("agent"), Some(file), Some(address)) => agent::run(&file, &address),
        (None, ..) => story::tell(),
        _ => Err("this program takes no arguments".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nthe demo failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What any step of the demo may end with.
type Failure = Box<dyn std::error::Error + Send + Sync>;

//! `version`

use std::fs;

use holdfast_vici::Message;

pub(super) fn run() -> Message {
    let kernel = |name: &str| {
        fs::read_to_string(format!("/proc/sys/kernel/{name}"))
            .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    Message::new()
        .with("daemon", "holdfast")
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("sysname", kernel("ostype"))
        .with("release", kernel("osrelease"))
        .with("machine", std::env::consts::ARCH)
}

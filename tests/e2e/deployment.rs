//! What is in `deploy/`: units, packages, manifests, alerts and dashboards are right, as far as the
//! tools that read them can tell, and the agent runs as they say.

mod manifests;
mod metrics;
mod package;
mod unit;

use std::path::PathBuf;

/// A file of the project.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

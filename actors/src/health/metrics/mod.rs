//! `/metrics`: made when asked for, from counters that exist anyway. OpenMetrics for who asks for it,
//! else Prometheus's older text.

mod agent;
mod classic;
mod connections;
mod family;

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, text},
    registry::Registry,
};

use super::path::{self, Paths};
use crate::environment::Shared;

/// The forms of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus's text format 0.0.4.
    Classic,
}

impl Form {
    /// The one that a client wants which accepts these media types.
    pub(super) fn accepted(accept: Option<&str>) -> Self {
        match accept {
            Some(types) if types.contains("application/openmetrics-text") => Self::OpenMetrics,
            _ => Self::Classic,
        }
    }

    /// Its media type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The page.
pub(super) fn page(shared: &Shared, form: Form) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("holdfast");
    registry.register_collector(Box::new(Taken {
        agent: agent::Values::take(shared),
        connections: connections::Values::take(shared),
        paths: path::of(&shared.snapshot.load().connections),
    }));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(match form {
        Form::OpenMetrics => page,
        Form::Classic => classic::of(&page),
    })
}

/// All values, taken at one instant.
#[derive(Debug)]
struct Taken {
    agent: agent::Values,
    connections: connections::Values,
    paths: Paths,
}

impl Collector for Taken {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.agent.encode(&mut encoder)?;
        self.connections.encode(&mut encoder)?;
        path::encode(&self.paths, &mut encoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_ask_for_openmetrics_gets_what_everybody_reads() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.5";
        assert_eq!(Form::accepted(Some(prometheus)), Form::OpenMetrics);
        assert_eq!(Form::accepted(Some("*/*")), Form::Classic);
        assert_eq!(Form::accepted(None), Form::Classic);
    }
}

//! Declarative holdfast configuration: files to a validated model.

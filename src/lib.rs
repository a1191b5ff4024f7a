//! The holdfast program.

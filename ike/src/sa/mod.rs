//! One IKE_SA: its state machine, driven by inputs and drained of outputs.

pub mod event;
pub mod io;
pub mod uniqueness;

pub use event::{ChildDown, CloseCause, Event, Failure};
pub use io::{Command, Input, Output, Role};

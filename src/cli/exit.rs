//! How a command ends when it does not do what it was asked for.

use std::fmt;

/// Exit codes. From 64 on they are those of `sysexits.h`, which service managers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Done.
    Success = 0,
    /// The agent, or the check, says no.
    Failed = 1,
    /// No agent answers at the control address.
    NotRunning = 3,
    /// Done, but for something that was left out.
    Incomplete = 4,
    /// Something that the agent needs cannot be had: a port, a device, a file.
    Unavailable = 69,
    /// The operating system does not allow it.
    NotPermitted = 77,
    /// The configuration cannot be used.
    Configuration = 78,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Code> for u8 {
    fn from(code: Code) -> Self {
        code as Self
    }
}

/// What went wrong, in one line that names the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

//! Commands of the operator.

use std::time::Duration;

/// What is run when something happens to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// A CHILD_SA came up. Rekeying brings none up.
    pub on_up: Option<Command>,
    /// A CHILD_SA went.
    pub on_down: Option<Command>,
    /// An attempt failed, or something happened that an operator should look at.
    pub on_alert: Option<Command>,
    /// A command that takes longer is killed.
    pub timeout: Duration,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            on_up: None,
            on_down: None,
            on_alert: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// A program with its arguments. No shell looks at them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// An absolute path.
    pub program: String,
    /// What it is called with.
    pub arguments: Vec<String>,
}

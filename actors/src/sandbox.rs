//! What the process may still do, as told by the program around the agent, which confines it.

use holdfast_vici::Message;
use serde::Serialize;

/// What is in force. Each part is said in words, because each may be in force in part only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sandbox {
    /// Whether the process confined itself at all (`agent.sandbox`).
    pub enabled: bool,
    /// The capabilities that are left.
    pub capabilities: Vec<String>,
    /// Whether no program that is run can have more rights than the agent.
    pub no_new_privileges: bool,
    /// Which system calls are possible.
    pub system_calls: String,
    /// Which files may be touched.
    pub files: String,
}

impl Sandbox {
    /// The same for control clients.
    pub(crate) fn message(&self) -> Message {
        Message::new()
            .with("enabled", self.enabled)
            .with("capabilities", self.capabilities.join(" "))
            .with("no-new-privileges", self.no_new_privileges)
            .with("system-calls", self.system_calls.as_str())
            .with("files", self.files.as_str())
    }
}

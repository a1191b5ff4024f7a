//! What the agent says about its connections.

use std::time::Duration;

use holdfast_vici::Message;
use serde::Serialize;

/// The states that the agent names; others may come with later agents.
pub(super) const STATES: [&str; 7] = [
    "up",
    "connecting",
    "waiting",
    "down",
    "idle",
    "disabled",
    "maintenance",
];

/// Every connection, in the agent's order. Serialised it is the output of `status --json`, whose
/// keys stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    pub(super) connections: Vec<Connection>,
    /// What is new would be forgotten at a restart: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_warning: Option<String>,
    /// What the agent's process may still do.
    pub(super) sandbox: Option<Sandbox>,
}

/// What is in force of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sandbox {
    pub(super) enabled: bool,
    pub(super) capabilities: Vec<String>,
    pub(super) no_new_privileges: bool,
    pub(super) system_calls: String,
    pub(super) files: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Connection {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) persistent: bool,
    /// How long it has been up, or not up.
    pub(super) since_seconds: Option<u64>,
    pub(super) peer: Option<String>,
    pub(super) remote_id: Option<String>,
    /// Why it is not up.
    pub(super) reason: Option<String>,
    /// How long an operator has kept it down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) maintenance_seconds: Option<u64>,
    /// Failed attempts since it was last up.
    pub(super) failures: u64,
    pub(super) next_retry_ms: Option<u64>,
    /// The same in one sentence: why it is down, what comes next, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    pub(super) ike_sas: u64,
    pub(super) children: Vec<Child>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) up_seconds: Option<u64>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) packets_in: u64,
    pub(super) packets_out: u64,
    pub(super) local_ts: Vec<String>,
    pub(super) remote_ts: Vec<String>,
    /// Where its path is probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<Path>,
}

/// How the last probes of a tunnel went. Times are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Path {
    pub(super) target: Option<String>,
    pub(super) state: String,
    /// Lost in a row.
    pub(super) losses: u64,
    pub(super) sent: u64,
    pub(super) lost: u64,
    pub(super) rtt_min_us: Option<u64>,
    pub(super) rtt_avg_us: Option<u64>,
    pub(super) rtt_max_us: Option<u64>,
    pub(super) repairs: u64,
    /// Why none is sent.
    pub(super) refused: Option<String>,
}

impl Report {
    /// Reads the `health` events and the response that follows them.
    pub(super) fn read(events: &[Message], response: &Message) -> Self {
        let connections = events
            .iter()
            .flat_map(Message::sections)
            .map(|(name, section)| Connection::read(name, section))
            .collect();
        Self {
            connections,
            state_warning: text(response, "state-warning"),
            sandbox: response.child("sandbox").map(Sandbox::read),
        }
    }

    /// How many connections are in each state, in the order of [`STATES`], unknown ones last.
    pub(super) fn tally(&self) -> Vec<(&str, usize)> {
        let mut tally: Vec<(&str, usize)> = STATES.iter().map(|state| (*state, 0)).collect();
        for connection in &self.connections {
            let state = connection.state.as_str();
            match tally.iter_mut().find(|(known, _)| *known == state) {
                Some((_, count)) => *count += 1,
                None => tally.push((state, 1)),
            }
        }
        tally.retain(|(_, count)| *count > 0);
        tally
    }
}

impl Sandbox {
    fn read(section: &Message) -> Self {
        let capabilities = text(section, "capabilities").unwrap_or_default();
        Self {
            enabled: section.get_bool("enabled").unwrap_or(false),
            capabilities: capabilities.split_whitespace().map(str::to_owned).collect(),
            no_new_privileges: section.get_bool("no-new-privileges").unwrap_or(false),
            system_calls: text(section, "system-calls").unwrap_or_default(),
            files: text(section, "files").unwrap_or_default(),
        }
    }

    /// In one line.
    pub(super) fn sentence(&self) -> String {
        if !self.enabled {
            return "Sandbox: off (agent.sandbox)".to_owned();
        }
        let capabilities = match self.capabilities.as_slice() {
            [] => "no capabilities".to_owned(),
            some => some.join(", "),
        };
        let privileges = if self.no_new_privileges {
            "no new privileges"
        } else {
            "new privileges possible"
        };
        format!(
            "Sandbox: {capabilities}; {privileges}; system calls: {}; files: {}",
            self.system_calls, self.files
        )
    }
}

impl Connection {
    fn read(name: &str, section: &Message) -> Self {
        Self {
            name: name.to_owned(),
            state: text(section, "state").unwrap_or_else(|| "unknown".to_owned()),
            persistent: section.get_bool("persistent").unwrap_or(false),
            since_seconds: number(section, "since"),
            peer: text(section, "peer"),
            remote_id: text(section, "remote-id"),
            reason: text(section, "reason"),
            maintenance_seconds: number(section, "maintenance"),
            failures: number(section, "failures").unwrap_or(0),
            next_retry_ms: number(section, "next-retry"),
            summary: text(section, "summary"),
            ike_sas: number(section, "ike-sas").unwrap_or(0),
            children: section
                .child("children")
                .into_iter()
                .flat_map(Message::sections)
                .map(|(name, section)| Child::read(name, section))
                .collect(),
        }
    }

    pub(super) fn since(&self) -> Option<Duration> {
        self.since_seconds.map(Duration::from_secs)
    }

    pub(super) fn next_retry(&self) -> Option<Duration> {
        self.next_retry_ms.map(Duration::from_millis)
    }

    pub(super) fn children_up(&self) -> usize {
        self.children.iter().filter(|child| child.is_up()).count()
    }

    /// Octets in and out of all children together.
    pub(super) fn traffic(&self) -> (u64, u64) {
        self.children
            .iter()
            .fold((0, 0), |(inward, outward), child| {
                (
                    u64::saturating_add(inward, child.bytes_in),
                    u64::saturating_add(outward, child.bytes_out),
                )
            })
    }
}

impl Child {
    fn read(name: &str, section: &Message) -> Self {
        let list = |key| section.get_str_list(key).map(str::to_owned).collect();
        let count = |key| number(section, key).unwrap_or(0);
        Self {
            name: name.to_owned(),
            state: text(section, "state").unwrap_or_else(|| "unknown".to_owned()),
            up_seconds: number(section, "up-since"),
            bytes_in: count("bytes-in"),
            bytes_out: count("bytes-out"),
            packets_in: count("packets-in"),
            packets_out: count("packets-out"),
            local_ts: list("local-ts"),
            remote_ts: list("remote-ts"),
            path: section.child("path").map(Path::read),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.state == "up"
    }
}

impl Path {
    fn read(section: &Message) -> Self {
        let count = |key| number(section, key).unwrap_or(0);
        Self {
            target: text(section, "target"),
            state: text(section, "state").unwrap_or_else(|| "unknown".to_owned()),
            losses: count("losses"),
            sent: count("sent"),
            lost: count("lost"),
            rtt_min_us: number(section, "rtt-min"),
            rtt_avg_us: number(section, "rtt-avg"),
            rtt_max_us: number(section, "rtt-max"),
            repairs: count("repairs"),
            refused: text(section, "refused"),
        }
    }
}

/// Printable text that is not empty. The agent reports what peers call themselves: text with
/// control characters is none.
fn text(section: &Message, key: &str) -> Option<String> {
    section
        .get_str(key)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn number(section: &Message, key: &str) -> Option<u64> {
    // Not by `get_int`: counters of octets have 64 bits.
    section.get_str(key)?.parse().ok()
}

//! What the agent says about its connections.

use std::time::Duration;

use holdfast_vici::Message;
use serde::Serialize;

/// The states that the agent names; others may come with later agents.
pub(in crate::cli) const STATES: [&str; 7] = [
    "up",
    "connecting",
    "waiting",
    "down",
    "idle",
    "disabled",
    "maintenance",
];

/// How a state looks to an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Tone {
    Good,
    /// It will be better soon.
    Pending,
    Bad,
    /// Nobody expects anything else.
    Quiet,
}

impl Tone {
    /// That of a state; later agents may have others.
    pub(in crate::cli) fn of(state: &str) -> Option<Self> {
        match state {
            "up" => Some(Self::Good),
            "connecting" | "waiting" => Some(Self::Pending),
            "down" => Some(Self::Bad),
            "idle" | "disabled" | "maintenance" => Some(Self::Quiet),
            _ => None,
        }
    }
}

/// Every connection, in the agent's order. Serialised it is the output of `status --json`, whose
/// keys stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Report {
    pub(in crate::cli) connections: Vec<Connection>,
    /// What is new would be forgotten at a restart: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) state_warning: Option<String>,
    /// What the agent's process may still do.
    pub(in crate::cli) sandbox: Option<Sandbox>,
}

/// What is in force of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Sandbox {
    pub(in crate::cli) enabled: bool,
    pub(in crate::cli) capabilities: Vec<String>,
    pub(in crate::cli) no_new_privileges: bool,
    pub(in crate::cli) system_calls: String,
    pub(in crate::cli) files: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Connection {
    pub(in crate::cli) name: String,
    pub(in crate::cli) state: String,
    pub(in crate::cli) persistent: bool,
    /// How long it has been up, or not up.
    pub(in crate::cli) since_seconds: Option<u64>,
    pub(in crate::cli) peer: Option<String>,
    pub(in crate::cli) remote_id: Option<String>,
    /// Why it is not up.
    pub(in crate::cli) reason: Option<String>,
    /// How long an operator has kept it down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) maintenance_seconds: Option<u64>,
    /// Failed attempts since it was last up.
    pub(in crate::cli) failures: u64,
    pub(in crate::cli) next_retry_ms: Option<u64>,
    /// The same in one sentence: why it is down, what comes next, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) summary: Option<String>,
    pub(in crate::cli) ike_sas: u64,
    pub(in crate::cli) children: Vec<Child>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Child {
    pub(in crate::cli) name: String,
    pub(in crate::cli) state: String,
    pub(in crate::cli) up_seconds: Option<u64>,
    pub(in crate::cli) bytes_in: u64,
    pub(in crate::cli) bytes_out: u64,
    pub(in crate::cli) packets_in: u64,
    pub(in crate::cli) packets_out: u64,
    pub(in crate::cli) local_ts: Vec<String>,
    pub(in crate::cli) remote_ts: Vec<String>,
    /// Where its path is probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) path: Option<Path>,
}

/// How the last probes of a tunnel went. Times are in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Path {
    pub(in crate::cli) target: Option<String>,
    pub(in crate::cli) state: String,
    /// Lost in a row.
    pub(in crate::cli) losses: u64,
    pub(in crate::cli) sent: u64,
    pub(in crate::cli) lost: u64,
    pub(in crate::cli) rtt_min_us: Option<u64>,
    pub(in crate::cli) rtt_avg_us: Option<u64>,
    pub(in crate::cli) rtt_max_us: Option<u64>,
    pub(in crate::cli) repairs: u64,
    /// Why none is sent.
    pub(in crate::cli) refused: Option<String>,
}

impl Report {
    /// Reads the `health` events and the response that follows them.
    pub(in crate::cli) fn read(events: &[Message], response: &Message) -> Self {
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
    pub(in crate::cli) fn tally(&self) -> Vec<(&str, usize)> {
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
    pub(in crate::cli) fn sentence(&self) -> String {
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

    pub(in crate::cli) fn since(&self) -> Option<Duration> {
        self.since_seconds.map(Duration::from_secs)
    }

    pub(in crate::cli) fn next_retry(&self) -> Option<Duration> {
        self.next_retry_ms.map(Duration::from_millis)
    }

    pub(in crate::cli) fn children_up(&self) -> usize {
        self.children.iter().filter(|child| child.is_up()).count()
    }

    /// Octets in and out of all children together.
    pub(in crate::cli) fn traffic(&self) -> (u64, u64) {
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

    pub(in crate::cli) fn is_up(&self) -> bool {
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

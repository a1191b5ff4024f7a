//! How a connection does, in one sentence: why it is down, what comes next, and when.

use std::time::{Duration, Instant};

use super::status::{ConnectionStatus, State};

impl ConnectionStatus {
    /// The sentence.
    pub(crate) fn sentence(&self, now: Instant) -> String {
        let name = &self.name;
        let since = span(now.saturating_duration_since(self.since));
        let why = if self.reason.is_empty() {
            "something wanted is missing"
        } else {
            &*self.reason
        };
        match self.state {
            State::Up => format!("{name} has been up for {since}."),
            State::Connecting => format!(
                "{name} has been down for {since} and an attempt is under way: {why}{}.",
                self.failed()
            ),
            State::Waiting => format!(
                "{name} has been down for {since}: {why}{}; the next attempt begins {}{}.",
                self.failed(),
                self.when(now),
                self.sooner()
            ),
            State::Down => format!(
                "{name} has been down for {since}: {why}; it comes up when the peer begins."
            ),
            State::Idle | State::Trapped => format!("{name} is not up: {why}."),
            State::Disabled => format!(
                "{name} was taken down by an operator and stays down until `holdfast initiate {name}`."
            ),
            State::Maintenance => self.maintenance.as_ref().map_or_else(String::new, |kept| {
                let lasts = span(kept.lasts());
                format!("{name} is {why}, for {lasts} so far, until `holdfast up {name}`.")
            }),
        }
    }

    fn failed(&self) -> String {
        match self.failures {
            0 => String::new(),
            1 => " (1 attempt failed)".to_owned(),
            failures => format!(" ({failures} attempts failed)"),
        }
    }

    fn when(&self, now: Instant) -> String {
        match self.next_retry.map(|at| at.saturating_duration_since(now)) {
            Some(wait) if wait >= Duration::from_secs(1) => format!("in {}", span(wait)),
            _ => "now".to_owned(),
        }
    }

    /// What would bring it about before its time.
    fn sooner(&self) -> &'static str {
        if self.refused {
            ", sooner only if an operator asks, since the peer refuses us"
        } else {
            ", sooner if the peer, the network or an operator stirs"
        }
    }
}

/// A length of time to whole units, the two largest of them.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn status(state: State, reason: &str, failures: u32) -> (ConnectionStatus, Instant) {
        let since = Instant::now();
        let now = since + Duration::from_secs(3725);
        let status = ConnectionStatus {
            name: "paris".into(),
            state,
            persistent: true,
            since,
            maintenance: None,
            peer: None,
            remote_id: None,
            reason: reason.into(),
            failures,
            next_retry: Some(now + Duration::from_secs(34)),
            refused: false,
            ike_sas: 0,
            children: Vec::new(),
            history: Arc::default(),
        };
        (status, now)
    }

    #[test]
    fn it_says_why_and_what_comes_next_and_when() {
        let (waiting, now) = status(State::Waiting, "the peer does not answer", 12);
        assert_eq!(
            waiting.sentence(now),
            "paris has been down for 1 h 2 min: the peer does not answer (12 attempts failed); \
             the next attempt begins in 34 s, sooner if the peer, the network or an operator stirs."
        );
        let refused = ConnectionStatus {
            refused: true,
            ..waiting
        };
        assert!(refused.sentence(now).contains("the peer refuses us"));
        let (connecting, now) = status(State::Connecting, "waiting for the peer's answer", 0);
        assert_eq!(
            connecting.sentence(now),
            "paris has been down for 1 h 2 min and an attempt is under way: \
             waiting for the peer's answer."
        );
    }

    #[test]
    fn what_operators_did_names_what_undoes_it() {
        let (disabled, now) = status(State::Disabled, "terminated by an operator", 0);
        assert!(disabled.sentence(now).contains("`holdfast initiate paris`"));
        let (kept, now) = status(State::Maintenance, "in maintenance: new line", 0);
        let kept = ConnectionStatus {
            maintenance: Some(crate::store::Maintenance::begin(Some("new line"))),
            ..kept
        };
        let sentence = kept.sentence(now);
        assert!(sentence.contains("new line") && sentence.contains("`holdfast up paris`"));
        let name: Arc<str> = Arc::clone(&kept.name);
        assert!(sentence.starts_with(&*name));
    }
}

//! `/readyz`: whether others may count on this gateway, by the rule that its operator has set.

use std::fmt::Write as _;

use holdfast_config::Readiness;

use crate::supervisor::{
    Snapshot,
    connection::status::{ConnectionStatus, State},
};

/// Ready, or what is missing.
pub(super) fn judge(rule: &Readiness, draining: bool, snapshot: &Snapshot) -> Result<(), String> {
    if draining {
        return Err("draining\n".to_owned());
    }
    let all = &snapshot.connections;
    let missing: Vec<String> = match rule {
        Readiness::Running => Vec::new(),
        Readiness::All => all
            .iter()
            .filter(|status| is_missed(status))
            .map(explain)
            .collect(),
        Readiness::Any if all.iter().any(|status| status.state == State::Up) => Vec::new(),
        Readiness::Any => vec!["no connection is up".to_owned()],
        Readiness::Connections(names) => names
            .iter()
            .filter_map(
                |name| match all.iter().find(|status| *status.name == **name) {
                    Some(status) if status.state == State::Up => None,
                    Some(status) => Some(explain(status)),
                    None => Some(format!("{name}: not configured")),
                },
            )
            .collect(),
    };
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for (index, line) in missing.iter().enumerate() {
        if index == MOST {
            let _ = writeln!(text, "and {} more", missing.len() - MOST);
            break;
        }
        let _ = writeln!(text, "{line}");
    }
    Err(text)
}

/// Lines of an answer.
const MOST: usize = 20;

/// Wanted and not there. What an operator took down, or nobody asked for, is not missed.
fn is_missed(status: &ConnectionStatus) -> bool {
    matches!(
        status.state,
        State::Connecting | State::Waiting | State::Down
    )
}

fn explain(status: &ConnectionStatus) -> String {
    let state = status.state.name();
    match &*status.reason {
        "" => format!("{}: {state}", status.name),
        reason => format!("{}: {state}: {reason}", status.name),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Instant};

    use super::*;

    fn snapshot(states: &[(&str, State)]) -> Snapshot {
        let status = |(name, state): &(&str, State)| ConnectionStatus {
            name: (*name).into(),
            state: *state,
            persistent: true,
            since: Instant::now(),
            peer: None,
            remote_id: None,
            reason: "the peer does not answer".into(),
            failures: 3,
            next_retry: None,
            refused: false,
            maintenance: None,
            ike_sas: 0,
            children: Vec::new(),
            history: Arc::default(),
        };
        Snapshot {
            at: Instant::now(),
            connections: states.iter().map(status).collect(),
        }
    }

    #[test]
    fn each_rule_wants_what_it_says() {
        let one_down = snapshot(&[
            ("paris", State::Up),
            ("rome", State::Waiting),
            ("oslo", State::Disabled),
        ]);
        let judge = |rule: Readiness| judge(&rule, false, &one_down);
        let of = |name: &str| Readiness::Connections(vec![name.to_owned()]);
        assert_eq!(judge(Readiness::Running), Ok(()));
        assert_eq!(judge(Readiness::Any), Ok(()));
        assert_eq!(judge(of("paris")), Ok(()));
        let rome = "rome: waiting: the peer does not answer\n".to_owned();
        assert_eq!(judge(Readiness::All), Err(rome.clone()));
        assert_eq!(judge(of("rome")), Err(rome));
        assert_eq!(judge(of("bonn")), Err("bonn: not configured\n".to_owned()));
        // Who is named is needed, whoever took it down.
        assert!(judge(of("oslo")).is_err());
    }

    #[test]
    fn with_nothing_up_nothing_is_any() {
        let none = snapshot(&[("oslo", State::Disabled)]);
        assert!(judge(&Readiness::Any, false, &none).is_err());
        assert_eq!(judge(&Readiness::All, false, &none), Ok(()));
    }

    #[test]
    fn an_agent_that_leaves_is_never_ready() {
        let up = snapshot(&[("paris", State::Up)]);
        for rule in [Readiness::Running, Readiness::All, Readiness::Any] {
            assert!(judge(&rule, true, &up).is_err(), "{rule:?}");
        }
    }

    #[test]
    fn the_answer_is_short_however_much_is_missing() {
        let names: Vec<String> = (0..1000).map(|number| format!("c{number}")).collect();
        let states: Vec<_> = names.iter().map(|name| (&**name, State::Down)).collect();
        let missing = judge(&Readiness::All, false, &snapshot(&states)).unwrap_err();
        assert_eq!(missing.lines().count(), MOST + 1);
        assert!(missing.ends_with("and 980 more\n"), "{missing}");
    }
}

//! Alerts and the dashboard: what they ask for is there.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use serde_json::Value;

use super::{file, text};
use crate::lab::{
    Lab,
    holdfast::{Holdfast, Settings},
    run,
    topology::{Pair, Tunnel},
    wait,
};

const RULES: &str = "deploy/prometheus/holdfast.rules.yml";
const DASHBOARD: &str = "deploy/grafana/holdfast.json";

#[test]
fn the_alerts_fire_when_they_should() {
    let said = run(Command::new("promtool")
        .args(["check", "rules"])
        .arg(file(RULES)));
    assert!(said.contains("SUCCESS"), "{said}");
    let tests = file("deploy/prometheus/holdfast.rules.test.yml");
    let said = run(Command::new("promtool").args(["test", "rules"]).arg(tests));
    assert!(said.contains("SUCCESS"), "{said}");
}

/// Every alert is tested: what is never seen firing may never fire.
#[test]
fn every_alert_has_its_test() {
    let tests = text("deploy/prometheus/holdfast.rules.test.yml");
    let rules = text(RULES);
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    for alert in alerts {
        assert!(tests.contains(alert), "{alert} has no test");
    }
}

#[test]
fn whatever_is_asked_for_is_measured() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = Settings {
        agent: "dataplane = \"userspace\"\nhealth = \"127.0.0.1:18500\"".to_owned(),
        ..Settings::persistent()
    };
    let holdfast =
        Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &Tunnel::default(), &settings);
    let mut asked = names(&text(RULES));
    asked.extend(dashboard_queries().iter().flat_map(|query| names(query)));
    assert!(asked.len() > 20, "{asked:?}");
    let missing = || -> Vec<&String> {
        let page = pair.moon.namespace.enter(page);
        let measured: BTreeSet<&str> = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect();
        let is_missing = |name: &&String| !measured.contains(name.as_str());
        asked.iter().filter(is_missing).collect()
    };
    // Connections are there as soon as the supervisor has published them.
    let all = wait::attempt(Duration::from_secs(5), || {
        missing().is_empty().then_some(())
    });
    assert!(all.is_some(), "{:?} are not measured", missing());
    drop(holdfast);
}

/// Every query of the dashboard is one to Prometheus, too.
#[test]
fn the_dashboards_queries_are_understood() {
    let lab = Lab::new();
    let rules: Vec<Value> = dashboard_queries()
        .iter()
        .filter(|query| !query.starts_with("label_values("))
        .enumerate()
        .map(|(number, query)| {
            let query = query
                .replace("$__rate_interval", "5m")
                .replace("$instance", ".*");
            serde_json::json!({ "record": format!("query:{number}"), "expr": query })
        })
        .collect();
    assert!(rules.len() > 20, "{rules:#?}");
    let groups = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    let path = lab.directory().join("queries.yml");
    // JSON is YAML.
    std::fs::write(&path, groups.to_string()).expect("a file of rules");
    run(Command::new("promtool").args(["check", "rules"]).arg(&path));
}

/// What Grafana wants of a dashboard that it imports.
#[test]
fn the_dashboard_is_complete() {
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).expect("JSON");
    assert_eq!(dashboard["uid"], "holdfast");
    assert!(
        dashboard["schemaVersion"]
            .as_u64()
            .is_some_and(|version| version >= 36)
    );
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    let names: Vec<&Value> = variables.iter().map(|variable| &variable["name"]).collect();
    assert_eq!(names, ["datasource", "instance"]);
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels
        .iter()
        .filter_map(|panel| panel["id"].as_u64())
        .collect();
    assert_eq!(ids.len(), panels.len(), "an id for each");
    let mut taken = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        let kind = panel["type"].as_str().expect("a kind");
        assert!(
            ["stat", "timeseries", "state-timeline"].contains(&kind),
            "{title}: {kind}"
        );
        let place = |key: &str| panel["gridPos"][key].as_u64().expect("a place");
        assert!(
            place("x") + place("w") <= 24,
            "{title} is outside of the grid"
        );
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title} covers another panel");
            }
        }
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{title} asks for nothing");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            assert!(target["refId"].is_string(), "{title}");
        }
    }
}

fn dashboard_queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let queries = targets.map(|target| &target["expr"]);
    let variables = dashboard["templating"]["list"]
        .as_array()
        .expect("variables");
    queries
        .chain(variables.iter().map(|variable| &variable["query"]))
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The names of our metrics in a query.
fn names(query: &str) -> BTreeSet<String> {
    query
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("holdfast_"))
        .map(str::to_owned)
        .collect()
}

fn page() -> String {
    let mut stream = TcpStream::connect("127.0.0.1:18500").expect("the health endpoint");
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

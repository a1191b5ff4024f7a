//! Orders and what becomes of them, with real programs.

use std::{
    collections::BTreeMap, io::Write, os::unix::fs::PermissionsExt, sync::Arc, time::Duration,
};

use holdfast_actors::hooks::{ChildFacts, Event, Happening, IkeSaFacts, Selector};
use holdfast_config::Environment;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::*;

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// A configuration with these lines in its connections' hooks, and child.
fn configuration(hooks: &str, child: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holdfast.toml");
    let mut file = std::fs::File::create(&path).unwrap();
    file.set_permissions(PermissionsExt::from_mode(0o600))
        .unwrap();
    for name in ["paris", "rome"] {
        write!(
            file,
            "[connections.{name}]\nremote_addrs = [\"192.0.2.9\"]\n\
             local = {{ auth = \"psk\", id = \"moon.example\" }}\n\
             remote = {{ auth = \"psk\", id = \"{name}.example\" }}\n\
             [connections.{name}.hooks]\n{hooks}\n\
             [connections.{name}.children.net]\nremote_ts = [\"10.2.0.0/16\"]\n{child}\n"
        )
        .unwrap();
    }
    writeln!(
        file,
        "[secrets.all]\ntype = \"psk\"\nsecret = {{ value = \"0123456789abcdef\" }}"
    )
    .unwrap();
    (folder, path)
}

fn selector(network: &str) -> Selector {
    Selector {
        text: network.to_owned(),
        network: network.to_owned(),
        host: network
            .strip_suffix("/32")
            .map(|host| host.parse().unwrap()),
        v6: network.contains(':'),
        protocol: 0,
        port: 0,
    }
}

fn child() -> ChildFacts {
    ChildFacts {
        name: "net".to_owned(),
        id: 7,
        reqid: 3,
        encapsulation: true,
        interface: Some("holdfast0".to_owned()),
        local_ts: vec![selector("10.1.0.0/16"), selector("fd00:1::/64")],
        remote_ts: vec![selector("10.2.0.0/16"), selector("10.3.0.0/16")],
    }
}

fn happening(connection: &str, event: Event) -> Arc<Happening> {
    Arc::new(Happening {
        connection: connection.to_owned(),
        event,
        ike_sa: Some(IkeSaFacts {
            id: 1,
            local: "192.0.2.1:4500".parse().unwrap(),
            remote: "192.0.2.9:4500".parse().unwrap(),
            local_id: Some("moon.example".to_owned()),
            remote_id: Some("sun\0.example".to_owned()),
            remote_eap_id: None,
            local_vips: vec!["10.99.0.1".parse().unwrap()],
            remote_vips: Vec::new(),
            name_servers: vec!["10.2.0.53".parse().unwrap(), "fd00:2::53".parse().unwrap()],
            dns_domains: vec!["corp.example".to_owned(), "lab.example".to_owned()],
            subnets: vec!["10.2.0.0/16".to_owned()],
        }),
    })
}

/// What is reported about these events.
fn reports(config: &Path, happenings: Vec<Arc<Happening>>) -> Vec<Report> {
    on_runtime(async {
        let (sender, mut receiver) = mpsc::channel(64);
        let mut queue = Queue::new(config, sender).unwrap();
        for happening in happenings {
            queue.add(happening);
        }
        queue.finish().await;
        let mut reports = Vec::new();
        while let Some(report) = receiver.recv().await {
            reports.push(report);
        }
        reports
    })
}

#[test]
fn a_command_is_told_what_happened() {
    let hooks =
        "on_up = [\"/bin/sh\", \"-c\", \"env | sort; echo oops >&2; exit $1\", \"sh\", \"3\"]";
    let (_folder, config) = configuration(hooks, "");
    let [report] = &reports(&config, vec![happening("paris", Event::Up(child()))])[..] else {
        panic!("one report");
    };
    assert_eq!(report.outcome, Outcome::Exited(3));
    assert_eq!(
        (report.connection.as_str(), report.hook.as_str()),
        ("paris", "on_up")
    );
    for line in [
        "HOLDFAST_CHILD=net",
        "HOLDFAST_DNS=10.2.0.53 fd00:2::53",
        "HOLDFAST_DNS_DOMAINS=corp.example lab.example",
        "HOLDFAST_SUBNETS=10.2.0.0/16",
        "PLUTO_DNS4_1=10.2.0.53",
        "PLUTO_DNS6_1=fd00:2::53",
        "HOLDFAST_EVENT=up",
        "HOLDFAST_LOCAL_TS=10.1.0.0/16 fd00:1::/64",
        "PLUTO_ME=192.0.2.1",
        "PLUTO_MY_SOURCEIP=10.99.0.1",
        "PLUTO_PEER_CLIENT=10.2.0.0/16",
        "PLUTO_UDP_ENC=4500",
        "PLUTO_VERB=up-client",
        "oops",
    ] {
        assert!(
            report.output.lines().any(|printed| printed == line),
            "{line}: {report:?}"
        );
    }
    // A peer's name with a NUL in it is no reason to run nothing.
    assert!(!report.output.contains("PEER_ID"), "{report:?}");
    // Nothing of the agent's own environment.
    assert!(!report.output.contains("CARGO"), "{report:?}");
}

#[test]
fn updown_runs_for_each_pair_of_selectors_and_around_the_hooks() {
    let hooks = "on_up = [\"/bin/echo\", \"up\"]\non_down = [\"/bin/echo\", \"down\"]";
    let line = "updown = \"echo $PLUTO_VERB $PLUTO_MY_CLIENT $PLUTO_PEER_CLIENT\"";
    let (_folder, config) = configuration(hooks, line);
    let events = vec![
        happening("paris", Event::Up(child())),
        happening("paris", Event::Down(child())),
    ];
    let printed: Vec<String> = reports(&config, events)
        .into_iter()
        .map(|report| report.output.trim().to_owned())
        .collect();
    let pair = |direction, network| format!("{direction}-client 10.1.0.0/16 10.{network}.0.0/16");
    assert_eq!(
        printed,
        [
            pair("up", 2),
            pair("up", 3),
            "up".to_owned(),
            "down".to_owned(),
            pair("down", 2),
            pair("down", 3),
        ]
    );
}

#[test]
fn a_command_that_hangs_is_killed_with_its_children_and_holds_up_nobody_else() {
    let script = "if [ $HOLDFAST_CONNECTION = rome ]; then exit; fi; sleep 60 & sleep 60";
    let hooks = format!("on_alert = [\"/bin/sh\", \"-c\", \"{script}\"]\ntimeout = \"300ms\"");
    let (_folder, config) = configuration(&hooks, "");
    let alert = |name| {
        let kind = "auth-failed".to_owned();
        happening(name, Event::Alert { kind, reason: None })
    };
    let began = Instant::now();
    let reports = reports(&config, vec![alert("paris"), alert("rome")]);
    assert!(began.elapsed() < Duration::from_secs(10));
    let ends: Vec<(&str, &Outcome)> = reports
        .iter()
        .map(|report| (report.connection.as_str(), &report.outcome))
        .collect();
    assert_eq!(
        ends,
        [("rome", &Outcome::Exited(0)), ("paris", &Outcome::TimedOut)]
    );
}

#[test]
fn output_is_cut_and_what_stays_behind_is_not_waited_for() {
    let script = "head -c 100000 /dev/zero | tr '\\\\0' x; sleep 30 &";
    let hooks = format!("on_up = [\"/bin/sh\", \"-c\", \"{script}\"]");
    let (_folder, config) = configuration(&hooks, "");
    let began = Instant::now();
    let reports = reports(&config, vec![happening("paris", Event::Up(child()))]);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(reports[0].outcome, Outcome::Exited(0));
    assert_eq!(reports[0].output.len(), 4096);
}

#[test]
fn too_many_are_refused() {
    let (_folder, config) = configuration("on_up = [\"/bin/true\"]", "");
    let (ran, refused) = on_runtime(async {
        let (sender, mut receiver) = mpsc::channel(8192);
        let mut queue = Queue::new(&config, sender).unwrap();
        for _ in 0..queue::MOST + 10 {
            queue.add(happening("paris", Event::Up(child())));
        }
        // All that fits waits; nothing has run yet.
        let mut refused = 0;
        while let Ok(report) = receiver.try_recv() {
            assert_eq!(report.outcome, Outcome::Refused);
            refused += 1;
        }
        (queue.waiting(), refused)
    });
    assert_eq!((ran, refused), (queue::MOST, 10));
}

#[test]
fn a_connection_that_is_gone_still_has_its_last_commands() {
    let (_folder, config) = configuration("on_down = [\"/bin/echo\", \"down\"]", "");
    let environment = Environment::Fixed(BTreeMap::new());
    let mut connections = holdfast_config::load_with(&config, &environment)
        .unwrap()
        .config
        .connections
        .clone();
    connections.remove("rome");
    let printed = on_runtime(async {
        let (sender, mut receiver) = mpsc::channel(64);
        let mut queue = Queue::new(&config, sender).unwrap();
        queue.apply(&connections);
        queue.add(happening("rome", Event::Down(child())));
        queue.apply(&connections);
        queue.add(happening("rome", Event::Down(child())));
        queue.finish().await;
        let mut printed = Vec::new();
        while let Some(report) = receiver.recv().await {
            printed.push((report.connection, report.outcome));
        }
        printed
    });
    assert_eq!(printed, [("rome".to_owned(), Outcome::Exited(0))]);
}

#[test]
fn orders_come_over_the_socket_and_the_end_of_the_agent_is_the_end() {
    let (_folder, config) = configuration("on_up = [\"/bin/echo\", \"up\"]", "");
    on_runtime(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let obeying = obey(config, theirs);
        ours.set_nonblocking(true).unwrap();
        let telling = async {
            let (mut reports, mut orders) =
                tokio::net::UnixStream::from_std(ours).unwrap().into_split();
            let order = Order::Run(Box::new((*happening("paris", Event::Up(child()))).clone()));
            for order in [Order::Reload, order] {
                let mut line = serde_json::to_vec(&order).unwrap();
                line.push(b'\n');
                orders.write_all(&line).await.unwrap();
            }
            orders.shutdown().await.unwrap();
            let mut text = String::new();
            reports.read_to_string(&mut text).await.unwrap();
            text
        };
        let (obeyed, said) = tokio::join!(obeying, telling);
        obeyed.unwrap();
        let report: Report = serde_json::from_str(said.trim()).unwrap();
        assert_eq!(
            (report.outcome, report.output.as_str()),
            (Outcome::Exited(0), "up\n")
        );
    });
}

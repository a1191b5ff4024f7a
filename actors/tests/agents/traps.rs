//! Traps as control clients see them. Without a data plane there is no traffic to spring them.

use holdfast_vici::Message;

use crate::lab::{Agent, Setup, eventually};

const TRAPS: &[(&str, &str)] = &[("trap", "yes"), ("drop", "yes"), ("pass", "yes")];

fn policies(agent: &Agent, arguments: &[(&str, &str)]) -> Vec<(String, Message)> {
    let (events, response) = agent.command_with_events("list-policies", arguments);
    assert_eq!(response, Message::new());
    events
        .iter()
        .flat_map(|event| event.message.sections())
        .map(|(name, policy)| (name.to_owned(), policy.clone()))
        .collect()
}

fn child_state(agent: &Agent) -> String {
    let health = agent.health("c0");
    let child = health.child("children").and_then(|all| all.child("net"));
    child.unwrap().get_str("state").unwrap().to_owned()
}

#[test]
fn clients_install_list_and_uninstall_traps() {
    let (mut first, second) = Setup::pair();
    first.connections = 2;
    let (a, _b) = (first.start(), second.start());
    assert_eq!(policies(&a, TRAPS), []);
    a.succeed("install", &[("child", "net"), ("ike", "c1")]);
    a.succeed("install", &[("child", "net"), ("ike", "c1")]);
    let listed = policies(&a, TRAPS);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].0, "c1/net");
    let keys: Vec<_> = listed[0].1.iter().map(|(key, _)| key).collect();
    let expected = ["child", "ike", "mode", "local-ts", "remote-ts"];
    assert_eq!(keys, expected);
    assert_eq!(listed[0].1.get_str("mode"), Some("TUNNEL"));
    let remote: Vec<_> = listed[0].1.get_str_list("remote-ts").collect();
    assert_eq!(remote, ["10.0.0.0/16"]);
    a.succeed("install", &[("child", "net")]);
    assert_eq!(policies(&a, TRAPS).len(), 2);
    assert_eq!(policies(&a, &[("drop", "yes"), ("pass", "yes")]), []);
    assert_eq!(policies(&a, &[("trap", "yes"), ("ike", "c0")]).len(), 1);
    assert_eq!(policies(&a, &[("trap", "yes"), ("child", "lab")]), []);

    a.succeed("uninstall", &[("child", "net"), ("ike", "c1")]);
    a.succeed("uninstall", &[("child", "net")]);
    assert_eq!(policies(&a, TRAPS), []);
    let refusal = |command: &str, arguments: &[(&str, &str)]| {
        a.command(command, arguments).verdict().unwrap_err()
    };
    for command in ["install", "uninstall"] {
        assert_eq!(refusal(command, &[]), "missing configuration name");
    }
    assert_eq!(
        refusal("install", &[("child", "lab")]),
        "configuration name not found"
    );
    assert_eq!(
        refusal("install", &[("child", "net"), ("ike", "c7")]),
        "configuration name not found"
    );
    assert_eq!(
        refusal("uninstall", &[("child", "net")]),
        "policy 'net' is not installed"
    );
}

#[test]
fn a_trap_comes_with_its_configuration_and_goes_with_it() {
    let (mut first, second) = Setup::pair();
    first.child = "start_action = \"trap\"".to_owned();
    let (a, _b) = (first.start(), second.start());
    eventually("it is there", || policies(&a, TRAPS).len() == 1);
    assert_eq!(
        (a.state("c0").as_str(), child_state(&a).as_str()),
        ("idle", "trapped")
    );
    a.succeed("initiate", &[("child", "net")]);
    eventually("it is up", || child_state(&a) == "up");
    let trap = &policies(&a, TRAPS)[0].1;
    assert_eq!(
        trap.get_str("reqid"),
        Some("1"),
        "the one that `list-sas` says"
    );
    a.succeed("terminate", &[("ike", "c0")]);
    eventually("it waits again", || child_state(&a) == "trapped");

    first.child.clear();
    first.write_into(a.directory());
    a.succeed("reload-settings", &[]);
    assert_eq!(policies(&a, TRAPS), []);
    // The operator's word still stands.
    assert_eq!(child_state(&a), "disabled");
}

#[test]
fn shunts_are_listed_installed_and_reloaded() {
    let (mut first, second) = Setup::pair();
    first.child = "[connections.c0.children.printer]\nmode = \"pass\"\n\
         remote_ts = [\"10.0.0.9/32\"]\nstart_action = \"trap\"\n\
         [connections.c0.children.vault]\nmode = \"drop\"\n\
         remote_ts = [\"10.0.0.66/32\"]\nstart_action = \"none\"\n"
        .to_owned();
    let (a, _b) = (first.start(), second.start());
    let mode = |policies: &[(String, Message)]| -> Vec<(String, String)> {
        let of = |(name, policy): &(String, Message)| {
            (name.clone(), policy.get_str("mode").unwrap().to_owned())
        };
        policies.iter().map(of).collect()
    };
    eventually("it is there", || policies(&a, TRAPS).len() == 1);
    let pass = [("c0/printer".to_owned(), "PASS".to_owned())];
    assert_eq!(mode(&policies(&a, &[("pass", "yes")])), pass);
    assert_eq!(policies(&a, &[("trap", "yes"), ("drop", "yes")]), []);
    a.succeed("install", &[("child", "vault")]);
    let drop = [("c0/vault".to_owned(), "DROP".to_owned())];
    assert_eq!(mode(&policies(&a, &[("drop", "yes")])), drop);
    // It is nobody's CHILD_SA.
    let refused = a.command("initiate", &[("child", "printer")]).verdict();
    let refused = refused.unwrap_err();
    assert!(refused.contains("not found"), "{refused}");
    a.succeed("uninstall", &[("child", "printer")]);
    assert_eq!(mode(&policies(&a, TRAPS)), drop);
    first.child.clear();
    first.write_into(a.directory());
    a.succeed("reload-settings", &[]);
    assert_eq!(policies(&a, TRAPS), []);
}

//! Connections that come, change and go while agents run, and what clients hear meanwhile.

use std::thread;

use holdfast_actors::Exit;
use holdfast_vici::Message;

use super::{all_up, is_up};
use crate::lab::{Setup, eventually};

/// A connection as `swanctl --load-conns` sends it.
fn gateway(setup: &Setup, child: &str) -> Message {
    let (ours, theirs) = if setup.first { ("a", "b") } else { ("b", "a") };
    let end = |id: &str| {
        Message::new()
            .with("auth", "psk")
            .with("id", format!("{id}0.example"))
    };
    let net = |first: bool| vec![format!("10.{}.0.0/16", u8::from(first))];
    let child_section = Message::new()
        .with("local_ts", net(setup.first))
        .with("remote_ts", net(!setup.first))
        .with("esp_proposals", vec!["aes128gcm16"])
        .with("start_action", "none");
    Message::new()
        .with("version", "2")
        .with("local_addrs", vec![setup.local.as_str()])
        .with("remote_addrs", vec![setup.remote.as_str()])
        .with("remote_port", "15500")
        .with("proposals", vec!["aes128gcm16-prfsha256-x25519"])
        .with("local", end(ours))
        .with("remote", end(theirs))
        .with("children", Message::new().with(child, child_section))
}

fn names(message: &Message) -> Vec<&str> {
    message.get_str_list("conns").collect()
}

#[test]
fn a_connection_lives_and_dies_over_the_control_socket_alone() {
    let (mut first, mut second) = Setup::pair();
    (first.connections, second.connections) = (0, 0);
    let (a, b) = (first.start(), second.start());
    for (agent, setup) in [(&a, &first), (&b, &second)] {
        let request = Message::new().with("gw", gateway(setup, "net"));
        assert_eq!(agent.request("load-conn", request).verdict(), Ok(()));
    }
    assert_eq!(names(&a.command("get-conns", &[])), ["gw"]);
    a.succeed("initiate", &[("child", "net")]);
    let up = a.sas();
    assert!(all_up(&up, 1), "{up:?}");
    assert_eq!(up[0].connection, "gw");

    // The same again drops nothing.
    let request = Message::new().with("gw", gateway(&first, "net"));
    assert_eq!(a.request("load-conn", request).verdict(), Ok(()));
    assert_eq!(a.sas(), up);

    // Brought up by hand, it survives its configuration, and can still be taken down.
    a.succeed("unload-conn", &[("name", "gw")]);
    assert_eq!(names(&a.command("get-conns", &[])), Vec::<&str>::new());
    assert_eq!(a.sas(), up);
    let refused = a.command("unload-conn", &[("name", "gw")]).verdict();
    assert_eq!(refused.unwrap_err(), "no connection 'gw' is loaded");
    let refused = a.command("initiate", &[("child", "net")]).verdict();
    assert_eq!(refused.unwrap_err(), "CHILD_SA config 'net' not found");
    a.succeed("terminate", &[("ike", "gw")]);
    assert_eq!(a.sas(), []);
    assert_eq!((a.stop(), b.stop()), (Exit::Drained, Exit::Drained));
}

#[test]
fn a_connection_that_is_wrong_is_refused_by_its_key_and_none_of_the_message_is_taken() {
    let (mut setup, _) = Setup::pair();
    setup.connections = 0;
    let agent = setup.start();
    let wrong = gateway(&setup, "net").with("mobiek", "no");
    let request = Message::new()
        .with("good", gateway(&setup, "net"))
        .with("bad", wrong);
    let refused = agent.request("load-conn", request).verdict().unwrap_err();
    assert!(refused.contains("mobiek"), "{refused}");
    assert_eq!(names(&agent.command("get-conns", &[])), Vec::<&str>::new());
}

#[test]
fn files_and_clients_do_not_meddle_with_each_other() {
    let (setup, _) = Setup::pair();
    let agent = setup.start();
    let load = |name: &str| {
        let request = Message::new().with(name, gateway(&setup, "net"));
        agent.request("load-conn", request).verdict()
    };
    let refused = load("c0").unwrap_err();
    assert!(refused.contains("configuration files"), "{refused}");
    assert_eq!(load("extra"), Ok(()));
    let refused = agent.command("unload-conn", &[("name", "c0")]).verdict();
    assert!(refused.unwrap_err().contains("configuration files"));
    // Reading the files again leaves alone what they do not have.
    agent.succeed("reload-settings", &[]);
    assert_eq!(names(&agent.command("get-conns", &[])), ["extra"]);
    let (events, _) = agent.command_with_events("list-conns", &[]);
    assert_eq!(events.len(), 2);
}

#[test]
fn a_reload_brings_what_is_new_and_leaves_the_rest_alone() {
    let (mut first, mut second) = Setup::pair();
    first.keys = "persistent = true".to_owned();
    second.connections = 3;
    let (a, b) = (first.start(), second.start());
    eventually("it is up", || all_up(&a.sas(), 1));
    let before = a.sas();

    first.connections = 2;
    first.write_into(a.directory());
    a.succeed("reload-settings", &[]);
    eventually("the new one is up too", || all_up(&a.sas(), 2));
    assert_eq!(a.sas()[0], before[0]);

    first.connections = 1;
    first.write_into(a.directory());
    a.succeed("reload-settings", &[]);
    eventually("the second is gone", || a.sas() == before);
    eventually("at the peer too", || b.sas().len() == 1);

    first.keys = "persistent = maybe".to_owned();
    let file = first.write_into(a.directory());
    let refused = a.command("reload-settings", &[]).verdict().unwrap_err();
    assert!(refused.starts_with("nothing changed"), "{refused}");
    assert!(refused.contains(file.to_str().unwrap()), "{refused}");
    assert_eq!(a.sas(), before);
    assert_eq!(a.state("c0"), "up");
}

#[test]
fn everybody_who_waits_hears_the_whole_story() {
    let (first, second) = Setup::pair();
    let a = first.start();
    let told = thread::scope(|scope| {
        let client = || a.command_with_events("initiate", &[("ike", "c0"), ("child", "net")]);
        let clients: Vec<_> = (0..20).map(|_| scope.spawn(client)).collect();
        eventually("all wait", || {
            let stats = a.command("stats", &[]);
            stats.get_int("control-clients").unwrap() >= 20
        });
        let _b = second.start();
        let outcomes = clients.into_iter().map(|client| client.join().unwrap());
        outcomes.collect::<Vec<_>>()
    });
    assert_eq!(a.counter("ike-init-out-req"), 1);
    for (lines, response) in &told {
        assert_eq!(response.verdict(), Ok(()));
        for expected in [
            "received IKE_AUTH",
            "IKE_SA c0[1] established",
            "CHILD_SA net",
        ] {
            let has = |line: &str| line.contains(expected);
            let heard = lines.iter().any(|event| {
                event.name == "control-log" && has(event.message.get_str("msg").unwrap())
            });
            assert!(heard, "{expected}: {lines:?}");
        }
    }
}

#[test]
fn a_client_that_wants_silence_gets_it() {
    let (first, second) = Setup::pair();
    let (a, _b) = (first.start(), second.start());
    let quiet = [("child", "net"), ("loglevel", "-1")];
    let (lines, response) = a.command_with_events("initiate", &quiet);
    assert_eq!((lines.len(), response.verdict()), (0, Ok(())));
}

#[test]
fn messages_are_counted_for_their_connection() {
    let (mut first, second) = Setup::pair();
    first.connections = 2;
    let (a, b) = (first.start(), second.start());
    a.succeed("initiate", &[("ike", "c0"), ("child", "net")]);
    let counted = |agent: &super::Agent, arguments: &[(&str, &str)], path: &[&str]| {
        let response = agent.command("get-counters", arguments);
        assert_eq!(response.verdict(), Ok(()));
        let counters = response.child("counters").unwrap();
        let section = counters.child(path[0]).unwrap();
        section.get_int(path[1]).unwrap()
    };
    assert_eq!(
        counted(&a, &[("name", "c0")], &["c0", "ike-auth-out-req"]),
        1
    );
    assert_eq!(counted(&a, &[], &["", "ike-auth-out-req"]), 1);
    a.succeed("initiate", &[("ike", "c1"), ("timeout", "-1")]);
    eventually("the other one tries", || {
        counted(&a, &[], &["", "ike-init-out-req"]) == 2
    });
    let all = [("all", "yes")];
    assert_eq!(counted(&a, &all, &["c0", "ike-init-out-req"]), 1);
    assert_eq!(counted(&a, &all, &["c1", "ike-init-out-req"]), 1);
    // A responder learns whose message it was by reading it: what comes after is counted.
    a.succeed("terminate", &[("ike", "c0")]);
    eventually("the goodbye is counted", || {
        counted(&b, &[("name", "c0")], &["c0", "info-in-req"]) == 1
    });
    a.succeed("reset-counters", &[("name", "c0")]);
    assert_eq!(
        counted(&a, &[("name", "c0")], &["c0", "ike-init-out-req"]),
        0
    );
    assert_eq!(counted(&a, &[], &["", "ike-init-out-req"]), 2);
    let refused = a.command("get-counters", &[("name", "nobody")]).verdict();
    assert!(refused.unwrap_err().contains("nobody"));
}

#[test]
fn alerts_say_what_went_wrong_and_with_whom() {
    let (mut first, second) = Setup::pair();
    first.connections = 2;
    let (a, _b) = (first.start(), second.start());
    let mut listener = a.listen(&["alert"]);
    let refused = a.command("initiate", &[("ike", "c1"), ("child", "net")]);
    refused.verdict().unwrap_err();
    let alert = listener.next();
    assert_eq!(alert.name, "alert");
    assert_eq!(alert.message.get_str("type"), Some("local-auth-failed"));
    let ike = alert.message.get_section("ike-sa").unwrap();
    assert!(ike.child("c1").is_some(), "{alert:?}");
}

#[test]
fn authenticating_anew_makes_before_it_breaks() {
    let (first, second) = Setup::pair();
    let (a, b) = (first.start(), second.start());
    a.succeed("initiate", &[("child", "net")]);
    let old = a.sas();
    let response = a.command("rekey", &[("ike", "c0"), ("reauth", "yes")]);
    assert_eq!(response.get_str("matches"), Some("1"));
    eventually("a new one took over", || {
        let sas = a.sas();
        assert!(sas.iter().any(is_up), "never without: {sas:?}");
        all_up(&sas, 1) && sas[0].id != old[0].id
    });
    eventually("at the peer too", || all_up(&b.sas(), 1));
    let refused = a.command("rekey", &[("ike", "nobody")]).verdict();
    assert_eq!(refused.unwrap_err(), "no matching SAs to rekey found");
}

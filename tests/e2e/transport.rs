//! Transport mode between two hosts. charon's user-space ESP has none, nor takes it traffic between
//! the ends themselves; who refuses it gets a tunnel, see `ike/tests/exchanges/transport.rs`.

use std::time::Duration;

use crate::lab::{
    Lab,
    capture::Capture,
    holdfast::Holdfast,
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Family, Gateway, PSK, Pair, WIRE},
    traffic,
    vici::Message,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(15);

fn tables(here: &Gateway, there: &Gateway, mode: &str) -> String {
    format!(
        "[connections.{CONNECTION}]\nlocal_addrs = [\"{}\"]\nremote_addrs = [\"{}\"]\n\
         local = {{ auth = \"psk\", id = \"{}\" }}\nremote = {{ auth = \"psk\", id = \"{}\" }}\n\
         [connections.{CONNECTION}.children.{CHILD}]\nmode = \"{mode}\"\n\
         [secrets.lab]\ntype = \"psk\"\nsecret = {{ value = \"{PSK}\" }}\n",
        here.outer(Family::V4),
        there.outer(Family::V4),
        here.id,
        there.id,
    )
}

fn holdfast(lab: &Lab, here: &Gateway, there: &Gateway, mode: &str) -> Holdfast {
    let agent = "dataplane = \"userspace\"";
    Holdfast::start(lab, &here.namespace, agent, &tables(here, there, mode))
}

fn modes(daemon: &dyn Daemon) -> Vec<String> {
    let mut client = daemon.client().expect("it answers");
    let events = client
        .stream("list-sas", "list-sa", &Message::default())
        .expect("it lists");
    let mut modes = Vec::new();
    for (_, sa) in events.iter().flat_map(Message::sections) {
        for (_, child) in sa
            .section("child-sas")
            .into_iter()
            .flat_map(Message::sections)
        {
            modes.push(child.text("mode").unwrap_or_default().to_owned());
        }
    }
    modes
}

#[test]
fn two_hosts_protect_all_that_passes_between_them() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let sun = holdfast(&lab, &pair.sun, &pair.moon, "transport");
    let moon = holdfast(&lab, &pair.moon, &pair.sun, "transport");
    moon.initiate(CHILD, PATIENCE).expect("it comes up");
    wait::until("both ends agree", PATIENCE, || {
        agreed_tunnel(&moon, &sun, CHILD)
    });
    assert_eq!(modes(&moon), ["TRANSPORT"]);
    assert_eq!(modes(&sun), ["TRANSPORT"]);
    let clear = Capture::start(&lab, &pair.sun.namespace, WIRE, "icmp or tcp");
    let (here, there) = (pair.moon.outer(Family::V4), pair.sun.outer(Family::V4));
    assert_eq!(traffic::ping(&pair.moon.namespace, here, there, 500), 500);
    let hosts = ((&pair.moon.namespace, here), (&pair.sun.namespace, there));
    let (forth, back) = traffic::iperf(&lab, hosts.0, hosts.1, 1);
    println!("TCP in transport mode: {forth:.0} and {back:.0} Mbit/s");
    assert!(forth > 1.0 && back > 1.0);
    assert_eq!(clear.stop().count("icmp or tcp"), 0, "in the clear");
    // Our own messages still find their way: a rekeying, and a farewell.
    moon.command("rekey", &[("ike", CONNECTION)])
        .expect("rekeyed");
    moon.command("rekey", &[("child", CHILD)]).expect("rekeyed");
    assert_eq!(traffic::ping(&pair.moon.namespace, here, there, 500), 500);
    moon.command("terminate", &[("ike", CONNECTION)])
        .expect("it goes down");
    wait::until("no SA is left", PATIENCE, || {
        (moon.sas().is_empty() && sun.sas().is_empty()).then_some(())
    });
    // In the clear again.
    traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
}

//! Virtual addresses: road warriors of either kind at a gateway of either kind, with addresses of
//! both families, and traffic that comes from them.

use std::{collections::BTreeSet, fmt::Write as _, net::IpAddr, path::Path, time::Duration};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    sas::Daemon,
    topology::{Family, Gateway, Pair},
    traffic, wait,
};

const USERSPACE: &str = "dataplane = \"userspace\"";
const PATIENCE: Duration = Duration::from_secs(30);

const SECRET: &str =
    "[secrets.lab]\ntype = \"psk\"\nsecret = { value = \"a secret of the lab\" }\n";

/// A gateway of ours with a pool of each family.
fn gateway(here: &Gateway, v4: &str, v6: &str) -> String {
    format!(
        "[pools.four]\naddrs = \"{v4}\"\ndns = [\"10.2.0.53\"]\ndns_domain = [\"corp.example\"]\n\
         [pools.six]\naddrs = \"{v6}\"\ndns = [\"fd00:2::53\"]\n\
         [connections.warriors]\nlocal_addrs = [\"{}\"]\npools = [\"four\", \"six\"]\n\
         local = {{ auth = \"psk\", id = \"{}\" }}\nremote = {{ auth = \"psk\" }}\n\
         [connections.warriors.children.inside]\nlocal_ts = [\"{}\", \"{}\"]\n{SECRET}",
        here.outer(Family::V4),
        here.id,
        here.network(Family::V4),
        here.network(Family::V6),
    )
}

/// A connection of a road warrior of ours.
fn warrior(name: &str, id: &str, vips: &str, here: &Gateway, there: &Gateway) -> String {
    format!(
        "[connections.{name}]\nlocal_addrs = [\"{}\"]\nremote_addrs = [\"{}\"]\nvips = [{vips}]\n\
         local = {{ auth = \"psk\", id = \"{id}\" }}\n\
         remote = {{ auth = \"psk\", id = \"{}\" }}\n\
         [connections.{name}.children.{name}]\nremote_ts = [\"{}\", \"{}\"]\n",
        here.outer(Family::V4),
        there.outer(Family::V4),
        there.id,
        there.network(Family::V4),
        there.network(Family::V6),
    )
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// What swanctl prints about a daemon.
fn swanctl(directory: &Path, daemon: &dyn Daemon, arguments: &[&str]) -> String {
    let mut command = charon::swanctl(directory, daemon.control_socket(), arguments);
    let output = command.output().expect("swanctl runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn wait_for_text(directory: &Path, daemon: &dyn Daemon, arguments: &[&str], words: &str) {
    let seen = wait::attempt(PATIENCE, || {
        swanctl(directory, daemon, arguments)
            .contains(words)
            .then_some(())
    });
    let text = swanctl(directory, daemon, arguments);
    assert!(seen.is_some(), "`{words}` is missing in:\n{text}");
}

fn all_pings_answered(client: &Gateway, vip: &str, server: &Gateway, family: Family) {
    let inner = server.inner(family);
    traffic::wait_for_answer(&client.namespace, ip(vip), inner, PATIENCE);
    let answered = traffic::ping(&client.namespace, ip(vip), inner, 20);
    assert_eq!(answered, 20, "of 20 pings from {vip}");
}

#[test]
fn charon_gets_addresses_of_a_holdfast_gateway() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = gateway(&pair.sun, "10.99.0.0/24", "fd00:99::/120");
    let holdfast = Holdfast::start(&lab, &pair.sun.namespace, USERSPACE, &tables);
    let charon = Charon::start(&lab, &pair.moon.namespace, &charon::Settings::default());
    charon.configure(&format!(
        "connections {{ home {{ version = 2\n local_addrs = {}\n remote_addrs = {}\n \
         vips = 0.0.0.0, ::\n local {{ auth = psk\n id = carol.example }}\n \
         remote {{ auth = psk\n id = {} }}\n \
         children {{ home {{ remote_ts = {}, {} }} }} }} }}\n\
         secrets {{ ike-lab {{ secret = \"a secret of the lab\" }} }}\n",
        pair.moon.outer(Family::V4),
        pair.sun.outer(Family::V4),
        pair.sun.id,
        pair.sun.network(Family::V4),
        pair.sun.network(Family::V6),
    ));
    for _ in 0..2 {
        // The second time it gets the addresses back that it had.
        charon.initiate("home", PATIENCE).expect("up");
        let (list, vips) = (["--list-sas", "--raw"], "vips=[10.99.0.1 fd00:99::1]");
        wait_for_text(lab.directory(), &charon, &list, &format!("local-{vips}"));
        wait_for_text(lab.directory(), &holdfast, &list, &format!("remote-{vips}"));
        all_pings_answered(&pair.moon, "10.99.0.1", &pair.sun, Family::V4);
        all_pings_answered(&pair.moon, "fd00:99::1", &pair.sun, Family::V6);
        let pools = ["--list-pools", "--leases", "--raw"];
        let online = "identity=carol.example status=online";
        wait_for_text(lab.directory(), &holdfast, &pools, online);
        charon
            .command("terminate", &[("ike", "home")])
            .expect("down");
        let offline = "identity=carol.example status=offline";
        wait_for_text(lab.directory(), &holdfast, &pools, offline);
    }
}

#[test]
fn holdfast_gets_addresses_of_a_charon_gateway() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let charon = Charon::start(&lab, &pair.sun.namespace, &charon::Settings::default());
    charon.configure(&format!(
        "connections {{ warriors {{ version = 2\n local_addrs = {}\n pools = four, six\n \
         local {{ auth = psk\n id = {} }}\n remote {{ auth = psk }}\n \
         children {{ inside {{ local_ts = {}, {} }} }} }} }}\n\
         pools {{ four {{ addrs = 10.99.0.0/24\n dns = 10.2.0.53 }}\n six {{ addrs = fd00:99::/120 }} }}\n\
         secrets {{ ike-lab {{ secret = \"a secret of the lab\" }} }}\n",
        pair.sun.outer(Family::V4),
        pair.sun.id,
        pair.sun.network(Family::V4),
        pair.sun.network(Family::V6),
    ));
    let vips = "\"0.0.0.0\", \"::\"";
    let tables = warrior("home", "carol.example", vips, &pair.moon, &pair.sun);
    let tables = format!("{tables}{SECRET}");
    let holdfast = Holdfast::start(&lab, &pair.moon.namespace, USERSPACE, &tables);
    let addresses = || {
        pair.moon
            .namespace
            .ip(&["-o", "addr", "show", "dev", "holdfast0"])
    };
    for _ in 0..2 {
        holdfast.initiate("home", PATIENCE).expect("up");
        let (list, vips) = (["--list-sas", "--raw"], "vips=[10.99.0.1 fd00:99::1]");
        wait_for_text(lab.directory(), &holdfast, &list, &format!("local-{vips}"));
        wait_for_text(lab.directory(), &charon, &list, &format!("remote-{vips}"));
        assert!(addresses().contains("10.99.0.1/32"), "{}", addresses());
        assert!(addresses().contains("fd00:99::1/128"), "{}", addresses());
        all_pings_answered(&pair.moon, "10.99.0.1", &pair.sun, Family::V4);
        all_pings_answered(&pair.moon, "fd00:99::1", &pair.sun, Family::V6);
        // Whoever does not choose an address uses the virtual one.
        let route = pair.moon.namespace.ip(&["route", "get", "10.2.0.1"]);
        assert!(route.contains("src 10.99.0.1"), "{route}");
        // It stays while the keys of the IKE_SA are renewed.
        holdfast
            .command("rekey", &[("ike", "home")])
            .expect("rekeyed");
        all_pings_answered(&pair.moon, "10.99.0.1", &pair.sun, Family::V4);
        holdfast
            .command("terminate", &[("ike", "home")])
            .expect("down");
        wait::until("the addresses are gone", PATIENCE, || {
            // A link-local address may hold any digits, so they are looked for whole.
            let present = addresses();
            let ours = ["10.99.0.1/", "fd00:99::1/"];
            (!ours.iter().any(|address| present.contains(address))).then_some(())
        });
    }
}

#[test]
fn a_pool_that_is_used_up() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = gateway(&pair.sun, "10.99.0.7", "fd00:99::7");
    let sun = Holdfast::start(&lab, &pair.sun.namespace, USERSPACE, &tables);
    let mut tables = SECRET.to_owned();
    for name in ["alice", "bob"] {
        tables += &warrior(name, name, "\"0.0.0.0\"", &pair.moon, &pair.sun);
    }
    let moon = Holdfast::start(&lab, &pair.moon.namespace, USERSPACE, &tables);
    moon.initiate("alice", PATIENCE).expect("up");
    let refused = moon
        .initiate("bob", PATIENCE)
        .expect_err("no address is left");
    assert!(refused.contains("no virtual address"), "{refused}");
    sun.wait_for_log(&["pool four has no address left"]);
    moon.command("terminate", &[("ike", "alice")])
        .expect("down");
    // Nobody needs it now, so it goes to somebody else.
    moon.initiate("bob", PATIENCE).expect("up");
    all_pings_answered(&pair.moon, "10.99.0.7", &pair.sun, Family::V4);
}

#[test]
fn fifty_road_warriors_have_an_address_each() {
    const WARRIORS: usize = 50;
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tables = gateway(&pair.sun, "10.99.0.0/24", "fd00:99::/120");
    // All of them come from one address.
    let agent = format!("{USERSPACE}\nlimits = {{ block_threshold = 0 }}");
    let sun = Holdfast::start(&lab, &pair.sun.namespace, &agent, &tables);
    let mut tables = SECRET.to_owned();
    for number in 0..WARRIORS {
        let name = format!("warrior{number}");
        let connection = warrior(&name, &name, "\"0.0.0.0\"", &pair.moon, &pair.sun);
        writeln!(tables, "{connection}start_action = \"start\"").expect("a string");
    }
    let _moon = Holdfast::start(&lab, &pair.moon.namespace, USERSPACE, &tables);
    let leases = ["--list-pools", "--leases", "--raw", "--name", "four"];
    wait_for_text(
        lab.directory(),
        &sun,
        &leases,
        &format!("online={WARRIORS}"),
    );
    let text = swanctl(lab.directory(), &sun, &leases);
    let addresses: BTreeSet<_> = text
        .split("address=")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    assert_eq!(addresses.len(), WARRIORS, "{text}");
    wait::until("all tunnels are up", PATIENCE, || {
        let up = sun.sas().iter().filter(|sa| sa.children.len() == 1).count();
        (up == WARRIORS).then_some(())
    });
}

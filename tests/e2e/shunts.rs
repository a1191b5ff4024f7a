//! Shunts: a host inside of a tunnelled network that is reached in the clear, one that is not reached
//! at all, and everything else through the tunnel.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use crate::lab::{
    Lab,
    capture::Capture,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    sas::Daemon,
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION, Family, Pair, Tunnel, WIRE},
    traffic,
    userland::Release,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// Reached in the clear.
const PRINTER: &str = "10.2.0.9";
/// Never reached.
const VAULT: &str = "10.2.0.66";

const SHUNTS: &str = "[connections.gw.children.printer]\nmode = \"pass\"\n\
     remote_ts = [\"10.2.0.9/32\"]\nstart_action = \"trap\"\n\n\
     [connections.gw.children.vault]\nmode = \"drop\"\n\
     remote_ts = [\"10.2.0.66/32\"]\nstart_action = \"trap\"\n";

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address written here")
}

/// Gives sun more hosts, and both ends routes for what is meant to pass in the clear.
fn furnish(pair: &Pair) {
    for host in [PRINTER, VAULT] {
        let host = format!("{host}/32");
        pair.sun.namespace.add_address("lo", &host);
        let via = pair.sun.outer(Family::V4).to_string();
        pair.moon
            .namespace
            .ip(&["route", "add", &host, "via", &via]);
    }
    // Sun answers in the clear who asked in the clear: its own tunnel would take moon's network.
    let moon = &pair.moon;
    moon.namespace.add_address("lo", "198.51.100.1/32");
    let via = moon.outer(Family::V4).to_string();
    pair.sun
        .namespace
        .ip(&["route", "add", "198.51.100.1/32", "via", &via]);
}

fn start(lab: &Lab, pair: &Pair, child: &str, shunts: &str) -> (Charon, Holdfast) {
    let tunnel = Tunnel::default();
    let settings = charon::Settings::default();
    let charon = Charon::with_tunnel(lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let settings = holdfast::Settings {
        connection: holdfast::IMPATIENT.to_owned(),
        child: child.to_owned(),
        ..holdfast::Settings::default()
    };
    let tables = holdfast::tunnel_tables(&pair.moon, &pair.sun, &tunnel, &settings);
    let tables = format!("{tables}\n{shunts}");
    let holdfast = Holdfast::start(lab, &pair.moon.namespace, &settings.agent, &tables);
    (charon, holdfast)
}

/// The routes of the tunnels' table, which is none when it is empty.
fn routes(pair: &Pair) -> String {
    let all = pair.moon.namespace.ip(&["route", "show", "table", "all"]);
    let ours = all.lines().filter(|line| line.contains(" table 50 "));
    ours.map(|line| format!("{line}\n")).collect()
}

#[test]
fn shunts_pass_one_host_drop_another_and_protect_the_rest() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    furnish(&pair);
    let (_charon, holdfast) = start(&lab, &pair, "start_action = \"trap\"", SHUNTS);
    let moon = &pair.moon.namespace;
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    let outside = address("198.51.100.1");
    wait::until("the routes are there", PATIENCE, || {
        let routes = routes(&pair);
        let all = ["throw 10.2.0.9", "prohibit 10.2.0.66", "10.2.0.0/16 dev"];
        all.iter().all(|route| routes.contains(route)).then_some(())
    });
    let wire = Capture::start(&lab, &pair.sun.namespace, WIRE, "not arp");
    // While the tunnel is down ...
    assert!(traffic::answers(moon, outside, address(PRINTER)));
    assert!(!traffic::answers(moon, outside, address(VAULT)));
    assert!(!traffic::answers(moon, here, address(VAULT)));
    assert!(
        holdfast.log().matches("initiating IKE_SA").count() == 0,
        "nobody asked for it"
    );
    // ... and while it is up.
    assert_eq!(traffic::ping(moon, here, there, 20), 20);
    holdfast.wait_for_tunnel(CHILD, PATIENCE);
    assert!(traffic::answers(moon, outside, address(PRINTER)));
    assert!(!traffic::answers(moon, here, address(VAULT)));
    let swanctl = Swanctl::new(Release::Bookworm, holdfast.directory(), &holdfast);
    let listed = swanctl.ok(&["--list-pols", "--trap", "--drop", "--pass"]);
    for line in ["gw/net, TUNNEL", "gw/printer, PASS", "gw/vault, DROP"] {
        assert!(listed.contains(line), "`{line}` is missing in:\n{listed}");
    }
    // An operator takes the shunts away: what passed is protected, what was dropped as well.
    swanctl.ok(&["--uninstall", "--child", "printer"]);
    swanctl.ok(&["--uninstall", "--child", "vault"]);
    wait::until("their routes are gone", PATIENCE, || {
        let routes = routes(&pair);
        let gone = !routes.contains("10.2.0.66") && !routes.contains("10.2.0.9");
        gone.then_some(())
    });
    traffic::wait_for_answer(moon, here, address(VAULT), PATIENCE);
    traffic::wait_for_answer(moon, here, address(PRINTER), PATIENCE);
    let swanctl = Swanctl::new(Release::Bookworm, holdfast.directory(), &holdfast);
    swanctl.ok(&["--install", "--child", "vault"]);
    assert!(!traffic::answers(moon, here, address(VAULT)));

    let packets = wire.stop();
    let clear = packets.count("icmp && ip.addr == 10.2.0.9");
    let dropped = packets.count("ip.addr == 10.2.0.66");
    let other = packets.count("icmp && ip.addr == 10.2.0.0/16 && !(ip.addr == 10.2.0.9)");
    println!(
        "in the clear: {clear} packets of the one that passes, {dropped} of the one dropped, {other} others"
    );
    assert_eq!((clear, dropped, other), (4, 0, 0));
}

#[test]
fn shunts_by_port_are_sent_on_from_the_device() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    furnish(&pair);
    let shunt = "[connections.gw.children.web]\nmode = \"pass\"\n\
         remote_ts = [\"10.2.0.9/32[tcp/8080]\"]\nstart_action = \"trap\"\n";
    let (_charon, holdfast) = start(&lab, &pair, "start_action = \"start\"", shunt);
    holdfast.wait_for_tunnel(CHILD, PATIENCE);
    let moon = &pair.moon.namespace;
    let here = pair.moon.inner(Family::V4);
    let wire = Capture::start(&lab, &pair.sun.namespace, WIRE, "host 10.2.0.9");
    let server = SocketAddr::new(address(PRINTER), 8080);
    let listener = pair
        .sun
        .namespace
        .enter(|| TcpListener::bind(server).expect("a listener"));
    let serving = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut got = vec![0; 200_000];
        client.read_exact(&mut got).expect("all of it");
        client.write_all(b"thanks").expect("an answer");
        got
    });
    // Larger than any packet: frames of many segments are cut again.
    let sent: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let answer = moon.enter(|| {
        let mut client = TcpStream::connect_timeout(&server, PATIENCE).expect("a connection");
        client.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        client.write_all(&sent).expect("room");
        let mut answer = [0; 6];
        client.read_exact(&mut answer).expect("an answer");
        answer
    });
    assert_eq!(&answer, b"thanks");
    assert!(serving.join().expect("the server") == sent);
    // The same host by another protocol goes through the tunnel.
    traffic::wait_for_answer(moon, here, address(PRINTER), PATIENCE);
    let packets = wire.stop();
    let segments = packets.count("tcp.dstport == 8080");
    println!("{segments} segments to the port in the clear, no packet of another protocol");
    assert!(segments > 100, "{segments}");
    assert_eq!(packets.count("icmp"), 0);
}

#[test]
fn shunts_come_and_go_with_the_configuration() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    furnish(&pair);
    let (_charon, holdfast) = start(&lab, &pair, "", SHUNTS);
    wait::until("the routes are there", PATIENCE, || {
        let routes = routes(&pair);
        let all = routes.contains("throw 10.2.0.9") && routes.contains("prohibit 10.2.0.66");
        all.then_some(())
    });
    let file = holdfast.directory().join("holdfast.toml");
    let written = std::fs::read_to_string(&file).expect("the configuration");
    let changed = written
        .replace("10.2.0.9/32", "10.2.0.10/32")
        .replace("\"drop\"", "\"pass\"");
    std::fs::write(&file, changed).expect("the configuration is written");
    assert!(holdfast.cli(&["reload"]).status.success());
    wait::until("the changed shunts", PATIENCE, || {
        let routes = routes(&pair);
        let all = routes.contains("throw 10.2.0.10")
            && routes.contains("throw 10.2.0.66")
            && !routes.contains("10.2.0.9 ")
            && !routes.contains("prohibit");
        all.then_some(())
    });
    let without = written
        .split("[connections.gw.children.printer]")
        .next()
        .unwrap_or_default();
    std::fs::write(&file, without).expect("the configuration is written");
    assert!(holdfast.cli(&["reload"]).status.success());
    wait::until("no shunt is left", PATIENCE, || {
        routes(&pair).is_empty().then_some(())
    });
    let listed = holdfast.cli(&["status", CONNECTION]);
    assert!(listed.status.success());
}

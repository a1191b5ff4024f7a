//! A panic in one IKE_SA ends that one: a hundred others do not notice, and it comes back itself.

use std::time::Duration;

use crate::lab::{
    Lab, Namespace, fleet,
    holdfast::{Holdfast, IMPATIENT},
    process::Process,
    sas::{Daemon, IkeSa},
    topology::Pair,
    traffic, wait,
};

const CONNECTIONS: usize = 100;
const VICTIM: usize = 42;

#[test]
fn a_panic_in_one_of_a_hundred_leaves_the_others_their_traffic() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    for number in 0..CONNECTIONS {
        pair.moon
            .namespace
            .add_address("lo", &format!("{}/32", fleet::inner(1, number)));
        pair.sun
            .namespace
            .add_address("lo", &format!("{}/32", fleet::inner(2, number)));
    }
    let sun = Holdfast::start(
        &lab,
        &pair.sun.namespace,
        &fleet::no_limits("userspace"),
        &fleet::waiter_tables(&pair),
    );
    let lines = format!("persistent = true\n{IMPATIENT}");
    let moon = Holdfast::start(
        &lab,
        &pair.moon.namespace,
        "dataplane = \"userspace\"",
        &fleet::starter_tables(&pair, CONNECTIONS, &lines),
    );
    let limit = Duration::from_secs(60);
    let before = wait::until("a hundred tunnels", limit, || all_up(&moon));
    wait::until("a hundred tunnels at the peer", limit, || {
        (sun.sas().len() == CONNECTIONS).then_some(())
    });
    for number in 0..CONNECTIONS {
        assert_answers(&pair.moon.namespace, number);
    }

    let pings: Vec<_> = (0..CONNECTIONS)
        .filter(|number| *number != VICTIM)
        .map(|number| (number, start_pings(&lab, &pair.moon.namespace, number)))
        .collect();
    let victim = find(&before, VICTIM).expect("the victim is up");
    moon.command("inject-panic", &[("ike-id", &victim.id)])
        .expect("the panic is injected");
    let (here, there) = ends(VICTIM);
    let back = wait::until("the victim is back", limit, || {
        let now = find(&moon.sas(), VICTIM)?;
        (now.initiator_spi != victim.initiator_spi).then_some(now)
    });
    assert_eq!(back.children.len(), 1, "{back:?}");
    traffic::wait_for_answer(&pair.moon.namespace, here, there, limit);

    for (number, mut process) in pings {
        let (status, _) = process.wait(limit).expect("ping ends");
        let log = process.log();
        assert!(
            status.success() && log.contains(" 0% packet loss"),
            "connection {number}: {log}"
        );
    }
    let after = all_up(&moon).expect("a hundred tunnels");
    for number in (0..CONNECTIONS).filter(|number| *number != VICTIM) {
        let (old, new) = (find(&before, number), find(&after, number));
        assert_eq!(
            old.map(|sa| sa.initiator_spi),
            new.map(|sa| sa.initiator_spi),
            "connection {number} was disturbed"
        );
    }
    assert!(moon.log().contains("panic"), "the panic is in the log");
}

fn all_up(agent: &Holdfast) -> Option<Vec<IkeSa>> {
    let sas = agent.try_sas().ok()?;
    let up = |sa: &&IkeSa| sa.state == "ESTABLISHED" && sa.children.len() == 1;
    (sas.iter().filter(up).count() == CONNECTIONS && sas.len() == CONNECTIONS).then_some(sas)
}

fn find(sas: &[IkeSa], number: usize) -> Option<IkeSa> {
    let name = fleet::name(number);
    let mut found = sas
        .iter()
        .filter(|sa| sa.connection == name && sa.state == "ESTABLISHED");
    let sa = found.next()?.clone();
    found.next().is_none().then_some(sa)
}

fn ends(number: usize) -> (std::net::IpAddr, std::net::IpAddr) {
    let parse = |gateway| fleet::inner(gateway, number).parse().expect("an address");
    (parse(1), parse(2))
}

fn assert_answers(namespace: &Namespace, number: usize) {
    let (here, there) = ends(number);
    traffic::wait_for_answer(namespace, here, there, Duration::from_secs(10));
}

/// Five pings a second for ten seconds, in the background.
fn start_pings(lab: &Lab, namespace: &Namespace, number: usize) -> Process {
    let (here, there) = ends(number);
    let mut command = namespace.command("ping");
    command.args(["-q", "-n", "-i", "0.2", "-c", "50", "-W", "2"]);
    command.args(["-I", &here.to_string(), &there.to_string()]);
    let log = lab.directory().join(format!("ping-{number}.log"));
    Process::spawn(&format!("ping {number}"), command, &log)
}

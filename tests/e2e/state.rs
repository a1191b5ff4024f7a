//! What outlives a restart: leases of addresses and maintenance; and what happens when it cannot be
//! kept.

use std::{fmt::Write as _, net::IpAddr, path::Path, time::Duration};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    small_disk::SmallDisk,
    topology::{CHILD, CONNECTION, Family, Gateway, Pair, Tunnel},
    traffic, wait,
};

const USERSPACE: &str = "dataplane = \"userspace\"";
const PATIENCE: Duration = Duration::from_secs(30);
const SECRET: &str =
    "[secrets.lab]\ntype = \"psk\"\nsecret = { value = \"a secret of the lab\" }\n";
/// Longer than state waits for the disk.
const WRITTEN: Duration = Duration::from_millis(2500);

/// A gateway of ours with a pool.
fn gateway(here: &Gateway) -> String {
    format!(
        "[pools.four]\naddrs = \"10.99.0.0/24\"\n\
         [connections.warriors]\nlocal_addrs = [\"{}\"]\npools = [\"four\"]\n\
         local = {{ auth = \"psk\", id = \"{}\" }}\nremote = {{ auth = \"psk\" }}\n\
         [connections.warriors.children.inside]\nlocal_ts = [\"{}\"]\n{SECRET}",
        here.outer(Family::V4),
        here.id,
        here.network(Family::V4),
    )
}

/// Road warriors of a charon, which all ask for any address.
fn warriors(charon: &Charon, pair: &Pair, names: &[&str]) {
    let mut text = String::from("connections {\n");
    for name in names {
        let _ = write!(
            text,
            "{name} {{ version = 2\n local_addrs = {}\n remote_addrs = {}\n vips = 0.0.0.0\n \
             local {{ auth = psk\n id = {name}.example }}\n remote {{ auth = psk\n id = {} }}\n \
             children {{ {name} {{ remote_ts = {} }} }} }}\n",
            pair.moon.outer(Family::V4),
            pair.sun.outer(Family::V4),
            pair.sun.id,
            pair.sun.network(Family::V4),
        );
    }
    text += "}\nsecrets { ike-lab { secret = \"a secret of the lab\" } }\n";
    charon.configure(&text);
}

/// The address that a road warrior has now.
fn lease_of(directory: &Path, charon: &Charon, name: &str) -> Option<IpAddr> {
    let arguments = ["--list-sas", "--raw", "--ike", name];
    let mut command = charon::swanctl(directory, charon.control_socket(), &arguments);
    let output = command.output().expect("swanctl runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = text.split_once("local-vips=[")?;
    rest.split(']').next()?.parse().ok()
}

#[test]
fn a_road_warrior_gets_its_address_back_after_the_gateway_was_killed() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let mut sun = Holdfast::start(&lab, &pair.sun.namespace, USERSPACE, &gateway(&pair.sun));
    let charon = Charon::start(&lab, &pair.moon.namespace, &charon::Settings::default());
    let names = ["alice", "bob", "carol"];
    warriors(&charon, &pair, &names);
    let up = |name: &str| {
        charon.initiate(name, PATIENCE).expect("up");
        lease_of(lab.directory(), &charon, name).expect("an address")
    };
    let before = names.map(up);
    // On the disk, and then a death without a word.
    std::thread::sleep(WRITTEN);
    for round in 1..=3 {
        sun.relaunch();
        sun.wait_until_ready();
        for name in names {
            let _ = charon.command("terminate", &[("ike", name), ("force", "yes")]);
        }
        // Whoever comes first would get the first address if nothing were known.
        let mut after = names;
        after.rotate_left(round);
        let mut leases = after.map(|name| (name, up(name)));
        leases.sort_unstable();
        assert_eq!(leases.map(|(_, address)| address), before, "round {round}");
    }
    traffic::wait_for_answer(
        &pair.moon.namespace,
        before[2],
        pair.sun.inner(Family::V4),
        PATIENCE,
    );
}

#[test]
fn maintenance_lasts_over_restarts_and_reloads_and_refuses_peers_politely() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    let settings = Settings::persistent();
    let mut moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    moon.wait_for_tunnel(CHILD, PATIENCE);

    let down = moon.cli(&["down", CONNECTION, "--reason", "new line"]);
    assert!(down.status.success(), "{down:?}");
    wait::until("both ends are down", PATIENCE, || {
        (moon.sas().is_empty() && charon.sas().is_empty()).then_some(())
    });
    let kept_down = |moon: &Holdfast, when: &str| {
        let status = moon.cli(&["status", CONNECTION]);
        let status = String::from_utf8_lossy(&status.stdout).into_owned();
        assert!(
            status.contains("maintenance") && status.contains("new line"),
            "{when}: {status}"
        );
        let refused = moon
            .initiate(CHILD, PATIENCE)
            .expect_err("initiate is refused");
        assert!(refused.contains("new line"), "{when}: {refused}");
        let before = charon.log().len();
        charon
            .initiate(CHILD, PATIENCE)
            .expect_err("the peer is refused");
        let told = charon.log().split_off(before);
        assert!(
            told.contains("received TEMPORARY_FAILURE notify error"),
            "{when}: {told}"
        );
        wait::throughout("down", Duration::from_secs(2), || moon.sas().is_empty());
    };
    kept_down(&moon, "at once");
    std::thread::sleep(WRITTEN);
    moon.relaunch();
    moon.wait_until_ready();
    kept_down(&moon, "after a restart");
    let reload = moon.cli(&["reload"]);
    assert!(reload.status.success(), "{reload:?}");
    kept_down(&moon, "after a reload");

    let up = moon.cli(&["up", CONNECTION]);
    assert!(up.status.success(), "{up:?}");
    wait::until("one tunnel", PATIENCE, || {
        agreed_tunnel(&moon, &charon, CHILD)
    });
    std::thread::sleep(WRITTEN);
    moon.relaunch();
    wait::until("one tunnel after a restart", PATIENCE, || {
        agreed_tunnel(&moon, &charon, CHILD)
    });
    let again = moon.cli(&["up", CONNECTION]);
    assert!(!again.status.success(), "{again:?}");
}

#[test]
fn ten_deaths_leave_one_pair_of_sas_at_either_end() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    let settings = Settings::persistent();
    let mut moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let mut last = moon.wait_for_tunnel(CHILD, PATIENCE);
    for death in 1..=10 {
        // SIGKILL: nobody says goodbye.
        moon.relaunch();
        let sa = wait::until(&format!("one tunnel after death {death}"), PATIENCE, || {
            agreed_tunnel(&moon, &charon, CHILD)
        });
        assert_ne!(sa.initiator_spi, last.initiator_spi, "death {death}");
        wait::throughout("one pair at either end", Duration::from_millis(500), || {
            agreed_tunnel(&moon, &charon, CHILD).is_some()
                && (moon.sas().len(), charon.sas().len()) == (1, 1)
        });
        last = sa;
    }
    let (here, there) = (pair.moon.inner(tunnel.inner), pair.sun.inner(tunnel.inner));
    assert_eq!(traffic::ping(&pair.moon.namespace, here, there, 20), 20);
}

#[test]
fn a_full_disk_is_told_and_no_tunnel_minds() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let disk = SmallDisk::mount(&lab.subdirectory("small-disk"));
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    let mut settings = Settings::persistent();
    let _ = write!(
        settings.agent,
        "\nstate_dir = \"{}\"",
        disk.place().display()
    );
    // No room for the file's first pages.
    disk.fill();
    let moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    moon.wait_for_tunnel(CHILD, PATIENCE);
    moon.wait_for_log(&["No space left on device"]);
    moon.command("terminate", &[("ike", CONNECTION)])
        .expect("down");
    moon.initiate(CHILD, PATIENCE).expect("up again");
    wait::until("the log says that state is not kept", PATIENCE, || {
        moon.log().contains("state is not kept").then_some(())
    });
    let status = moon.cli(&["status"]);
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(text.contains("State is not kept"), "{text}");
    disk.empty();
    wait::until("state is kept again", PATIENCE, || {
        moon.log().contains("state is kept again").then_some(())
    });
    let status = moon.cli(&["status"]);
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(!text.contains("State is not kept"), "{text}");
    assert!(agreed_tunnel(&moon, &charon, CHILD).is_some());
}

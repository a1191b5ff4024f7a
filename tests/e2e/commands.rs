//! Every sub-command of swanctl, of both releases, against holdfast; and against charon, which proves
//! that what is expected here is what swanctl's users know.

mod steps;

use std::{collections::BTreeSet, time::Duration};

use nix::sys::signal::Signal;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    process::Process,
    sas::{Daemon, IkeSa, agreed_tunnel},
    stock,
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    userland::Release,
    wait,
};
use steps::Step;

#[test]
fn of_5_9_8_on_charon() {
    on_charon(Release::Bookworm);
}

#[test]
fn of_6_0_1_on_charon() {
    on_charon(Release::Trixie);
}

#[test]
fn of_5_9_8_on_holdfast() {
    on_holdfast(Release::Bookworm);
}

#[test]
fn of_6_0_1_on_holdfast() {
    on_holdfast(Release::Trixie);
}

fn on_charon(release: Release) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = charon::Settings {
        release,
        ..charon::Settings::default()
    };
    let charon = Charon::start(&lab, &pair.moon.namespace, &settings);
    run_every_command(&lab, &pair, release, &charon, "charon-systemd");
}

fn on_holdfast(release: Release) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = "dataplane = \"userspace\"";
    let holdfast = Holdfast::start(&lab, &pair.moon.namespace, settings, "");
    run_every_command(&lab, &pair, release, &holdfast, "holdfast");
}

fn run_every_command(lab: &Lab, pair: &Pair, release: Release, daemon: &dyn Daemon, name: &str) {
    let directory = lab.subdirectory("swanctl");
    stock::write(&directory, &pair.moon, &pair.sun);
    let peer = Charon::with_tunnel(
        lab,
        &pair.sun,
        &pair.moon,
        &Tunnel::default(),
        &charon::Settings::default(),
    );
    let mut bench = Bench {
        lab,
        swanctl: Swanctl::new(release, &directory, daemon),
        used: BTreeSet::new(),
        complaints: Vec::new(),
        name,
    };
    assert!(bench.swanctl.ok(&["--version", "--daemon"]).contains(name));
    bench.take(steps::LOADING);
    bench.take(steps::LISTING);

    // Two that listen until they are interrupted, while the tunnel comes, is rekeyed, and goes.
    let log = bench.listen("--log");
    let monitor = bench.listen("--monitor-sa");
    bench.take(steps::TUNNEL_UP);
    bench.verdict();
    let first = the_tunnel(daemon, &peer);
    bench.take(steps::CHILD_REKEY);
    let second = changed_tunnel(daemon, &peer, |sa| {
        sa.children[0].spi_in != first.children[0].spi_in
    });
    bench.take(steps::IKE_REKEY);
    changed_tunnel(daemon, &peer, |sa| sa.initiator_spi != second.initiator_spi);
    bench.take(steps::TUNNEL_DOWN);
    wait::until("gone at the peer", Duration::from_secs(5), || {
        peer.sas().is_empty().then_some(())
    });
    let heard = bench.interrupt(log);
    bench.expect("--log", &heard, &["[IKE]"]);
    let heard = bench.interrupt(monitor);
    bench.expect("--monitor-sa", &heard, &[CONNECTION, CHILD]);

    bench.take(steps::UNLOADING);
    bench.check_that_all_were_used();
    bench.verdict();
}

fn the_tunnel(daemon: &dyn Daemon, peer: &Charon) -> IkeSa {
    changed_tunnel(daemon, peer, |_| true)
}

/// Waits for a tunnel that both ends agree about and that is as it should be.
fn changed_tunnel(daemon: &dyn Daemon, peer: &Charon, wanted: impl Fn(&IkeSa) -> bool) -> IkeSa {
    wait::until("both agree", Duration::from_secs(15), || {
        agreed_tunnel(daemon, peer, CHILD).filter(|sa| wanted(sa))
    })
}

/// Runs steps and collects what is wrong, so that one run shows all of it.
struct Bench<'a> {
    lab: &'a Lab,
    swanctl: Swanctl,
    used: BTreeSet<String>,
    complaints: Vec<String>,
    /// The daemon's.
    name: &'a str,
}

impl Bench<'_> {
    fn take(&mut self, steps: &[Step]) {
        for step in steps {
            self.used.insert(step.arguments[0].to_owned());
            let answer = self.swanctl.run(step.arguments);
            let text = answer.text();
            if answer.code != Some(step.code) {
                self.complain(&format!(
                    "{:?}: exit code {:?} instead of {}: {text}",
                    step.arguments, answer.code, step.code
                ));
            }
            self.expect(&step.arguments.join(" "), &text, step.says);
            if step.again {
                self.take_again(step);
            }
        }
    }

    /// Once more in both of the forms for programs.
    fn take_again(&mut self, step: &Step) {
        for form in ["--raw", "--pretty"] {
            let arguments = [step.arguments, &[form]].concat();
            let answer = self.swanctl.run(&arguments);
            let is_packet =
                answer.stdout.contains(" reply {") || answer.stdout.contains(" event {");
            if answer.code != Some(step.code) || !is_packet {
                self.complain(&format!("{arguments:?}: {answer:?}"));
            }
        }
    }

    fn verdict(&self) {
        let complaints = self.complaints.join("\n");
        assert!(complaints.is_empty(), "on {}:\n{complaints}", self.name);
    }

    fn expect(&mut self, what: &str, text: &str, words: &[&str]) {
        for word in words {
            if !text.contains(word) {
                self.complain(&format!("{what}: `{word}` is missing in: {text}"));
            }
        }
    }

    fn complain(&mut self, complaint: &str) {
        let version = self.swanctl.release().version();
        self.complaints.push(format!("{version}: {complaint}"));
    }

    fn listen(&mut self, command: &str) -> Process {
        self.used.insert(command.to_owned());
        let log = self.lab.directory().join(format!("swanctl{command}"));
        let process = Process::spawn("swanctl", self.swanctl.command(&[command]), &log);
        // Nothing tells from outside that it has registered; the daemon has other clients to serve.
        std::thread::sleep(Duration::from_millis(500));
        process
    }

    fn interrupt(&mut self, mut process: Process) -> String {
        process.signal(Signal::SIGINT);
        let end = process.wait(Duration::from_secs(5));
        let log = process.log();
        if !end.is_some_and(|(status, _)| status.success()) {
            self.complain(&format!("a listening swanctl ends with {end:?}: {log}"));
        }
        log
    }

    /// swanctl's own list of its sub-commands.
    fn check_that_all_were_used(&mut self) {
        let help = self.swanctl.run(&["--help"]).text();
        let all = help
            .lines()
            .filter_map(|line| line.trim().strip_prefix("swanctl "))
            .filter_map(|rest| rest.split_whitespace().next());
        let missed: Vec<&str> = all
            .filter(|command| *command != "--help" && !self.used.contains(*command))
            .collect();
        assert!(missed.is_empty(), "sub-commands without a step: {missed:?}");
    }
}

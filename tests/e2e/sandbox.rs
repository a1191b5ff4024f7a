//! What the running agent has given up, and that a tunnel needs none of it.

use std::{path::Path, time::Duration};

use crate::lab::{
    Lab,
    charon::Charon,
    holdfast::{Holdfast, Settings, write_private},
    sas::agreed_tunnel,
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    wait,
};

#[test]
fn every_thread_of_a_gateway_is_confined_and_its_tunnel_is_up() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = Settings::persistent();
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    wait::until("the tunnel", Duration::from_secs(20), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });

    let threads = threads_of(holdfast.directory());
    assert!(threads.len() > 3, "{threads:?}");
    for status in &threads {
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_whitespace().nth(1));
            value
                .unwrap_or_else(|| panic!("{name} in {status}"))
                .to_owned()
        };
        // capabilities(7): CAP_NET_ADMIN is number 12, CAP_NET_RAW is 13.
        let left = format!("{:016x}", 1_u64 << 12 | 1 << 13);
        assert_eq!(field("CapEff:"), left);
        assert_eq!(field("CapPrm:"), left);
        assert_eq!(field("CapBnd:"), left);
        assert_eq!(field("NoNewPrivs:"), "1");
        assert_eq!(field("Seccomp:"), "2", "a filter");
    }

    let status = holdfast.cli(&["status"]);
    let text = String::from_utf8_lossy(&status.stdout);
    assert!(
        text.contains("Sandbox: CAP_NET_ADMIN, CAP_NET_RAW; no new privileges; "),
        "{text}"
    );
    let status = holdfast.cli(&["status", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(json["sandbox"]["enabled"], true, "{json:#}");
    assert_eq!(
        json["sandbox"]["capabilities"][0], "CAP_NET_ADMIN",
        "{json:#}"
    );
    holdfast.wait_for_log(&["confined", "seccomp", "Landlock"]);

    // A reload reads the files again, and another look at the network goes on.
    assert!(holdfast.cli(&["reload"]).status.success());
    assert!(holdfast.cli(&["terminate", CONNECTION]).status.success());
    assert!(
        holdfast
            .cli(&["initiate", CONNECTION, "--timeout", "10"])
            .status
            .success()
    );
}

#[test]
fn without_the_sandbox_the_status_says_so() {
    let lab = Lab::new();
    let namespace = lab.namespace("open");
    let settings = "dataplane = \"none\"\nport = 15500\nport_nat_t = 14500\nsandbox = false";
    let holdfast = Holdfast::start(&lab, &namespace, settings, "");
    let status = holdfast.cli(&["status", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(json["sandbox"]["enabled"], false, "{json:#}");
    holdfast.wait_for_log(&["agent.sandbox is off"]);
}

#[test]
fn a_reload_says_what_the_sandbox_keeps_from_it() {
    let lab = Lab::new();
    let namespace = lab.namespace("reload");
    let secret = |folder: &str| {
        let file = lab.subdirectory(folder).join("paris.psk");
        write_private(&file, "a secret of the lab");
        file
    };
    let named = |file: &Path| {
        format!(
            "[secrets.paris]\ntype = \"psk\"\nids = [\"paris.example\"]\n\
             secret = {{ file = \"{}\" }}\n",
            file.display()
        )
    };
    let (first, second) = (secret("first"), secret("second"));
    let settings = "dataplane = \"none\"\nport = 15500\nport_nat_t = 14500";
    let mut holdfast = Holdfast::start(&lab, &namespace, settings, &named(&first));
    let main = holdfast.directory().join("holdfast.toml");
    let original = std::fs::read_to_string(&main).expect("its configuration");
    let with = |file: &Path| original.replace(&named(&first), &named(file));

    // Another file beside one that was named at the start.
    let beside = first.with_file_name("rome.psk");
    write_private(&beside, "another secret");
    write_private(&main, &with(&beside));
    let done = holdfast.cli(&["reload"]);
    assert!(done.status.success(), "{done:?}");

    write_private(&main, &with(&second));
    let refused = holdfast.cli(&["reload"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    for words in [
        "second/paris.psk",
        "outside of the agent's sandbox",
        "restart",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // As it says.
    holdfast.relaunch();
    holdfast.wait_until_ready();
    let done = holdfast.cli(&["reload"]);
    assert!(done.status.success(), "{done:?}");
}

/// /proc/PID/task/*/status of the agent whose files are in this folder.
fn threads_of(directory: &Path) -> Vec<String> {
    let configuration = directory.join("holdfast.toml").display().to_string();
    let is_ours = |process: &std::fs::DirEntry| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words
            .first()
            .is_some_and(|program| program.ends_with(b"/holdfast"))
            && words.contains(&configuration.as_bytes())
    };
    let processes = std::fs::read_dir("/proc").expect("/proc");
    let ours = processes
        .flatten()
        .find(is_ours)
        .expect("the agent's process");
    let threads = std::fs::read_dir(ours.path().join("task")).expect("its threads");
    let statuses = threads
        .flatten()
        .map(|thread| std::fs::read_to_string(thread.path().join("status")));
    statuses.flatten().collect()
}

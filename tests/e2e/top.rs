//! `holdfast top` in a terminal.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crate::lab::{
    Lab,
    charon::Charon,
    holdfast::{Holdfast, PROGRAM, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    wait,
};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn a_terminal_shows_the_tunnel_and_is_left_as_it_was() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = Settings::persistent();
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    wait::until("the tunnel", LIMIT, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });

    // script(1) has a terminal to lend.
    let top = format!(
        "stty rows 30 cols 120; {PROGRAM} top --every 200ms --uri unix://{}",
        holdfast.control_socket().display()
    );
    let mut script = Command::new("timeout")
        .args([
            "60",
            "script",
            "--quiet",
            "--return",
            "--command",
            &top,
            "/dev/null",
        ])
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) runs: apt-get install bsdutils");
    let shown = Arc::new(Mutex::new(Vec::new()));
    let (mut output, seen) = (
        script.stdout.take().expect("its output"),
        Arc::clone(&shown),
    );
    let reading = thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut part) {
            let mut all = seen.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend_from_slice(&part[..length]);
        }
    });
    let contains = |words: &str| {
        let all = shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&all).contains(words).then_some(())
    };
    // Blanks are jumped over, so it is looked for word by word.
    for words in [CONNECTION, "connection:", &*pair.sun.network(tunnel.inner)] {
        wait::until(words, LIMIT, || contains(words));
    }
    let mut keys = script.stdin.take().expect("its keys");
    keys.write_all(b"q").expect("a key");
    wait::until("the end", LIMIT, || script.try_wait().expect("script(1)"));
    let status = script.wait().expect("script(1)");
    assert!(status.success(), "{status:?}");
    drop(keys);
    reading.join().expect("the reader");
    // The other screen was left, and the cursor is back.
    contains("\u{1b}[?1049l").expect("the screen from before");
    contains("\u{1b}[?25h").expect("a cursor");
}

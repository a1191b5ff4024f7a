use std::io::{Read, Write};
use std::os::unix::net::UnixListener;

use super::{agent::Agent, holdfast};

#[test]
fn no_agent_runs() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("vici");
    let uri = format!("unix://{}", socket.display());
    let missing = holdfast(&["status", "--uri", &uri]);
    // A socket that a dead agent left behind.
    drop(UnixListener::bind(&socket).unwrap());
    let dead = holdfast(&["initiate", "paris", "--uri", &uri]);
    for ran in [missing, dead] {
        assert_eq!(ran.code, 3, "{ran:?}");
        assert_eq!(ran.results, "");
        assert_eq!(
            ran.complaints,
            format!(
                "holdfast: no agent is running at {uri}: start it with `systemctl start \
                 holdfast` or `holdfast run`, or give its address with --uri\n"
            )
        );
    }
}

#[test]
fn the_agent_goes_away() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("vici");
    let listener = UnixListener::bind(&socket).unwrap();
    let agent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 64]);
    });
    let ran = holdfast(&["status", "--uri", &format!("unix://{}", socket.display())]);
    agent.join().unwrap();
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.complaints.contains("went away"), "{ran:?}");
}

#[test]
fn something_else_listens_there() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("vici");
    let listener = UnixListener::bind(&socket).unwrap();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n").unwrap();
        let _ = stream.read(&mut [0; 64]);
    });
    let ran = holdfast(&["status", "--uri", &format!("unix://{}", socket.display())]);
    other.join().unwrap();
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.complaints.lines().count(), 1, "{ran:?}");
}

#[test]
fn a_daemon_without_our_commands() {
    let agent = Agent::start(|_, _| None);
    let ran = holdfast(&["status", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.complaints.contains("`health`"), "{ran:?}");
    assert!(ran.complaints.contains("--uri"), "{ran:?}");
}

/// Permissions mean nothing to root, so this is about the message only.
#[test]
fn no_permission() {
    use std::os::unix::fs::PermissionsExt;
    let agent = Agent::start(|_, _| None);
    std::fs::set_permissions(agent.socket(), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::os::unix::net::UnixStream::connect(agent.socket()).is_ok() {
        eprintln!("SKIPPED: root may use every socket");
        return;
    }
    let ran = holdfast(&["status", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 77, "{ran:?}");
    assert!(ran.complaints.contains("no permission"), "{ran:?}");
}

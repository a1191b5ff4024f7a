use std::{
    fs,
    net::IpAddr,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use holdfast_ike::Identification;

use super::*;

const DIRECTORY: &str = "HOLDFAST_TEST_STATE_DIRECTORY";

fn at(directory: &Path) -> StateDir {
    StateDir::At(directory.join("state"))
}

/// Opens, lets `work` put things in, and closes.
fn session(directory: &Path, work: impl FnOnce(&Store)) -> Remembered {
    let (remembered, store, file) = open(&at(directory)).into_parts();
    let writer = start(file, &store, || panic!("no alert is due")).unwrap();
    work(&store);
    writer.unwrap().stop();
    remembered
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn identity(name: &str) -> Identification {
    Identification::Fqdn(name.to_owned())
}

#[test]
fn everything_comes_back_and_what_was_taken_away_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let carol = KeptLease::of(&identity("carol.example"));
    let maintenance = Maintenance::begin(Some("new line"));
    session(directory.path(), |store| {
        store.keep_maintenance("paris", Some(&maintenance));
        store.keep_maintenance("rome", Some(&maintenance));
        store.keep_address("paris", address("2001:db8::1"));
        store.keep_lease("a pool", address("10.9.0.7"), Some(&carol));
    });
    let first = session(directory.path(), |store| {
        store.keep_maintenance("rome", None);
    });
    assert_eq!(first.connections.maintenance.len(), 2);
    let second = session(directory.path(), |_| {});
    let maintained: Vec<_> = second.connections.maintenance.into_iter().collect();
    assert_eq!(maintained, [("paris".into(), maintenance)]);
    assert_eq!(
        second.connections.addresses["paris"],
        address("2001:db8::1")
    );
    let (leased, lease) = &second.leases["a pool"][0];
    assert_eq!(*leased, address("10.9.0.7"));
    assert_eq!(lease.identity(), Some(identity("carol.example")));
}

#[test]
fn nothing_is_kept_in_memory_only() {
    let (remembered, store, file) = open(&StateDir::Memory).into_parts();
    assert!(remembered.leases.is_empty());
    store.keep_address("paris", address("192.0.2.1"));
    assert!(start(file, &store, || ()).unwrap().is_none());
}

#[test]
fn a_damaged_file_is_moved_aside() {
    let good = tempfile::tempdir().unwrap();
    session(good.path(), |store| {
        for number in 0..100 {
            store.keep_address(&format!("c{number}"), address("192.0.2.1"));
        }
    });
    let content = fs::read(good.path().join("state").join(FILE)).unwrap();
    let mut torn = content.clone();
    torn.truncate(content.len() / 2);
    let mut scribbled = content.clone();
    for byte in scribbled.iter_mut().skip(64).step_by(97) {
        *byte ^= 0x5a;
    }
    for damaged in [b"this is no database".to_vec(), torn, scribbled] {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("state");
        fs::create_dir(&place).unwrap();
        fs::write(place.join(FILE), damaged).unwrap();
        let remembered = session(directory.path(), |store| {
            store.keep_address("paris", address("192.0.2.9"));
        });
        assert!(remembered.connections.addresses.is_empty());
        assert!(place.join("state.redb.damaged").exists());
        let again = session(directory.path(), |_| {});
        assert_eq!(again.connections.addresses.len(), 1);
    }
}

#[test]
fn a_place_that_cannot_be_written_is_an_alert_and_is_tried_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    // Not even root can make a directory in a file.
    let place = directory.path().join("a file");
    fs::write(&place, "").unwrap();
    let (_, store, file) = open(&StateDir::At(place.join("state"))).into_parts();
    let alerts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&alerts);
    let alert = move || {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    let writer = start(file, &store, alert).unwrap().unwrap();
    store.keep_address("paris", address("192.0.2.1"));
    let deadline = Instant::now() + Duration::from_secs(10);
    while alerts.load(Ordering::SeqCst) == 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    writer.stop();
    assert_eq!(alerts.load(Ordering::SeqCst), 1);
}

#[test]
fn a_second_agent_leaves_the_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = StateFile::new(directory.path().join(FILE));
    file.read().unwrap();
    let mut other = StateFile::new(directory.path().join(FILE));
    let error = other.read().unwrap_err();
    assert!(error.to_string().contains("another agent"), "{error}");
    assert!(!directory.path().join("state.redb.damaged").exists());
    file.read().unwrap();
}

/// The body of the process that is killed: commits one number after the other.
#[test]
fn writing_process() {
    let Some(path) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let mut file = StateFile::new(path.into());
    let first = highest(&mut file).map_or(0, |highest| highest + 1);
    for number in first.. {
        let changes = ["one", "other"].map(|key| Change {
            slot: Slot::address(key),
            value: Some(number.to_string().into_bytes()),
        });
        file.write(&changes).unwrap();
    }
}

/// The number that both entries have.
fn highest(file: &mut StateFile) -> Option<u64> {
    let slots = file.read().unwrap();
    let number = |value: &[u8]| String::from_utf8_lossy(value).parse::<u64>().unwrap();
    let numbers: Vec<u64> = slots.iter().map(|(_, value)| number(value)).collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] == pair[1]),
        "{numbers:?}"
    );
    numbers.first().copied()
}

#[test]
fn killed_at_any_moment_it_leaves_the_last_commit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let mut last = None;
    for round in 0_u64..30 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::writing_process"])
            .env(DIRECTORY, &path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before the first commit to deep in the middle of many.
        thread::sleep(Duration::from_millis(round * 7));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let now = highest(&mut StateFile::new(path.clone()));
        assert!(now >= last, "{now:?} after {last:?}");
        assert!(
            !path.with_extension("redb.damaged").exists(),
            "round {round}"
        );
        last = now;
    }
    assert!(last.is_some_and(|last| last > 10), "{last:?}");
}

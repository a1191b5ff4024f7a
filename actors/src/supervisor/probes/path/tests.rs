//! A path in simulated time.

use holdfast_config::ProbeKind;

use super::*;

fn probe(action: ProbeAction) -> Probe {
    Probe {
        kind: ProbeKind::Icmp,
        target: "10.2.0.1".parse().unwrap(),
        source: None,
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(2),
        threshold: 3,
        action,
    }
}

/// A path, its time, and what it did when.
struct Scene {
    path: Path,
    start: Instant,
    now: Instant,
    token: u64,
    done: Vec<(u64, Deed)>,
}

impl Scene {
    fn new(action: ProbeAction) -> Self {
        let start = Instant::now();
        Self {
            path: Path::new(probe(action), start, 0.0),
            start,
            now: start,
            token: 0,
            done: Vec::new(),
        }
    }

    /// Lets time pass, with answers after 20 ms or without.
    fn pass(&mut self, seconds: u64, answered: bool) {
        let end = self.now + Duration::from_secs(seconds);
        while self.path.due() < end {
            self.now = self.now.max(self.path.due());
            self.token += 1;
            for deed in self.path.attend(true, self.token, self.now) {
                self.note(deed);
                if let Deed::Send(token) = deed
                    && answered
                {
                    let round_trip = Duration::from_millis(20);
                    let deed = self.path.answered(token, round_trip, self.now + round_trip);
                    if let Some(deed) = deed {
                        self.note(deed);
                    }
                }
            }
        }
        self.now = end;
    }

    fn note(&mut self, deed: Deed) {
        let at = self.now.saturating_duration_since(self.start).as_secs();
        self.done.push((at, deed));
    }

    /// What it did beside sending.
    fn decided(&mut self) -> Vec<(u64, Deed)> {
        let mut done = std::mem::take(&mut self.done);
        done.retain(|(_, deed)| !matches!(deed, Deed::Send(_)));
        done
    }
}

#[test]
fn a_good_path_is_measured_and_left_alone() {
    let mut scene = Scene::new(ProbeAction::Repair);
    scene.pass(3600, true);
    assert_eq!(scene.decided(), []);
    let status = scene.path.status();
    assert_eq!((status.total.answered, status.total.lost), (360, 0));
    assert_eq!(status.total.repairs, 0);
    let measured = status.measured;
    assert_eq!((measured.sent, measured.lost), (60, 0));
    assert_eq!(measured.round_trip.unwrap().avg, Duration::from_millis(20));
}

#[test]
fn a_dead_path_is_noticed_in_time_and_repaired_without_a_storm() {
    let mut scene = Scene::new(ProbeAction::Repair);
    scene.pass(100, true);
    scene.pass(3600, false);
    let decided = scene.decided();
    // Lost at 102, 112, 122.
    assert_eq!(decided[0], (122, Deed::Died));
    assert_eq!(decided[1], (122, Deed::Repair(Remedy::RekeyChild)));
    assert_eq!(decided[2], (152, Deed::Repair(Remedy::Reconnect)));
    assert_eq!(decided[3], (212, Deed::Repair(Remedy::Reconnect)));
    assert!(decided.len() < 10, "{decided:?}");
    // The path comes back: that is told, and not what was tried forgotten before it stays.
    scene.pass(60, true);
    let decided = scene.decided();
    assert!(
        matches!(decided[..], [(_, Deed::Revived(_))]),
        "{decided:?}"
    );
    scene.pass(60, false);
    let decided = scene.decided();
    assert_eq!(decided[0].1, Deed::Died);
    let goes_on = |(_, deed): &(u64, Deed)| *deed == Deed::Repair(Remedy::Reconnect);
    assert!(
        decided.len() <= 2 && decided[1..].iter().all(goes_on),
        "{decided:?}"
    );
    // After ten times the threshold all is forgotten.
    scene.pass(400, true);
    scene.pass(60, false);
    let last = scene.decided();
    let rekeyed = |(_, deed): &(u64, Deed)| *deed == Deed::Repair(Remedy::RekeyChild);
    assert!(last.iter().any(rekeyed), "{last:?}");
}

#[test]
fn single_losses_are_no_death() {
    let mut scene = Scene::new(ProbeAction::Repair);
    for _ in 0..100 {
        scene.pass(20, false);
        scene.pass(10, true);
    }
    assert_eq!(scene.decided(), []);
    assert_eq!(scene.path.status().measured.lost, 40);
}

#[test]
fn who_only_reports_repairs_nothing() {
    let mut scene = Scene::new(ProbeAction::Report);
    scene.pass(600, false);
    assert_eq!(scene.decided(), [(22, Deed::Died)]);
    assert_eq!(scene.path.status().losses, 60);
}

#[test]
fn what_is_down_is_not_probed() {
    let mut scene = Scene::new(ProbeAction::Repair);
    scene.pass(25, false);
    for _ in 0..100 {
        scene.now = scene.now.max(scene.path.due());
        assert_eq!(scene.path.attend(false, 7, scene.now), []);
    }
    assert_eq!(scene.path.status().losses, 0);
    // Nor is it dead at once when it comes back.
    scene.decided();
    scene.pass(15, false);
    assert_eq!(scene.decided(), []);
}

#[test]
fn a_late_or_foreign_answer_counts_for_nothing() {
    let mut scene = Scene::new(ProbeAction::Repair);
    scene.pass(25, false);
    let late = scene.path.answered(1, Duration::from_secs(9), scene.now);
    assert_eq!(late, None);
    assert_eq!(scene.path.status().total.answered, 0);
    // A refusal of our own data plane is no loss.
    let before = scene.path.status().total;
    assert!(scene.path.refused("no".to_owned()));
    assert!(!scene.path.refused("no".to_owned()), "told once");
    assert_eq!(scene.path.status().total, before);
}

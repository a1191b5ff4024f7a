//! A ping's way there and back, and how many packets each station of it has seen.

use std::{collections::HashSet, fmt, process::Stdio, time::Duration};

use crate::lab::{
    lossy_cable::{LossyCable, Passage},
    overflows::{Device, Overflows},
    topology::{Family, Pair},
};

/// charon's device, which its end of the tunnel's packets pass.
pub(super) const CHARONS_TUN: &str = "ipsec0";
/// Between two pings. In 20 minutes there are fewer of them than sequence numbers: `ping` would take
/// an answer to the next of the same number for its duplicate.
const PACE: Duration = Duration::from_millis(20);

/// How many packets have been seen at each station of a ping's way.
pub(super) struct Stations {
    moon: Device,
    cable: Passage,
    sun: Device,
    overflows: Overflows,
}

impl Stations {
    /// `tun` is the moon's device.
    pub(super) fn look(pair: &Pair, tun: &str, cable: &LossyCable) -> Self {
        let [moon, sun] = [&pair.moon.namespace, &pair.sun.namespace];
        Self {
            moon: Device::at(moon, tun),
            cable: cable.passage(),
            sun: Device::at(sun, CHARONS_TUN),
            overflows: Overflows::at(moon) + cable.overflows() + Overflows::at(sun),
        }
    }
}

/// What has come to each station between two looks, in the order of a ping's way. What a station has
/// beside pings is the kernel's multicast on its way into a tunnel, which is why that is not counted.
pub(super) struct Way {
    counts: [(&'static str, u64); 8],
    /// ESP that the cable has dropped on the way to these.
    dropped: [(&'static str, u64); 2],
    ike: u64,
    overflows: Overflows,
}

/// Stations inside the sun.
const DELIVERED_THERE: &str = "delivered by the sun";
const BROUGHT_BACK: &str = "brought to the cable by the sun";
const INSIDE_SUN: [&str; 2] = [DELIVERED_THERE, BROUGHT_BACK];
/// Stations whose packets have come over the cable.
const CARRIED_THERE: &str = "carried to the sun";
const CARRIED_BACK: &str = "carried to the moon";

impl Way {
    pub(super) fn between(
        before: &Stations,
        after: &Stations,
        (sent, answered): (u64, u64),
    ) -> Self {
        let since = |count: fn(&Stations) -> u64| count(after) - count(before);
        Self {
            counts: [
                ("pings sent", sent),
                (
                    "brought to the cable by the moon",
                    since(|at| at.cable.there.passed + at.cable.there.dropped),
                ),
                (CARRIED_THERE, since(|at| at.cable.there.passed)),
                (DELIVERED_THERE, since(|at| at.sun.received)),
                (
                    BROUGHT_BACK,
                    since(|at| at.cable.back.passed + at.cable.back.dropped),
                ),
                (CARRIED_BACK, since(|at| at.cable.back.passed)),
                ("delivered by the moon", since(|at| at.moon.received)),
                ("pings answered", answered),
            ],
            dropped: [
                (CARRIED_THERE, since(|at| at.cable.there.dropped)),
                (CARRIED_BACK, since(|at| at.cable.back.dropped)),
            ],
            ike: since(|at| at.cable.ike),
            overflows: after.overflows.since(&before.overflows),
        }
    }

    /// What was lost between each station and the next beyond what the cable dropped, in their order.
    fn losses(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        self.counts.windows(2).filter_map(|pair| {
            let [(from, before), (to, after)] = *pair else {
                return None;
            };
            let dropped = self.dropped.iter().find(|(station, _)| *station == to);
            let dropped = dropped.map_or(0, |(_, count)| *count);
            Some((from, to, (before - dropped).abs_diff(after)))
        })
    }

    /// What was lost inside the sun.
    pub(super) fn lost_in_sun(&self) -> u64 {
        let inside = self.losses().filter(|(_, to, _)| INSIDE_SUN.contains(to));
        inside.map(|(_, _, lost)| lost).sum()
    }

    /// Where else something was lost, in words.
    pub(super) fn lost_elsewhere(&self) -> Option<String> {
        let (from, to, lost) = self
            .losses()
            .find(|(_, to, lost)| *lost > 0 && !INSIDE_SUN.contains(to))?;
        Some(format!("{lost} lost between `{from}` and `{to}`"))
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.counts {
            writeln!(f, "{count:>8} {what}")?;
        }
        let [there, back] = self.dropped.map(|(_, count)| count);
        let (sent, answered) = (self.counts[0].1, self.counts[7].1);
        writeln!(
            f,
            "pings lost: {}; ESP dropped by the cable: {there} there, {back} back, {} together",
            sent - answered,
            there + back
        )?;
        writeln!(f, "lost inside the sun: {}", self.lost_in_sun())?;
        writeln!(f, "messages of IKE dropped by the cable: {}", self.ike)?;
        write!(f, "dropped from full queues: {}", self.overflows)
    }
}

/// Pings all the time: how many, and how many were answered.
pub(super) fn ping(pair: &Pair, time: Duration) -> (u64, u64) {
    let sent = u64::try_from(time.as_millis() / PACE.as_millis()).expect("a count");
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    let output = pair
        .moon
        .namespace
        .command("ping")
        .args(["-n", "-i", &PACE.as_secs_f64().to_string(), "-W", "5"])
        .args([
            "-c",
            &sent.to_string(),
            "-I",
            &here.to_string(),
            &there.to_string(),
        ])
        .stderr(Stdio::inherit())
        .output()
        .expect("ping runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let answered: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once("icmp_seq=")?.1.split(' ').next())
        .collect();
    (sent, answered.len() as u64)
}

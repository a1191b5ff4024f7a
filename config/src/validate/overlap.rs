//! Children that claim the same traffic.

use std::{collections::BTreeMap, sync::Arc};

use holdfast_ike::{TrafficSelector, config::SelectorTemplate};

use crate::{Connection, key_path::KeyPath, report::Report};

/// Pairs looked at: enough for any configuration written by hand, and a bound for all others.
const MOST_PAIRS: usize = 200_000;
/// Warnings given: whoever has more of them has one cause.
const MOST_WARNINGS: usize = 20;

struct Claim<'a> {
    connection: &'a str,
    child: &'a str,
    position: usize,
    local: Vec<TrafficSelector>,
    remote: TrafficSelector,
}

impl Claim<'_> {
    fn name(&self) -> String {
        format!("{}/{}", self.connection, self.child)
    }

    fn same_child(&self, other: &Self) -> bool {
        (self.connection, self.child) == (other.connection, other.child)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let local = |mine: &TrafficSelector| {
            let meets = |theirs| mine.intersection(theirs).is_some();
            other.local.iter().any(meets)
        };
        self.remote.intersection(&other.remote).is_some()
            && (self.local.is_empty() || other.local.is_empty() || self.local.iter().any(local))
    }
}

/// Warns where a packet could belong to two children. `dynamic` selectors are not known yet.
pub(super) fn check(connections: &BTreeMap<String, Arc<Connection>>, report: &Report<'_>) {
    let mut claims = claims(connections);
    claims.sort_by_key(|claim| (claim.remote.start, claim.remote.end));
    let mut pairs = 0;
    let mut warned: Vec<(String, String)> = Vec::new();
    for (position, claim) in claims.iter().enumerate() {
        // Sorted by their starts: the first that starts beyond the end ends the search.
        let rivals = claims[position + 1..]
            .iter()
            .take_while(|rival| rival.remote.start <= claim.remote.end);
        for rival in rivals {
            pairs += 1;
            if pairs > MOST_PAIRS || warned.len() >= MOST_WARNINGS {
                return;
            }
            if claim.same_child(rival) || !claim.overlaps(rival) {
                continue;
            }
            let (first, second) = ordered(claim, rival);
            let pair = (first.name(), second.name());
            if !warned.contains(&pair) {
                warn(first, second, report);
                warned.push(pair);
            }
        }
    }
}

fn ordered<'a, 'b>(one: &'b Claim<'a>, two: &'b Claim<'a>) -> (&'b Claim<'a>, &'b Claim<'a>) {
    if (one.connection, one.child) <= (two.connection, two.child) {
        (one, two)
    } else {
        (two, one)
    }
}

fn warn(first: &Claim<'_>, second: &Claim<'_>, report: &Report<'_>) {
    let list = KeyPath::of([
        "connections",
        second.connection,
        "children",
        second.child,
        "remote_ts",
    ]);
    let (relation, remedy) = if first.remote == second.remote {
        (
            "is the same as",
            "keep one of them, or have only one up at a time",
        )
    } else {
        (
            "overlaps",
            "packets go to the narrower one; make them disjoint if that is not meant",
        )
    };
    let (ours, theirs, whose) = (second.remote, first.remote, first.name());
    report
        .at(list.index(second.position))
        .warning(format!("{ours} {relation} {theirs} of {whose}"), remedy);
}

fn claims(connections: &BTreeMap<String, Arc<Connection>>) -> Vec<Claim<'_>> {
    let mut claims = Vec::new();
    for (connection, of_connection) in connections {
        for (child, of_child) in &of_connection.children {
            let local = fixed(&of_child.ike.local_ts).map(|(_, local)| local);
            let local: Vec<TrafficSelector> = local.collect();
            for (position, remote) in fixed(&of_child.ike.remote_ts) {
                claims.push(Claim {
                    connection,
                    child,
                    position,
                    local: local.clone(),
                    remote,
                });
            }
        }
    }
    claims
}

fn fixed(list: &[SelectorTemplate]) -> impl Iterator<Item = (usize, TrafficSelector)> + '_ {
    list.iter()
        .enumerate()
        .filter_map(|(position, selector)| match selector {
            SelectorTemplate::Fixed(selector) => Some((position, *selector)),
            SelectorTemplate::Dynamic { .. } => None,
        })
}

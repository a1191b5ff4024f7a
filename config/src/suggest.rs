//! "Did you mean": the nearest of the names that would have been right.

use strsim::osa_distance;

/// Longer words are no typing mistakes of ours, and the work stays bounded.
const LONGEST: usize = 64;

/// The candidate nearest to what was written, if it is near enough to be what was meant.
pub(crate) fn nearest<'a>(written: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if written.len() > LONGEST {
        return None;
    }
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let tolerated = (written.chars().count() / 3).max(1);
    candidates
        .iter()
        .map(|candidate| (osa_distance(&plain(written), &plain(candidate)), *candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let keys = ["local_addrs", "remote_addrs", "dpd_delay"];
        assert_eq!(nearest("remote-addrs", &keys), Some("remote_addrs"));
        assert_eq!(nearest("dpd_dealy", &keys), Some("dpd_delay"));
        assert_eq!(nearest("colour", &keys), None);
        assert_eq!(nearest(&"x".repeat(10_000), &keys), None);
    }
}

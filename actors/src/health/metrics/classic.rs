//! OpenMetrics in Prometheus's older text: the name of a counter's family ends as its samples do, and
//! there are neither units nor a mark at the end.

/// The same page in the older text.
pub(super) fn of(page: &str) -> String {
    let mut classic = String::with_capacity(page.len());
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        let counter = |line: &str| line.starts_with("# TYPE ") && line.ends_with(" counter");
        let describes_counter =
            line.starts_with("# HELP ") && lines.peek().is_some_and(|next| counter(next));
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(hash), Some(what), Some(name), Some(rest))
                if describes_counter || counter(line) =>
            {
                for word in [hash, " ", what, " ", name, "_total ", rest] {
                    classic.push_str(word);
                }
            }
            _ => classic.push_str(line),
        }
        classic.push('\n');
    }
    classic
}

#[cfg(test)]
mod tests {
    #[test]
    fn families_are_called_what_their_samples_are() {
        let page = "# HELP a_up Is up.\n# TYPE a_up gauge\na_up 1\n\
            # HELP a_things Things.\n# TYPE a_things counter\na_things_total 2\n\
            # HELP a_age_seconds Age.\n# TYPE a_age_seconds gauge\n# UNIT a_age_seconds seconds\n\
            a_age_seconds 3\n# EOF\n";
        assert_eq!(
            super::of(page),
            "# HELP a_up Is up.\n# TYPE a_up gauge\na_up 1\n\
             # HELP a_things_total Things.\n# TYPE a_things_total counter\na_things_total 2\n\
             # HELP a_age_seconds Age.\n# TYPE a_age_seconds gauge\na_age_seconds 3\n"
        );
    }
}

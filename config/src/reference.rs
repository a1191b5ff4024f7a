//! The tables of `docs/configuration.md`: what each key means, its default, an example. Whoever
//! writes a file is told the same by the page and by the editor.

use std::collections::BTreeMap;

use crate::schema::Section;

/// The page; a link to it is in this crate's folder, so that it comes along when that is packed.
const PAGE: &str = include_str!("../configuration.md");

/// What the page says of a key.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) meaning: String,
    /// As it would stand in a file, where it is one value.
    pub(crate) default: Option<String>,
    pub(crate) required: bool,
    pub(crate) example: Option<String>,
}

impl Section {
    /// The heading of its table, and every section there is.
    pub(crate) const HEADINGS: [(&'static str, Self); 20] = [
        ("Top level", Self::Root),
        ("[agent]", Self::Agent),
        ("[agent.readiness]", Self::Readiness),
        ("[agent.tun]", Self::Tun),
        ("[agent.limits]", Self::Limits),
        ("[agent.log]", Self::Log),
        ("[defaults]", Self::Defaults),
        ("[connections.NAME]", Self::Connection),
        ("local and remote", Self::Auth),
        ("retransmit", Self::Retransmit),
        ("reconnect", Self::Reconnect),
        ("hooks", Self::Hooks),
        ("[connections.NAME.children.CHILD]", Self::Child),
        ("probe", Self::Probe),
        ("[secrets.NAME]", Self::Secret),
        ("secret", Self::SecretSource),
        ("[authorities.NAME]", Self::Authority),
        ("[pools.NAME]", Self::Pool),
        ("[radius]", Self::Radius),
        ("[radius.servers.NAME]", Self::RadiusServer),
    ];
}

/// Key to row, for each heading.
pub(crate) fn read() -> BTreeMap<String, BTreeMap<String, Row>> {
    let mut sections: BTreeMap<String, BTreeMap<String, Row>> = BTreeMap::new();
    let mut heading = String::new();
    for line in PAGE.lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().replace('`', "");
        } else if let Some((key, row)) = row(line) {
            let section = sections.entry(heading.clone()).or_default();
            section.insert(key, row);
        }
    }
    sections
}

/// A line of a table of keys.
fn row(line: &str) -> Option<(String, Row)> {
    let line = line.strip_prefix("| `")?.replace("\\|", "\u{0}");
    let cells = line
        .split('|')
        .map(|cell| cell.replace('\u{0}', "|").trim().to_owned());
    let [key, meaning, default, example, _] = cells.collect::<Vec<_>>().try_into().ok()?;
    let row = Row {
        meaning: without_links(&meaning),
        default: value(&default),
        required: default == "must be given",
        example: value(&example),
    };
    Some((key.trim_end_matches('`').to_owned(), row))
}

/// A cell that is one piece of code is a value, anything else is a description.
fn value(cell: &str) -> Option<String> {
    let code = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!code.contains('`')).then(|| code.to_owned())
}

/// `[text](target)` is `text` where nobody can click.
fn without_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(middle) = rest.find("](") {
        let Some(length) = rest[middle..].find(')') else {
            break;
        };
        let (before, after) = (&rest[..middle], &rest[middle + length + 1..]);
        // The link's text may have brackets of its own, in code.
        let start = before
            .rfind("[`")
            .or_else(|| before.rfind('['))
            .unwrap_or(0);
        out.push_str(&before[..start]);
        out.push_str(before[start..].trim_start_matches('['));
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_their_text() {
        assert_eq!(
            without_links("see [`[agent]`](#agent), or [a](b)."),
            "see `[agent]`, or a."
        );
        assert_eq!(
            without_links("a list [x] and no link"),
            "a list [x] and no link"
        );
    }
}

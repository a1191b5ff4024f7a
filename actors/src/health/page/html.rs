//! Text inside HTML.

use std::{fmt, time::Instant};

use super::Now;
use crate::text;

/// Characters shown of what others have chosen.
const LONGEST: usize = 200;

/// Text that is not ours, harmless between tags and inside quoted attributes, and not too long.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for (index, character) in self.0.chars().enumerate() {
            if index == LONGEST {
                return f.write_char('…');
            }
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Marks that turn the direction of what follows around belong to no name.
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    f.write_char('\u{fffd}')?;
                }
                control if control.is_control() => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The time that has passed; the page's script counts it up.
pub(super) fn since(at: Instant, now: Now) -> String {
    let passed = now.instant.saturating_duration_since(at);
    format!(
        "<time data-since=\"{}\">{}</time>",
        passed.as_millis(),
        text::span(passed)
    )
}

/// The time until then; the page's script counts it down.
pub(super) fn until(at: Instant, now: Now) -> String {
    let left = at.saturating_duration_since(now.instant);
    format!(
        "<time data-until=\"{}\">{}</time>",
        left.as_millis(),
        text::wait(left)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_text() {
        let hostile = "<script>alert('1')</script>\" onload=\"x\u{202e}\u{7}&amp;";
        let text = Text(hostile).to_string();
        assert_eq!(
            text,
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x\u{fffd}\u{fffd}&amp;amp;"
        );
        assert_eq!(Text(&"x".repeat(60_000)).to_string().chars().count(), 201);
    }
}

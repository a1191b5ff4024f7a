//! Values with units and lists, as the files spell them.

use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Unexpected, Visitor},
};

/// A length of time: a number of seconds, or a string such as `"4h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval(pub(crate) Duration);

/// No interval is longer: deadlines are computed by adding intervals to the present.
pub(crate) const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A count or a number of bytes: an integer, or a string such as `"500m"` (k, m, g: powers of 1024).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) u64);

/// A list of strings; a string alone is a list of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextList(pub(crate) Vec<String>);

/// A name, or the number that is known under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

struct IntervalVisitor;

impl IntervalVisitor {
    fn bounded<E: Error>(duration: Duration) -> Result<Interval, E> {
        if duration > LONGEST {
            let unexpected = Unexpected::Other("it is longer than ten years");
            return Err(E::invalid_value(unexpected, &"a shorter time"));
        }
        Ok(Interval(duration))
    }
}

impl Visitor<'_> for IntervalVisitor {
    type Value = Interval;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time such as \"30s\", \"4h\" or \"1h 30m\", or a number of seconds")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Interval, E> {
        let seconds = u64::try_from(seconds)
            .map_err(|_| E::invalid_value(Unexpected::Signed(seconds), &self))?;
        Self::bounded(Duration::from_secs(seconds))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Interval, E> {
        let duration = Duration::try_from_secs_f64(seconds)
            .map_err(|_| E::invalid_value(Unexpected::Float(seconds), &self))?;
        Self::bounded(duration)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Interval, E> {
        if let Ok(seconds) = text.trim().parse::<u32>() {
            return Self::bounded(Duration::from_secs(seconds.into()));
        }
        let duration = humantime::parse_duration(text.trim())
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))?;
        Self::bounded(duration)
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntervalVisitor)
    }
}

struct AmountVisitor;

impl AmountVisitor {
    fn parse(text: &str) -> Option<u64> {
        let text = text.trim();
        let (digits, shift) = match text.chars().last()?.to_ascii_lowercase() {
            'k' => (&text[..text.len() - 1], 10),
            'm' => (&text[..text.len() - 1], 20),
            'g' => (&text[..text.len() - 1], 30),
            _ => (text, 0),
        };
        digits
            .trim_end()
            .parse::<u64>()
            .ok()?
            .checked_mul(1 << shift)
    }
}

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or one with a unit such as \"500m\" or \"4g\"")
    }

    fn visit_i64<E: Error>(self, amount: i64) -> Result<Amount, E> {
        u64::try_from(amount)
            .map(Amount)
            .map_err(|_| E::invalid_value(Unexpected::Signed(amount), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        Self::parse(text)
            .map(Amount)
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct TextListVisitor;

impl<'de> Visitor<'de> for TextListVisitor {
    type Value = TextList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings such as [\"a\", \"b\"]")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TextList, E> {
        Ok(TextList(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<TextList, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = elements.next_element::<String>()? {
            texts.push(text);
        }
        Ok(TextList(texts))
    }
}

impl<'de> Deserialize<'de> for TextList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextListVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name in quotes, or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Name, E> {
        Ok(Name(text.to_owned()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Name, E> {
        Ok(Name(number.to_string()))
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_take_swanctl_units() {
        assert_eq!(AmountVisitor::parse("500"), Some(500));
        assert_eq!(AmountVisitor::parse("2k"), Some(2048));
        assert_eq!(AmountVisitor::parse("3 G"), Some(3 << 30));
        assert_eq!(AmountVisitor::parse("99999999999999999g"), None);
        assert_eq!(AmountVisitor::parse("-1"), None);
        assert_eq!(AmountVisitor::parse("ü"), None);
        assert_eq!(AmountVisitor::parse(""), None);
    }
}

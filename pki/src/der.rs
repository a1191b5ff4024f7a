//! As much of DER (X.690) as it takes to tell the forms of a private key apart without copying it,
//! and to read extensions to their last octet.

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
/// Context-specific, constructed, number 0.
pub(crate) const CONTEXT_0: u8 = 0xa0;
pub(crate) const CONTEXT_1: u8 = 0xa1;
pub(crate) const CONTEXT_2: u8 = 0xa2;

/// One element: its tag and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The elements inside, as far as they can be read.
    pub(crate) fn children(self) -> impl Iterator<Item = Element<'a>> {
        let mut rest = self.content;
        std::iter::from_fn(move || {
            let (element, after) = first(rest)?;
            rest = after;
            Some(element)
        })
    }

    /// The elements inside, if they make up all of it.
    pub(crate) fn all(self) -> Option<Vec<Self>> {
        let mut elements = Vec::new();
        let mut rest = self.content;
        while !rest.is_empty() {
            let (element, after) = first(rest)?;
            elements.push(element);
            rest = after;
        }
        Some(elements)
    }

    /// The same if it has this tag.
    pub(crate) fn tagged(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }

    /// The only element inside.
    pub(crate) fn inner(self) -> Option<Self> {
        only(self.content)
    }

    /// A number that is not negative and fits.
    pub(crate) fn small_integer(self) -> Option<u32> {
        let mut octets = self.content;
        if octets.first()? & 0x80 != 0 {
            return None;
        }
        while let [0, rest @ ..] = octets {
            octets = rest;
        }
        (octets.len() <= 4).then(|| {
            octets
                .iter()
                .fold(0, |number, octet| number << 8 | u32::from(*octet))
        })
    }

    /// TRUE is all ones in DER; certificates with other forms of it are around.
    pub(crate) fn boolean(self) -> Option<bool> {
        match self.content {
            [octet] => Some(*octet != 0),
            _ => None,
        }
    }
}

/// The element that makes up all of the octets.
pub(crate) fn only(octets: &[u8]) -> Option<Element<'_>> {
    first(octets).and_then(|(element, rest)| rest.is_empty().then_some(element))
}

/// The first element and what follows it. Lengths of more than three octets are beyond any input.
pub(crate) fn first(octets: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = octets.split_first()?;
    // Tags above 30 take more octets; nothing here has one.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (length, rest) = match rest {
        [length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x81, a, rest @ ..] => (usize::from(*a), rest),
        [0x82, a, b, rest @ ..] => (usize::from(*a) << 8 | usize::from(*b), rest),
        [0x83, a, b, c, rest @ ..] => (
            usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c),
            rest,
        ),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Element { tag, content }, rest))
}

/// An element around these parts, which are far shorter than 2^24 octets.
pub(crate) fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut encoded = vec![tag];
    match content.len() {
        length @ 0..=0x7f => encoded.push(length as u8),
        length @ 0x80..=0xff => encoded.extend([0x81, length as u8]),
        length @ 0x100..=0xffff => encoded.extend([0x82, (length >> 8) as u8, length as u8]),
        length => encoded.extend([
            0x83,
            (length >> 16) as u8,
            (length >> 8) as u8,
            length as u8,
        ]),
    }
    encoded.extend_from_slice(&content);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements() {
        let sequence = only(&[0x30, 0x05, 0x02, 0x01, 0x07, 0x04, 0x00]).expect("an element");
        let children: Vec<_> = sequence.children().collect();
        assert_eq!(sequence.tag, SEQUENCE);
        assert_eq!(
            children,
            [
                Element {
                    tag: INTEGER,
                    content: &[7]
                },
                Element {
                    tag: OCTET_STRING,
                    content: &[]
                },
            ]
        );
        for wrong in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0, 0],
            &[0x30, 0x84, 0, 0, 0, 0],
        ] {
            assert_eq!(only(wrong), None, "{wrong:?}");
        }
        let long = [&[0x04, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        assert_eq!(only(&long).map(|element| element.content.len()), Some(256));
    }
}

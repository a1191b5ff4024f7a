//! PEM blocks (RFC 7468). Base64 is decoded in constant time and into memory that is wiped, because
//! private keys come this way.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// A block of PEM.
pub(crate) struct Block {
    /// What stands behind `BEGIN`.
    pub(crate) label: String,
    /// Whether the content is encrypted as in RFC 1421 section 4.6.1.1.
    pub(crate) encrypted: bool,
    /// The decoded content.
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// Whether this looks like PEM rather than DER.
pub(crate) fn is_pem(input: &[u8]) -> bool {
    find(input, BEGIN).is_some()
}

/// The first block with one of these labels. Other blocks, and text around blocks, are passed over:
/// openssl writes a curve's parameters in front of its key. `Err` is a damaged block.
pub(crate) fn block(input: &[u8], labels: &[&str]) -> Result<Option<Block>, Damaged> {
    let mut rest = input;
    while let Some(at) = find(rest, BEGIN) {
        rest = &rest[at + BEGIN.len()..];
        let label_end = find(rest, DASHES).ok_or(Damaged)?;
        let label = str::from_utf8(&rest[..label_end]).map_err(|_| Damaged)?;
        rest = &rest[label_end + DASHES.len()..];
        let end = find(rest, END).ok_or(Damaged)?;
        let body = &rest[..end];
        rest = &rest[end + END.len()..];
        if !rest
            .strip_prefix(label.as_bytes())
            .is_some_and(|rest| rest.starts_with(DASHES))
        {
            return Err(Damaged);
        }
        if labels.contains(&label) {
            return decode(label, body).map(Some);
        }
    }
    Ok(None)
}

/// A block without an end, or with wrong Base64.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

fn decode(label: &str, body: &[u8]) -> Result<Block, Damaged> {
    // RFC 1421 headers end with an empty line; Base64 has no colon.
    let (headers, text) = if body.contains(&b':') {
        let end = find(body, b"\n\n")
            .map(|at| at + 2)
            .or_else(|| find(body, b"\r\n\r\n").map(|at| at + 4))
            .ok_or(Damaged)?;
        body.split_at(end)
    } else {
        (&[][..], body)
    };
    let mut content: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(text.len()));
    content.extend(text.iter().filter(|octet| !octet.is_ascii_whitespace()));
    let length = Base64::decode_in_place(&mut content)
        .map_err(|_| Damaged)?
        .len();
    content.truncate(length);
    Ok(Block {
        label: label.to_owned(),
        encrypted: find(headers, b"ENCRYPTED").is_some(),
        content,
    })
}

fn find(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(input: &str, labels: &[&str]) -> Result<Option<Vec<u8>>, Damaged> {
        block(input.as_bytes(), labels).map(|block| block.map(|block| block.content.to_vec()))
    }

    #[test]
    fn the_first_block_of_the_right_kind() {
        let input = "text\n-----BEGIN A-----\nAAAA\n-----END A-----\nmore\n\
                     -----BEGIN B-----\r\nZm9v\r\nYg==\r\n-----END B-----\n";
        assert_eq!(content(input, &["B"]), Ok(Some(b"foob".to_vec())));
        assert_eq!(content(input, &["A", "B"]), Ok(Some(vec![0; 3])));
        assert_eq!(content(input, &["C"]), Ok(None));
    }

    #[test]
    fn headers() {
        let input =
            "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X\n\nZm9v\n-----END A-----";
        let block = block(input.as_bytes(), &["A"])
            .ok()
            .flatten()
            .expect("a block");
        assert!(block.encrypted);
        assert_eq!(&**block.content, b"foo");
    }

    #[test]
    fn damaged_blocks() {
        for input in [
            "-----BEGIN A-----",
            "-----BEGIN A",
            "-----BEGIN A-----\nZm9v",
            "-----BEGIN A-----\nZm9v-----END B-----",
            "-----BEGIN A-----\nZm9\n-----END A-----",
            "-----BEGIN A-----\nZm!v\n-----END A-----",
            "-----BEGIN A-----\nX: y\nZm9v\n-----END A-----",
        ] {
            assert_eq!(content(input, &["A"]), Err(Damaged), "{input}");
        }
    }
}

//! The bodies of the Identification payloads (RFC 7296 section 3.5).

use super::{WireError, reader::Reader};
use crate::Identification;

pub(super) fn parse(payload: u8, body: &[u8]) -> Result<Identification, WireError> {
    let mut reader = Reader::new(body);
    let [id_type, _, _, _] = reader.array()?;
    Identification::parse(id_type, reader.rest()).map_err(|_| WireError::Malformed {
        payload,
        reason: "an address identity of the wrong length",
    })
}

//! Structures that begin with their own length.

/// Appends what `body` writes and stores its length, counted from `start`, as the 16-bit number at
/// `start + 2`, where every length of RFC 7296 section 3 stands.
///
/// The length saturates: what is longer than 65,535 octets fits no datagram either, so it can
/// never be sent, and a local mistake of that kind must not end the process.
pub(super) fn sized(out: &mut Vec<u8>, head: [u8; 2], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&head);
    out.extend_from_slice(&[0; 2]);
    body(out);
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
}

//! What must never happen twice: a message ID with other words, a key in use again.

use std::collections::{BTreeSet, HashMap};

use holdfast_ike::{
    ChildSa, IkeSpis,
    wire::{ExchangeType, Header},
};

/// The type of an Encrypted Fragment payload (RFC 7383 section 2.5).
const ENCRYPTED_FRAGMENT: u8 = 53;

/// Keeps what one end has sent and installed.
#[derive(Default)]
pub(crate) struct Scribe {
    /// The last message of each IKE_SA, requests and responses apart.
    last: HashMap<(IkeSpis, bool), (u32, Vec<u8>)>,
    keys: BTreeSet<Vec<u8>>,
}

impl Scribe {
    /// What is wrong with a message that is sent, if anything: IDs of requests go up by one, and what is
    /// repeated is the same to the octet (RFC 7296 section 2.1), but for IKE_SA_INIT with a cookie or
    /// another key exchange, and for the parts of one message.
    pub(crate) fn sends(&mut self, data: &[u8]) -> Option<&'static str> {
        let header = Header::parse(data).ok()?;
        if header.exchange == ExchangeType::IkeSaInit {
            return None;
        }
        let id = header.message_id.0;
        // A response that waits for the data plane may be overtaken by a later one.
        let asks = !header.flags.response;
        let key = (header.spis, asks);
        match self.last.insert(key, (id, data.to_vec())) {
            // IKE_SA_INIT was number 0, where there was one.
            None if asks && id > 1 => Some("the first message ID is not the first"),
            Some((before, _)) if asks && id != before && id != before + 1 => {
                Some("a message ID that does not come next")
            }
            Some((before, words)) if id == before && words != data => {
                let is_part = |data: &[u8]| data[16] == ENCRYPTED_FRAGMENT;
                let parts = is_part(&words) || is_part(data);
                (!parts).then_some("a message ID with other words than before")
            }
            _ => None,
        }
    }

    /// The same for a CHILD_SA that is installed: no two have a key in common.
    pub(crate) fn installs(&mut self, child: &ChildSa) -> Option<&'static str> {
        let mut fresh = true;
        for key in [&child.inbound_key, &child.outbound_key] {
            fresh &= self.keys.insert(key.encryption.expose().to_vec());
        }
        (!fresh).then_some("a key that was in use before")
    }
}

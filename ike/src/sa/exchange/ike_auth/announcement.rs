//! What both ends say in IKE_SA_INIT about how they may authenticate: hashes of signatures
//! (RFC 7427 section 4), whom they trust (RFC 7296 section 3.7), several rounds (RFC 4739).

use crate::{
    Connection, Environment,
    config::SignatureHash,
    sa::{
        credential::CertificatePayload,
        payloads::{Payloads, notify},
    },
    wire::{NotifyType, Payload},
};

/// What the peer announced.
#[derive(Clone, Debug, Default)]
pub(in crate::sa) struct Announced {
    /// The hashes that it takes; `None` where it knows no RFC 7427.
    pub(in crate::sa) hashes: Option<Vec<SignatureHash>>,
    /// Whom it trusts. A responder says so here, an initiator in IKE_AUTH only.
    pub(in crate::sa) authorities: Vec<CertificatePayload>,
    /// It takes several rounds. A responder says so here, an initiator in IKE_AUTH only.
    pub(in crate::sa) several_rounds: bool,
    /// It has a post-quantum pre-shared key (RFC 8784), and so may we.
    pub(in crate::sa) ppk: bool,
}

impl Announced {
    pub(in crate::sa) fn read(payloads: &Payloads) -> Self {
        let hashes = payloads.notify(NotifyType::SIGNATURE_HASH_ALGORITHMS);
        let several = payloads.notify(NotifyType::MULTIPLE_AUTH_SUPPORTED);
        Self {
            hashes: hashes.map(|notify| known_hashes(&notify.data)),
            authorities: payloads.certificate_requests(),
            several_rounds: several.is_some(),
            ppk: payloads.notify(NotifyType::USE_PPK).is_some(),
        }
    }
}

fn known_hashes(data: &[u8]) -> Vec<SignatureHash> {
    let (numbers, _) = data.as_chunks::<2>();
    let announced = |hash: &SignatureHash| numbers.contains(&hash.number().to_be_bytes());
    SignatureHash::ALL.into_iter().filter(announced).collect()
}

/// For the initiator's IKE_SA_INIT request.
pub(in crate::sa) fn of_initiator(connection: &Connection) -> Option<Payload> {
    connection.uses_signatures().then(hashes)
}

/// For the responder's IKE_SA_INIT response.
pub(in crate::sa) fn of_responder(
    connections: &[&Connection],
    announced: &Announced,
    env: &dyn Environment,
) -> Vec<Payload> {
    let mut payloads = Vec::new();
    let signatures = |connection: &&Connection| connection.uses_signatures();
    if announced.hashes.is_some() && connections.iter().any(signatures) {
        payloads.push(hashes());
    }
    if announced.ppk
        && connections
            .iter()
            .any(|connection| connection.ppk.is_some())
    {
        payloads.push(super::ppk::use_ppk());
    }
    payloads.extend(certificate_requests(connections, env));
    payloads.push(several_rounds());
    payloads
}

/// CERTREQ payloads: whom we trust in any of these connections.
pub(super) fn certificate_requests(
    connections: &[&Connection],
    env: &dyn Environment,
) -> Vec<Payload> {
    let mut requests: Vec<Payload> = Vec::new();
    for connection in connections {
        for CertificatePayload { encoding, data } in env.certificate_requests(connection) {
            let payload = Payload::CertificateRequest { encoding, data };
            if !requests.contains(&payload) && requests.len() < MOST_REQUESTS {
                requests.push(payload);
            }
        }
    }
    requests
}

/// CERTREQ payloads of one message.
const MOST_REQUESTS: usize = 8;

pub(super) fn several_rounds() -> Payload {
    notify(NotifyType::MULTIPLE_AUTH_SUPPORTED, Vec::new())
}

fn hashes() -> Payload {
    let numbers = SignatureHash::ALL.iter();
    let data = numbers.flat_map(|hash| hash.number().to_be_bytes());
    notify(NotifyType::SIGNATURE_HASH_ALGORITHMS, data.collect())
}

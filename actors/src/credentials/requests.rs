//! Whom we trust, as CERTREQ payloads say it (RFC 7296 section 3.7, RFC 7670 section 3).

use holdfast_ike::{Connection, sa::credential::CertificatePayload};
use holdfast_pki::Certificate;

use super::{
    Store,
    signing::{RAW_PUBLIC_KEY, X509},
};

/// Authorities that are named: they travel in IKE_SA_INIT, which cannot be fragmented. Who trusts
/// more names the first ones; the peer may still send a certificate of another one.
const MOST_AUTHORITIES: usize = 40;

/// CERTREQ payloads for the peer of this connection: hashes of the keys of the authorities.
pub(super) fn certificate_requests(
    store: &Store,
    connection: &Connection,
) -> Vec<CertificatePayload> {
    let mut hashes: Vec<[u8; 20]> = Vec::new();
    let mut raw = false;
    for wanted in connection.remote_signatures() {
        if wanted.no_requests {
            continue;
        }
        raw |= !wanted.public_keys.is_empty();
        let hash = |certificate: &Certificate| certificate.public_key().spki_hash();
        let configured = wanted.authorities.iter();
        let configured = configured.filter_map(|der| Certificate::parse(der).ok());
        hashes.extend(configured.map(|certificate| hash(&certificate)));
        if wanted.authorities.is_empty() {
            let anchors = store.anchors().into_iter().take(MOST_AUTHORITIES);
            hashes.extend(anchors.map(|certificate| hash(certificate)));
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(MOST_AUTHORITIES);
    let authorities = (!hashes.is_empty()).then(|| CertificatePayload {
        encoding: X509,
        data: hashes.concat(),
    });
    let raw = raw.then(|| CertificatePayload {
        encoding: RAW_PUBLIC_KEY,
        data: Vec::new(),
    });
    authorities.into_iter().chain(raw).collect()
}

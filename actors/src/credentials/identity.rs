//! IKE identities and certificates.

use holdfast_ike::Identification;
use holdfast_pki::{Certificate, Identity};

/// Whether the certificate says that its subject has this identity.
pub(super) fn confirms(certificate: &Certificate, id: &Identification) -> bool {
    let identity = match id {
        Identification::Fqdn(name) => Identity::Dns(name),
        Identification::Rfc822(name) => Identity::Rfc822(name),
        Identification::Ipv4(address) => Identity::Ip((*address).into()),
        Identification::Ipv6(address) => Identity::Ip((*address).into()),
        Identification::DerAsn1Dn(encoded) => Identity::Name(encoded),
        Identification::KeyId(id) => Identity::KeyId(id),
        Identification::Other { .. } => return false,
    };
    certificate.confirms(&identity)
}

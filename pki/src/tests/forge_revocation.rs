//! Forged lists and responses.

use super::forge::*;
use crate::{Certificate, OcspRequest, OcspResponse, ParseError, RevocationList, der};

/// A list to be.
pub(crate) struct ForgeList {
    pub(crate) this_update: &'static str,
    pub(crate) next_update: Option<&'static str>,
    /// Serial numbers and extensions of each.
    pub(crate) revoked: Vec<(u8, Vec<u8>)>,
    pub(crate) extensions: Vec<Vec<u8>>,
}

impl ForgeList {
    pub(crate) fn new(revoked: &[u8]) -> Self {
        Self {
            this_update: "20270101000000Z",
            next_update: Some("20270201000000Z"),
            revoked: revoked.iter().map(|serial| (*serial, Vec::new())).collect(),
            extensions: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(crate) fn parse(&self, issuer: &Signer) -> Result<RevocationList, ParseError> {
        let revoked: Vec<u8> = self
            .revoked
            .iter()
            .flat_map(|(serial, extensions)| {
                let extensions = if extensions.is_empty() {
                    Vec::new()
                } else {
                    sequence(&[extensions])
                };
                sequence(&[&[2, 1, *serial], &time("20260601000000Z"), &extensions])
            })
            .collect();
        let revoked = if revoked.is_empty() {
            Vec::new()
        } else {
            sequence(&[&revoked])
        };
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            der::encode(0xa0, &[&sequence(&[&self.extensions.concat()])])
        };
        let message = sequence(&[
            &[2, 1, 1],
            &issuer.algorithm(),
            &issuer.name,
            &time(self.this_update),
            &self.next_update.map(time).unwrap_or_default(),
            &revoked,
            &extensions,
        ]);
        RevocationList::parse(&issuer.signed(&message, &issuer.algorithm()))
    }
}

/// What is answered about a certificate.
pub(crate) const GOOD: &[u8] = &[0x80, 0];
pub(crate) const UNKNOWN: &[u8] = &[0x82, 0];

pub(crate) fn revoked(reason: u8) -> Vec<u8> {
    let reason = der::encode(0xa0, &[&[0x0a, 1, reason]]);
    der::encode(0xa1, &[&time("20260601000000Z"), &reason])
}

/// A response to be.
pub(crate) struct ForgeResponse {
    pub(crate) status: Vec<u8>,
    pub(crate) this_update: &'static str,
    pub(crate) next_update: Option<&'static str>,
    pub(crate) by_key: bool,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) extensions: Vec<u8>,
}

impl ForgeResponse {
    pub(crate) fn new(status: &[u8]) -> Self {
        Self {
            status: status.to_vec(),
            this_update: "20270101000000Z",
            next_update: Some("20270201000000Z"),
            by_key: false,
            certificates: Vec::new(),
            extensions: Vec::new(),
        }
    }

    pub(crate) fn der(
        &self,
        signer: &Signer,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Vec<u8> {
        let request = OcspRequest::new(certificate, issuer, [0; 32]);
        // OCSPRequest, TBSRequest, requestList, Request, CertID.
        let mut id = der::only(request.der()).expect("a request");
        for _ in 0..4 {
            id = id.children().next().expect("a part");
        }
        let id = sequence(&[id.content]);
        let next = self
            .next_update
            .map(|next| der::encode(0xa0, &[&time(next)]));
        let answer = sequence(&[
            &id,
            &self.status,
            &time(self.this_update),
            &next.unwrap_or_default(),
        ]);
        let responder = if self.by_key {
            der::encode(0xa2, &[&octets(signer.key.public().id().as_bytes())])
        } else {
            der::encode(0xa1, &[&signer.name])
        };
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            der::encode(0xa1, &[&sequence(&[&self.extensions])])
        };
        let data = sequence(&[
            &responder,
            &time(self.this_update),
            &sequence(&[&answer]),
            &extensions,
        ]);
        let signature = der::encode(der::BIT_STRING, &[&[0], &signer.sign(&data)]);
        let certificates = if self.certificates.is_empty() {
            Vec::new()
        } else {
            der::encode(0xa0, &[&sequence(&[&self.certificates.concat()])])
        };
        let basic = sequence(&[&data, &signer.algorithm(), &signature, &certificates]);
        let kind = oid(&[0x2b, 6, 1, 5, 5, 7, 48, 1, 1]);
        let bytes = der::encode(0xa0, &[&sequence(&[&kind, &octets(&basic)])]);
        sequence(&[&[0x0a, 1, 0], &bytes])
    }

    pub(crate) fn parse(
        &self,
        signer: &Signer,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Result<OcspResponse, ParseError> {
        OcspResponse::parse(&self.der(signer, certificate, issuer))
    }
}

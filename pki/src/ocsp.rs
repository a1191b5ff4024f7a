//! OCSP (RFC 6960): requests about one certificate, and responses.
//!
//! Read and written here, on the DER of this crate: x509-ocsp brings a second and older set of DER
//! crates along for two structures, and leaves who may sign, nonces and times to its user anyway.

use std::fmt;

use aws_lc_rs::digest;
use x509_parser::{prelude::FromDer, time::ASN1Time};

use crate::{
    Certificate, MAX_INPUT, Name, ParseError, PublicKey, SignatureError, Strength,
    der::{self, Element},
    revocation_list::Reason,
    signature::Signed,
};

const WHAT: &str = "an OCSP response";

/// id-pkix-ocsp.
const PKIX_OCSP: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 48, 1];
const SHA1: [u8; 5] = [0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA2: [u8; 8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// Certificates of a responder that are looked at.
const MOST_CERTIFICATES: usize = 4;

/// Answers in one response.
const MOST_ANSWERS: usize = 256;

/// A question about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    der: Vec<u8>,
    nonce: [u8; 32],
}

impl OcspRequest {
    /// Asks about a certificate. The nonce has to be a random one (RFC 9654).
    pub fn new(certificate: &Certificate, issuer: &Certificate, nonce: [u8; 32]) -> Self {
        let number = der::encode(der::INTEGER, &[certificate.serial()]);
        // Responders for many (RFC 5019 section 2.1.1) know SHA-1 only. It is no signature.
        let hash = |octets: &[u8]| {
            der::encode(
                der::OCTET_STRING,
                &[digest_of(&SHA1, octets)
                    .as_ref()
                    .map_or(&[][..], |digest| digest.as_ref())],
            )
        };
        let algorithm = sequence(&[&der::encode(der::OBJECT_IDENTIFIER, &[&SHA1]), &[5, 0]]);
        let id = sequence(&[
            &algorithm,
            &hash(certificate.issuer().der()),
            &hash(issuer.public_key().bits()),
            &number,
        ]);
        let requests = sequence(&[&sequence(&[&id])]);
        let value = der::encode(
            der::OCTET_STRING,
            &[&der::encode(der::OCTET_STRING, &[&nonce])],
        );
        let oid = der::encode(der::OBJECT_IDENTIFIER, &[&PKIX_OCSP, &[2]]);
        let extensions = der::encode(der::CONTEXT_2, &[&sequence(&[&sequence(&[&oid, &value])])]);
        let der = sequence(&[&sequence(&[&requests, &extensions])]);
        Self { der, nonce }
    }

    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What a response repeats, if it was made for this request.
    pub fn nonce(&self) -> &[u8] {
        &self.nonce
    }
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der::encode(der::SEQUENCE, parts)
}

fn digest_of(algorithm: &[u8], octets: &[u8]) -> Option<digest::Digest> {
    let algorithm = match algorithm.strip_prefix(&SHA2[..]) {
        _ if algorithm == SHA1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Some([1]) => &digest::SHA256,
        Some([2]) => &digest::SHA384,
        Some([3]) => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, octets))
}

/// A response that is one. Its signature is not checked here.
#[derive(Clone, PartialEq, Eq)]
pub struct OcspResponse {
    der: Box<[u8]>,
    /// The BasicOCSPResponse in it, which is what is signed.
    basic: Box<[u8]>,
    signed: Signed,
    responder: Responder,
    produced_at: i64,
    nonce: Option<Box<[u8]>>,
    answers: Box<[Answer]>,
    certificates: Box<[Certificate]>,
}

/// Who signed a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Responder {
    Name(Name),
    /// The SHA-1 of the key.
    Key(Box<[u8]>),
}

/// What a response says about one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    algorithm: Box<[u8]>,
    issuer_name: Box<[u8]>,
    issuer_key: Box<[u8]>,
    serial: Box<[u8]>,
    pub(crate) status: AnswerStatus,
    pub(crate) this_update: i64,
    pub(crate) next_update: Option<i64>,
}

/// CertStatus (RFC 6960 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerStatus {
    Good,
    Revoked(Option<Reason>),
    Unknown,
}

impl OcspResponse {
    /// Reads a response in DER.
    pub fn parse(octets: &[u8]) -> Result<Self, ParseError> {
        if octets.len() > MAX_INPUT {
            return Err(ParseError::TooLong);
        }
        let wrong = ParseError::Der(WHAT);
        let parts = der::only(octets).and_then(|outer| outer.tagged(der::SEQUENCE)?.all());
        let parts = parts.ok_or(wrong.clone())?;
        let status = parts
            .first()
            .and_then(|status| status.tagged(der::ENUMERATED)?.small_integer());
        match (status, &parts[..]) {
            (Some(0), [_, bytes]) => {
                let basic = basic(*bytes).ok_or(wrong)?;
                Self::from_basic(octets, basic)
            }
            (Some(status @ 1..=6), _) => Err(ParseError::OcspRefused(match status {
                1 => "malformedRequest",
                2 => "internalError",
                3 => "tryLater",
                5 => "sigRequired",
                6 => "unauthorized",
                _ => "no reason",
            })),
            _ => Err(wrong),
        }
    }

    fn from_basic(octets: &[u8], basic: &[u8]) -> Result<Self, ParseError> {
        let wrong = || ParseError::Der(WHAT);
        let signed = Signed::read(basic, WHAT)?;
        let data = der::only(signed.message(basic)).ok_or_else(wrong)?;
        let data = Data::read(data).ok_or_else(wrong)?;
        let certificates = der::only(basic).and_then(Element::all).ok_or_else(wrong)?;
        let certificates = match certificates.get(3) {
            Some(certificates) => read_certificates(*certificates).ok_or_else(wrong)?,
            None => Vec::new(),
        };
        Ok(Self {
            der: octets.into(),
            signed,
            responder: data.responder,
            produced_at: data.produced_at,
            nonce: data.nonce,
            answers: data.answers,
            certificates: certificates.into(),
            basic: basic.into(),
        })
    }

    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// When it was made, in seconds since 1970.
    pub fn produced_at(&self) -> i64 {
        self.produced_at
    }

    /// When the first of its answers is out of date, in seconds since 1970.
    pub fn next_update(&self) -> Option<i64> {
        self.answers
            .iter()
            .filter_map(|answer| answer.next_update)
            .min()
    }

    /// What it repeats of the request.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Whether it says that this certificate signed it.
    pub(crate) fn is_by(&self, signer: &Certificate) -> bool {
        match &self.responder {
            Responder::Name(name) => name.is_same(signer.subject()),
            Responder::Key(id) => **id == signer.public_key().id().as_bytes()[..],
        }
    }

    /// Whether this key signed it.
    pub(crate) fn verify_signature(
        &self,
        signer: &PublicKey,
        strength: Strength,
    ) -> Result<(), SignatureError> {
        self.signed.verify(&self.basic, signer, strength)
    }

    /// What it says about a certificate.
    pub(crate) fn answer(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
    ) -> Option<&Answer> {
        self.answers
            .iter()
            .find(|answer| answer.is_about(certificate, issuer))
    }
}

impl Answer {
    fn is_about(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        let is = |octets: &[u8], wanted: &[u8]| {
            digest_of(&self.algorithm, octets).is_some_and(|digest| digest.as_ref() == wanted)
        };
        *self.serial == *certificate.serial()
            && is(certificate.issuer().der(), &self.issuer_name)
            && is(issuer.public_key().bits(), &self.issuer_key)
    }

    fn read(element: Element<'_>) -> Option<Self> {
        let mut parts = element.tagged(der::SEQUENCE)?.all()?.into_iter();
        let id = parts.next()?.tagged(der::SEQUENCE)?.all()?;
        let [algorithm, issuer_name, issuer_key, serial] = id.try_into().ok()?;
        let status = parts.next()?;
        let status = match status.tag {
            0x80 => AnswerStatus::Good,
            0xa1 => {
                let reason = status.children().find(|part| part.tag == der::CONTEXT_0);
                let code = match reason {
                    Some(reason) => Some(u8::try_from(reason.inner()?.small_integer()?).ok()?),
                    None => None,
                };
                AnswerStatus::Revoked(code.map(Reason::new))
            }
            0x82 => AnswerStatus::Unknown,
            _ => return None,
        };
        let this_update = seconds(parts.next()?)?;
        let next_update = match parts.find(|part| part.tag == der::CONTEXT_0) {
            Some(next) => Some(seconds(next.inner()?)?),
            None => None,
        };
        Some(Self {
            algorithm: algorithm
                .tagged(der::SEQUENCE)?
                .children()
                .next()?
                .content
                .into(),
            issuer_name: issuer_name.tagged(der::OCTET_STRING)?.content.into(),
            issuer_key: issuer_key.tagged(der::OCTET_STRING)?.content.into(),
            serial: serial.tagged(der::INTEGER)?.content.into(),
            status,
            this_update,
            next_update,
        })
    }
}

/// ResponseData.
struct Data {
    responder: Responder,
    produced_at: i64,
    answers: Box<[Answer]>,
    nonce: Option<Box<[u8]>>,
}

impl Data {
    fn read(data: Element<'_>) -> Option<Self> {
        let mut parts = data.tagged(der::SEQUENCE)?.all()?.into_iter().peekable();
        let version = parts.next_if(|part| part.tag == der::CONTEXT_0);
        if version
            .is_some_and(|version| version.inner().and_then(Element::small_integer) != Some(0))
        {
            return None;
        }
        let responder = parts.next()?;
        let responder = match responder.tag {
            der::CONTEXT_1 => Responder::Name(Name::from_der(responder.content).ok()?),
            der::CONTEXT_2 => Responder::Key(responder.inner()?.content.into()),
            _ => return None,
        };
        let produced_at = seconds(parts.next()?)?;
        let answers = parts.next()?.tagged(der::SEQUENCE)?.all()?;
        if answers.len() > MOST_ANSWERS {
            return None;
        }
        let answers: Option<Box<[Answer]>> = answers.into_iter().map(Answer::read).collect();
        let nonce = match parts.next() {
            Some(extensions) => read_nonce(extensions.tagged(der::CONTEXT_1)?)?,
            None => None,
        };
        Some(Self {
            responder,
            produced_at,
            answers: answers?,
            nonce,
        })
    }
}

/// The outer `None` is malformed, or critical and not known.
#[expect(clippy::option_option, reason = "malformed, absent, present")]
fn read_nonce(extensions: Element<'_>) -> Option<Option<Box<[u8]>>> {
    let mut nonce = None;
    for extension in extensions.inner()?.all()? {
        let parts = extension.tagged(der::SEQUENCE)?.all()?;
        let critical = parts.iter().find(|part| part.tag == der::BOOLEAN);
        let value = parts.last()?.tagged(der::OCTET_STRING)?.content;
        if parts.first()?.content.strip_prefix(&PKIX_OCSP[..]) == Some(&[2]) {
            // Before RFC 6960 the value was the nonce itself.
            let inner = der::only(value).and_then(|inner| inner.tagged(der::OCTET_STRING));
            nonce = Some(inner.map_or(value, |inner| inner.content).into());
        } else if critical.is_some_and(|critical| critical.boolean() != Some(false)) {
            return None;
        }
    }
    Some(nonce)
}

/// The octets of a BasicOCSPResponse in ResponseBytes.
fn basic<'a>(bytes: Element<'a>) -> Option<&'a [u8]> {
    let parts = bytes
        .tagged(der::CONTEXT_0)?
        .inner()?
        .tagged(der::SEQUENCE)?
        .all()?;
    let [kind, response] = parts.try_into().ok()?;
    let kind: Element<'a> = kind;
    let is_basic = kind.content.strip_prefix(&PKIX_OCSP[..]) == Some(&[1]);
    is_basic.then_some(response.tagged(der::OCTET_STRING)?.content)
}

fn read_certificates(element: Element<'_>) -> Option<Vec<Certificate>> {
    let all = element
        .tagged(der::CONTEXT_0)?
        .inner()?
        .tagged(der::SEQUENCE)?
        .all()?;
    let certificates = all.into_iter().take(MOST_CERTIFICATES);
    // One that cannot be read is none that could have signed.
    Some(
        certificates
            .filter_map(|one| Certificate::parse(&der::encode(one.tag, &[one.content])).ok())
            .collect(),
    )
}

fn seconds(time: Element<'_>) -> Option<i64> {
    let time = der::encode(time.tagged(der::GENERALIZED_TIME)?.tag, &[time.content]);
    match ASN1Time::from_der(&time) {
        Ok(([], time)) => Some(time.timestamp()),
        _ => None,
    }
}

impl fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OcspResponse")
            .field("responder", &self.responder)
            .field("answers", &self.answers.len())
            .finish_non_exhaustive()
    }
}

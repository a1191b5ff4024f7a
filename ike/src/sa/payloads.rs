//! Looking things up in the payloads of one message.

use super::{credential::CertificatePayload, event::Failure};
use crate::{
    Identification, TrafficSelector,
    proposal::{KeyExchangeMethod, Proposal},
    wire::{Configuration, ConfigurationKind, Notify, NotifyType, Payload},
};

/// The payloads of one message, in their order.
#[derive(Clone)]
pub(super) struct Payloads(pub(super) Vec<Payload>);

/// Nonces are 16 to 256 octets long (RFC 7296 section 2.10).
const NONCE_LENGTHS: std::ops::RangeInclusive<usize> = 16..=256;

impl Payloads {
    fn find<'a, T>(&'a self, pick: impl Fn(&'a Payload) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(pick)
    }

    pub(super) fn proposals(&self) -> Result<&[Proposal], Failure> {
        self.find(|payload| match payload {
            Payload::SecurityAssociation(proposals) => Some(proposals.as_slice()),
            _ => None,
        })
        .ok_or(Failure::InvalidSyntax)
    }

    pub(super) fn key_exchange(&self) -> Option<(KeyExchangeMethod, &[u8])> {
        self.find(|payload| match payload {
            Payload::KeyExchange { method, data } => Some((*method, data.as_slice())),
            _ => None,
        })
    }

    pub(super) fn nonce(&self) -> Result<&[u8], Failure> {
        self.find(|payload| match payload {
            Payload::Nonce(nonce) => Some(nonce.as_slice()),
            _ => None,
        })
        .filter(|nonce| NONCE_LENGTHS.contains(&nonce.len()))
        .ok_or(Failure::InvalidSyntax)
    }

    pub(super) fn id_initiator(&self) -> Option<&Identification> {
        self.find(|payload| match payload {
            Payload::IdInitiator(id) => Some(id),
            _ => None,
        })
    }

    pub(super) fn id_responder(&self) -> Option<&Identification> {
        self.find(|payload| match payload {
            Payload::IdResponder(id) => Some(id),
            _ => None,
        })
    }

    pub(super) fn authentication(&self) -> Option<(u8, &[u8])> {
        self.find(|payload| match payload {
            Payload::Authentication { method, data } => Some((*method, data.as_slice())),
            _ => None,
        })
    }

    /// The EAP message.
    pub(super) fn eap(&self) -> Option<&[u8]> {
        self.find(|payload| match payload {
            Payload::Eap(message) => Some(message.as_slice()),
            _ => None,
        })
    }

    /// CERT payloads in their order.
    pub(super) fn certificates(&self) -> Vec<CertificatePayload> {
        let certificate = |payload: &Payload| match payload {
            Payload::Certificate { encoding, data } => Some(CertificatePayload {
                encoding: *encoding,
                data: data.clone(),
            }),
            _ => None,
        };
        self.0.iter().filter_map(certificate).collect()
    }

    /// CERTREQ payloads in their order.
    pub(super) fn certificate_requests(&self) -> Vec<CertificatePayload> {
        let request = |payload: &Payload| match payload {
            Payload::CertificateRequest { encoding, data } => Some(CertificatePayload {
                encoding: *encoding,
                data: data.clone(),
            }),
            _ => None,
        };
        self.0.iter().filter_map(request).collect()
    }

    pub(super) fn configuration(&self, kind: ConfigurationKind) -> Option<&Configuration> {
        self.find(|payload| match payload {
            Payload::Configuration(configuration) => Some(configuration),
            _ => None,
        })
        .filter(|configuration| configuration.kind == kind)
    }

    pub(super) fn ts_initiator(&self) -> Option<&[TrafficSelector]> {
        self.find(|payload| match payload {
            Payload::TsInitiator(selectors) => Some(selectors.as_slice()),
            _ => None,
        })
    }

    pub(super) fn ts_responder(&self) -> Option<&[TrafficSelector]> {
        self.find(|payload| match payload {
            Payload::TsResponder(selectors) => Some(selectors.as_slice()),
            _ => None,
        })
    }

    pub(super) fn notifies(&self) -> impl Iterator<Item = &Notify> {
        self.0.iter().filter_map(|payload| match payload {
            Payload::Notify(notify) => Some(notify),
            _ => None,
        })
    }

    pub(super) fn notify(&self, notify_type: NotifyType) -> Option<&Notify> {
        self.notifies()
            .find(|notify| notify.notify_type == notify_type)
    }

    /// The first error notification, as the failure it stands for.
    pub(super) fn error(&self) -> Option<Failure> {
        self.notifies()
            .find(|notify| notify.notify_type.is_error())
            .map(|notify| failure_of(notify.notify_type))
    }
}

/// What an error notification of the peer means to us (RFC 7296 section 3.10.1).
pub(super) fn failure_of(notify_type: NotifyType) -> Failure {
    match notify_type {
        NotifyType::NO_PROPOSAL_CHOSEN => Failure::NoProposalChosen,
        NotifyType::AUTHENTICATION_FAILED => Failure::AuthenticationRefused,
        NotifyType::TS_UNACCEPTABLE => Failure::TsUnacceptable,
        NotifyType::INVALID_KE_PAYLOAD => Failure::InvalidKeyExchange,
        NotifyType::INTERNAL_ADDRESS_FAILURE => Failure::InternalAddressFailure,
        NotifyType::FAILED_CP_REQUIRED => Failure::FailedCpRequired,
        NotifyType::NO_ADDITIONAL_SAS => Failure::NoAdditionalSas,
        // What was half done is lost, and may be begun anew.
        NotifyType::TEMPORARY_FAILURE | NotifyType::STATE_NOT_FOUND => Failure::TemporaryFailure,
        NotifyType::CHILD_SA_NOT_FOUND => Failure::ChildSaNotFound,
        NotifyType::INVALID_SYNTAX => Failure::InvalidSyntax,
        NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD => Failure::UnsupportedCriticalPayload,
        NotifyType(other) => Failure::Refused(other),
    }
}

/// The error notification that tells the peer of our failure. What could help somebody guess an
/// identity or a secret is told as AUTHENTICATION_FAILED only (RFC 7296 section 2.21.2).
pub(super) fn error_notify(failure: Failure) -> Payload {
    let notify_type = match failure {
        Failure::NoProposalChosen => NotifyType::NO_PROPOSAL_CHOSEN,
        Failure::TsUnacceptable => NotifyType::TS_UNACCEPTABLE,
        Failure::NoAdditionalSas => NotifyType::NO_ADDITIONAL_SAS,
        Failure::InternalAddressFailure => NotifyType::INTERNAL_ADDRESS_FAILURE,
        Failure::FailedCpRequired => NotifyType::FAILED_CP_REQUIRED,
        Failure::TemporaryFailure | Failure::NotInstalled | Failure::NoSpi => {
            NotifyType::TEMPORARY_FAILURE
        }
        Failure::ChildSaNotFound => NotifyType::CHILD_SA_NOT_FOUND,
        Failure::UnsupportedCriticalPayload => NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
        Failure::AuthenticationRefused
        | Failure::AuthenticationFailed
        | Failure::NoPpk
        | Failure::PpkRefused
        | Failure::Eap(_)
        | Failure::NoSecret
        | Failure::IdentityMismatch
        | Failure::NoPrivateKey
        | Failure::NoCommonSignature
        | Failure::UntrustedCertificate
        | Failure::UnconfirmedIdentity
        | Failure::NoConnection => NotifyType::AUTHENTICATION_FAILED,
        Failure::InvalidKeyExchange => NotifyType::INVALID_KE_PAYLOAD,
        Failure::InvalidSyntax
        | Failure::Childless
        | Failure::Protocol(_)
        | Failure::Refused(_) => NotifyType::INVALID_SYNTAX,
    };
    notify(notify_type, Vec::new())
}

/// A notification that concerns the IKE_SA or nothing in particular.
pub(super) fn notify(notify_type: NotifyType, data: Vec<u8>) -> Payload {
    Payload::Notify(Notify {
        protocol: None,
        spi: Vec::new(),
        notify_type,
        data,
    })
}

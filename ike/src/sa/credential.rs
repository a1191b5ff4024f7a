//! What an IKE_SA cannot do by itself: sign, judge signatures and certificates, speak EAP.
//!
//! It asks through [`Output::Credential`](super::Output::Credential) and goes on when
//! [`Input::Credential`](super::Input::Credential) has the answer. One question is open at a time;
//! until it is answered, the message that depends on it waits.

use std::sync::Arc;

use crate::{Connection, Identification, Secret, config::SignatureHash, sa::event::Failure};

/// Which question an answer belongs to. Answers to questions that are no longer open are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredentialId(pub u32);

/// A question.
#[derive(Debug)]
pub struct CredentialRequest {
    /// To be given back with the answer.
    pub id: CredentialId,
    /// What is asked.
    pub question: Question,
}

/// What is asked.
#[derive(Debug)]
pub enum Question {
    /// Sign for us. Answered by [`Answer::Signed`].
    Sign(Box<Sign>),
    /// Is the peer who it says it is? Answered by [`Answer::Verified`].
    Verify(Box<Verify>),
    /// The next step of EAP. Answered by [`Answer::EapMessage`], [`Answer::EapSuccess`] or
    /// [`Answer::EapFailure`].
    Eap(Box<Eap>),
}

/// Our proof is wanted.
#[derive(Debug)]
pub struct Sign {
    /// The connection whose `local` is meant.
    pub connection: Arc<Connection>,
    /// Index of the round in it.
    pub round: usize,
    /// Who we say we are.
    pub local_id: Identification,
    /// Who the peer is, as far as it is known.
    pub remote_id: Option<Identification>,
    /// What is to be signed.
    pub octets: Vec<u8>,
    /// The hashes that the peer takes; `None` where it knows no RFC 7427.
    pub hashes: Option<Vec<SignatureHash>>,
    /// Whom the peer trusts.
    pub authorities: Vec<CertificatePayload>,
}

/// The peer's proof is to be judged.
#[derive(Debug)]
pub struct Verify {
    /// The connections that the peer may mean, best first: the first that accepts it is taken.
    pub connections: Vec<Arc<Connection>>,
    /// Index of the round in their `remote`.
    pub round: usize,
    /// Who the peer says it is.
    pub remote_id: Identification,
    /// How it signed (RFC 7296 section 3.8).
    pub method: u8,
    /// Its signature.
    pub auth: Vec<u8>,
    /// What it may have signed: one of these.
    pub octets: Vec<Vec<u8>>,
    /// Its certificates, that of its key first.
    pub certificates: Vec<CertificatePayload>,
}

/// A CERT or CERTREQ payload (RFC 7296 sections 3.6 and 3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePayload {
    /// How the data is encoded.
    pub encoding: u8,
    /// The certificate, or hashes of authorities' keys.
    pub data: Vec<u8>,
}

/// A step of EAP. What came before in the same IKE_SA and round is remembered by whoever answers.
#[derive(Debug)]
pub struct Eap {
    /// The connection, whose `local` (initiator) or `remote` (responder) is meant.
    pub connection: Arc<Connection>,
    /// Index of the round in it.
    pub round: usize,
    /// Who we said we are in IKE.
    pub local_id: Identification,
    /// Who the peer said it is in IKE.
    pub remote_id: Option<Identification>,
    /// What the peer sent; `None` asks the authenticator to begin.
    pub message: Option<Vec<u8>>,
}

/// An answer, or why there is none.
pub type CredentialAnswer = Result<Answer, Failure>;

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// Our proof.
    Signed {
        /// The authentication method.
        method: u8,
        /// The AUTH data.
        auth: Vec<u8>,
        /// Our certificates, that of the key first.
        certificates: Vec<CertificatePayload>,
    },
    /// The peer is who it says it is.
    Verified {
        /// Index of the connection that accepts it.
        connection: usize,
    },
    /// To be sent to the peer.
    EapMessage(Vec<u8>),
    /// The two EAP methods are done.
    EapSuccess {
        /// EAP-Success, which the authenticator sends.
        message: Option<Vec<u8>>,
        /// What the method made; `None` where it makes no keys.
        msk: Option<Secret>,
        /// Both ends have authenticated each other: the method alone is enough (RFC 5998).
        mutual: bool,
        /// Who has been proven, in the words of EAP.
        identity: Option<Identification>,
    },
    /// EAP failed.
    EapFailure {
        /// EAP-Failure, which the authenticator sends.
        message: Option<Vec<u8>>,
        /// Why.
        failure: Failure,
    },
}

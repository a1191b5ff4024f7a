//! Why there is no path.

use crate::{Certificate, SignatureError};

/// Why there is no path from a certificate to an anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A certificate on the way is not good.
    #[error("certificate \"{subject}\": {refusal}")]
    Refused {
        /// Whose it is.
        subject: String,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// Nobody here has the certificate of the issuer.
    #[error("certificate \"{subject}\": its issuer \"{issuer}\" is not known")]
    NoIssuer {
        /// Whose certificate it is.
        subject: String,
        /// Who signed it.
        issuer: String,
    },
    /// Paths go on beyond what is followed.
    #[error(
        "there are more than {} CAs between the certificate and an anchor",
        super::MOST_CAS
    )]
    TooDeep,
    /// The search was given up.
    #[error("there are too many possible paths, names or constraints")]
    TooMuchWork,
}

/// What is wrong with one certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its time is over.
    #[error("expired at {0} (seconds since 1970)")]
    Expired(i64),
    /// Its time is to come.
    #[error("not valid before {0} (seconds since 1970)")]
    NotYetValid(i64),
    /// It has a critical extension that nothing here knows.
    #[error("the critical extension {0} is not supported")]
    UnknownCritical(String),
    /// Nobody can tell whose it is.
    #[error("it names nobody: subject and subjectAltName are empty")]
    Nameless,
    /// keyUsage does not allow signatures.
    #[error("keyUsage allows neither digitalSignature nor nonRepudiation")]
    KeyUsage,
    /// extendedKeyUsage does not allow this use.
    #[error("extendedKeyUsage does not allow {0}")]
    ExtendedKeyUsage(&'static str),
    /// It signed certificates and is no CA's.
    #[error("it signed a certificate, but is not that of a CA")]
    NotCa,
    /// keyUsage does not allow to sign certificates.
    #[error("it signed a certificate, but keyUsage lacks keyCertSign")]
    NoKeyCertSign,
    /// It allows fewer CAs below it.
    #[error("its basicConstraints allow {0} CAs below it, there are more")]
    PathLength(u32),
    /// A certificate below has a name that it does not allow.
    #[error("its nameConstraints do not allow the name {0}")]
    NameConstraints(String),
    /// Its issuer did not sign it so that one can rely on it.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The path does not have a certificate policy.
    #[error("the path does not have the certificate policy {0}")]
    Policy(String),
    /// The path has to have a certificate policy, and has none.
    #[error("a CA requires certificate policies, and the path has none in common")]
    NoPolicy,
}

impl PathError {
    pub(super) fn refused(certificate: &Certificate, refusal: Refusal) -> Self {
        Self::Refused {
            subject: certificate.subject().to_string(),
            refusal,
        }
    }

    pub(super) fn no_issuer(certificate: &Certificate) -> Self {
        Self::NoIssuer {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
        }
    }

    /// Of the errors on several ways, the one that tells most.
    pub(super) fn or(self, other: Self) -> Self {
        let rank = |error: &Self| match error {
            Self::NoIssuer { .. } => 0,
            // Mostly that of a CA with the same name and another key.
            Self::Refused {
                refusal: Refusal::Signature(SignatureError::Wrong),
                ..
            } => 1,
            Self::TooDeep => 2,
            Self::Refused { .. } => 3,
            Self::TooMuchWork => 4,
        };
        if rank(&other) > rank(&self) {
            other
        } else {
            self
        }
    }
}

//! `list-certs`: one event for each certificate, revocation list and public key.

use holdfast_vici::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use super::certificates::CertificateType;
use crate::{
    credentials::{CertificateUse, Fetched, Listed, Subject},
    vici_session::{Gone, Session},
};

pub(super) async fn run<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    let Some(filter) = Filter::read(request) else {
        return Ok(Message::new());
    };
    if session.wants("list-cert") {
        // Certificates that come or go meanwhile are none of this listing's.
        let store = session.shared.credentials.store();
        for listed in store.list(&filter.subject) {
            if filter.includes(&listed) {
                session.stream("list-cert", render(&listed)).await?;
            }
        }
        for fetched in session.shared.credentials.revocations.cached() {
            if filter.includes_fetched(&fetched) {
                session
                    .stream("list-cert", render_fetched(&fetched))
                    .await?;
            }
        }
    }
    Ok(Message::new())
}

/// Which of them are asked for.
struct Filter {
    kind: Option<CertificateType>,
    used: Option<CertificateUse>,
    subject: Subject,
}

impl Filter {
    /// `None` asks for what cannot be: like charon, we then list nothing.
    fn read(request: &Message) -> Option<Self> {
        let kind = CertificateType::from_name(request.get_str("type").unwrap_or("ANY")).ok()?;
        // Only X.509 certificates have flags; with other types charon ignores them.
        let used = match request.get_str("flag") {
            Some(flag)
                if kind == Some(CertificateType::X509) && !flag.eq_ignore_ascii_case("ANY") =>
            {
                Some(CertificateUse::from_flag(flag)?)
            }
            _ => None,
        };
        let subject = match request.get_str("subject") {
            Some(subject) => Subject::parse(subject)?,
            None => Subject::Any,
        };
        Some(Self {
            kind,
            used,
            subject,
        })
    }

    fn includes(&self, listed: &Listed<'_>) -> bool {
        let (kind, used) = match listed {
            Listed::PublicKey(..) => (CertificateType::PublicKey, None),
            Listed::Certificate(used, ..) => (CertificateType::X509, Some(*used)),
            Listed::RevocationList(_) => (CertificateType::RevocationList, None),
        };
        self.kind.is_none_or(|wanted| wanted == kind) && (self.used.is_none() || self.used == used)
    }

    /// Of responses nobody is the subject.
    fn includes_fetched(&self, fetched: &Fetched) -> bool {
        match fetched {
            Fetched::List(list) => {
                self.subject.is_name(list.issuer()) && self.includes(&Listed::RevocationList(list))
            }
            Fetched::Response(_) => {
                let kind = self.kind.unwrap_or(CertificateType::OCSP_RESPONSE);
                kind == CertificateType::OCSP_RESPONSE && self.subject == Subject::Any
            }
        }
    }
}

fn render_fetched(fetched: &Fetched) -> Message {
    match fetched {
        Fetched::List(list) => render(&Listed::RevocationList(list)),
        Fetched::Response(response) => Message::new()
            .with("type", "X509_OCSP_RESPONSE")
            .with("data", response.der()),
    }
}

fn render(listed: &Listed<'_>) -> Message {
    let (message, has_key, der) = match listed {
        Listed::PublicKey(key, has_key) => {
            (Message::new().with("type", "PUBKEY"), *has_key, key.spki())
        }
        Listed::Certificate(used, certificate, has_key) => {
            let message = Message::new()
                .with("type", "X509")
                .with("flag", used.flag());
            (message, *has_key, certificate.der())
        }
        Listed::RevocationList(list) => {
            (Message::new().with("type", "X509_CRL"), false, list.der())
        }
    };
    message
        .with_some("has_privkey", has_key.then_some(true))
        .with("data", der)
}

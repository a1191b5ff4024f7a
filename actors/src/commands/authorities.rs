//! `load-authority`, `unload-authority`, `get-authorities`, `list-authorities`.

use std::sync::Arc;

use holdfast_pki::Certificate;
use holdfast_vici::{Message, Value};
use tokio::io::{AsyncRead, AsyncWrite};

use super::certificates::dn;
use crate::{
    credentials::{Authority, CredentialError},
    environment::Shared,
    vici_session::{Gone, Session},
};

/// URIs of one kind that an authority may have.
const MOST_URIS: usize = 32;

/// Octets of a URI.
const LONGEST_URI: usize = 2048;

pub(super) fn load(shared: &Shared, request: &Message) -> Message {
    for (name, section) in request.sections() {
        let added = read(name, section).and_then(|authority| {
            if shared.credentials.store().is_authority_of_files(name) {
                return Err(of_files(name));
            }
            let added = shared
                .credentials
                .change(|store| store.add_authority(name, authority));
            added.map_err(|error| error.to_string())
        });
        if let Err(reason) = added {
            return Message::failure(reason);
        }
        tracing::info!(authority = name, "loaded an authority");
    }
    Message::success()
}

pub(super) fn unload(shared: &Shared, request: &Message) -> Message {
    let Some(name) = request.get_str("name") else {
        return Message::failure("unload: missing authority name");
    };
    let removed = shared
        .credentials
        .change(|store| Ok(store.remove_authority(name)));
    if removed == Ok(true) {
        tracing::info!(authority = name, "unloaded an authority");
        Message::success()
    } else if shared.credentials.store().is_authority_of_files(name) {
        Message::failure(format!("unload: {}", of_files(name)))
    } else {
        Message::failure(format!("unload: authority '{name}' not found"))
    }
}

fn of_files(name: &str) -> String {
    format!("authority '{name}' is in the configuration files: change them and reload")
}

pub(super) fn names(shared: &Shared) -> Message {
    let store = shared.credentials.store();
    let names = store.authorities().map(|(name, _)| name);
    Message::new().with("authorities", Value::list(names))
}

pub(super) async fn list<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    let only = request.get_str("name");
    let store = session.shared.credentials.store();
    for (name, authority) in store.authorities() {
        if only.is_none_or(|only| only == name) {
            let message = Message::new().with(name, render(authority));
            session.stream("list-authority", message).await?;
        }
    }
    Ok(Message::new())
}

fn render(authority: &Authority) -> Message {
    Message::new()
        .with_display("cacert", dn(authority.certificate.subject()))
        .with("crl_uris", authority.crl_uris.clone())
        .with("ocsp_uris", authority.ocsp_uris.clone())
        .with_some("cert_uri_base", authority.cert_uri_base.as_deref())
}

fn read(name: &str, section: &Message) -> Result<Authority, String> {
    let mut certificate = None;
    let mut authority_uris = (Vec::new(), Vec::new());
    let mut cert_uri_base = None;
    for (key, value) in section.iter() {
        match (key, value) {
            ("cacert", Value::Bytes(data)) => certificate = Some(ca(name, data)?),
            ("crl_uris", Value::List(items)) => authority_uris.0 = uris(name, key, items)?,
            ("ocsp_uris", Value::List(items)) => authority_uris.1 = uris(name, key, items)?,
            ("cert_uri_base", Value::Bytes(data)) => cert_uri_base = Some(uri(name, key, data)?),
            // The agent may not see the client's files, and reading them could make it wait.
            ("file", _) => {
                return Err(format!(
                    "authority '{name}': file is not supported, send the certificate as cacert"
                ));
            }
            ("handle" | "slot" | "module", _) => {
                return Err(format!(
                    "authority '{name}': {key} is not supported, there are no PKCS#11 tokens"
                ));
            }
            _ => return Err(format!("unknown option: {key}, authority discarded")),
        }
    }
    let (crl_uris, ocsp_uris) = authority_uris;
    Ok(Authority {
        certificate: certificate.ok_or_else(|| missing(name))?,
        crl_uris,
        ocsp_uris,
        cert_uri_base,
    })
}

fn missing(name: &str) -> String {
    format!("CA certificate missing: {name}")
}

fn ca(name: &str, data: &[u8]) -> Result<Arc<Certificate>, String> {
    let certificate =
        Certificate::parse(data).map_err(|error| format!("{}: {error}", missing(name)))?;
    if certificate.is_ca() {
        Ok(Arc::new(certificate))
    } else {
        Err(format!("{}: {}", missing(name), CredentialError::NotCa))
    }
}

fn uris(name: &str, key: &str, items: &[Vec<u8>]) -> Result<Vec<String>, String> {
    if items.len() > MOST_URIS {
        return Err(format!(
            "authority '{name}': {key} has more than {MOST_URIS} items"
        ));
    }
    items.iter().map(|item| uri(name, key, item)).collect()
}

/// A URI has only printable ASCII (RFC 3986 section 2).
fn uri(name: &str, key: &str, octets: &[u8]) -> Result<String, String> {
    let text = str::from_utf8(octets).ok().filter(|text| {
        !text.is_empty() && text.len() <= LONGEST_URI && text.bytes().all(|b| b.is_ascii_graphic())
    });
    text.map(ToOwned::to_owned)
        .ok_or_else(|| format!("authority '{name}': {key} is not a URI"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CA: &[u8] = include_bytes!("../../../pki/testdata/ca.pem");
    const MOON: &[u8] = include_bytes!("../../../pki/testdata/moon.pem");

    #[test]
    fn an_authority_is_listed_as_charon_lists_it() {
        let section = Message::new()
            .with("cacert", CA)
            .with("crl_uris", vec!["http://a/crl", "ldap://b"])
            .with("cert_uri_base", "http://certs/");
        let rendered = render(&read("a", &section).expect("an authority"));
        let expected = Message::new()
            .with("cacert", "C=CH, O=Holdfast Lab, CN=Lab CA")
            .with("crl_uris", vec!["http://a/crl", "ldap://b"])
            .with("ocsp_uris", Vec::<String>::new())
            .with("cert_uri_base", "http://certs/");
        assert_eq!(rendered, expected);
    }

    #[test]
    fn refusals() {
        let base = || Message::new().with("cacert", CA);
        for (section, complaint) in [
            (Message::new(), "CA certificate missing: a"),
            (
                Message::new().with("cacert", "x"),
                "CA certificate missing: a",
            ),
            (
                Message::new().with("cacert", MOON),
                "lacks CA basic constraint",
            ),
            (
                base().with("foo", "x"),
                "unknown option: foo, authority discarded",
            ),
            (
                base().with("crl_uris", "x"),
                "unknown option: crl_uris, authority discarded",
            ),
            (base().with("file", "/ca.pem"), "file is not supported"),
            (base().with("handle", "01"), "handle is not supported"),
            (base().with("slot", "1"), "slot is not supported"),
            (base().with("module", "m"), "module is not supported"),
            (
                base().with("crl_uris", vec!["a b"]),
                "crl_uris is not a URI",
            ),
            (base().with("ocsp_uris", vec!["x"; 33]), "more than 32"),
        ] {
            let refusal = read("a", &section).expect_err(complaint);
            assert!(refusal.contains(complaint), "{refusal}");
        }
    }
}

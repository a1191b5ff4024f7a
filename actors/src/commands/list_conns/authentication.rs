//! How the two ends of a connection authenticate, as clients see it: a section for each round.

use holdfast_ike::{
    Connection, Identification,
    config::{Der, LocalAuth, RemoteAuth},
};
use holdfast_pki::Certificate;
use holdfast_vici::{Message, Value};

/// `local-1`, `local-2`, then `remote-1`.
pub(super) fn rounds(connection: &Connection) -> Vec<(String, Message)> {
    let local = connection.local.iter().map(|round| {
        let id = round.id.as_ref().map(ToString::to_string);
        let certificates = match &round.auth {
            LocalAuth::PublicKey(local) => subjects(&local.certificates),
            LocalAuth::Psk | LocalAuth::Eap(_) => Vec::new(),
        };
        let section = section(class_of_local(&round.auth), id)
            .with("certs", certificates)
            .with("cacerts", Vec::<String>::new());
        match &round.auth {
            LocalAuth::Eap(eap) => {
                with_eap(section, eap.method.as_deref(), eap.identity.as_deref())
            }
            LocalAuth::Psk | LocalAuth::PublicKey(_) => section,
        }
    });
    let remote = connection.remote.iter().map(|round| {
        let id = round.id.notation();
        let section = section(class_of_remote(&round.auth), id);
        match &round.auth {
            RemoteAuth::PublicKey(wanted) | RemoteAuth::Any(wanted) => section
                .with("certs", subjects(&wanted.certificates))
                .with("cacerts", subjects(&wanted.authorities)),
            RemoteAuth::Psk | RemoteAuth::Eap(_) => {
                let section = section
                    .with("certs", Vec::<String>::new())
                    .with("cacerts", Vec::<String>::new());
                match &round.auth {
                    RemoteAuth::Eap(eap) => {
                        with_eap(section, eap.method.as_deref(), eap.identity.as_deref())
                    }
                    _ => section,
                }
            }
        }
    });
    let named = |prefix: &'static str| {
        move |(index, section): (usize, Message)| (format!("{prefix}-{}", index + 1), section)
    };
    let local = local.enumerate().map(named("local"));
    local
        .chain(remote.enumerate().map(named("remote")))
        .collect()
}

/// What charon calls the method: its name in capitals.
fn with_eap(mut section: Message, method: Option<&str>, identity: Option<&str>) -> Message {
    if let Some(method) = method {
        section.push("eap-type", method.to_ascii_uppercase());
    }
    if let Some(identity) = identity {
        section.push("eap_id", identity);
    }
    section
}

fn subjects(certificates: &[Der]) -> Vec<String> {
    let read = certificates.iter().map(|der| Certificate::parse(der));
    let subject = |certificate: Certificate| {
        Identification::DerAsn1Dn(certificate.subject().der().to_vec()).to_string()
    };
    read.flatten().map(subject).collect()
}

fn class_of_local(auth: &LocalAuth) -> &'static str {
    match auth {
        LocalAuth::Psk => "pre-shared key",
        LocalAuth::PublicKey(_) => "public key",
        LocalAuth::Eap(_) => "EAP",
    }
}

fn class_of_remote(auth: &RemoteAuth) -> &'static str {
    match auth {
        RemoteAuth::Psk => "pre-shared key",
        RemoteAuth::PublicKey(_) => "public key",
        RemoteAuth::Eap(_) => "EAP",
        RemoteAuth::Any(_) => "any",
    }
}

fn section(class: &'static str, id: Option<String>) -> Message {
    let none = || Value::List(Vec::new());
    Message::new()
        .with("id", id.unwrap_or_else(|| "%any".to_owned()))
        .with("class", class)
        .with("groups", none())
        .with("cert_policy", none())
}

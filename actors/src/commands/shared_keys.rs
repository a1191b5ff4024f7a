//! `load-shared`, `unload-shared`, `get-shared`: shared keys of control clients.

use std::sync::Arc;

use holdfast_ike::{Identification, Secret, identification::ParseIdentificationError};
use holdfast_vici::{Message, Value};

use crate::{
    credentials::{SharedKey, SharedKeyKind},
    environment::Shared,
};

pub(super) fn load(shared: &Shared, request: &Message) -> Message {
    let name = request.get_str("id");
    let loaded = read(request).and_then(|key| {
        tracing::debug!(name, kind = ?key.kind, owners = key.owners.len(), "loading a shared key");
        let loaded = shared.credentials.load_shared_key(name, key);
        loaded.map_err(|error| error.to_string())
    });
    match loaded {
        Ok(()) => Message::success(),
        Err(reason) => Message::failure(reason),
    }
}

pub(super) fn unload(shared: &Shared, request: &Message) -> Message {
    let Some(name) = request.get_str("id") else {
        return Message::failure("unique identifier missing");
    };
    // Like charon: what is gone already is no error.
    shared.credentials.unload_shared_key(name);
    Message::success()
}

pub(super) fn names(shared: &Shared) -> Message {
    Message::new().with("keys", Value::list(shared.credentials.shared_key_names()))
}

fn read(request: &Message) -> Result<SharedKey, String> {
    let kind = request.get_str("type").ok_or("shared key type missing")?;
    let kind =
        SharedKeyKind::from_name(kind).ok_or_else(|| format!("invalid shared key type: {kind}"))?;
    let data = request.get_bytes("data").unwrap_or_default();
    if data.is_empty() {
        return Err("shared key data missing".to_owned());
    }
    let mut owners = Vec::new();
    let mut everybody = false;
    for octets in request.get_list("owners") {
        let text = str::from_utf8(octets).map_err(|_| "an owner is not text".to_owned())?;
        match owner(text)? {
            Some(owner) => owners.push(owner),
            None => everybody = true,
        }
    }
    let mut key = SharedKey::new(kind, owners, Arc::new(Secret::new(data)));
    key.everybody |= everybody;
    Ok(key)
}

/// An owner; `None` is everybody.
fn owner(text: &str) -> Result<Option<Identification>, String> {
    let (_, value) = text.split_once(':').unwrap_or(("", text));
    if value.starts_with('^') && value.ends_with('$') {
        return Err(format!(
            "owner '{text}': regular expressions are not supported, name each identity"
        ));
    }
    match Identification::from_config(text) {
        Ok(_) if value.contains('*') => Err(format!(
            "owner '{text}': wildcards are not supported, name each identity"
        )),
        Ok(id) => Ok(Some(id)),
        Err(ParseIdentificationError::Any(_)) => Ok(None),
        Err(error) => Err(format!("owner '{text}': {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners() {
        let fqdn = |name: &str| Identification::Fqdn(name.to_owned());
        assert_eq!(owner("moon.example"), Ok(Some(fqdn("moon.example"))));
        assert_eq!(owner("%any"), Ok(None));
        for (text, complaint) in [
            ("fqdn:^moon[0-9]+$", "regular expressions"),
            ("^.*$", "regular expressions"),
            ("*.example", "wildcards"),
            ("rfc822:*@example", "wildcards"),
            ("C=CH, O=*", "wildcards"),
            ("", "empty"),
        ] {
            let refusal = owner(text).expect_err(text);
            assert!(refusal.contains(complaint), "{text}: {refusal}");
        }
    }

    #[test]
    fn what_is_missing() {
        let request = Message::new();
        assert_eq!(
            read(&request).err().as_deref(),
            Some("shared key type missing")
        );
        let request = request.with("type", "foo");
        assert_eq!(
            read(&request).err().as_deref(),
            Some("invalid shared key type: foo")
        );
        let request = Message::new().with("type", "IKE");
        assert_eq!(
            read(&request).err().as_deref(),
            Some("shared key data missing")
        );
        let request = request.with("data", "");
        assert_eq!(
            read(&request).err().as_deref(),
            Some("shared key data missing")
        );
    }

    #[test]
    fn everybody_beside_owners() {
        let request = Message::new()
            .with("type", "eap")
            .with("data", vec![0, 255])
            .with(
                "owners",
                vec!["b.example", "%any", "a.example", "b.example"],
            );
        let key = read(&request).expect("a key");
        assert_eq!(key.kind, SharedKeyKind::Eap);
        assert_eq!(key.owners.len(), 2);
        assert!(key.everybody);
        assert_eq!(key.secret.expose(), [0, 255]);
    }
}

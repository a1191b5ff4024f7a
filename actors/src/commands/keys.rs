//! `load-key`, `unload-key`, `get-keys`, `load-token`: private keys.

use holdfast_pki::{KeyId, KeyKind, PrivateKey};
use holdfast_vici::{Message, Value};

use crate::{credentials::CredentialError, environment::Shared};

/// Refused by name: strongSwan has them, this build does not.
const UNSUPPORTED: [&str; 3] = ["ed448", "bliss", "dsa"];

pub(super) fn load(shared: &Shared, request: &Message) -> Message {
    let loaded = read(request).and_then(|key| {
        let added = shared
            .credentials
            .change(|store| store.add_private_key(key));
        added.map_err(|error| error.to_string())
    });
    match loaded {
        Ok(id) => {
            tracing::info!(%id, "loaded a private key");
            Message::success().with_display("id", id)
        }
        Err(reason) => Message::failure(reason),
    }
}

pub(super) fn unload(shared: &Shared, request: &Message) -> Message {
    let Some(id) = request.get_str("id") else {
        return Message::failure("key id missing");
    };
    let removed = KeyId::from_hex(id).is_some_and(|id| {
        let removed = shared
            .credentials
            .change(|store| Ok(store.remove_private_key(id)));
        removed == Ok(true)
    });
    if removed {
        tracing::info!(id, "unloaded a private key");
        Message::success()
    } else if KeyId::from_hex(id).is_some_and(|id| shared.credentials.store().is_key_of_files(id)) {
        Message::failure("the key is in the configuration files: change them and reload")
    } else {
        Message::failure("key not found")
    }
}

pub(super) fn ids(shared: &Shared) -> Message {
    let store = shared.credentials.store();
    Message::new().with("keys", Value::list(store.private_key_ids()))
}

/// There is no library for tokens in this build, and swanctl reports what we answer.
pub(super) fn load_token(request: &Message) -> Message {
    match request.get_str("handle") {
        None => Message::failure("keyid missing"),
        Some(_) => Message::failure(
            "loading private key from token failed: PKCS#11 tokens are not supported",
        ),
    }
}

fn read(request: &Message) -> Result<PrivateKey, String> {
    let kind = request.get_str("type").ok_or("key type missing")?;
    let (kind, wanted) = match kind.to_ascii_lowercase().as_str() {
        "any" => ("ANY", None),
        "rsa" => ("RSA", Some(KeyKind::Rsa)),
        "ecdsa" => ("ECDSA", Some(KeyKind::Ecdsa)),
        "ed25519" => ("ED25519", Some(KeyKind::Ed25519)),
        other if UNSUPPORTED.contains(&other) => {
            let other = other.to_ascii_uppercase();
            return Err(format!("{other} private keys are not supported"));
        }
        _ => return Err(format!("invalid key type: {kind}")),
    };
    let data = request.get_bytes("data").unwrap_or_default();
    if data.is_empty() {
        return Err("key data missing".to_owned());
    }
    PrivateKey::parse(data, wanted)
        .map_err(|error| CredentialError::Key { kind, error }.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        let request = |kind: &str, data: &str| {
            let request = Message::new().with("type", kind).with("data", data);
            read(&request).expect_err("refused")
        };
        assert_eq!(
            read(&Message::new()).err().as_deref(),
            Some("key type missing")
        );
        assert_eq!(request("foo", "x"), "invalid key type: foo");
        assert_eq!(request("rsa", ""), "key data missing");
        assert_eq!(
            request("Ed448", "x"),
            "ED448 private keys are not supported"
        );
        assert!(request("ECDSA", "x").starts_with("parsing ECDSA private key failed: "));
    }
}

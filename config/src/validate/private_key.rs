//! Private keys in files.

use std::{path::Path, sync::Arc};

use holdfast_pki::{KeyError, PrivateKey};

use zeroize::Zeroizing;

use super::{
    agent::beside,
    secret::{read, read_file},
};
use crate::{PrivateKeyEntry, environment::Environment, raw::RawSecret, report::Scope};

pub(super) fn private_key(
    name: &str,
    raw: &RawSecret,
    scope: &Scope<'_>,
    environment: &Environment,
) -> Option<PrivateKeyEntry> {
    if raw.ids.is_some() {
        scope.key("ids").error(
            "a private key belongs to whoever has its certificate",
            "leave the key out, and name the certificate in certs of the connection",
        );
    }
    let source = &raw.secret;
    let secret = scope.key("secret");
    let passphrase = if source.file.is_some() || source.env.is_some() || source.value.is_some() {
        Some(read(source, &secret, environment)?)
    } else {
        None
    };
    let scope = scope.key("file");
    let Some(file) = &raw.file else {
        scope.missing(
            "the file of the private key is missing",
            "add file = \"name.key\"",
        );
        return None;
    };
    let path = beside(&scope, Path::new(file));
    let octets = read_file(&path, &scope)?;
    let shown = path.display().to_string();
    match open(&octets, passphrase.as_ref(), &secret) {
        Ok(key) => Some(PrivateKeyEntry {
            name: name.to_owned(),
            key: Arc::new(key),
        }),
        Err(error) => {
            scope.error(
                format!("{shown} cannot be used: {error}"),
                remedy(&error, &shown),
            );
            None
        }
    }
}

fn open(
    octets: &[u8],
    passphrase: Option<&Zeroizing<Vec<u8>>>,
    secret: &Scope<'_>,
) -> Result<PrivateKey, KeyError> {
    match (PrivateKey::parse(octets, None), passphrase) {
        (Err(KeyError::Encrypted), Some(passphrase)) => PrivateKey::decrypt(octets, passphrase),
        (Ok(key), Some(_)) => {
            secret.warning(
                "the private key is not encrypted: its passphrase has no effect",
                "leave it out",
            );
            Ok(key)
        }
        (key, _) => key,
    }
}

fn remedy(error: &KeyError, shown: &str) -> String {
    match error {
        KeyError::Encrypted => {
            "add secret = { file = \"name.pass\" } with its passphrase".to_owned()
        }
        KeyError::Passphrase => format!("try it with openssl pkey -in {shown} -noout"),
        KeyError::Encryption => {
            format!("openssl pkcs8 -topk8 -v2 aes256 -in {shown} -out NEW, and name that file")
        }
        _ => "name a file with one RSA, ECDSA or Ed25519 key in PEM or DER".to_owned(),
    }
}

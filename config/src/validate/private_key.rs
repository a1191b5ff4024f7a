//! Private keys in files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_pki::{KeyError, PrivateKey};

use super::{agent::beside, secret::read_file};
use crate::{PrivateKeyEntry, raw::RawSecret, report::Scope};

pub(super) fn private_key(
    name: &str,
    raw: &RawSecret,
    scope: &Scope<'_>,
    files: &mut Vec<PathBuf>,
) -> Option<PrivateKeyEntry> {
    if raw.ids.is_some() {
        scope.key("ids").error(
            "a private key belongs to whoever has its certificate",
            "leave the key out, and name the certificate in certs of the connection",
        );
    }
    let source = &raw.secret;
    if source.file.is_some() || source.env.is_some() || source.value.is_some() {
        scope.key("secret").error(
            "encrypted private keys are not supported by this version",
            "decrypt it with openssl pkey -in FILE -out NEW, chmod 0600 NEW, and leave this out",
        );
        return None;
    }
    let scope = scope.key("file");
    let Some(file) = &raw.file else {
        scope.missing(
            "the file of the private key is missing",
            "add file = \"name.key\"",
        );
        return None;
    };
    let path = beside(&scope, Path::new(file));
    let octets = read_file(&path, &scope);
    let shown = path.display().to_string();
    files.push(path);
    match PrivateKey::parse(&octets?, None) {
        Ok(key) => Some(PrivateKeyEntry {
            name: name.to_owned(),
            key: Arc::new(key),
        }),
        Err(error) => {
            let remedy = match &error {
                KeyError::Encrypted => {
                    format!("openssl pkey -in {shown} -out NEW, chmod 0600 NEW, and name that file")
                }
                _ => "name a file with one RSA, ECDSA or Ed25519 key in PEM or DER".to_owned(),
            };
            scope.error(format!("{shown} cannot be used: {error}"), remedy);
            None
        }
    }
}

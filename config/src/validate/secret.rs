//! Secrets: where they are read from, and what they may look like.

use std::{
    fs::{File, Metadata},
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use holdfast_ike::{Identification, Secret};
use zeroize::Zeroizing;

use super::{agent::beside, elements, keyword, private_key::private_key};
use crate::{
    PrivateKeyEntry, PskEntry,
    confinement::{OUTSIDE, RESTART, is_shut_out},
    diagnostic::Origin,
    environment::Environment,
    quantity::TextList,
    raw::{RawSecret, RawSecretSource},
    report::Scope,
};

/// No pre-shared key is longer.
const LARGEST: u64 = 64 * 1024;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SecretKind {
    /// A pre-shared key of IKE.
    Psk,
    /// A password for EAP.
    Eap,
    /// A private key.
    PrivateKey,
    /// A post-quantum pre-shared key.
    Ppk,
}

/// A secret that can be used.
pub(super) enum Parsed {
    Psk(PskEntry),
    Eap(PskEntry),
    PrivateKey(PrivateKeyEntry),
    Ppk(PskEntry),
}

pub(super) fn secret(
    name: &str,
    raw: &RawSecret,
    scope: &Scope<'_>,
    environment: &Environment,
) -> Option<Parsed> {
    let kind = scope.key("type");
    if raw.kind.is_none() {
        kind.missing("the type of the secret is missing", "add type = \"psk\"");
    }
    let refused = ["xauth", "ntlm", "rsa", "ecdsa", "pkcs12", "token"];
    let kinds = [
        ("psk", SecretKind::Psk),
        ("eap", SecretKind::Eap),
        ("ppk", SecretKind::Ppk),
        ("private_key", SecretKind::PrivateKey),
        ("private", SecretKind::PrivateKey),
        ("pkcs8", SecretKind::PrivateKey),
    ];
    let kind = keyword(raw.kind.as_deref(), &kinds, &refused, &kind);
    if kind == Some(SecretKind::PrivateKey) {
        return private_key(name, raw, scope, environment).map(Parsed::PrivateKey);
    }
    if raw.file.is_some() {
        scope.key("file").error(
            "only a private key is named like this",
            "write secret = { file = \"name.psk\" }",
        );
    }
    let ids = ids(raw.ids.as_ref(), &scope.key("ids"));
    let secret = read_secret(&raw.secret, &scope.key("secret"), environment)?;
    let entry = PskEntry {
        name: name.to_owned(),
        ids,
        secret,
    };
    kind.map(|kind| match kind {
        SecretKind::Eap => Parsed::Eap(entry),
        SecretKind::Ppk => Parsed::Ppk(entry),
        SecretKind::Psk | SecretKind::PrivateKey => Parsed::Psk(entry),
    })
}

/// A secret from wherever it is.
pub(super) fn read_secret(
    source: &RawSecretSource,
    scope: &Scope<'_>,
    environment: &Environment,
) -> Option<Arc<Secret>> {
    let text = read(source, scope, environment)?;
    Some(Arc::new(Secret::new(decode(&text, scope)?)))
}

/// A key of these identities whose text is known.
pub(crate) fn psk_entry(
    name: &str,
    list: Option<&TextList>,
    text: &[u8],
    scope: &Scope<'_>,
) -> Option<PskEntry> {
    let ids = ids(list, &scope.key("ids"));
    let secret = Secret::new(decode(text, &scope.key("secret"))?);
    Some(PskEntry {
        name: name.to_owned(),
        ids,
        secret: Arc::new(secret),
    })
}

/// The identities a secret belongs to. `%any` among them makes it everybody's.
fn ids(list: Option<&TextList>, scope: &Scope<'_>) -> Vec<Identification> {
    let Some(list) = list else { return Vec::new() };
    if list.0.iter().any(|id| matches!(id.trim(), "%any" | "*")) {
        return Vec::new();
    }
    if list.0.is_empty() {
        scope.warning(
            "the list is empty: the secret belongs to everybody",
            "name the identities it belongs to, or leave the key out",
        );
    }
    let remedy = "write an identity such as \"gw.example\", \"me@example\" or \"192.0.2.1\"";
    elements(list, scope, remedy, |text| {
        Identification::from_config(text).map_err(|error| error.to_string())
    })
}

/// The text of a secret, from wherever it is.
pub(super) fn read(
    raw: &RawSecretSource,
    scope: &Scope<'_>,
    environment: &Environment,
) -> Option<Zeroizing<Vec<u8>>> {
    match (&raw.file, &raw.credential, &raw.env, &raw.value) {
        (Some(file), None, None, None) => {
            let scope = scope.key("file");
            read_text(&beside(&scope, Path::new(file)), &scope)
        }
        (None, Some(name), None, None) => {
            let scope = scope.key("credential");
            read_text(&credential(name, &scope, environment)?, &scope)
        }
        (None, None, Some(name), None) => {
            let value = environment.get(name);
            if value.is_none() {
                scope.key("env").error(
                    format!("the environment variable {name} is not set"),
                    "set it for the agent, for instance by EnvironmentFile= in its systemd unit",
                );
            }
            value.map(|value| Zeroizing::new(value.as_bytes().to_vec()))
        }
        (None, None, None, Some(value)) => {
            in_the_open(&scope.key("value"));
            Some(Zeroizing::new(value.as_bytes().to_vec()))
        }
        (None, None, None, None) => {
            let remedy = "add secret = { file = \"name.psk\" }, { credential = \"NAME\" }, \
                          { env = \"NAME\" } or { value = \"...\" }";
            scope.missing("the secret itself is missing", remedy);
            None
        }
        _ => {
            scope.error(
                "more than one of file, credential, env and value is given",
                "keep one of them",
            );
            None
        }
    }
}

/// A secret that stands in the configuration: whoever may read that has it.
fn in_the_open(scope: &Scope<'_>) {
    const REMEDY: &str =
        "move it into a file of mode 0600 and write secret = { file = \"name.psk\" }";
    scope.warning("the secret stands in the configuration itself", REMEDY);
    let Origin::Place(place) = scope.origin() else {
        return;
    };
    let mode = std::fs::metadata(&place.file).map_or(0, |file| file.permissions().mode() & 0o777);
    if mode & 0o004 != 0 {
        let shown = place.file.display();
        scope.error(
            format!("every user of this machine may read the secret in {shown} (mode {mode:04o})"),
            format!("chmod 0600 {shown}, or {REMEDY}"),
        );
    }
}

/// The file of a credential that the service manager hands over (systemd.exec(5), Credentials).
fn credential(name: &str, scope: &Scope<'_>, environment: &Environment) -> Option<PathBuf> {
    // What systemd accepts as the name of one: a file's name, and nothing that leads elsewhere.
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':');
    if name.is_empty() || name.len() > 255 || name.starts_with('.') || !name.chars().all(fits) {
        scope.error(
            format!("{name:?} cannot name a credential"),
            "write the name that stands in LoadCredential= of the systemd unit",
        );
        return None;
    }
    let Some(folder) = environment.get("CREDENTIALS_DIRECTORY") else {
        scope.error(
            format!("there is no credential {name}: CREDENTIALS_DIRECTORY is not set"),
            format!("run the agent by systemd, with LoadCredential={name}:FILE in its unit"),
        );
        return None;
    };
    Some(Path::new(folder.as_str()).join(name))
}

/// A file's text without its last line break.
fn read_text(path: &Path, scope: &Scope<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = read_file(path, scope)?;
    without_line_break(&mut bytes);
    Some(bytes)
}

/// What a file holds that only its owner, or its group, may read.
pub(super) fn read_file(path: &Path, scope: &Scope<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let shown = path.display();
    scope.reads(path);
    let failed = |error: &std::io::Error| {
        if is_shut_out(path, error) {
            return scope.error(format!("cannot read {shown}: {OUTSIDE}"), RESTART);
        }
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "create it; the path is relative to the file that names it".to_owned()
            }
            std::io::ErrorKind::PermissionDenied => {
                format!("let the agent's user read it: chown it, or chmod u+r {shown}")
            }
            _ => "make it a readable file".to_owned(),
        };
        scope.error(format!("cannot read {shown}: {error}"), remedy);
    };
    // Asked before it is opened: opening a FIFO would wait for a writer.
    let before = std::fs::metadata(path)
        .inspect_err(|error| failed(error))
        .ok()?;
    if !before.is_file() {
        scope.error(
            format!("{shown} is not a regular file"),
            "name a file that holds the secret",
        );
        return None;
    }
    let file = File::open(path).inspect_err(|error| failed(error)).ok()?;
    let opened = file.metadata().inspect_err(|error| failed(error)).ok()?;
    if !is_private(&opened, &before, path, scope) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(opened.len().min(LARGEST) as usize + 1));
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.inspect_err(|error| failed(error)).ok()?;
    if bytes.len() as u64 > LARGEST {
        scope.error(
            format!("{shown} is larger than 64 KiB"),
            "name a file that holds the secret only",
        );
        return None;
    }
    Some(bytes)
}

fn without_line_break(bytes: &mut Zeroizing<Vec<u8>>) {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
}

fn is_private(opened: &Metadata, before: &Metadata, path: &Path, scope: &Scope<'_>) -> bool {
    let shown = path.display();
    if opened.ino() != before.ino() || opened.dev() != before.dev() {
        scope.error(
            format!("{shown} was replaced while it was read"),
            "load again",
        );
        return false;
    }
    let mode = opened.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        scope.error(
            format!("{shown} is open to every user of this machine (mode {mode:04o})"),
            format!("chmod 0600 {shown}"),
        );
        return false;
    }
    true
}

/// The bytes a secret's text stands for: `0x` announces hexadecimal, `0s` Base64, as in
/// swanctl.conf; anything else is taken as it is.
fn decode(text: &[u8], scope: &Scope<'_>) -> Option<Box<[u8]>> {
    let prefix = text.get(..2).map(<[u8]>::to_ascii_lowercase);
    let decoded = match prefix.as_deref() {
        Some(b"0x") => hex(&text[2..]),
        Some(b"0s") => base64(&text[2..]),
        _ => Some(Zeroizing::new(text.to_vec())),
    };
    let Some(bytes) = decoded else {
        scope.error(
            "what follows 0x or 0s cannot be decoded",
            "write an even number of hexadecimal digits after 0x, or Base64 after 0s",
        );
        return None;
    };
    if bytes.is_empty() {
        scope.error(
            "the secret is empty",
            "put a long random secret there: openssl rand -base64 32",
        );
        return None;
    }
    Some(Box::from(bytes.as_slice()))
}

fn hex(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        bytes.push(value(*high)? << 4 | value(*low)?);
    }
    Some(bytes)
}

/// RFC 4648 section 4, padding optional.
fn base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = &text[..text.len() - padding];
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 4 * 3 + 2));
    let mut bits: u32 = 0;
    let mut held = 0;
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<Vec<u8>> {
        base64(text.as_bytes()).map(|bytes| bytes.to_vec())
    }

    #[test]
    fn base64_as_in_rfc_4648_section_10() {
        for (text, bytes) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
            ("Zm9vYg", "foob"),
        ] {
            assert_eq!(decoded(text), Some(bytes.as_bytes().to_vec()), "{text}");
        }
        for wrong in ["Z", "Zg=", "Zg===", "Zm9v====", "Zm 9v", "Z=g="] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hex_in_both_cases() {
        assert_eq!(
            hex(b"00fFaB").map(|bytes| bytes.to_vec()),
            Some(vec![0, 0xff, 0xab])
        );
        assert_eq!(hex(b"0"), None);
        assert_eq!(hex(b"0g"), None);
    }
}

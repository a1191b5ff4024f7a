//! The certification authorities of a swanctl.conf: its section `authorities`, and every other
//! certificate in the folder of CAs, which swanctl trusts as well.

use std::collections::BTreeSet;

use holdfast_pki::Certificate;

use super::{
    super::plain::{Plain, Table},
    Folder, file_omission, omission, unused,
};
use crate::{
    Diagnostic, Settings,
    key_path::KeyPath,
    settings::{Entry, Setting},
};

/// Where swanctl looks for certificates of CAs.
const FOLDER: &str = "x509ca";

/// Reads the section and the folder. What is no authority is left out.
pub(super) fn read(
    settings: &Settings,
    folder: &Folder<'_>,
    omitted: &mut Vec<Diagnostic>,
) -> Table {
    let mut tables = Table::default();
    let mut named = BTreeSet::new();
    let entries = settings.section("authorities");
    for entry in entries.into_iter().flat_map(Settings::iter) {
        let path = KeyPath::of(["authorities", &entry.name]);
        let Setting::Section(section) = &entry.setting else {
            let message = "an authority is a section".to_owned();
            omitted.push(omission(entry, &path, message, "write it as name { ... }"));
            continue;
        };
        let mut table = Table::default();
        for inner in section.iter() {
            match key(inner) {
                Ok((name, value)) => table.push(name, value, &inner.comments),
                Err((message, remedy)) => {
                    let path = path.key(&inner.name);
                    omitted.push(omission(inner, &path, message, remedy));
                }
            }
        }
        let Some(Plain::Text(file)) = table.get("cacert") else {
            let message = "an authority without a certificate is left out".to_owned();
            omitted.push(omission(entry, &path, message, "add cacert"));
            continue;
        };
        named.insert(file.clone());
        tables.push(&entry.name, Plain::Table(table), &entry.comments);
    }
    let others = folder.list(FOLDER).into_iter();
    for found in others.filter(|found| !named.contains(&found.name)) {
        let certificate = folder.read(&found.path).and_then(|octets| {
            Certificate::parse(&octets)
                .map_err(|error| (error.to_string(), "name a file with one certificate"))
        });
        let refused = match certificate {
            Ok(certificate) if certificate.is_ca() => None,
            Ok(_) => Some((
                "the certificate is not that of a CA".to_owned(),
                "name it in certs of the remote end that uses it",
            )),
            Err(refused) => Some(refused),
        };
        if let Some((message, remedy)) = refused {
            omitted.push(file_omission(&found, message, remedy));
            continue;
        }
        let stem = found.path.file_stem().and_then(|stem| stem.to_str());
        let name = unused(stem.unwrap_or(FOLDER), |name| tables.get(name).is_some());
        let mut table = Table::default();
        table.push("cacert", Plain::Text(found.name), &[]);
        tables.push(&name, Plain::Table(table), &[]);
    }
    tables
}

fn key(entry: &Entry) -> Result<(&'static str, Plain), (String, &'static str)> {
    let Setting::Value(value) = &entry.setting else {
        return Err(("it is no value".to_owned(), "leave it out"));
    };
    let text = String::from_utf8_lossy(value).trim().to_owned();
    let uris = || {
        let uris = text.split(',').map(|uri| uri.trim().to_owned());
        Plain::List(uris.filter(|uri| !uri.is_empty()).collect())
    };
    match entry.name.as_str() {
        "cacert" if !text.contains('/') => Ok(("cacert", Plain::Text(format!("{FOLDER}/{text}")))),
        "cacert" | "file" => Ok(("cacert", Plain::Text(text))),
        "crl_uris" => Ok(("crl_uris", uris())),
        "ocsp_uris" => Ok(("ocsp_uris", uris())),
        other => Err((
            format!("{other} of an authority is not supported by this version"),
            "leave the key out",
        )),
    }
}

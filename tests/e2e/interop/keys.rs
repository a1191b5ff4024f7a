//! Keys and certificates of both ends, of each kind, made once for the whole table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::lab::{
    Lab,
    authority::{Authority, ED25519, P256, P384, P521, RSA},
    libreswan::{self, Libreswan},
    register::{ANSWERED, LISTED, Register},
};

/// What both ends' keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
    /// Of P-256, each certificate by an intermediate CA of its own.
    Chain,
    /// Of P-256; sun's certificate says where there is a list of those that were revoked.
    Listed,
    /// Of P-256; sun's certificate says where there is an OCSP responder.
    Answered,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Rsa,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::Chain,
        Self::Listed,
        Self::Answered,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::P521 => "p521",
            Self::Ed25519 => "ed25519",
            Self::Chain => "chain",
            Self::Listed => "listed",
            Self::Answered => "answered",
        }
    }

    /// A further extension of sun's certificate.
    fn extension(self) -> &'static str {
        match self {
            Self::Listed => LISTED,
            Self::Answered => ANSWERED,
            _ => "",
        }
    }

    fn algorithm(self) -> &'static [&'static str] {
        match self {
            Self::Rsa => RSA,
            Self::P256 | Self::Chain | Self::Listed | Self::Answered => P256,
            Self::P384 => P384,
            Self::P521 => P521,
            Self::Ed25519 => ED25519,
        }
    }
}

/// A folder for each kind, in it one for each end as swanctl has it.
pub(super) struct Keys {
    directory: PathBuf,
}

impl Keys {
    pub(super) fn new(lab: &Lab) -> Self {
        let keys = Self {
            directory: lab.subdirectory("keys"),
        };
        for kind in Kind::ALL {
            keys.make(kind);
        }
        keys
    }

    fn make(&self, kind: Kind) {
        let directory = self.directory.join(kind.name());
        fs::create_dir_all(&directory).expect("a folder for keys");
        // Subjects differ, for what stores them may take them for one.
        let organization = format!("Lab {}", kind.name());
        let authority = Authority::new(directory.clone(), &organization);
        authority.root("ca", kind.algorithm());
        for (end, address) in [("moon", "192.0.2.1"), ("sun", "192.0.2.2")] {
            let issuer = if kind == Kind::Chain {
                authority.intermediate("ca", end, kind.algorithm());
                end
            } else {
                "ca"
            };
            let name = format!("{end}.example");
            let names = format!("DNS:{name},email:{end}@lab.example,IP:{address}");
            let more = if end == "sun" { kind.extension() } else { "" };
            let extensions = format!("subjectAltName={names}\nkeyUsage=digitalSignature\n{more}\n");
            authority.issue(issuer, &name, kind.algorithm(), &extensions);
            let own = directory.join(end);
            authority.give(&own, "private", &format!("{name}.key"));
            authority.give(&own, "x509", &format!("{name}.crt"));
            authority.give(&own, "x509ca", "ca.crt");
            if kind == Kind::Chain {
                authority.give(&own, "x509ca", &format!("{end}.crt"));
            }
            for owner in ["moon", "sun"] {
                let owner = directory.join(owner);
                authority.give(&owner, "pubkey", &format!("{name}.pub"));
            }
        }
        if kind == Kind::Answered {
            authority.issue("ca", "ocsp", P256, "extendedKeyUsage=OCSPSigning\n");
        }
        if kind != Kind::Ed25519 {
            export(&authority, kind);
        }
    }

    /// Has Libreswan know all of them: `sun-rsa` and so on.
    pub(super) fn import(&self, libreswan: &Libreswan) {
        for kind in Kind::ALL {
            if kind == Kind::Ed25519 {
                continue;
            }
            let read = |file| {
                let path = self.directory.join(kind.name()).join(file);
                fs::read(path).expect("a file of keys")
            };
            libreswan.import(kind.name(), &read("sun.p12"), &read("ca.crt"));
        }
    }

    /// A register of its own about sun's certificate, in this folder.
    pub(super) fn register(&self, kind: Kind, directory: &Path) -> Register {
        let files = [
            ("ca.crt", "ca.pem"),
            ("ca.key", "ca.key"),
            ("sun.example.crt", "sun.pem"),
            ("ocsp.crt", "ocsp.pem"),
            ("ocsp.key", "ocsp.key"),
        ];
        for (from, to) in files {
            let from = self.directory.join(kind.name()).join(from);
            if from.exists() {
                fs::copy(from, directory.join(to)).expect("a copy");
            }
        }
        Register::open(directory)
    }

    /// What moon, or sun, has.
    pub(super) fn folder(&self, kind: Kind, end: &str) -> PathBuf {
        self.directory.join(kind.name()).join(end)
    }

    /// A public key in base64.
    pub(super) fn public(&self, kind: Kind, end: &str) -> String {
        let file = format!("pubkey/{end}.example.pub");
        let pem = fs::read_to_string(self.folder(kind, end).join(file)).expect("a public key");
        pem.lines().filter(|line| !line.starts_with('-')).collect()
    }
}

/// Packs what sun has for Libreswan, which has nothing of Ed25519.
fn export(authority: &Authority, kind: Kind) {
    let mut arguments = vec!["pkcs12", "-export", "-inkey", "sun.example.key"];
    arguments.extend(["-in", "sun.example.crt", "-out", "sun.p12", "-passout"]);
    let password = format!("pass:{}", libreswan::PASSWORD);
    let name = format!("sun-{}", kind.name());
    arguments.extend([password.as_str(), "-name", &name]);
    if kind == Kind::Chain {
        arguments.extend(["-certfile", "sun.crt"]);
    }
    authority.openssl(&arguments);
}

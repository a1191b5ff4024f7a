//! Keys and certificates, made by openssl.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use super::run;

/// How keys are made, as `openssl genpkey` is told.
pub(crate) const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
pub(crate) const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
pub(crate) const P384: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"];
pub(crate) const P521: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
pub(crate) const ED25519: &[&str] = &["-algorithm", "ED25519"];

/// A folder of keys and certificates.
pub(crate) struct Authority {
    pub(crate) directory: PathBuf,
    organization: String,
}

impl Authority {
    /// In a folder that is there. All subjects are of this organization.
    pub(crate) fn new(directory: PathBuf, organization: &str) -> Self {
        let organization = organization.to_owned();
        Self {
            directory,
            organization,
        }
    }

    fn subject(&self, name: &str) -> String {
        format!("/C=CH/O={}/CN={name}", self.organization)
    }

    pub(crate) fn file(&self, name: &str, suffix: &str) -> PathBuf {
        self.directory.join(format!("{name}.{suffix}"))
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) {
        let mut command = Command::new("openssl");
        run(command.args(arguments).current_dir(&self.directory));
    }

    /// A private key, and the public one beside it.
    pub(crate) fn key(&self, name: &str, kind: &[&str]) {
        let file = format!("{name}.key");
        self.openssl(&[&["genpkey"], kind, &["-out", &file]].concat());
        let public = format!("{name}.pub");
        self.openssl(&["pkey", "-in", &file, "-pubout", "-out", &public]);
    }

    /// A certificate of its own making.
    pub(crate) fn root(&self, name: &str, kind: &[&str]) {
        self.key(name, kind);
        self.openssl(&[
            "req",
            "-x509",
            "-new",
            "-days",
            "30",
            "-key",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.crt"),
            "-subj",
            &self.subject(name),
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]);
    }

    /// A certificate with these extensions.
    pub(crate) fn issue(&self, issuer: &str, name: &str, kind: &[&str], extensions: &str) {
        self.key(name, kind);
        fs::write(self.file(name, "ext"), extensions).expect("extensions");
        self.openssl(&[
            "req",
            "-new",
            "-key",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.csr"),
            "-subj",
            &self.subject(name),
        ]);
        self.openssl(&[
            "x509",
            "-req",
            "-days",
            "30",
            "-in",
            &format!("{name}.csr"),
            "-CA",
            &format!("{issuer}.crt"),
            "-CAkey",
            &format!("{issuer}.key"),
            "-CAcreateserial",
            "-out",
            &format!("{name}.crt"),
            "-extfile",
            &format!("{name}.ext"),
        ]);
    }

    /// A certificate that can issue others.
    pub(crate) fn intermediate(&self, issuer: &str, name: &str, kind: &[&str]) {
        let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n";
        self.issue(issuer, name, kind, extensions);
    }

    /// A certificate for these names: `DNS:moon.example`.
    pub(crate) fn gateway(&self, issuer: &str, name: &str, kind: &[&str], names: &str) {
        let extensions = format!("subjectAltName={names}\nkeyUsage=digitalSignature\n");
        self.issue(issuer, name, kind, &extensions);
    }

    /// Puts a file where swanctl looks for it.
    pub(crate) fn give(&self, to: &Path, folder: &str, file: &str) {
        let folder = to.join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        fs::copy(self.directory.join(file), folder.join(file)).expect("a copy");
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o600)).expect("a mode");
    }
}

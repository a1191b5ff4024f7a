//! What a CA has revoked, and who tells: a web server with its list, or an OCSP responder.

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Namespace, process::Process, run, wait};

/// Where they are, on the host of whoever asks.
pub(crate) const LISTS: u16 = 8080;
pub(crate) const RESPONDER: u16 = 8081;

/// The extension of a certificate that says where its CA's list is.
pub(crate) const LISTED: &str = "crlDistributionPoints=URI:http://127.0.0.1:8080/ca.crl";
/// And where the responder is.
pub(crate) const ANSWERED: &str = "authorityInfoAccess=OCSP;URI:http://127.0.0.1:8081/";

const START: Duration = Duration::from_secs(20);

/// The database of `openssl ca`, with one certificate.
const OPEN: &str = r#"
    set -eu
    mkdir web
    : > index
    echo 01 > number
    printf '%s\n' [ca] default_ca=lab [lab] database=index crlnumber=number default_md=sha256 \
        unique_subject=no > ca.conf
    ca() { openssl ca -config ca.conf -cert ca.pem -keyfile ca.key "$@" 2>/dev/null; }
    ca -valid sun.pem
    ca -gencrl -crldays 1 | openssl crl -outform DER -out web/ca.crl
"#;

const REVOKE: &str = "
    set -eu
    ca() { openssl ca -config ca.conf -cert ca.pem -keyfile ca.key \"$@\" 2>/dev/null; }
    ca -revoke sun.pem -crl_reason keyCompromise
    ca -gencrl -crldays 1 | openssl crl -outform DER -out web/ca.crl
";

/// Which servers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    ByList,
    ByResponder,
}

/// A CA's register, and the servers that know it.
pub(crate) struct Register {
    directory: PathBuf,
    servers: Vec<Process>,
}

impl Register {
    /// In a folder with `ca.pem`, `ca.key` and `sun.pem`; a responder also needs `ocsp.pem` and
    /// `ocsp.key`.
    pub(crate) fn open(directory: &Path) -> Self {
        let register = Self {
            directory: directory.to_owned(),
            servers: Vec::new(),
        };
        register.script(OPEN);
        register
    }

    /// Revokes `sun.pem`.
    pub(crate) fn revoke(&self) {
        self.script(REVOKE);
    }

    fn script(&self, script: &str) {
        let mut shell = Command::new("sh");
        run(shell.args(["-c", script]).current_dir(&self.directory));
    }

    /// Nobody tells any more.
    pub(crate) fn dismiss(&mut self) {
        self.servers.clear();
    }

    /// Starts a server.
    pub(crate) fn serve(&mut self, namespace: &Namespace, told: Told) {
        match told {
            Told::ByList => self.serve_lists(namespace),
            Told::ByResponder => self.serve_responses(namespace),
        }
    }

    fn serve_lists(&mut self, namespace: &Namespace) {
        let port = LISTS.to_string();
        let arguments = ["-m", "http.server", "-d", "web", "-b", "127.0.0.1", &port];
        self.spawn(namespace, "python3", &arguments);
        wait::until("the server listens", START, || {
            let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, LISTS)).is_ok();
            namespace.enter(connect).then_some(())
        });
    }

    /// It reads the register when it starts.
    fn serve_responses(&mut self, namespace: &Namespace) {
        let port = RESPONDER.to_string();
        let arguments = [
            "ocsp", "-port", &port, "-index", "index", "-CA", "ca.pem", "-rsigner", "ocsp.pem",
            "-rkey", "ocsp.key", "-nmin", "60",
        ];
        let log = self.spawn(namespace, "openssl", &arguments);
        // It serves one after the other, and hangs at a connection without a request.
        wait::until("the responder listens", START, || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            log.contains("waiting for OCSP client").then_some(())
        });
    }

    fn spawn(&mut self, namespace: &Namespace, program: &str, arguments: &[&str]) -> PathBuf {
        let mut command = namespace.command(program);
        command.args(arguments).current_dir(&self.directory);
        let log = self.directory.join(format!("{program}.log"));
        fs::remove_file(&log).ok();
        self.servers.push(Process::spawn(program, command, &log));
        log
    }
}

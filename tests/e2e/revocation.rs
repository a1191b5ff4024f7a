//! charon authenticates with a certificate that may have been revoked; a web server has the list, an
//! OCSP responder the answer, or nobody is there. In both roles.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    register::{ANSWERED, LISTED, Register, Told},
    run,
    sas::Daemon,
    swanctl::Swanctl,
    topology::{Family, Pair},
    traffic,
    userland::Release,
    wait,
};

/// A CA, keys and certificates of both ends and of a responder.
const AUTHORITY: &str = r#"
    set -eu
    new() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $1.key 2>/dev/null; }
    new ca
    openssl req -x509 -new -key ca.key -days 3650 -subj "/O=Lab/CN=Lab CA" -out ca.pem \
        -addext keyUsage=critical,keyCertSign,cRLSign
    issue() { # name extensions
        new $1
        openssl req -new -key $1.key -subj "/O=Lab/CN=$1" -out $1.csr
        printf '%s\n' "$2" > $1.ext
        openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -days 365 -extfile $1.ext -out $1.pem \
            2>/dev/null
    }
    issue moon subjectAltName=DNS:moon.example
    issue sun "subjectAltName=DNS:sun.example
$SUN"
    issue ocsp extendedKeyUsage=OCSPSigning
"#;

/// moon is holdfast, sun is charon.
struct Bench {
    authority: PathBuf,
    holdfast: Holdfast,
    _charon: Charon,
    moon: Swanctl,
    sun: Swanctl,
    moon_folder: PathBuf,
    register: Register,
    pair: Pair,
    _lab: Lab,
}

impl Bench {
    /// `sun` are further extensions of its certificate.
    fn new(sun: &str, revocation: &str) -> Self {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let authority = lab.subdirectory("authority");
        let mut make = Command::new("sh");
        run(make
            .args(["-c", AUTHORITY])
            .env("SUN", sun)
            .current_dir(&authority));
        let holdfast = Holdfast::start(&lab, &pair.moon.namespace, "dataplane = \"userspace\"", "");
        let charon = Charon::start(&lab, &pair.sun.namespace, &charon::Settings::default());
        let folders = ["moon-swanctl", "sun-swanctl"].map(|name| lab.subdirectory(name));
        let [moon_folder, sun_folder] = folders;
        let bench = Self {
            moon: Swanctl::new(Release::Bookworm, &moon_folder, &holdfast),
            sun: Swanctl::new(Release::Bookworm, &sun_folder, &charon),
            holdfast,
            _charon: charon,
            moon_folder,
            register: Register::open(&authority),
            authority,
            pair,
            _lab: lab,
        };
        bench.require(revocation);
        bench.configure(&sun_folder, "sun", "moon", "relaxed");
        bench.sun.load_all();
        bench
    }

    fn configure(&self, folder: &Path, here: &str, there: &str, revocation: &str) {
        let copy = |from: &str, to: &str| {
            let to = folder.join(to);
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::copy(self.authority.join(from), to).expect("a copy");
        };
        copy("ca.pem", "x509ca/ca.pem");
        copy(&format!("{here}.pem"), &format!("x509/{here}.pem"));
        copy(&format!("{here}.key"), &format!("private/{here}.key"));
        let ends = [&self.pair.moon, &self.pair.sun];
        let [local, remote] = if here == "moon" {
            ends
        } else {
            [ends[1], ends[0]]
        };
        let conf = format!(
            "connections {{ gw {{
               version = 2
               local_addrs = {}
               remote_addrs = {}
               local {{ auth = pubkey
                 certs = {here}.pem
                 id = {here}.example }}
               remote {{ auth = pubkey
                 id = {there}.example
                 revocation = {revocation} }}
               children {{ net {{ local_ts = {}
                 remote_ts = {} }} }}
             }} }}\n",
            local.outer(Family::V4),
            remote.outer(Family::V4),
            local.network(Family::V4),
            remote.network(Family::V4),
        );
        fs::write(folder.join("swanctl.conf"), conf).expect("swanctl.conf");
    }

    /// Has holdfast want to know this much.
    fn require(&self, revocation: &str) {
        self.configure(&self.moon_folder, "moon", "sun", revocation);
        let report = self.moon.load_all();
        assert!(
            report.contains("successfully loaded 1 connections"),
            "{report}"
        );
    }

    fn serve(&mut self, told: Told) {
        self.register.serve(&self.pair.moon.namespace, told);
    }

    /// Tries from both ends. Returns whether it came up, which must be the same for both.
    fn comes_up(&self) -> bool {
        let attempts = [&self.moon, &self.sun].map(|from| {
            let child = ["--initiate", "--child", "net", "--timeout", "20"];
            let up = from.run(&child).code == Some(0);
            if up {
                let (here, there) = (&self.pair.moon, &self.pair.sun);
                let inner = (here.inner(Family::V4), there.inner(Family::V4));
                let answered = traffic::ping(&here.namespace, inner.0, inner.1, 5);
                assert_eq!(answered, 5, "of 5 pings");
                from.ok(&["--terminate", "--ike", "gw"]);
            }
            wait::until("gone", Duration::from_secs(20), || {
                self.holdfast.sas().is_empty().then_some(())
            });
            up
        });
        assert_eq!(attempts[0], attempts[1], "{}", self.holdfast.log());
        attempts[0]
    }

    fn flush(&self) {
        self.moon.ok(&["--flush-certs"]);
    }
}

#[test]
fn by_a_list() {
    let mut bench = Bench::new(LISTED, "strict");
    bench.serve(Told::ByList);
    assert!(bench.comes_up(), "{}", bench.holdfast.log());
    let listed = bench.moon.ok(&["--list-certs", "--type", "x509_crl"]);
    assert!(listed.contains("CN=Lab CA"), "{listed}");
    // What is in the cache is good for as long as it says.
    bench.register.revoke();
    assert!(bench.comes_up(), "{}", bench.holdfast.log());
    bench.flush();
    for requirement in ["strict", "ifuri", "relaxed"] {
        bench.require(requirement);
        assert!(!bench.comes_up(), "{requirement}: {}", bench.holdfast.log());
    }
    bench
        .holdfast
        .wait_for_log(&["CN=sun\" was revoked: key compromise"]);
}

#[test]
fn by_a_responder() {
    let mut bench = Bench::new(ANSWERED, "strict");
    bench.serve(Told::ByResponder);
    assert!(bench.comes_up(), "{}", bench.holdfast.log());
    // swanctl prints nothing of a response but its octets.
    let wanted = ["--list-certs", "--type", "x509_ocsp_response", "--raw"];
    let listed = bench.moon.ok(&wanted);
    assert!(listed.contains("type=X509_OCSP_RESPONSE"), "{listed}");
    bench.register.revoke();
    // The responder reads its database when it starts.
    bench.register.dismiss();
    bench.serve(Told::ByResponder);
    bench.flush();
    assert!(!bench.comes_up(), "{}", bench.holdfast.log());
    bench.holdfast.wait_for_log(&["CN=sun\" was revoked"]);
}

#[test]
fn by_nobody() {
    let mut bench = Bench::new(LISTED, "strict");
    for (requirement, good) in [("strict", false), ("ifuri", false), ("relaxed", true)] {
        bench.require(requirement);
        assert_eq!(
            bench.comes_up(),
            good,
            "{requirement}: {}",
            bench.holdfast.log()
        );
    }
    bench
        .holdfast
        .wait_for_log(&["nobody who could tell was reached"]);
    // Once somebody is there, the failure is forgotten on demand.
    bench.serve(Told::ByList);
    bench.require("strict");
    bench.flush();
    assert!(bench.comes_up(), "{}", bench.holdfast.log());
}

#[test]
fn without_anybody_to_ask() {
    let bench = Bench::new("basicConstraints=CA:FALSE", "strict");
    for (requirement, good) in [("strict", false), ("ifuri", true), ("relaxed", true)] {
        bench.require(requirement);
        assert_eq!(
            bench.comes_up(),
            good,
            "{requirement}: {}",
            bench.holdfast.log()
        );
    }
}

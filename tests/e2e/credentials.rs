//! swanctl loads keys, certificates, pools and authorities into holdfast as it does into charon, and
//! prints the same about them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::lab::{
    Lab, Namespace,
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    run,
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, PSK, Pair, Tunnel},
    vici::{Message, Value},
    wait,
};

const SWANCTL_CONF: &str = "secrets {
  ike-gateways { id-1 = moon.example
    id-2 = sun.example
    secret = \"a secret\" }
  eap-carol { id = carol
    secret = 0x1234 }
  ppk-q { id = ppk.example
    secret = 0sAQID }
  pkcs8-encrypted { file = encrypted.pem
    secret = secret }
}
pools {
  v4 { addrs = 10.3.0.0/24
    dns = 10.0.0.1, 10.0.0.2
    subnet = 10.0.0.0/8 }
  v6 { addrs = 2001:db8::/97 }
  few { addrs = 10.4.0.7-10.4.0.9 }
}
authorities {
  lab { cacert = ca.pem
    crl_uris = http://ca.example/ca.crl, http://ca.example/other.crl
    ocsp_uris = http://ocsp.example
    cert_uri_base = http://ca.example/certs/ }
}
";

/// charon and holdfast, without any connection, and a swanctl directory for both.
struct Bench {
    charon: Charon,
    holdfast: Holdfast,
    directory: PathBuf,
    // Whose drop takes the daemons' homes away.
    _namespaces: [Namespace; 2],
    _lab: Lab,
}

impl Bench {
    fn new() -> Self {
        let lab = Lab::new();
        let (there, here) = (lab.namespace("charon"), lab.namespace("holdfast"));
        let directory = lab.subdirectory("swanctl");
        make_credentials(&directory);
        std::fs::write(directory.join("swanctl.conf"), SWANCTL_CONF).expect("swanctl.conf");
        Self {
            charon: Charon::start(&lab, &there, &charon::Settings::default()),
            holdfast: Holdfast::start(&lab, &here, "dataplane = \"none\"", ""),
            directory,
            _namespaces: [there, here],
            _lab: lab,
        }
    }

    /// What swanctl prints about charon and about holdfast.
    fn both(&self, arguments: &[&str]) -> (String, String) {
        let one = |daemon: &dyn Daemon| self.swanctl(daemon, arguments);
        (one(&self.charon), one(&self.holdfast))
    }

    /// Runs it against both, which must say the same.
    fn agree(&self, arguments: &[&str]) -> String {
        let (charon, holdfast) = self.both(arguments);
        assert_eq!(holdfast, charon, "swanctl {arguments:?}");
        holdfast
    }

    /// The names of keys that both have.
    fn names(&self, command: &str) -> BTreeSet<String> {
        let names = |daemon: &dyn Daemon| -> BTreeSet<String> {
            let mut client = daemon.client().expect("a client");
            let answer = client.request(command, &Message::default()).expect(command);
            match answer.0.into_iter().next() {
                Some((_, Value::List(names))) => names.into_iter().collect(),
                other => panic!("{command}: {other:?}"),
            }
        };
        let (charon, holdfast) = (names(&self.charon), names(&self.holdfast));
        assert_eq!(holdfast, charon, "{command}");
        holdfast
    }

    fn swanctl(&self, daemon: &dyn Daemon, arguments: &[&str]) -> String {
        let socket = daemon.control_socket();
        let printed = run(&mut charon::swanctl(&self.directory, socket, arguments));
        // The days that are left are swanctl's own reckoning, and time goes on between two calls.
        printed
            .lines()
            .map(|line| line.split(" (expires in").next().unwrap_or(line))
            .flat_map(|line| [line, "\n"])
            .collect()
    }
}

/// A CA, certificates with RSA, ECDSA and Ed25519 keys, a revocation list, a key that is encrypted
/// and a public key without a certificate, where swanctl looks for them.
fn make_credentials(directory: &Path) {
    for name in [
        "x509", "x509ca", "x509ocsp", "x509aa", "x509ac", "x509crl", "pubkey", "private", "rsa",
        "ecdsa", "bliss", "pkcs8", "pkcs12",
    ] {
        std::fs::create_dir_all(directory.join(name)).expect("a directory");
    }
    let script = r#"
        set -eu
        days=3650
        pki --gen --type ecdsa --size 256 --outform pem > ca.key
        pki --self --ca --in ca.key --type ecdsa --dn "C=CH, O=Lab, CN=Lab CA" \
            --lifetime $days --outform pem > x509ca/ca.pem
        issue() { # name folder options of pki --gen
            name=$1 folder=$2; shift 2
            pki --gen "$@" --outform pem > $folder/$name.pem
            pki --pub --in $folder/$name.pem --type priv > public.der
            pki --issue --in public.der --type pub --cacert x509ca/ca.pem --cakey ca.key \
                --dn "C=CH, O=Lab, CN=$name.example" --san $name.example --san 192.0.2.7 \
                --crl http://ca.example/ca.crl --lifetime $days --outform pem > x509/$name.pem
        }
        issue moon rsa --type rsa --size 2048
        issue sun ecdsa --type ecdsa --size 384
        issue mars ecdsa --type ecdsa --size 521
        issue venus private --type ed25519
        pki --issue --in public.der --type pub --cacert x509ca/ca.pem --cakey ca.key \
            --dn "C=CH, O=Lab, CN=OCSP" --flag ocspSigning --lifetime $days > x509ocsp/ocsp.der
        pki --signcrl --cacert x509ca/ca.pem --cakey ca.key --cert x509/sun.pem \
            --reason superseded --lifetime $days --outform pem > x509crl/ca.pem
        openssl genpkey -algorithm ed25519 -aes256 -pass pass:secret -out pkcs8/encrypted.pem
        openssl pkey -in pkcs8/encrypted.pem -passin pass:secret -pubout -out pubkey/raw.pem
    "#;
    run(Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(directory));
}

#[test]
fn swanctl_loads_and_lists_credentials_as_with_charon() {
    let bench = Bench::new();
    let loaded = bench.agree(&["--load-creds", "--noprompt"]);
    for line in [
        "loaded certificate from",
        "loaded private key from",
        "loaded rsa key from",
        "loaded ecdsa key from",
        "loaded ED25519 key from",
        "loaded ike secret 'ike-gateways'",
        "loaded eap secret 'eap-carol'",
        "loaded ppk secret 'ppk-q'",
    ] {
        assert!(loaded.contains(line), "`{line}` is missing in:\n{loaded}");
    }
    let listed = bench.agree(&["--list-certs"]);
    for line in [
        "List of Raw Public Keys",
        "ED25519 256 bits, has private key",
        "List of X.509 End Entity Certificates",
        "RSA 2048 bits, has private key",
        "ECDSA 384 bits, has private key",
        "ECDSA 521 bits, has private key",
        "List of X.509 CA Certificates",
        "List of X.509 OCSP Signer Certificates",
        "List of X.509 CRLs",
        "1 revoked certificate:",
    ] {
        assert!(listed.contains(line), "`{line}` is missing in:\n{listed}");
    }
    for filter in [
        &["--type", "x509"][..],
        &["--type", "x509_crl"],
        &["--type", "pubkey"],
        &["--type", "x509", "--flag", "ca"],
        &["--type", "x509", "--flag", "ocsp"],
        &["--type", "x509", "--flag", "none"],
        &["--subject", "C=CH, O=Lab, CN=moon.example"],
        &["--subject", "C=CH, O=*, CN=*"],
        &["--subject", "sun.example"],
        &["--subject", "192.0.2.7"],
        &["--subject", "nobody.example"],
        &["--pem", "--type", "x509"],
    ] {
        bench.agree(&[&["--list-certs"][..], filter].concat());
    }
    assert_eq!(
        bench.agree(&["--load-creds", "--noprompt"]),
        loaded,
        "again"
    );
}

#[test]
fn what_has_vanished_from_the_directory_is_unloaded() {
    let bench = Bench::new();
    bench.agree(&["--load-creds", "--noprompt"]);
    for file in ["rsa/moon.pem", "ecdsa/sun.pem"] {
        std::fs::remove_file(bench.directory.join(file)).expect("a key");
    }
    let conf = SWANCTL_CONF.replace("eap-carol", "eap-dave");
    std::fs::write(bench.directory.join("swanctl.conf"), conf).expect("swanctl.conf");
    let before = bench.names("get-keys");
    bench.agree(&["--load-creds", "--noprompt"]);
    let after = bench.names("get-keys");
    assert_eq!((before.len(), after.len()), (5, 3));
    let secrets = bench.names("get-shared");
    assert!(
        secrets.iter().eq(["eap-dave", "ike-gateways", "ppk-q"]),
        "{secrets:?}"
    );
    let listed = bench.agree(&["--list-certs", "--type", "x509"]);
    assert!(listed.contains("RSA 2048 bits\n"), "{listed}");

    for folder in ["x509", "x509ca", "x509ocsp", "x509crl", "pubkey"] {
        let folder = bench.directory.join(folder);
        std::fs::remove_dir_all(&folder).expect("a folder");
        std::fs::create_dir(&folder).expect("a folder");
    }
    bench.agree(&["--load-creds", "--clear", "--noprompt"]);
    assert_eq!(bench.agree(&["--list-certs"]).trim(), "");
}

#[test]
fn swanctl_loads_and_lists_pools_and_authorities_as_with_charon() {
    let bench = Bench::new();
    let loaded = bench.agree(&["--load-pools"]);
    assert!(
        loaded.contains("successfully loaded 3 pools, 0 unloaded"),
        "{loaded}"
    );
    // charon lists them in an order of its own.
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    let (charon, holdfast) = bench.both(&["--list-pools", "--leases"]);
    assert_eq!(sorted(&holdfast), sorted(&charon));
    assert!(holdfast.contains("0 / 0 / 254"), "{holdfast}");
    bench.agree(&["--list-pools", "--name", "v6"]);

    let loaded = bench.agree(&["--load-authorities"]);
    assert!(loaded.contains("loaded authority 'lab'"), "{loaded}");
    let listed = bench.agree(&["--list-authorities"]);
    assert!(
        listed.contains("cacert: C=CH, O=Lab, CN=Lab CA"),
        "{listed}"
    );
    let anchors = bench.agree(&["--list-certs"]);
    assert!(
        anchors.contains("List of X.509 CA Certificates"),
        "{anchors}"
    );

    let conf = SWANCTL_CONF
        .replace("few {", "fewer {")
        .replace("lab {", "labs {");
    std::fs::write(bench.directory.join("swanctl.conf"), conf).expect("swanctl.conf");
    let again = bench.agree(&["--load-pools"]);
    assert!(
        again.contains("successfully loaded 3 pools, 1 unloaded"),
        "{again}"
    );
    let again = bench.agree(&["--load-authorities"]);
    assert!(
        again.contains("successfully loaded 1 authorities, 1 unloaded"),
        "{again}"
    );
}

/// Whatever holdfast offers, charon knows by the same name.
#[test]
fn algorithms_have_charons_names() {
    let bench = Bench::new();
    let (charon, holdfast) = bench.both(&["--list-algs"]);
    let names = |text: &str| -> BTreeSet<String> {
        text.lines()
            .filter_map(|line| line.trim().split_once('['))
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    let (known, ours) = (names(&charon), names(&holdfast));
    for name in [
        "AES_GCM_16",
        "PRF_HMAC_SHA2_256",
        "CURVE_25519",
        "HASH_SHA2_256",
    ] {
        assert!(ours.contains(name), "{name} is missing in:\n{holdfast}");
    }
    // charon 5.9.8 knows no ML-KEM, and the lab loads no plugin for AES-XCBC and AES-CMAC.
    let unknown: Vec<_> = ours
        .difference(&known)
        .filter(|name| {
            !["ML_KEM", "XCBC", "CMAC"]
                .iter()
                .any(|newer| name.contains(newer))
        })
        .collect();
    assert!(
        unknown.is_empty(),
        "charon does not know {unknown:?}:\n{charon}"
    );
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let bench = Bench::new();
    let mut client = bench.holdfast.client().expect("a client");
    let mut refusal = |command: &str, request: &[(&str, &str)]| {
        let answer = client
            .request(command, &Message::of(request))
            .expect(command);
        assert_eq!(answer.text("success"), Some("no"), "{command} {request:?}");
        answer.text("errmsg").unwrap_or_default().to_owned()
    };
    let token = refusal("load-token", &[("handle", "00ff"), ("pin", "1")]);
    assert!(token.contains("PKCS#11"), "{token}");
    let key = refusal("load-key", &[("type", "ed448"), ("data", "x")]);
    assert!(key.contains("ED448"), "{key}");
    let certificate = refusal("load-cert", &[("type", "X509_AC"), ("data", "x")]);
    assert!(certificate.contains("X509_AC"), "{certificate}");
    let pool = refusal("unload-pool", &[("name", "nosuch")]);
    assert_eq!(pool, "nosuch not found");
}

/// The configuration has a wrong key for everybody; the right one comes by swanctl.
#[test]
fn a_key_that_swanctl_loaded_brings_a_tunnel_up() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let wrong = Tunnel {
        psk: "not this one",
        ..tunnel.clone()
    };
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &wrong, &Settings::default());
    let directory = lab.subdirectory("swanctl");
    make_credentials(&directory);
    let conf = format!(
        "secrets {{ ike-lab {{ id-1 = moon.example\n id-2 = sun.example\n secret = \"{PSK}\" }} }}\n"
    );
    std::fs::write(directory.join("swanctl.conf"), conf).expect("swanctl.conf");
    let swanctl = |arguments: &[&str]| {
        charon::swanctl(&directory, holdfast.control_socket(), arguments)
            .output()
            .expect("swanctl runs")
    };
    let initiate = ["--initiate", "--child", CHILD, "--timeout", "5"];
    assert!(!swanctl(&initiate).status.success(), "with the wrong key");
    assert!(swanctl(&["--load-creds", "--noprompt"]).status.success());
    let report = swanctl(&initiate);
    let text = String::from_utf8_lossy(&report.stdout);
    assert!(
        text.contains("initiate completed successfully"),
        "{text}\n{}",
        holdfast.log()
    );
    wait::until("both agree", Duration::from_secs(5), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
}

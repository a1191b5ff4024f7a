//! What is asked of swanctl, one step after the other, and what it must say.

/// One run of swanctl.
pub(super) struct Step {
    pub(super) arguments: &'static [&'static str],
    pub(super) code: i32,
    /// Words of its output, standard error included.
    pub(super) says: &'static [&'static str],
    /// It changes nothing, or nothing more: it is run again with `--raw` and with `--pretty`.
    pub(super) again: bool,
}

const fn asks(arguments: &'static [&'static str], says: &'static [&'static str]) -> Step {
    Step {
        arguments,
        code: 0,
        says,
        again: true,
    }
}

const fn acts(arguments: &'static [&'static str], says: &'static [&'static str]) -> Step {
    Step {
        again: false,
        ..asks(arguments, says)
    }
}

const fn fails(arguments: &'static [&'static str], says: &'static [&'static str]) -> Step {
    Step {
        code: 1,
        ..acts(arguments, says)
    }
}

pub(super) const LOADING: &[Step] = &[
    asks(&["--version", "--daemon"], &["strongSwan", "Linux"]),
    asks(
        &["--load-creds", "--noprompt"],
        &[
            "loaded certificate from '",
            "lab-ca.pem'",
            "loaded ike secret 'ike-lab'",
        ],
    ),
    asks(
        &["--load-authorities"],
        &[
            "loaded authority 'lab'",
            "successfully loaded 1 authorities, 0 unloaded",
        ],
    ),
    asks(
        &["--load-pools"],
        &[
            "loaded pool 'guests'",
            "successfully loaded 1 pools, 0 unloaded",
        ],
    ),
    asks(
        &["--load-conns"],
        &[
            "loaded connection 'gw'",
            "successfully loaded 1 connections, 0 unloaded",
        ],
    ),
    asks(
        &["--load-all", "--noprompt"],
        &[
            "loaded ike secret 'ike-lab'",
            "successfully loaded 1 authorities, 0 unloaded",
            "successfully loaded 1 pools, 0 unloaded",
            "successfully loaded 1 connections, 0 unloaded",
        ],
    ),
    asks(&["--reload-settings"], &[]),
];

pub(super) const LISTING: &[Step] = &[
    asks(
        &["--list-conns"],
        &[
            "gw: IKEv2, no reauthentication, rekeying every 14400s, dpd delay 30s",
            "local:  192.0.2.1",
            "remote: 192.0.2.2",
            "local pre-shared key authentication:",
            "id: moon.example",
            "remote pre-shared key authentication:",
            "id: sun.example",
            "net: TUNNEL, rekeying every 3600s, dpd action is start",
            "lazy: TUNNEL, rekeying every 3600s",
            "remote: 10.77.0.0/16",
        ],
    ),
    asks(&["--list-pools"], &["guests", "10.9.0.", "0 / 0 / 254"]),
    asks(
        &["--list-pools", "--leases", "--name", "guests"],
        &["guests"],
    ),
    asks(
        &["--list-authorities"],
        &[
            "lab:",
            "cacert:",
            "C=CH, O=Lab, CN=Lab CA",
            "http://crl.example/lab.crl",
        ],
    ),
    asks(
        &["--list-certs"],
        &[
            "List of X.509 CA Certificates",
            "subject:  \"C=CH, O=Lab, CN=Lab CA\"",
        ],
    ),
    asks(
        &["--list-certs", "--type", "x509", "--flag", "ca"],
        &["Lab CA"],
    ),
    asks(
        &["--list-algs"],
        &[
            "encryption:",
            "aead:",
            "AES_GCM_16[",
            "prf:",
            "CURVE_25519[",
        ],
    ),
    // The trap of the configuration is there; another one comes and goes.
    asks(
        &["--list-pols"],
        &[
            "gw/lazy, TUNNEL",
            "local:  10.1.0.0/16",
            "remote: 10.77.0.0/16",
        ],
    ),
    acts(
        &["--install", "--child", "net"],
        &["install completed successfully"],
    ),
    asks(&["--list-pols", "--child", "net"], &["gw/net, TUNNEL"]),
    acts(
        &["--uninstall", "--child", "net"],
        &["uninstall completed successfully"],
    ),
    fails(&["--uninstall", "--child", "net"], &["uninstall failed"]),
    fails(
        &["--install", "--child", "nosuch"],
        &["install failed: configuration name not found"],
    ),
    asks(
        &["--stats"],
        &[
            "uptime: ",
            "IKE_SAs: 0 total, 0 half-open",
            "loaded plugins: ",
        ],
    ),
    asks(&["--flush-certs"], &[]),
    asks(&["--list-sas"], &[]),
    fails(
        &["--rekey", "--ike", "gw"],
        &["rekey failed: no matching SAs to rekey found"],
    ),
    fails(
        &["--redirect", "--ike", "gw", "--gateway", "192.0.2.9"],
        &["redirect failed: no matching SAs to redirect found"],
    ),
    fails(
        &["--terminate", "--ike", "gw"],
        &["terminate failed: no matching SAs to terminate found"],
    ),
    fails(
        &["--initiate", "--child", "nosuch"],
        &["initiate failed: CHILD_SA config 'nosuch' not found"],
    ),
    fails(
        &["--initiate", "--ike", "nosuch"],
        &["initiate failed: IKE_SA config 'nosuch' not found"],
    ),
];

pub(super) const TUNNEL_UP: &[Step] = &[
    acts(
        &["--initiate", "--child", "net", "--timeout", "10"],
        &["[IKE]", "initiate completed successfully"],
    ),
    asks(
        &["--list-sas"],
        &[
            "gw: #",
            ", ESTABLISHED, IKEv2, ",
            "local  'moon.example' @ 192.0.2.1[4500]",
            "remote 'sun.example' @ 192.0.2.2[4500]",
            "AES_GCM_16-256/PRF_HMAC_SHA2_384/CURVE_25519",
            "established ",
            "rekeying in ",
            "net: #",
            "INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-256",
            "local  10.1.0.0/16",
            "remote 10.2.0.0/16",
        ],
    ),
    asks(&["--list-sas", "--ike", "gw", "--noblock"], &["gw: #"]),
    asks(&["--list-sas", "--ike", "nosuch"], &[]),
    asks(&["--stats"], &["IKE_SAs: 1 total, 0 half-open"]),
    asks(
        &["--counters"],
        &[
            "global:",
            "ike-init-out-req      : 1",
            "ike-init-in-resp      : 1",
            "ike-auth-out-req      : 1",
            "ike-auth-in-resp      : 1",
        ],
    ),
    asks(
        &["--counters", "--name", "gw"],
        &["gw:", "ike-auth-out-req      : 1"],
    ),
];

pub(super) const CHILD_REKEY: &[Step] = &[acts(
    &["--rekey", "--child", "net"],
    &["rekey completed successfully"],
)];

pub(super) const IKE_REKEY: &[Step] = &[acts(
    &["--rekey", "--ike", "gw"],
    &["rekey completed successfully"],
)];

pub(super) const TUNNEL_DOWN: &[Step] = &[
    asks(
        &["--counters"],
        &["ike-rekey-init        : 1", "child-rekey           : 1"],
    ),
    acts(
        &["--terminate", "--child", "net"],
        &["terminate completed successfully"],
    ),
    acts(
        &["--terminate", "--ike", "gw", "--timeout", "10"],
        &["terminate completed successfully"],
    ),
    acts(
        &["--counters", "--reset"],
        &["reset-counters completed successfully"],
    ),
    asks(&["--counters"], &["ike-init-out-req      : 0"]),
];

/// Credentials that are no longer in the files go; so does everything else, with `--clear` at once.
pub(super) const UNLOADING: &[Step] = &[
    acts(
        &["--load-creds", "--clear", "--noprompt"],
        &["loaded ike secret 'ike-lab'"],
    ),
    acts(
        &["--load-conns", "--file", "/dev/null"],
        &["no connections found, 1 unloaded"],
    ),
    acts(
        &["--load-pools", "--file", "/dev/null"],
        &["no pools found, 1 unloaded"],
    ),
    acts(
        &["--load-authorities", "--file", "/dev/null"],
        &["no authorities found, 1 unloaded"],
    ),
    asks(&["--list-pols"], &[]),
];

//! A folder for `swanctl --load-all` with something in every store that can be listed.

use std::path::Path;

use super::{
    charon,
    topology::{Family, Gateway, Tunnel},
};

/// `C=CH, O=Lab, CN=Lab CA`. Nobody authenticates with it.
const CERTIFICATE: &str = include_str!("../fixtures/authority/lab-ca.pem");

/// The usual tunnel, a trap beside it, a pool, an authority and its certificate.
pub(crate) fn write(directory: &Path, here: &Gateway, there: &Gateway) {
    let settings = charon::Settings {
        connection: "  dpd_delay = 30s\n  unique = replace".to_owned(),
        child: format!(
            "    dpd_action = restart\n    close_action = trap\n   }}\n   lazy {{\n    \
             local_ts = {}\n    remote_ts = 10.77.0.0/16\n    start_action = trap",
            here.network(Family::V4)
        ),
        ..charon::Settings::default()
    };
    let text = charon::swanctl_conf(here, there, &Tunnel::default(), &settings)
        + "pools { guests { addrs = 10.9.0.0/24\n dns = 10.9.0.1 } }\n"
        + "authorities { lab { cacert = lab-ca.pem\n crl_uris = http://crl.example/lab.crl } }\n";
    std::fs::write(directory.join("swanctl.conf"), text).expect("swanctl.conf");
    let store = directory.join("x509ca");
    std::fs::create_dir_all(&store).expect("a store of certificates");
    std::fs::write(store.join("lab-ca.pem"), CERTIFICATE).expect("a certificate");
}

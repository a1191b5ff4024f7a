//! Debian's FreeRADIUS, with a configuration of its own: one user, EAP only.

use std::{path::Path, time::Duration};

use super::{Lab, Namespace, process::Process, wait};

/// What it shares with its clients.
pub(crate) const SECRET: &str = "testing123";

/// A running server on port 1812 of a namespace.
pub(crate) struct FreeRadius {
    process: Process,
}

/// Where its key and certificate are, and the CA of its users.
pub(crate) struct Tls<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) ca: &'a str,
}

impl FreeRadius {
    /// Starts it and waits until it listens. `users` is its users file.
    pub(crate) fn start(lab: &Lab, namespace: &Namespace, users: &str) -> Self {
        Self::launch(lab, namespace, users, RADIUSD_CONF)
    }

    /// The same, with EAP-TLS.
    pub(crate) fn start_with_tls(
        lab: &Lab,
        namespace: &Namespace,
        users: &str,
        tls: &Tls<'_>,
    ) -> Self {
        let file = |name: &str, suffix: &str| {
            let file = tls.folder.join(format!("{name}.{suffix}"));
            file.display().to_string()
        };
        let lines = format!(
            "default_eap_type = tls\n tls-config lab {{\n private_key_file = {}\n \
             certificate_file = {}\n ca_file = {}\n tls_min_version = \"1.2\"\n \
             tls_max_version = \"1.3\"\n }}\n tls {{\n tls = lab\n }}\n",
            file(tls.name, "key"),
            file(tls.name, "crt"),
            file(tls.ca, "crt"),
        );
        let configuration = RADIUSD_CONF.replace("default_eap_type = mschapv2\n", &lines);
        Self::launch(lab, namespace, users, &configuration)
    }

    fn launch(lab: &Lab, namespace: &Namespace, users: &str, configuration: &str) -> Self {
        let directory = lab.subdirectory(&format!("{}-radius", namespace.name()));
        let write = |name: &str, text: &str| {
            std::fs::write(directory.join(name), text).expect("a file of FreeRADIUS");
        };
        let configuration = configuration.replace("DIRECTORY", &directory.display().to_string());
        write("radiusd.conf", &configuration);
        write("users", users);
        write("dictionary", "$INCLUDE /usr/share/freeradius/dictionary\n");
        let mut command = namespace.command("freeradius");
        command
            .arg("-d")
            .arg(&directory)
            .args(["-f", "-l", "stdout", "-xx"]);
        let process = Process::spawn("freeradius", command, &directory.join("freeradius.log"));
        let server = Self { process };
        wait::until("FreeRADIUS listens", Duration::from_secs(30), || {
            server
                .log()
                .contains("Ready to process requests")
                .then_some(())
        });
        server
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

const RADIUSD_CONF: &str = r"
prefix = /usr
exec_prefix = /usr
sbindir = /usr/sbin
libdir = /usr/lib/freeradius
localstatedir = DIRECTORY
logdir = DIRECTORY
run_dir = DIRECTORY
confdir = DIRECTORY
name = freeradius
max_request_time = 30
cleanup_delay = 5
max_requests = 1024
log {
    destination = stdout
    auth = yes
}
security {
    max_attributes = 200
    reject_delay = 0
    status_server = no
}
client lab {
    ipaddr = 0.0.0.0/0
    secret = testing123
    require_message_authenticator = yes
}
modules {
    files {
        usersfile = DIRECTORY/users
    }
    mschap {
    }
    eap {
        default_eap_type = mschapv2
        timer_expire = 60
        ignore_unknown_eap_types = no
        mschapv2 {
        }
    }
}
server default {
    listen {
        type = auth
        ipaddr = *
        port = 1812
    }
    authorize {
        eap {
            ok = return
        }
        files
    }
    authenticate {
        Auth-Type MS-CHAP {
            mschap
        }
        eap
    }
}
";

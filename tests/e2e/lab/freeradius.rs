//! Debian's FreeRADIUS, with a configuration of its own: one user, EAP only.

use std::time::Duration;

use super::{Lab, Namespace, process::Process, wait};

/// What it shares with its clients.
pub(crate) const SECRET: &str = "testing123";

/// A running server on port 1812 of a namespace.
pub(crate) struct FreeRadius {
    process: Process,
}

impl FreeRadius {
    /// Starts it and waits until it listens. `users` is its users file.
    pub(crate) fn start(lab: &Lab, namespace: &Namespace, users: &str) -> Self {
        let directory = lab.subdirectory(&format!("{}-radius", namespace.name()));
        let write = |name: &str, text: &str| {
            std::fs::write(directory.join(name), text).expect("a file of FreeRADIUS");
        };
        let configuration = RADIUSD_CONF.replace("DIRECTORY", &directory.display().to_string());
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

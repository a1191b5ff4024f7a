//! The files of both ends.

use std::{
    fs, io,
    net::UdpSocket,
    path::{Path, PathBuf},
};

/// UDP ports of one end: plain IKE, and IKE and ESP behind a NAT.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    plain: u16,
    nat_t: u16,
}

impl Ports {
    /// Two that are free now.
    pub(crate) fn free() -> io::Result<Self> {
        let (one, other) = (
            UdpSocket::bind("127.0.0.1:0")?,
            UdpSocket::bind("127.0.0.1:0")?,
        );
        Ok(Self {
            plain: one.local_addr()?.port(),
            nat_t: other.local_addr()?.port(),
        })
    }
}

/// Where one end keeps its things.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) configuration: PathBuf,
    pub(crate) socket: PathBuf,
}

/// Writes the file of one end. `here` and `there` are the ends' names, ports and inner networks.
pub(crate) fn write(
    directory: &Path,
    here: (&str, Ports, &str),
    there: (&str, Ports, &str),
    persistent: bool,
) -> io::Result<Files> {
    let (name, ports, network) = here;
    let (peer, peers_ports, peers_network) = there;
    let files = Files {
        configuration: directory.join(format!("{name}.toml")),
        socket: directory.join(format!("{name}.vici")),
    };
    let text = format!(
        r#"[agent]
state_dir = "none"
vici = "unix://{socket}"
dataplane = "userspace"
listen = ["127.0.0.1"]
port = {port}
port_nat_t = {nat_t}
install_routes = false
drain_timeout = "5s"
log = {{ level = "error" }}

[connections.{peer}]
persistent = {persistent}
local_addrs = ["127.0.0.1"]
remote_addrs = ["127.0.0.1"]
local_port = {nat_t}
remote_port = {remote_port}
proposals = ["aes256gcm16-prfsha384-x25519"]
local = {{ auth = "psk", id = "{name}.example" }}
remote = {{ auth = "psk", id = "{peer}.example" }}
dpd_delay = "500ms"
retransmit = {{ timeout = "200ms", base = 1.8, tries = 2 }}
reconnect = {{ initial = "100ms", max = "500ms" }}

[connections.{peer}.children.net]
local_ts = ["{network}"]
remote_ts = ["{peers_network}"]
esp_proposals = ["aes256gcm16"]

[secrets.demo]
type = "psk"
secret = {{ file = "demo.psk" }}
"#,
        socket = files.socket.display(),
        port = ports.plain,
        nat_t = ports.nat_t,
        remote_port = peers_ports.nat_t,
    );
    fs::write(&files.configuration, text)?;
    Ok(files)
}

/// Writes the secret that both ends share, for this user alone.
pub(crate) fn write_secret(directory: &Path) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(directory.join("demo.psk"))?;
    let mut secret = [0; 32];
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut secret)
        .map_err(|_| io::Error::other("the system has no random bytes"))?;
    for octet in secret {
        write!(file, "{octet:02x}")?;
    }
    Ok(())
}

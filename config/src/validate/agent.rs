//! The `[agent]` section.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{elements, keyword, repeated, time};
use crate::{
    Agent, Connection, DataPlaneKind, Limits, Log, LogFormat, LogLevel, Readiness, StateDir, Tun,
    ViciAddress,
    diagnostic::Origin,
    key_path::KeyPath,
    quantity::{Name, TextList},
    raw::{RawAgent, RawLimits, RawLog, RawTun},
    report::{Report, Scope},
    suggest::nearest,
};

/// Longest name of a network interface (IFNAMSIZ less the final NUL).
const LONGEST_INTERFACE: usize = 15;
/// Longest path of a Unix domain socket (sun_path less the final NUL).
const LONGEST_SOCKET: usize = 107;
const MOST_WORKERS: usize = 1024;
const MOST_CONTROL_CLIENTS: usize = 65_536;

pub(super) fn agent(raw: &RawAgent, scope: &Scope<'_>) -> Agent {
    let default = Agent::default();
    let agent = Agent {
        vici: vici(raw, &scope.key("vici")),
        vici_mode: vici_mode(raw.vici_mode.as_deref(), &scope.key("vici_mode"))
            .unwrap_or(default.vici_mode),
        vici_group: vici_group(raw.vici_group.as_ref(), &scope.key("vici_group")),
        vici_expose: raw.vici_expose.unwrap_or(default.vici_expose),
        health: health(raw.health.as_deref(), &scope.key("health")),
        readiness: readiness(raw.readiness.require.as_ref(), scope),
        events: told_at(raw.events.as_deref(), &scope.key("events")),
        error_notify: told_at(raw.error_notify.as_deref(), &scope.key("error_notify")),
        dataplane: dataplane(raw.dataplane.as_deref(), &scope.key("dataplane")),
        listen: listen(raw.listen.as_ref(), &scope.key("listen")).unwrap_or(default.listen),
        port: raw.port.unwrap_or(default.port),
        port_nat_t: raw.port_nat_t.unwrap_or(default.port_nat_t),
        fragment_size: fragment_size(raw.fragment_size, &scope.key("fragment_size"))
            .unwrap_or(default.fragment_size),
        follow_redirects: raw.follow_redirects.unwrap_or(default.follow_redirects),
        tun: tun(&raw.tun, &scope.key("tun")),
        workers: at_most(
            raw.workers,
            default.workers,
            MOST_WORKERS,
            &scope.key("workers"),
        ),
        drain_timeout: drain_timeout(raw, default.drain_timeout, scope),
        keylog: keylog(raw.keylog.as_deref(), &scope.key("keylog")),
        state_dir: state_dir(raw.state_dir.as_deref(), &scope.key("state_dir")),
        limits: limits(&raw.limits, &scope.key("limits")),
        max_control_clients: at_most(
            raw.max_control_clients,
            default.max_control_clients,
            MOST_CONTROL_CLIENTS,
            &scope.key("max_control_clients"),
        ),
        log: log(&raw.log, &scope.key("log")),
        install_routes: raw.install_routes.unwrap_or(default.install_routes),
        sandbox: raw.sandbox.unwrap_or(default.sandbox),
    };
    let of_file = [
        ("vici_mode", raw.vici_mode.is_some()),
        ("vici_group", raw.vici_group.is_some()),
    ];
    for (key, _) in of_file.into_iter().filter(|(_, given)| *given) {
        if matches!(agent.vici, ViciAddress::Tcp(_)) {
            let message = "a tcp:// address has no file: this has no effect";
            scope.key(key).warning(message, "leave the key out");
        }
    }
    if agent.max_control_clients == 0 {
        let scope = scope.key("max_control_clients");
        scope.error("nobody could control the agent", "allow at least 1 client");
    }
    if agent.port == agent.port_nat_t && agent.port != 0 {
        let message = format!("port and port_nat_t are both {}", agent.port);
        scope
            .key("port_nat_t")
            .error(message, "use two ports, such as 500 and 4500");
    }
    agent
}

/// Smaller ones would be headers and little else.
const SMALLEST_FRAGMENT: u16 = 256;

fn fragment_size(raw: Option<u16>, scope: &Scope<'_>) -> Option<u16> {
    let size = raw?;
    if size < SMALLEST_FRAGMENT {
        let message = format!("{size} is out of range");
        scope.error(message, format!("use {SMALLEST_FRAGMENT} at least"));
    }
    Some(size)
}

fn vici(raw: &RawAgent, scope: &Scope<'_>) -> ViciAddress {
    const REMEDY: &str = "write \"unix:///run/holdfast/holdfast.vici\" or \"tcp://127.0.0.1:4502\"";
    let Some(text) = raw.vici.as_deref() else {
        return ViciAddress::default();
    };
    if let Some(path) = text.strip_prefix("unix://") {
        if !Path::new(path).is_absolute() {
            scope.error("the path of the control socket is not absolute", REMEDY);
        } else if path.len() > LONGEST_SOCKET {
            let message = format!("the path is longer than {LONGEST_SOCKET} characters");
            scope.error(
                message,
                "use a shorter path: the system accepts no longer one",
            );
        }
        return ViciAddress::Unix(PathBuf::from(path));
    }
    let Some(address) = text
        .strip_prefix("tcp://")
        .and_then(|text| text.parse().ok())
    else {
        scope.error(format!("\"{text}\" is no control address"), REMEDY);
        return ViciAddress::default();
    };
    let address: SocketAddr = address;
    if !address.ip().is_loopback() {
        let message = "whoever reaches this address controls the agent";
        if raw.vici_expose == Some(true) {
            scope.warning(message, "let a firewall decide who reaches it");
        } else {
            let remedy = "use a unix:// path or a loopback address, or set vici_expose = true";
            scope.error(message, remedy);
        }
    }
    ViciAddress::Tcp(address)
}

/// A socket that tells events to whoever listens.
fn told_at(text: Option<&str>, scope: &Scope<'_>) -> Option<ViciAddress> {
    const REMEDY: &str = "write \"unix:///run/holdfast/events\" or \"tcp://127.0.0.1:4503\"";
    let text = text?;
    if let Some(path) = text.strip_prefix("unix://") {
        if !Path::new(path).is_absolute() || path.len() > LONGEST_SOCKET {
            let message = format!("\"{path}\" is no absolute path of a socket");
            scope.error(message, REMEDY);
        }
        return Some(ViciAddress::Unix(PathBuf::from(path)));
    }
    let address = text
        .strip_prefix("tcp://")
        .and_then(|text| text.parse().ok());
    let address: Option<SocketAddr> = address;
    match address {
        Some(address) if !address.ip().is_loopback() => scope.error(
            "whoever reaches this address learns of every connection",
            "use a unix:// path or a loopback address",
        ),
        Some(_) => {}
        None => scope.error(format!("\"{text}\" is no address of a socket"), REMEDY),
    }
    address.map(ViciAddress::Tcp)
}

/// Who may open the control socket, as chmod writes it.
fn vici_mode(text: Option<&str>, scope: &Scope<'_>) -> Option<u32> {
    let text = text?;
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let mode = u32::from_str_radix(digits, 8).ok();
    match mode {
        Some(mode) if mode <= 0o777 && !digits.starts_with('+') => {
            if mode & 0o007 != 0 {
                scope.warning(
                    "every user of this machine may control the agent",
                    "use \"0660\", and vici_group for those who may",
                );
            }
            Some(mode)
        }
        _ => {
            let message = format!("\"{text}\" is no access mode");
            scope.error(message, "write octal digits such as \"0660\"");
            None
        }
    }
}

fn vici_group(name: Option<&Name>, scope: &Scope<'_>) -> Option<String> {
    let Name(name) = name?;
    // What groupadd(8) refuses on every system; whether the group exists is seen when it is used.
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ':' | '/' | ',');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(fits) {
        let message = format!("\"{name}\" cannot name a group");
        scope.error(message, "write the name or the number of a group");
        return None;
    }
    Some(name.clone())
}

fn health(text: Option<&str>, scope: &Scope<'_>) -> Option<SocketAddr> {
    let text = text?;
    let address = text.parse().ok();
    if address.is_none() {
        scope.error(
            format!("\"{text}\" is no address with a port"),
            "write one such as \"127.0.0.1:8500\", or leave the key out to turn it off",
        );
    }
    address
}

fn readiness(require: Option<&TextList>, scope: &Scope<'_>) -> Readiness {
    let Some(TextList(texts)) = require else {
        return Readiness::default();
    };
    let scope = scope.key("readiness").key("require");
    match texts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["running"] => Readiness::Running,
        ["all"] => Readiness::All,
        ["any"] => Readiness::Any,
        [] => {
            let remedy = "write \"running\", \"all\", \"any\" or names of connections";
            scope.error("the list is empty", remedy);
            Readiness::default()
        }
        _ => Readiness::Connections(texts.clone()),
    }
}

/// Names that readiness requires, and the files do not have.
pub(super) fn check_readiness(
    readiness: &Readiness,
    connections: &BTreeMap<String, Arc<Connection>>,
    report: &Report<'_>,
) {
    let Readiness::Connections(names) = readiness else {
        return;
    };
    let known: Vec<&str> = connections.keys().map(String::as_str).collect();
    for name in names.iter().filter(|name| !connections.contains_key(*name)) {
        let remedy = match nearest(name, &known) {
            Some(known) => format!("did you mean \"{known}\"?"),
            None => "a control client may load it; else correct the name".to_owned(),
        };
        report
            .at(KeyPath::of(["agent", "readiness", "require"]))
            .warning(format!("no connection is called \"{name}\" here"), remedy);
    }
}

fn dataplane(text: Option<&str>, scope: &Scope<'_>) -> DataPlaneKind {
    let known = [
        ("auto", DataPlaneKind::Auto),
        ("userspace", DataPlaneKind::Userspace),
        ("kernel", DataPlaneKind::Kernel),
        ("none", DataPlaneKind::None),
    ];
    keyword(text, &known, &[], scope).unwrap_or_default()
}

fn listen(list: Option<&TextList>, scope: &Scope<'_>) -> Option<Vec<IpAddr>> {
    let list = list?;
    if list.0.is_empty() {
        scope.error(
            "the list is empty",
            "leave the key out to listen on every address",
        );
    }
    let remedy = "write addresses of this machine, or \"0.0.0.0\" and \"::\" for all";
    let addresses = elements(list, scope, remedy, |text| {
        text.parse::<IpAddr>()
            .map_err(|_| format!("\"{text}\" is no address"))
    });
    if let Some(position) = repeated(&addresses) {
        let message = format!("{} stands here twice", addresses[position]);
        scope.error(message, "remove one of them: an address can be bound once");
    }
    Some(addresses)
}

fn tun(raw: &RawTun, scope: &Scope<'_>) -> Tun {
    let default = Tun::default();
    let tun = Tun {
        name: raw.name.clone().unwrap_or(default.name),
        mtu: raw.mtu.unwrap_or(default.mtu),
    };
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':' | '%');
    if tun.name.is_empty()
        || tun.name.len() > LONGEST_INTERFACE
        || matches!(tun.name.as_str(), "." | "..")
        || !tun.name.chars().all(fits)
    {
        scope.key("name").error(
            format!("\"{}\" cannot name an interface", tun.name),
            format!("use up to {LONGEST_INTERFACE} letters, digits, - and _"),
        );
    }
    // RFC 791 section 3.2: every host takes 576 octets; RFC 8200 section 5: 1280 for IPv6.
    if tun.mtu < 576 {
        let message = format!("an MTU of {} is too small", tun.mtu);
        scope
            .key("mtu")
            .error(message, "use 1280 or more; 1400 suits most networks");
    } else if tun.mtu < 1280 {
        let message = format!("IPv6 does not work with an MTU of {}", tun.mtu);
        scope.key("mtu").warning(message, "use 1280 or more");
    }
    tun
}

fn limits(raw: &RawLimits, scope: &Scope<'_>) -> Limits {
    let default = Limits::default();
    let limits = Limits {
        cookie_threshold: raw.cookie_threshold.unwrap_or(default.cookie_threshold),
        cookie_threshold_ip: raw
            .cookie_threshold_ip
            .unwrap_or(default.cookie_threshold_ip),
        block_threshold: raw.block_threshold.unwrap_or(default.block_threshold),
        init_limit_half_open: raw
            .init_limit_half_open
            .unwrap_or(default.init_limit_half_open),
    };
    if limits.block_threshold != 0 && limits.block_threshold <= limits.cookie_threshold_ip {
        scope.key("block_threshold").warning(
            "addresses are blocked before they are asked for a cookie",
            "make it larger than cookie_threshold_ip",
        );
    }
    limits
}

fn log(raw: &RawLog, scope: &Scope<'_>) -> Log {
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    Log {
        level: keyword(raw.level.as_deref(), &levels, &[], &scope.key("level")).unwrap_or_default(),
        format: keyword(raw.format.as_deref(), &formats, &[], &scope.key("format"))
            .unwrap_or_default(),
    }
}

fn drain_timeout(raw: &RawAgent, default: Duration, scope: &Scope<'_>) -> Duration {
    let value = time::or(raw.drain_timeout, default);
    if value > Duration::from_secs(3600) {
        scope.key("drain_timeout").error(
            "a shutdown may take an hour at most",
            "use less than systemd's TimeoutStopSec (90s unless set)",
        );
    }
    value
}

/// Where state is kept.
fn state_dir(text: Option<&str>, scope: &Scope<'_>) -> StateDir {
    match text {
        None => StateDir::Usual,
        Some("none") => StateDir::Memory,
        Some(text) => {
            if text.trim().is_empty() {
                let remedy = "write a directory such as \"/var/lib/holdfast\", or \"none\"";
                scope.error("the name of the directory is empty", remedy);
            }
            StateDir::At(beside(scope, Path::new(text)))
        }
    }
}

/// The key log's directory, relative to that of the file that names it.
fn keylog(text: Option<&str>, scope: &Scope<'_>) -> Option<PathBuf> {
    let text = text?;
    if text.is_empty() {
        scope.error(
            "the path is empty",
            "name a directory, or leave the key out",
        );
    }
    scope.warning(
        "whoever reads the key log reads all traffic",
        "use it for debugging only, and leave the key out otherwise",
    );
    Some(beside(scope, Path::new(text)))
}

/// A path relative to the directory of the file that a value stands in.
pub(super) fn beside(scope: &Scope<'_>, path: &Path) -> PathBuf {
    let file = match scope.origin() {
        Origin::Place(place) => Some(place.file),
        Origin::File(file) => Some(file),
        Origin::Variable(_) | Origin::Request => None,
    };
    file.as_deref()
        .and_then(Path::parent)
        .map_or_else(|| path.to_path_buf(), |directory| directory.join(path))
}

fn at_most(value: Option<usize>, default: usize, most: usize, scope: &Scope<'_>) -> usize {
    let value = value.unwrap_or(default);
    if value > most {
        scope.error(
            format!("{value} is out of range"),
            format!("use {most} at most"),
        );
    }
    value
}

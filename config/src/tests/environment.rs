//! Overrides for `[agent]`.

use insta::assert_snapshot;

use super::Site;

#[test]
fn overrides_win_over_files() {
    let loaded = Site::new("[agent]\nport = 1500\nport_nat_t = 1501\ntun.mtu = 1300\n")
        .with_variable("HOLDFAST__AGENT__PORT", "2500")
        .with_variable("HOLDFAST__AGENT__TUN__NAME", "tun7")
        .with_variable("HOLDFAST__AGENT__LISTEN", "192.0.2.1,2001:db8::1")
        .with_variable("HOLDFAST__AGENT__DRAIN_TIMEOUT", "3s")
        .with_variable("HOLDFAST__AGENT__INSTALL_ROUTES", "false")
        .with_variable("HOLDFAST__AGENT__HEALTH", "127.0.0.1:8500")
        .with_variable("HOLDFAST_LOG", "not ours")
        .loaded();
    let agent = loaded.config.agent;
    assert_eq!((agent.port, agent.port_nat_t), (2500, 1501));
    assert_eq!((agent.tun.name.as_str(), agent.tun.mtu), ("tun7", 1300));
    let listen: Vec<String> = agent.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(agent.drain_timeout.as_secs(), 3);
    assert!(!agent.install_routes);
    assert_eq!(agent.health.map(|health| health.port()), Some(8500));
}

#[test]
fn mistakes_name_the_variable() {
    let site = Site::new("")
        .with_variable("HOLDFAST__AGENT__PROT", "2500")
        .with_variable("HOLDFAST__AGENT__TUN", "x")
        .with_variable("HOLDFAST__AGENT__TUN__NMAE", "x")
        .with_variable("HOLDFAST__AGENT__PORT__X", "x")
        .with_variable("HOLDFAST__AGENT__PORT_NAT_T", "70000")
        .with_variable("HOLDFAST__AGENT__WORKERS", "many")
        .with_variable("HOLDFAST__AGENT__LOG__LEVEL", "inof")
        .with_variable("HOLDFAST__CONNECTIONS__PARIS__PERSISTENT", "true")
        .with_variable("HOLDFAST__", "x");
    assert_snapshot!(site.said(), @r#"
    environment variable HOLDFAST__: only the [agent] section can be set by environment variables (unset it, or name a key as in HOLDFAST__AGENT__PORT)
    environment variable HOLDFAST__AGENT__LOG__LEVEL: agent.log.level: unknown value "inof" (did you mean "info"? Use "error", "warn", "info", "debug" or "trace")
    environment variable HOLDFAST__AGENT__PORT_NAT_T: agent.port_nat_t: 70000 is out of range (write a whole number from 0 to 65535)
    environment variable HOLDFAST__AGENT__PORT__X: it names no key of [agent] (unset it, or name a key of [agent])
    environment variable HOLDFAST__AGENT__PROT: it names no key of [agent] (did you mean HOLDFAST__AGENT__PORT?)
    environment variable HOLDFAST__AGENT__TUN: it names no key of [agent] (unset it, or name a key of [agent])
    environment variable HOLDFAST__AGENT__TUN__NMAE: it names no key of [agent] (did you mean HOLDFAST__AGENT__TUN__NAME?)
    environment variable HOLDFAST__AGENT__WORKERS: agent.workers: this is a string (write a whole number, not negative)
    environment variable HOLDFAST__CONNECTIONS__PARIS__PERSISTENT: only the [agent] section can be set by environment variables (unset it, or name a key as in HOLDFAST__AGENT__PORT)
    "#);
}

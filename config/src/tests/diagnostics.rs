//! What is said about mistakes.

use insta::assert_snapshot;

use super::{NET, PARIS, SECRET, Site, paris};

#[test]
fn everything_is_told_at_once() {
    let site = Site::new(
        r#"[agent]
vici = "/run/holdfast.vici"
helth = "127.0.0.1:8500"
port = 70000
port_nat_t = 1.5

[connections.paris]
persistent   = "yes"
remote_addrs = ["192.0.2.300", "%any"]
local  = { auth = "pubkey", id = "moon.example" }
remote = { id = "sun.example", certs = ["x"] }
retransmit = { base = 0.5, tries = 101 }

[connections.paris.children.net]
local_ts  = ["10.1.0.0/16"]
remote_ts = ["10.2.0.0/33", "fe80::/10"]
start_action = "starts"
"#,
    );
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:2:8: agent.vici: "/run/holdfast.vici" is no control address (write "unix:///run/holdfast/holdfast.vici" or "tcp://127.0.0.1:4502")
    holdfast.toml:3:1: agent.helth: unknown key (did you mean "health"?)
    holdfast.toml:4:8: agent.port: 70000 is out of range (write a whole number from 0 to 65535)
    holdfast.toml:5:14: agent.port_nat_t: this is a fraction (write a whole number from 0 to 65535)
    holdfast.toml:8:16: connections.paris.persistent: this is a string (write true or false)
    holdfast.toml:9:17: connections.paris.remote_addrs[0]: "192.0.2.300" is neither an address nor a host name (write an address (192.0.2.1), a network (192.0.2.0/24), a range (192.0.2.1-192.0.2.9), a host name, "%any", "%any4" or "%any6")
    holdfast.toml:11:10: connections.paris.remote.auth: how this end authenticates is not said (add auth = "psk" or auth = "pubkey")
    holdfast.toml:11:17: connections.paris.remote.id: no secret belongs to sun.example (add a table [secrets.NAME] with type = "psk" and ids = ["sun.example"])
    holdfast.toml:12:23: connections.paris.retransmit.base: 0.5 is out of range (use a number from 1 to 100)
    holdfast.toml:12:36: connections.paris.retransmit.tries: 101 retransmissions are too many (use 100 at most)
    holdfast.toml:16:14: connections.paris.children.net.remote_ts[0]: "10.2.0.0/33" is not a network (10.1.0.0/16), range (10.1.0.1-10.1.0.9) or address (write a network such as "10.1.0.0/16", optionally with [protocol/port], or "dynamic")
    holdfast.toml:17:16: connections.paris.children.net.start_action: unknown value "starts" (did you mean "start"? Use "none", "trap", "start" or "trap|start")
    "#);
}

#[test]
fn a_person_sees_the_line_and_the_place() {
    let site = paris(
        "remote_prot = 500\nproposals = [\"aes256gcm16-prfsha384-x25519\", \"aes256gmc16-prfsha384-x25519\"]",
        "",
    );
    assert_snapshot!(site.drawn(), @r#"
     × connections.paris.remote_prot: unknown key
      ╭─[holdfast.toml:7:1]
    7 │ remote_prot = 500
      · ───────────
      ╰────
     help: did you mean "remote_port"?

     × connections.paris.proposals[1]: unknown algorithm `aes256gmc16`; did you mean `aes256gcm16`?
      ╭─[holdfast.toml:8:46]
    8 │ proposals = ["aes256gcm16-prfsha384-x25519", "aes256gmc16-prfsha384-x25519"]
      ·                                              ──────────────────────────────
      ╰────
     help: write keywords joined by hyphens, as in "aes256gcm16-prfsha384-x25519", or "default"
    "#);
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    let site = Site::new(&format!(
        "colour = 1\n[agent.tun]\nnmae = \"x\"\n[agent.log]\nlevle = \"info\"\n[defaults]\nchildren.a = {{}}\n\
         {PARIS}reconnect.min = 1\n{NET}remote-ts = [\"10.0.0.0/8\"]\n{SECRET}id = \"x\"\n[connection.typo]\n"
    ))
    .with_variable("PSK", "s3cret");
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:1:1: colour: unknown key (known here: agent, defaults, connections, secrets, authorities, pools, radius)
    holdfast.toml:3:1: agent.tun.nmae: unknown key (did you mean "name"?)
    holdfast.toml:5:1: agent.log.levle: unknown key (did you mean "level"?)
    holdfast.toml:7:1: defaults.children: unknown key (known here: persistent, local_addrs, remote_addrs, local_port, remote_port, proposals, encap, mobike, fragmentation, childless, dpd_delay, keyingtries, unique, vips, pools, reauth_time, rekey_time, over_time, rand_time, half_open_timeout, keep_alive, send_cert, send_certreq, redirect_to, redirect_at, ppk_id, ppk_required, resumption, local, remote, retransmit, reconnect, child)
    holdfast.toml:14:11: connections.paris.reconnect.min: unknown key (known here: initial, max, multiplier, slow, stable_after)
    holdfast.toml:19:1: connections.paris.children.net.remote-ts: unknown key (did you mean "remote_ts"?)
    holdfast.toml:25:1: secrets.paris.id: unknown key (did you mean "ids"?)
    holdfast.toml:26:2: connection: unknown key (did you mean "connections"?)
    "#);
}

#[test]
fn keys_of_swanctl_conf_that_are_not_there_yet_are_refused_by_name() {
    let site = Site::new(&format!(
        "[pools.a]\naddrs = \"10.3.0.0/24\"\n{}version = 2\naggressive = true\nmobike = true\nvips = [\"0.0.0.0\"]\n\
         pools = [\"a\"]\npull = false\nlocal-2.auth = \"psk\"\n\
         {NET}updown = \"x\"\nmark_in = 1\nah_proposals = []\ncopy_dscp = \"out\"\n{SECRET}handle = 1\n",
        PARIS.replace("id = \"sun", "round = 2, certs = [\"a\"], id = \"sun"),
    ))
    .with_variable("PSK", "s3cret");
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:8:26: connections.paris.remote.round: a second authentication round (RFC 4739) is not supported by this version (give local or remote an array of tables)
    warning: holdfast.toml:8:45: connections.paris.remote.certs: it has no effect: a shared key needs no certificate (leave the key out)
    holdfast.toml:9:1: connections.paris.version: IKEv1 is not supported by this version (leave the key out)
    holdfast.toml:10:1: connections.paris.aggressive: IKEv1 is not supported by this version (leave the key out)
    holdfast.toml:14:1: connections.paris.pull: IKEv1 is not supported by this version (leave the key out)
    holdfast.toml:15:1: connections.paris.local-2: a second authentication round (RFC 4739) is not supported by this version (give local or remote an array of tables)
    holdfast.toml:20:1: connections.paris.children.net.updown: running a script is not supported by this version (leave the key out: routes are installed by the agent itself)
    holdfast.toml:21:1: connections.paris.children.net.mark_in: a netfilter mark is not supported by this version (leave the key out)
    holdfast.toml:22:1: connections.paris.children.net.ah_proposals: AH is not supported by this version (use esp_proposals)
    holdfast.toml:23:1: connections.paris.children.net.copy_dscp: copying the DSCP is not supported by this version (leave the key out)
    holdfast.toml:29:1: secrets.paris.handle: a token is not supported by this version (put the key into a file)
    "#);
}

#[test]
fn values_of_swanctl_conf_that_are_not_there_yet_are_refused_by_name() {
    let site = Site::new(&format!(
        "{}{NET}mode = \"beet\"\ndpd_action = \"trap|start\"\nesp_proposals = [\"aes256-sha256_96\"]\n{SECRET}[secrets.b]\ntype = \"xauth\"\nsecret.env = \"PSK\"\n",
        PARIS.replace("auth = \"psk\", id = \"moon", "auth = \"eap-ttls\", id = \"moon")
            .replace("sun.example", "*.example"),
    ))
    .with_variable("PSK", "s3cret");
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:5:19: connections.paris.local.auth: "eap-ttls" is not supported by this version (use "eap", "eap-mschapv2" or "eap-tls")
    holdfast.toml:11:8: connections.paris.children.net.mode: "beet" is not supported by this version (use "tunnel", "transport", "pass" or "drop")
    holdfast.toml:12:14: connections.paris.children.net.dpd_action: "trap|start" is not supported by this version (use "clear", "trap" or "restart")
    holdfast.toml:13:18: connections.paris.children.net.esp_proposals[0]: integrity algorithm `sha256_96` is not supported by this build; supported: sha512, sha384, sha256, aescmac, aesxcbc (write keywords joined by hyphens, as in "aes256gcm16-x25519", or "default")
    holdfast.toml:20:8: secrets.b.type: "xauth" is not supported by this version (use "psk", "eap", "ppk" or "private_key")
    "#);
}

#[test]
fn wrong_values_name_the_right_ones() {
    let site = paris(
        r#"
unique = "yes"
keyingtries = -1
dpd_delay = "fast"
rekey_time = [1]
over_time = "20years"
encap = 1
local_port = 4501
remote_port = 0
"#,
        r#"
life_time = "1m"
rekey_time = "1h"
rekey_bytes = "5 apples"
rekey_packets = 10
life_packets = 5
replay_window = 70000
esp_proposals = [5]
close_action = "star"
"#,
    );
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:8:10: connections.paris.unique: unknown value "yes" (use "no", "never", "keep" or "replace")
    holdfast.toml:9:15: connections.paris.keyingtries: -1 is out of range (write a whole number from 0 to 4294967295)
    holdfast.toml:10:13: connections.paris.dpd_delay: "fast" cannot be used here (write a time such as "30s", "4h" or "1h 30m", or a number of seconds)
    holdfast.toml:11:14: connections.paris.rekey_time: this is a list (write a time such as "30s", "4h" or "1h 30m", or a number of seconds)
    holdfast.toml:12:13: connections.paris.over_time: it is longer than ten years (write a shorter time)
    holdfast.toml:13:9: connections.paris.encap: this is an integer (write true or false)
    holdfast.toml:14:14: connections.paris.local_port: the agent has no socket on port 4501 (use 500 or 4500, or set agent.port)
    holdfast.toml:15:15: connections.paris.remote_port: no peer listens on port 0 (use 500, or leave the key out)
    holdfast.toml:22:13: connections.paris.children.net.life_time: the CHILD_SA would end before it is replaced (make life_time longer than rekey_time, or leave it out)
    holdfast.toml:24:15: connections.paris.children.net.rekey_bytes: "5 apples" cannot be used here (write a whole number, or one with a unit such as "500m" or "4g")
    holdfast.toml:26:16: connections.paris.children.net.life_packets: the CHILD_SA would end before it is replaced (make the life_ limit larger than the rekey_ limit, or leave it out)
    holdfast.toml:27:17: connections.paris.children.net.replay_window: 70000 is out of range (use 65536 packets at most)
    holdfast.toml:28:18: connections.paris.children.net.esp_proposals[0]: this is an integer (write a string in quotes)
    holdfast.toml:29:16: connections.paris.children.net.close_action: unknown value "star" (did you mean "start"? Use "none", "trap" or "start")
    "#);
}

#[test]
fn a_mistake_in_the_defaults_is_told_once_and_there() {
    let site = Site::new(&format!(
        "[defaults]\nproposals = [\"aes256gcm16-x25519\"]\n[defaults.child]\nesp_proposals = [\"rot13\"]\n{PARIS}{NET}{}{}{SECRET}",
        PARIS.replace("paris", "lyon"),
        NET.replace("paris", "lyon").replace("10.2", "10.3"),
    ))
    .with_variable("PSK", "s3cret");
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:2:14: defaults.proposals[0]: a proposal for IKE needs a pseudo-random function: add one of prfsha512, prfsha384, prfsha256, prfaescmac, prfaesxcbc (write keywords joined by hyphens, as in "aes256gcm16-prfsha384-x25519", or "default")
    holdfast.toml:4:18: defaults.child.esp_proposals[0]: unknown algorithm `rot13` (write keywords joined by hyphens, as in "aes256gcm16-x25519", or "default")
    "#);
}

#[test]
fn what_is_to_be_started_needs_an_address() {
    let without = PARIS.replace("[\"192.0.2.2\"]", "[\"%any\", \"192.0.2.0/24\"]");
    let site = |more: &str, child: &str| {
        Site::new(&format!("{without}{more}\n{NET}{child}\n{SECRET}"))
            .with_variable("PSK", "s3cret")
    };
    assert_eq!(site("", "").said(), "");
    assert_snapshot!(site("persistent = true", "").said(), @r#"
    holdfast.toml:4:16: connections.paris.remote_addrs: a persistent connection needs a peer that it can call (name an address or a host in remote_addrs, or set persistent = false)
    "#);
    assert_snapshot!(site("", "start_action = \"start\"").said(), @r#"
    holdfast.toml:12:16: connections.paris.children.net.start_action: nothing can be started: no address of the peer is known (name an address or a host in remote_addrs)
    "#);
    assert_snapshot!(site("", "start_action = \"trap\"").said(), @r#"
    holdfast.toml:12:16: connections.paris.children.net.start_action: nothing can be started: no address of the peer is known (name an address or a host in remote_addrs)
    "#);
}

#[test]
fn a_connection_without_its_secret_is_an_error() {
    assert_snapshot!(Site::new(&format!("{PARIS}{NET}")).said(), @r#"
    holdfast.toml:6:31: connections.paris.remote.id: no secret belongs to sun.example (add a table [secrets.NAME] with type = "psk" and ids = ["sun.example"])
    "#);
    let other = SECRET.replace("sun.example", "mars.example");
    let site = Site::new(&format!("{PARIS}{NET}{other}")).with_variable("PSK", "s3cret");
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:6:31: connections.paris.remote.id: no secret belongs to sun.example (add a table [secrets.NAME] with type = "psk" and ids = ["sun.example"])
    "#);
    let anybody = PARIS.replace("sun.example", "%any");
    assert_snapshot!(Site::new(&format!("{anybody}{NET}")).said(), @r#"
    warning: holdfast.toml:6:10: connections.paris.remote: no secret is configured: nobody can authenticate (add a table [secrets.NAME] with type = "psk")
    "#);
    // A secret that names us is ours, and one that names nobody is everybody's.
    for ids in ["ids  = [\"moon.example\"]", ""] {
        let secret = SECRET.replace("ids  = [\"sun.example\"]", ids);
        let site = Site::new(&format!("{PARIS}{NET}{secret}")).with_variable("PSK", "s3cret");
        assert_eq!(site.said(), "");
    }
}

#[test]
fn overlapping_children_are_warned_about() {
    let second = "[connections.paris.children.b]\nlocal_ts = [\"10.1.0.0/16\"]\nremote_ts = [\"10.2.3.0/24\"]\n";
    let third = "[connections.paris.children.c]\nlocal_ts = [\"10.1.0.0/16\"]\nremote_ts = [\"10.9.0.0/16\", \"10.2.0.0/16\"]\n";
    let elsewhere = "[connections.paris.children.d]\nlocal_ts = [\"10.7.0.0/16\"]\nremote_ts = [\"10.2.0.0/16\"]\n";
    let site = Site::new(&format!("{PARIS}{NET}{second}{third}{elsewhere}{SECRET}"))
        .with_variable("PSK", "s3cret");
    assert_snapshot!(site.said(), @r#"
    warning: holdfast.toml:10:14: connections.paris.children.net.remote_ts[0]: 10.2.0.0/16 is the same as 10.2.0.0/16 of paris/c (keep one of them, or have only one up at a time)
    warning: holdfast.toml:10:14: connections.paris.children.net.remote_ts[0]: 10.2.0.0/16 overlaps 10.2.3.0/24 of paris/b (packets go to the narrower one; make them disjoint if that is not meant)
    warning: holdfast.toml:16:29: connections.paris.children.c.remote_ts[1]: 10.2.0.0/16 overlaps 10.2.3.0/24 of paris/b (packets go to the narrower one; make them disjoint if that is not meant)
    "#);
}

#[test]
fn odd_times_are_told() {
    let site = paris(
        "persistent = true\ndpd_delay = 0\nrekey_time = 5\nhalf_open_timeout = 0\nretransmit = { timeout = \"1h\", base = 3, tries = 20, jitter = 21 }\nreconnect = { initial = \"2m\", max = \"1m\", multiplier = 0.9, slow = 0 }",
        "rekey_time = \"5s\"\nreplay_window = 0",
    );
    assert_snapshot!(site.said(), @r#"
    warning: holdfast.toml:8:13: connections.paris.dpd_delay: without it, a persistent connection may not notice that its peer is dead (use "30s", or leave the key out)
    warning: holdfast.toml:9:14: connections.paris.rekey_time: 5s is very short (use 1m or more outside of tests)
    holdfast.toml:10:21: connections.paris.half_open_timeout: it must be longer than zero (write a time such as "30s")
    holdfast.toml:11:14: connections.paris.retransmit: the last wait between retransmissions is longer than a day (make timeout, base or tries smaller, or set limit)
    holdfast.toml:11:63: connections.paris.retransmit.jitter: a jitter of 21 percent is too large (use 20 at most)
    holdfast.toml:12:37: connections.paris.reconnect.max: the longest wait is shorter than the first (2m) (make max as long as initial, or longer)
    holdfast.toml:12:56: connections.paris.reconnect.multiplier: 0.9 is out of range (use a number from 1 to 100)
    holdfast.toml:12:68: connections.paris.reconnect.slow: it must be longer than zero (write a time such as "30s")
    warning: holdfast.toml:17:14: connections.paris.children.net.rekey_time: 5s is very short (use 1m or more outside of tests)
    warning: holdfast.toml:18:17: connections.paris.children.net.replay_window: without a replay window, recorded packets can be sent to us again (leave the key out)
    "#);
    let patient = paris(
        "retransmit = { timeout = \"10m\", base = 2, tries = 5 }",
        "",
    );
    assert_snapshot!(patient.said(), @r#"
    warning: holdfast.toml:7:14: connections.paris.retransmit: a peer that does not answer is given up after 10h 30m only (make timeout, base or tries smaller, or set limit)
    "#);
    let capped = paris(
        "retransmit = { timeout = \"1s\", base = 10, tries = 100, limit = \"10s\" }",
        "",
    );
    assert_eq!(capped.said(), "");
}

#[test]
fn the_agents_own_section_is_checked() {
    let site = Site::new(
        "[agent]\nvici = \"tcp://0.0.0.0:4502\"\nhealth = \"here\"\ndataplane = \"kernal\"\nlisten = [\"::\", \"x\"]\n\
         port = 4500\nworkers = 5000\ndrain_timeout = \"2h\"\nkeylog = \"keys\"\nmax_control_clients = 0\n\
         tun = { name = \"a/b\", mtu = 100 }\nlimits = { block_threshold = 2 }\nlog = { level = \"loud\", format = \"xml\" }\n",
    );
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:1:2: agent.port_nat_t: port and port_nat_t are both 4500 (use two ports, such as 500 and 4500)
    holdfast.toml:2:8: agent.vici: whoever reaches this address controls the agent (use a unix:// path or a loopback address, or set vici_expose = true)
    holdfast.toml:3:10: agent.health: "here" is no address with a port (write one such as "127.0.0.1:8500", or leave the key out to turn it off)
    holdfast.toml:4:13: agent.dataplane: unknown value "kernal" (did you mean "kernel"? Use "auto", "userspace", "kernel" or "none")
    holdfast.toml:5:17: agent.listen[1]: "x" is no address (write addresses of this machine, or "0.0.0.0" and "::" for all)
    holdfast.toml:7:11: agent.workers: 5000 is out of range (use 1024 at most)
    holdfast.toml:8:17: agent.drain_timeout: a shutdown may take an hour at most (use less than systemd's TimeoutStopSec (90s unless set))
    warning: holdfast.toml:9:10: agent.keylog: whoever reads the key log reads all traffic (use it for debugging only, and leave the key out otherwise)
    holdfast.toml:10:23: agent.max_control_clients: nobody could control the agent (allow at least 1 client)
    holdfast.toml:11:16: agent.tun.name: "a/b" cannot name an interface (use up to 15 letters, digits, - and _)
    holdfast.toml:11:29: agent.tun.mtu: an MTU of 100 is too small (use 1280 or more; 1400 suits most networks)
    warning: holdfast.toml:12:30: agent.limits.block_threshold: addresses are blocked before they are asked for a cookie (make it larger than cookie_threshold_ip)
    holdfast.toml:13:17: agent.log.level: unknown value "loud" (use "error", "warn", "info", "debug" or "trace")
    holdfast.toml:13:34: agent.log.format: unknown value "xml" (use "text" or "json")
    "#);
}

#[test]
fn who_may_control_the_agent_is_checked() {
    let agent = |lines: &str| Site::new(&format!("[agent]\n{lines}\n"));
    let loaded = agent("vici_mode = \"0600\"\nvici_group = \"vpnadmin\"").loaded();
    assert_eq!(loaded.config.agent.vici_mode, 0o600);
    assert_eq!(loaded.config.agent.vici_group.as_deref(), Some("vpnadmin"));
    assert!(loaded.warnings.is_empty());
    let by_variable = agent("")
        .with_variable("HOLDFAST__AGENT__VICI_MODE", "0o640")
        .with_variable("HOLDFAST__AGENT__VICI_GROUP", "1000")
        .loaded();
    assert_eq!(by_variable.config.agent.vici_mode, 0o640);
    assert_eq!(by_variable.config.agent.vici_group.as_deref(), Some("1000"));
    let lines: Vec<String> = [
        "vici_mode = \"0666\"",
        "vici_mode = \"0o8\"",
        "vici_mode = \"+660\"",
        "vici_mode = \"1660\"",
        "vici_mode = 660",
        "vici_group = \"a b\"",
        "vici_group = -1",
        "vici = \"tcp://192.0.2.1:4502\"\nvici_expose = true",
        "vici = \"tcp://192.0.2.1:4502\"\nvici_expose = false",
        "vici = \"tcp://127.0.0.1:4502\"\nvici_group = \"x\"",
    ]
    .into_iter()
    .map(|lines| agent(lines).said())
    .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    warning: holdfast.toml:2:13: agent.vici_mode: every user of this machine may control the agent (use "0660", and vici_group for those who may)
    holdfast.toml:2:13: agent.vici_mode: "0o8" is no access mode (write octal digits such as "0660")
    holdfast.toml:2:13: agent.vici_mode: "+660" is no access mode (write octal digits such as "0660")
    holdfast.toml:2:13: agent.vici_mode: "1660" is no access mode (write octal digits such as "0660")
    holdfast.toml:2:13: agent.vici_mode: this is an integer (write a string in quotes)
    holdfast.toml:2:14: agent.vici_group: "a b" cannot name a group (write the name or the number of a group)
    holdfast.toml:2:14: agent.vici_group: "-1" cannot name a group (write the name or the number of a group)
    warning: holdfast.toml:2:8: agent.vici: whoever reaches this address controls the agent (let a firewall decide who reaches it)
    holdfast.toml:2:8: agent.vici: whoever reaches this address controls the agent (use a unix:// path or a loopback address, or set vici_expose = true)
    warning: holdfast.toml:3:14: agent.vici_group: a tcp:// address has no file: this has no effect (leave the key out)
    "#);
}

#[test]
fn weak_algorithms_are_warned_about() {
    let site = paris(
        "proposals = [\"aes256-sha256-x25519\", \"aes256-sha1-modp1024\"]",
        "esp_proposals = [\"null-sha256\"]",
    );
    assert_snapshot!(site.said(), @r#"
    warning: holdfast.toml:7:13: connections.paris.proposals: weak algorithms: prfsha1, sha1, modp1024 (keep them for peers that have nothing better)
    warning: holdfast.toml:12:17: connections.paris.children.net.esp_proposals: weak algorithms: null (keep them for peers that have nothing better)
    "#);
}

#[test]
fn a_ppk_goes_with_one_round_and_childless_has_four_words() {
    let site = Site::new(&format!(
        "{}childless = \"perhaps\"\nppk_id = \"ppk.example\"\n{NET}{SECRET}",
        PARIS.replace(
            "local  = { auth = \"psk\", id = \"moon.example\" }",
            "local  = [{ auth = \"psk\", id = \"moon.example\" }, { auth = \"psk\", id = \"two.example\" }]"
        ),
    ))
    .with_variable("PSK", "s3cret");
    let said = site.said();
    for words in [
        "paris.childless: unknown value \"perhaps\" (use \"allow\", \"prefer\", \"force\" or \"never\")",
        "paris.ppk_id: a PPK can be used only where both ends authenticate once",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

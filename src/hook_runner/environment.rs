//! What commands are told, as variables of their environment: `HOLDFAST_` ones, and for CHILD_SAs
//! the `PLUTO_` ones that updown scripts of strongSwan and its relatives know.

use std::{collections::BTreeMap, net::IpAddr};

use holdfast_actors::hooks::{ChildFacts, Event, Happening, IkeSaFacts, Selector};

/// Names and values.
pub(super) type Variables = BTreeMap<&'static str, String>;

/// What scripts find their programs by.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// For `on_up`, `on_down` and `on_alert`. The `PLUTO_` variables are those of the first selectors.
pub(super) fn of(happening: &Happening) -> Variables {
    let mut variables = common(happening);
    if let Event::Up(child) | Event::Down(child) = &happening.event
        && let (Some(local), Some(remote)) = (child.local_ts.first(), child.remote_ts.first())
    {
        updown(happening, child, (local, remote), &mut variables);
    }
    possible(variables)
}

/// For `updown`: each pair of selectors of one family has variables of its own.
pub(super) fn of_pairs(
    happening: &Happening,
    child: &ChildFacts,
) -> impl Iterator<Item = Variables> {
    let pairs = child
        .local_ts
        .iter()
        .flat_map(|local| child.remote_ts.iter().map(move |remote| (local, remote)))
        .filter(|(local, remote)| local.v6 == remote.v6);
    pairs.map(|pair| {
        let mut variables = common(happening);
        updown(happening, child, pair, &mut variables);
        possible(variables)
    })
}

/// What has a NUL in it no environment can hold; peers choose some of these values.
fn possible(mut variables: Variables) -> Variables {
    variables.retain(|_, value| !value.contains('\0'));
    variables
}

fn common(happening: &Happening) -> Variables {
    let mut variables = Variables::from([
        ("PATH", PATH.to_owned()),
        ("HOLDFAST_CONNECTION", happening.connection.clone()),
    ]);
    let event = match &happening.event {
        Event::Up(child) => {
            push_child(child, &mut variables);
            "up"
        }
        Event::Down(child) => {
            push_child(child, &mut variables);
            "down"
        }
        Event::Alert { kind, reason } => {
            variables.insert("HOLDFAST_ALERT", kind.clone());
            push(&mut variables, "HOLDFAST_REASON", reason.as_ref());
            "alert"
        }
    };
    variables.insert("HOLDFAST_EVENT", event.to_owned());
    if let Some(ike_sa) = &happening.ike_sa {
        variables.insert("HOLDFAST_IKE_SA", ike_sa.id.to_string());
        variables.insert("HOLDFAST_LOCAL", ike_sa.local.to_string());
        variables.insert("HOLDFAST_REMOTE", ike_sa.remote.to_string());
        push(
            &mut variables,
            "HOLDFAST_LOCAL_ID",
            ike_sa.local_id.as_ref(),
        );
        push(
            &mut variables,
            "HOLDFAST_REMOTE_ID",
            ike_sa.remote_id.as_ref(),
        );
        push_list(&mut variables, "HOLDFAST_DNS", &ike_sa.name_servers);
        push_list(&mut variables, "HOLDFAST_DNS_DOMAINS", &ike_sa.dns_domains);
        push_list(&mut variables, "HOLDFAST_SUBNETS", &ike_sa.subnets);
    }
    variables
}

fn push_child(child: &ChildFacts, variables: &mut Variables) {
    let texts = |list: &[Selector]| {
        let texts: Vec<&str> = list.iter().map(|selector| selector.text.as_str()).collect();
        texts.join(" ")
    };
    variables.insert("HOLDFAST_CHILD", child.name.clone());
    variables.insert("HOLDFAST_LOCAL_TS", texts(&child.local_ts));
    variables.insert("HOLDFAST_REMOTE_TS", texts(&child.remote_ts));
}

/// With blanks between them.
fn push_list(variables: &mut Variables, name: &'static str, values: &[impl ToString]) {
    if !values.is_empty() {
        let values: Vec<_> = values.iter().map(ToString::to_string).collect();
        variables.insert(name, values.join(" "));
    }
}

fn push(variables: &mut Variables, name: &'static str, value: Option<&String>) {
    if let Some(value) = value {
        variables.insert(name, value.clone());
    }
}

/// What charon's updown scripts are told of a pair of selectors.
fn updown(
    happening: &Happening,
    child: &ChildFacts,
    (local, remote): (&Selector, &Selector),
    variables: &mut Variables,
) {
    let Some(ike_sa) = &happening.ike_sa else {
        return;
    };
    variables.extend([
        ("PLUTO_VERSION", "1.1".to_owned()),
        ("PLUTO_VERB", verb(&happening.event, ike_sa, local)),
        ("PLUTO_CONNECTION", child.name.clone()),
        ("PLUTO_UNIQUEID", ike_sa.id.to_string()),
        ("PLUTO_REQID", child.reqid.to_string()),
        ("PLUTO_PROTO", "esp".to_owned()),
        ("PLUTO_ME", ike_sa.local.ip().to_string()),
        ("PLUTO_MY_CLIENT", local.network.clone()),
        ("PLUTO_MY_PORT", local.port.to_string()),
        ("PLUTO_MY_PROTOCOL", local.protocol.to_string()),
        ("PLUTO_PEER", ike_sa.remote.ip().to_string()),
        ("PLUTO_PEER_CLIENT", remote.network.clone()),
        ("PLUTO_PEER_PORT", remote.port.to_string()),
        ("PLUTO_PEER_PROTOCOL", remote.protocol.to_string()),
    ]);
    push(variables, "PLUTO_MY_ID", ike_sa.local_id.as_ref());
    push(variables, "PLUTO_PEER_ID", ike_sa.remote_id.as_ref());
    push(variables, "PLUTO_XAUTH_ID", ike_sa.remote_eap_id.as_ref());
    push(variables, "PLUTO_INTERFACE", child.interface.as_ref());
    if child.encapsulation {
        variables.insert("PLUTO_UDP_ENC", ike_sa.remote.port().to_string());
    }
    push_sources(&ike_sa.local_vips, &MY_SOURCES, variables);
    push_sources(&ike_sa.remote_vips, &PEER_SOURCES, variables);
    push_name_servers(&ike_sa.name_servers, variables);
}

/// Three of each family: resolvers take no more.
fn push_name_servers(addresses: &[IpAddr], variables: &mut Variables) {
    let (v4, v6): (Vec<&IpAddr>, Vec<_>) = addresses.iter().partition(|server| server.is_ipv4());
    for (names, servers) in [
        (["PLUTO_DNS4_1", "PLUTO_DNS4_2", "PLUTO_DNS4_3"], v4),
        (["PLUTO_DNS6_1", "PLUTO_DNS6_2", "PLUTO_DNS6_3"], v6),
    ] {
        variables.extend(
            names
                .into_iter()
                .zip(servers.iter().map(ToString::to_string)),
        );
    }
}

fn verb(event: &Event, ike_sa: &IkeSaFacts, local: &Selector) -> String {
    let direction = if matches!(event, Event::Up(_)) {
        "up"
    } else {
        "down"
    };
    // Whether it is the gateway's own traffic, or that of those behind it.
    let whose = match local.host {
        Some(host) if host == ike_sa.local.ip() || ike_sa.local_vips.contains(&host) => "host",
        _ => "client",
    };
    let family = if local.v6 { "-v6" } else { "" };
    format!("{direction}-{whose}{family}")
}

/// The first virtual address, and those of each family; more of one family nobody gets.
struct Sources {
    first: &'static str,
    v4: &'static str,
    v6: &'static str,
}

const MY_SOURCES: Sources = Sources {
    first: "PLUTO_MY_SOURCEIP",
    v4: "PLUTO_MY_SOURCEIP4_1",
    v6: "PLUTO_MY_SOURCEIP6_1",
};

const PEER_SOURCES: Sources = Sources {
    first: "PLUTO_PEER_SOURCEIP",
    v4: "PLUTO_PEER_SOURCEIP4_1",
    v6: "PLUTO_PEER_SOURCEIP6_1",
};

fn push_sources(addresses: &[IpAddr], names: &Sources, variables: &mut Variables) {
    let found = [
        (names.first, addresses.first()),
        (names.v4, addresses.iter().find(|address| address.is_ipv4())),
        (names.v6, addresses.iter().find(|address| address.is_ipv6())),
    ];
    for (name, address) in found {
        if let Some(address) = address {
            variables.insert(name, address.to_string());
        }
    }
}

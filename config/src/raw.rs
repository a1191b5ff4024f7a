//! The configuration as it is spelled in files: every key optional, nothing checked but types.
//!
//! These structs are the list of known keys: unknown keys, the environment and the documentation's
//! completeness are all judged by their fields.

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::quantity::{Amount, Interval, Name, TextList};

mod rounds;

pub(crate) use rounds::RawRounds;

/// A table of which another may set what this one leaves out.
pub(crate) trait Inherit {
    fn inherit(&mut self, defaults: &Self);
}

/// Declares a table of optional values and tables.
macro_rules! table {
    ($name:ident, $expecting:literal {
        values { $($value:ident: $type:ty,)* }
        tables { $($table:ident: $table_type:ty,)* }
    }) => {
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default, expecting = $expecting)]
        pub(crate) struct $name {
            $(pub(crate) $value: Option<$type>,)*
            $(pub(crate) $table: $table_type,)*
        }

        impl Inherit for $name {
            fn inherit(&mut self, defaults: &Self) {
                $(if self.$value.is_none() {
                    self.$value.clone_from(&defaults.$value);
                })*
                $(self.$table.inherit(&defaults.$table);)*
            }
        }
    };
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawConfig {
    pub(crate) agent: RawAgent,
    pub(crate) defaults: RawDefaults,
    pub(crate) connections: BTreeMap<String, RawConnection>,
    pub(crate) secrets: BTreeMap<String, RawSecret>,
    pub(crate) authorities: BTreeMap<String, RawAuthority>,
    pub(crate) pools: BTreeMap<String, RawPool>,
    pub(crate) radius: RawRadius,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRadius {
    pub(crate) servers: BTreeMap<String, RawRadiusServer>,
    pub(crate) nas_identifier: Option<String>,
    pub(crate) timeout: Option<Interval>,
    pub(crate) tries: Option<u32>,
    pub(crate) dead_time: Option<Interval>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawRadiusServer {
    pub(crate) address: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) secret: RawSecretSource,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAgent {
    pub(crate) vici: Option<String>,
    pub(crate) vici_mode: Option<String>,
    pub(crate) vici_group: Option<Name>,
    pub(crate) vici_expose: Option<bool>,
    pub(crate) health: Option<String>,
    pub(crate) readiness: RawReadiness,
    pub(crate) events: Option<String>,
    pub(crate) error_notify: Option<String>,
    pub(crate) dataplane: Option<String>,
    pub(crate) listen: Option<TextList>,
    pub(crate) port: Option<u16>,
    pub(crate) port_nat_t: Option<u16>,
    pub(crate) fragment_size: Option<u16>,
    pub(crate) follow_redirects: Option<bool>,
    pub(crate) tun: RawTun,
    pub(crate) workers: Option<usize>,
    pub(crate) drain_timeout: Option<Interval>,
    pub(crate) keylog: Option<String>,
    pub(crate) limits: RawLimits,
    pub(crate) max_control_clients: Option<usize>,
    pub(crate) log: RawLog,
    pub(crate) install_routes: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawReadiness {
    pub(crate) require: Option<TextList>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawTun {
    pub(crate) name: Option<String>,
    pub(crate) mtu: Option<u16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLimits {
    pub(crate) cookie_threshold: Option<u32>,
    pub(crate) cookie_threshold_ip: Option<u32>,
    pub(crate) block_threshold: Option<u32>,
    pub(crate) init_limit_half_open: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawLog {
    pub(crate) level: Option<String>,
    pub(crate) format: Option<String>,
}

table! {
    RawAuth, "a table such as { auth = \"psk\", id = \"gw.example\" }" {
        values {
            auth: String,
            id: String,
            eap_id: String,
            aaa_id: String,
            certs: TextList,
            cacerts: TextList,
            pubkeys: TextList,
            ca_id: String,
            cert_policy: TextList,
            revocation: String,
        }
        tables {}
    }
}

table! {
    RawRetransmit, "a table such as { timeout = \"4s\", base = 1.8, tries = 5 }" {
        values {
            timeout: Interval,
            base: f64,
            tries: u32,
            jitter: u8,
            limit: Interval,
        }
        tables {}
    }
}

table! {
    RawReconnect, "a table such as { initial = \"1s\", max = \"60s\" }" {
        values {
            initial: Interval,
            max: Interval,
            multiplier: f64,
            slow: Interval,
            stable_after: Interval,
        }
        tables {}
    }
}

table! {
    RawChild, "a table such as [connections.NAME.children.CHILD]" {
        values {
            local_ts: TextList,
            remote_ts: TextList,
            esp_proposals: TextList,
            mode: String,
            rekey_time: Interval,
            life_time: Interval,
            rand_time: Interval,
            rekey_bytes: Amount,
            life_bytes: Amount,
            rand_bytes: Amount,
            rekey_packets: Amount,
            life_packets: Amount,
            rand_packets: Amount,
            tfc_padding: Name,
            inactivity: Interval,
            reqid: u32,
            replay_window: u32,
            start_action: String,
            close_action: String,
            dpd_action: String,
        }
        tables {
            probe: RawProbe,
        }
    }
}

table! {
    RawProbe, "a table such as { target = \"10.2.0.1\", interval = \"10s\" }" {
        values {
            kind: String,
            target: String,
            port: u16,
            source: String,
            interval: Interval,
            timeout: Interval,
            threshold: u32,
            action: String,
        }
        tables {}
    }
}

impl RawProbe {
    /// Whether nothing is said about probes.
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            kind,
            target,
            port,
            source,
            interval,
            timeout,
            threshold,
            action,
        } = self;
        kind.is_none()
            && target.is_none()
            && port.is_none()
            && source.is_none()
            && interval.is_none()
            && timeout.is_none()
            && threshold.is_none()
            && action.is_none()
    }
}

/// Declares what a connection and `[defaults]` have in common once.
macro_rules! connection {
    (values { $($value:ident: $type:ty,)* } tables { $($table:ident: $table_type:ty,)* }) => {
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct RawConnection {
            $(pub(crate) $value: Option<$type>,)*
            $(pub(crate) $table: $table_type,)*
            pub(crate) children: BTreeMap<String, RawChild>,
        }

        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct RawDefaults {
            $(pub(crate) $value: Option<$type>,)*
            $(pub(crate) $table: $table_type,)*
            pub(crate) child: RawChild,
        }

        impl RawConnection {
            /// Takes over what it leaves open from `[defaults]`.
            pub(crate) fn inherit(&mut self, defaults: &RawDefaults) {
                $(if self.$value.is_none() {
                    self.$value.clone_from(&defaults.$value);
                })*
                $(self.$table.inherit(&defaults.$table);)*
                for child in self.children.values_mut() {
                    child.inherit(&defaults.child);
                }
            }
        }
    };
}

connection! {
    values {
        persistent: bool,
        local_addrs: TextList,
        remote_addrs: TextList,
        local_port: u16,
        remote_port: u16,
        proposals: TextList,
        encap: bool,
        mobike: bool,
        fragmentation: String,
        childless: String,
        dpd_delay: Interval,
        keyingtries: u32,
        unique: String,
        vips: TextList,
        pools: TextList,
        reauth_time: Interval,
        rekey_time: Interval,
        over_time: Interval,
        rand_time: Interval,
        half_open_timeout: Interval,
        keep_alive: Interval,
        send_cert: String,
        send_certreq: bool,
        redirect_to: String,
        redirect_at: String,
        ppk_id: String,
        ppk_required: bool,
        resumption: bool,
    }
    tables {
        local: RawRounds,
        remote: RawRounds,
        retransmit: RawRetransmit,
        reconnect: RawReconnect,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawSecret {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) ids: Option<TextList>,
    pub(crate) file: Option<String>,
    pub(crate) secret: RawSecretSource,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAuthority {
    pub(crate) cacert: Option<String>,
    pub(crate) crl_uris: Option<TextList>,
    pub(crate) ocsp_uris: Option<TextList>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "{ file = \"name.psk\" }, { env = \"NAME\" } or { value = \"...\" }"
)]
pub(crate) struct RawSecretSource {
    pub(crate) file: Option<String>,
    pub(crate) env: Option<String>,
    #[serde(deserialize_with = "zeroizing")]
    pub(crate) value: Option<Zeroizing<String>>,
}

fn zeroizing<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Zeroizing<String>>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(Zeroizing::new(text)))
}

/// Declares a pool: its addresses, and the attributes that have names.
macro_rules! pool {
    ($($attribute:ident,)*) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(crate) struct RawPool {
            pub(crate) addrs: Option<String>,
            $(pub(crate) $attribute: Option<TextList>,)*
        }

        impl RawPool {
            /// The attributes that are given, by name.
            pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'static str, &TextList)> {
                let all = [$((stringify!($attribute), self.$attribute.as_ref())),*];
                all.into_iter().filter_map(|(name, list)| Some((name, list?)))
            }
        }
    };
}

pool! {
    dns,
    nbns,
    dhcp,
    netmask,
    server,
    p_cscf,
    subnet,
    split_include,
    split_exclude,
    dns_domain,
}

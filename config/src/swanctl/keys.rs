//! Every key of a connection in swanctl.conf and in `load-conn`, and what becomes of it.
//!
//! This is the only list. To obey a key that is refused so far, add it to the struct in
//! [`crate::raw`] and make its rule here [`Rule::Obeyed`]. `docs/swanctl.md` says the same for
//! people; a test compares the two.

/// A kind of section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Connection,
    /// `local*` and `remote*`.
    Auth,
    Child,
    Retransmit,
    Reconnect,
    Probe,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// It means here what it means there: it becomes the key of the same name in TOML.
    Obeyed(Kind),
    /// Some values say what is done anyway.
    Settled(Settled),
    /// Every value is refused.
    Refused(Refusal),
    /// A key or section that the reader itself looks after.
    Structure,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bool,
    Number,
    Fraction,
    /// Separated by commas, or a list of VICI.
    List,
    /// In a file a list of files in this folder; in a message a list of what they hold.
    Files(&'static str),
    /// Seconds, or with `s`, `m`, `h`, `d`.
    Time,
    /// Octets or packets, or with `k`, `m`, `g`.
    Amount,
}

/// Values that are accepted because they ask for nothing else than what is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settled {
    /// What is done.
    pub(crate) done: Done,
    /// Values that have no effect, and why that is no harm: a warning tells.
    pub(crate) idle: &'static [(&'static str, &'static str)],
    /// Why other values are refused.
    pub(crate) otherwise: Refusal,
}

/// The values that say what is done anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// `yes`, `true`, `enabled`, `1`
    Yes,
    /// `no`, `false`, `disabled`, `0`
    No,
    /// `0`, in all the ways of writing it
    Zero,
    Words(&'static [&'static str]),
}

/// What is missing for a key to be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What is not supported.
    pub(crate) what: &'static str,
    /// What to do, where leaving the key out is not enough.
    pub(crate) remedy: Option<&'static str>,
    /// Whether a connection without the key would be another one, with other peers, other traffic
    /// or less protection: then the import leaves the connection out.
    pub(crate) essential: bool,
}

impl Refusal {
    /// What to do about it.
    pub(crate) fn remedy(&self) -> &'static str {
        self.remedy.unwrap_or("leave the key out")
    }
}

/// The rule for a key; a suffix belongs to the keys that take one.
pub(crate) fn rule(place: Place, name: &str) -> Option<Rule> {
    let table = table(place);
    let exact = |(key, _): &&(&str, Rule)| *key == name;
    let prefix = |(key, _): &&(&str, Rule)| {
        key.strip_suffix('*')
            .is_some_and(|key| name.starts_with(key))
    };
    let found = table.iter().find(exact);
    found
        .or_else(|| table.iter().find(prefix))
        .map(|(_, rule)| *rule)
}

/// The keys of a kind of section and their rules; `*` stands for any suffix.
pub(crate) fn table(place: Place) -> &'static [(&'static str, Rule)] {
    match place {
        Place::Connection => CONNECTION,
        Place::Auth => AUTH,
        Place::Child => CHILD,
        Place::Retransmit => RETRANSMIT,
        Place::Reconnect => RECONNECT,
        Place::Probe => PROBE,
    }
}

use Kind::{Amount, Bool, Fraction, List, Number, Text, Time};
use Rule::{Obeyed, Structure};

/// What only adds comfort or speed: the import leaves it out by itself.
const fn lesser(what: &'static str) -> Refusal {
    Refusal {
        what,
        remedy: None,
        essential: false,
    }
}

/// What makes the connection what it is.
const fn essential(what: &'static str) -> Refusal {
    Refusal {
        what,
        remedy: None,
        essential: true,
    }
}

const fn but(refusal: Refusal, remedy: &'static str) -> Refusal {
    Refusal {
        remedy: Some(remedy),
        ..refusal
    }
}

const fn refused(refusal: Refusal) -> Rule {
    Rule::Refused(refusal)
}

const fn settled(done: Done, otherwise: Refusal) -> Rule {
    idle(done, &[], otherwise)
}

const fn idle(
    done: Done,
    idle: &'static [(&'static str, &'static str)],
    otherwise: Refusal,
) -> Rule {
    Rule::Settled(Settled {
        done,
        idle,
        otherwise,
    })
}

const IKEV1: Refusal = essential("IKEv1");
const CERTIFICATES: Refusal = but(
    essential("a certificate"),
    "authenticate with auth = \"psk\"",
);
const XAUTH: Refusal = but(essential("XAuth"), "authenticate with auth = \"psk\"");
const MEDIATION: Refusal = essential("IKE mediation");
const MARK: Refusal = essential("a netfilter mark");
const INTERFACE_ID: Refusal = essential("an XFRM interface ID");
const NO_CERTIFICATES: &str = "no certificates are exchanged: authentication is by pre-shared key";
/// Any value is idle.
const ANY: &str = "*";

const CONNECTION: &[(&str, Rule)] = &[
    ("version", settled(Done::Words(&["0", "2"]), IKEV1)),
    ("local_addrs", Obeyed(List)),
    ("remote_addrs", Obeyed(List)),
    ("local_port", Obeyed(Number)),
    ("remote_port", Obeyed(Number)),
    ("proposals", Obeyed(List)),
    ("vips", Obeyed(List)),
    ("aggressive", settled(Done::No, IKEV1)),
    ("pull", settled(Done::Yes, IKEV1)),
    (
        "dscp",
        settled(
            Done::Words(&["0", "000000"]),
            lesser("marking IKE messages with a DSCP"),
        ),
    ),
    ("encap", Obeyed(Bool)),
    ("mobike", Obeyed(Bool)),
    ("dpd_delay", Obeyed(Time)),
    (
        "dpd_timeout",
        idle(
            Done::Zero,
            &[(
                ANY,
                "it belongs to IKEv1; with IKEv2 the retransmissions decide",
            )],
            IKEV1,
        ),
    ),
    ("fragmentation", Obeyed(Text)),
    ("childless", Obeyed(Text)),
    ("send_certreq", Obeyed(Bool)),
    ("send_cert", Obeyed(Text)),
    (
        "ocsp",
        idle(
            Done::Words(&["never"]),
            &[
                ("reply", NO_CERTIFICATES),
                ("request", NO_CERTIFICATES),
                ("both", NO_CERTIFICATES),
            ],
            CERTIFICATES,
        ),
    ),
    ("ppk_id", Obeyed(Text)),
    ("ppk_required", Obeyed(Bool)),
    ("keyingtries", Obeyed(Number)),
    ("unique", Obeyed(Text)),
    ("reauth_time", Obeyed(Time)),
    ("rekey_time", Obeyed(Time)),
    ("over_time", Obeyed(Time)),
    ("rand_time", Obeyed(Time)),
    ("pools", Obeyed(List)),
    ("if_id_in", settled(Done::Zero, INTERFACE_ID)),
    ("if_id_out", settled(Done::Zero, INTERFACE_ID)),
    ("mediation", settled(Done::No, MEDIATION)),
    ("mediated_by", refused(MEDIATION)),
    ("mediation_peer", refused(MEDIATION)),
    ("local*", Structure),
    ("remote*", Structure),
    ("children", Structure),
    // Ours.
    ("persistent", Obeyed(Bool)),
    ("half_open_timeout", Obeyed(Time)),
    ("keep_alive", Obeyed(Time)),
    ("redirect_to", Obeyed(Text)),
    ("redirect_at", Obeyed(Text)),
    ("resumption", Obeyed(Bool)),
    ("retransmit", Structure),
    ("reconnect", Structure),
];

const AUTH: &[(&str, Rule)] = &[
    ("round", Structure),
    ("auth", Obeyed(Text)),
    ("id", Obeyed(Text)),
    ("eap_id", Obeyed(Text)),
    ("aaa_id", Obeyed(Text)),
    ("xauth_id", refused(XAUTH)),
    ("ca_id", Obeyed(Text)),
    ("certs", Obeyed(Kind::Files("x509"))),
    ("cacerts", Obeyed(Kind::Files("x509ca"))),
    ("pubkeys", Obeyed(Kind::Files("pubkey"))),
    ("cert_policy", Obeyed(List)),
    ("cert*", refused(CERTIFICATES)),
    ("cacert*", refused(CERTIFICATES)),
    (
        "groups",
        refused(but(
            essential("an authorization group"),
            "leave the key out",
        )),
    ),
    ("revocation", Obeyed(Text)),
];

const CHILD: &[(&str, Rule)] = &[
    (
        "ah_proposals",
        refused(but(essential("AH"), "use esp_proposals")),
    ),
    ("esp_proposals", Obeyed(List)),
    (
        "sha256_96",
        settled(Done::No, essential("HMAC-SHA-256 cut to 96 bits")),
    ),
    ("local_ts", Obeyed(List)),
    ("remote_ts", Obeyed(List)),
    ("rekey_time", Obeyed(Time)),
    ("life_time", Obeyed(Time)),
    ("rand_time", Obeyed(Time)),
    ("rekey_bytes", Obeyed(Amount)),
    ("life_bytes", Obeyed(Amount)),
    ("rand_bytes", Obeyed(Amount)),
    ("rekey_packets", Obeyed(Amount)),
    ("life_packets", Obeyed(Amount)),
    ("rand_packets", Obeyed(Amount)),
    (
        "updown",
        refused(but(
            lesser("running a script"),
            "leave the key out: routes are installed by the agent itself",
        )),
    ),
    (
        "hostaccess",
        idle(
            Done::No,
            &[(
                "yes",
                "it is a variable of updown scripts, which are not run",
            )],
            lesser("running a script"),
        ),
    ),
    ("mode", Obeyed(Text)),
    (
        "policies",
        settled(Done::Yes, essential("a CHILD_SA without policies")),
    ),
    (
        "policies_fwd_out",
        settled(Done::No, lesser("a policy for forwarded traffic")),
    ),
    ("dpd_action", Obeyed(Text)),
    ("ipcomp", settled(Done::No, lesser("IPComp"))),
    ("inactivity", Obeyed(Time)),
    ("reqid", Obeyed(Number)),
    (
        "priority",
        settled(Done::Zero, lesser("a fixed policy priority")),
    ),
    (
        "interface",
        refused(essential("a policy bound to an interface")),
    ),
    ("mark_in", settled(Done::Zero, MARK)),
    ("mark_out", settled(Done::Zero, MARK)),
    ("mark_in_sa", settled(Done::No, MARK)),
    ("set_mark_in", settled(Done::Zero, MARK)),
    ("set_mark_out", settled(Done::Zero, MARK)),
    ("if_id_in", settled(Done::Zero, INTERFACE_ID)),
    ("if_id_out", settled(Done::Zero, INTERFACE_ID)),
    ("label", refused(essential("a security label"))),
    (
        "label_mode",
        idle(
            Done::Words(&["system"]),
            &[
                ("simple", "there are no security labels"),
                ("selinux", "there are no security labels"),
            ],
            essential("a security label"),
        ),
    ),
    ("tfc_padding", Obeyed(Text)),
    ("replay_window", Obeyed(Number)),
    (
        "per_cpu_sas",
        settled(Done::No, lesser("one CHILD_SA for each CPU")),
    ),
    (
        "hw_offload",
        idle(
            Done::No,
            &[("auto", "this version never offloads")],
            lesser("offloading to hardware"),
        ),
    ),
    ("copy_df", settled(Done::No, lesser("copying the DF bit"))),
    (
        "copy_ecn",
        settled(Done::Yes, lesser("not copying the ECN field")),
    ),
    ("copy_dscp", settled(Done::No, lesser("copying the DSCP"))),
    (
        "icmp",
        settled(Done::No, lesser("letting ICMP errors through")),
    ),
    ("start_action", Obeyed(Text)),
    ("close_action", Obeyed(Text)),
    ("probe", Structure),
];

const RETRANSMIT: &[(&str, Rule)] = &[
    ("timeout", Obeyed(Time)),
    ("base", Obeyed(Fraction)),
    ("tries", Obeyed(Number)),
    ("jitter", Obeyed(Number)),
    ("limit", Obeyed(Time)),
];

const RECONNECT: &[(&str, Rule)] = &[
    ("initial", Obeyed(Time)),
    ("max", Obeyed(Time)),
    ("multiplier", Obeyed(Fraction)),
    ("slow", Obeyed(Time)),
    ("stable_after", Obeyed(Time)),
];

const PROBE: &[(&str, Rule)] = &[
    ("kind", Obeyed(Text)),
    ("target", Obeyed(Text)),
    ("port", Obeyed(Number)),
    ("source", Obeyed(Text)),
    ("interval", Obeyed(Time)),
    ("timeout", Obeyed(Time)),
    ("threshold", Obeyed(Number)),
    ("action", Obeyed(Text)),
];

//! Counters of what arrived, left and was refused. Names are those charon's clients know where the
//! concept is the same.

use std::sync::atomic::{AtomicU64, Ordering};

/// One monotonic count.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds that many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Back to zero.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $field:ident = $name:literal),* $(,)?) => {
        /// The agent-wide counters.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $field: Counter,)*
        }

        impl Counters {
            /// Every counter with its public name, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Counter)> {
                [$(($name, &self.$field)),*].into_iter()
            }

            /// What each counts, by its public name, in the same order.
            pub fn meanings() -> impl Iterator<Item = (&'static str, &'static str)> {
                [$(($name, concat!($($doc),+))),*].into_iter()
            }

            /// Adds what `other` has counted.
            pub fn absorb(&self, other: &Self) {
                $(match other.$field.get() {
                    0 => {}
                    count => self.$field.add(count),
                })*
            }

            /// All back to zero.
            pub fn reset(&self) {
                $(self.$field.reset();)*
            }
        }
    };
}

counters! {
    /// IKE_SAs rekeyed by us.
    ike_rekey_init = "ike-rekey-init",
    /// IKE_SAs rekeyed by the peer.
    ike_rekey_resp = "ike-rekey-resp",
    /// CHILD_SAs rekeyed, by either end.
    child_rekey = "child-rekey",
    /// Datagrams that are not well-formed IKE.
    invalid = "invalid",
    /// Datagrams for an unknown IKE_SA.
    invalid_spi = "invalid-spi",
    /// IKE_SA_INIT requests received.
    ike_init_in_req = "ike-init-in-req",
    /// IKE_SA_INIT responses received.
    ike_init_in_resp = "ike-init-in-resp",
    /// IKE_SA_INIT requests sent (retransmissions not counted).
    ike_init_out_req = "ike-init-out-req",
    /// IKE_SA_INIT responses sent.
    ike_init_out_resp = "ike-init-out-resp",
    /// IKE_AUTH requests received.
    ike_auth_in_req = "ike-auth-in-req",
    /// IKE_AUTH responses received.
    ike_auth_in_resp = "ike-auth-in-resp",
    /// IKE_AUTH requests sent.
    ike_auth_out_req = "ike-auth-out-req",
    /// IKE_AUTH responses sent.
    ike_auth_out_resp = "ike-auth-out-resp",
    /// CREATE_CHILD_SA requests received.
    create_child_in_req = "create-child-in-req",
    /// CREATE_CHILD_SA responses received.
    create_child_in_resp = "create-child-in-resp",
    /// CREATE_CHILD_SA requests sent.
    create_child_out_req = "create-child-out-req",
    /// CREATE_CHILD_SA responses sent.
    create_child_out_resp = "create-child-out-resp",
    /// INFORMATIONAL requests received.
    info_in_req = "info-in-req",
    /// INFORMATIONAL responses received.
    info_in_resp = "info-in-resp",
    /// INFORMATIONAL requests sent.
    info_out_req = "info-out-req",
    /// INFORMATIONAL responses sent.
    info_out_resp = "info-out-resp",
    /// Requests retransmitted by us.
    retransmit_out = "retransmit-out",
    /// Retransmitted requests of the peer that were answered from the cache.
    retransmit_in = "retransmit-in",
    /// Messages whose integrity check failed.
    integrity_failed = "integrity-failed",
    /// Messages outside the message ID window.
    out_of_window = "out-of-window",
    /// Our own messages reflected back to us.
    reflected = "reflected",
    /// Messages dropped because a critical payload is unknown.
    unsupported_critical = "unsupported-critical-payload",
    /// COOKIE challenges sent.
    cookies_sent = "cookies-sent",
    /// IKE_SA_INIT requests refused by the half-open limits.
    half_open_refused = "half-open-refused",
    /// Messages in fragments forgotten because half-open IKE_SAs kept too many of them.
    fragments_refused = "fragments-refused",
    /// Datagrams dropped because an IKE_SA's mailbox was full.
    mailbox_full = "mailbox-full",
    /// Authentications that failed, at either end.
    auth_failed = "auth-failed",
    /// Negotiations that ended without a common proposal.
    no_proposal = "no-proposal-chosen",
    /// Negotiations that ended without acceptable traffic selectors.
    ts_unacceptable = "ts-unacceptable",
    /// IKE_SAs ended by a panic.
    panics = "panics",
}

//! What goes into an IKE_SA and what comes out.

use std::sync::Arc;

use super::{
    credential::{CredentialAnswer, CredentialId, CredentialRequest},
    event::Event,
};
use crate::{ChildConfig, ChildSa, EspSpi, Path};

/// Who created the IKE_SA. Fixed for its life; sets the I flag of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We sent the IKE_SA_INIT request.
    Initiator,
    /// The peer did.
    Responder,
}

/// One thing that happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram for this IKE_SA arrived (without the non-ESP marker). `now` of the same call
    /// must be the time of its arrival: uniqueness is decided by it.
    Datagram {
        /// Where it arrived and where it came from.
        path: Path,
        /// The IKE message.
        data: &'a [u8],
    },
    /// The time named by `poll_timeout` has come.
    Timeout,
    /// The answer to [`Output::InstallChild`].
    ChildInstalled {
        /// Which one.
        inbound_spi: EspSpi,
        /// Whether the data plane took it.
        installed: bool,
    },
    /// The data plane reports that a CHILD_SA should be replaced (soft) or is gone (hard).
    ChildExpired {
        /// Which one.
        inbound_spi: EspSpi,
        /// Hard: it no longer carries traffic.
        hard: bool,
    },
    /// The answer to [`Output::Credential`].
    Credential {
        /// Of the request.
        id: CredentialId,
        /// The answer.
        answer: CredentialAnswer,
    },
    /// The data plane received an authentic packet on a CHILD_SA, newer than all before, from
    /// elsewhere than where its packets go.
    PeerMoved {
        /// On which one.
        inbound_spi: EspSpi,
        /// Where it arrived and where it came from.
        path: Path,
    },
    /// Somebody wants something.
    Command(Command),
}

/// What somebody may want. Every command is idempotent: work that is queued, in flight or already
/// true is not done twice.
#[derive(Clone, Debug)]
pub enum Command {
    /// Bring this child up.
    Initiate(Arc<ChildConfig>),
    /// Close this child, and the one that has taken its place.
    TerminateChild(EspSpi),
    /// Replace this CHILD_SA by one with new keys (RFC 7296 section 1.3.3).
    RekeyChild(EspSpi),
    /// Close the IKE_SA, telling the peer. Half-open ones are just forgotten.
    Terminate,
    /// Replace the IKE_SA by one with new keys, which inherits its children
    /// (RFC 7296 section 1.3.2).
    Rekey,
    /// Send the client to another gateway (RFC 5685). Ignored where the peer is no client that
    /// said that it understands this.
    Redirect(super::redirect::Gateway),
    /// Ask the peer for a sign of life now.
    Probe,
    /// Our addresses or routes have changed: see whether the path in use is still good, and do not
    /// wait with what the peer has not answered yet.
    CheckPath,
    /// Forget everything at once without telling the peer.
    Abandon(super::CloseCause),
    /// The connection was configured anew, with other children or other timers. Holds for what is
    /// negotiated from now on; ignored by an IKE_SA that is not established.
    Configure(Arc<crate::Connection>),
}

/// One effect. The caller carries them out in order.
#[derive(Debug)]
pub enum Output {
    /// Send this IKE message (the transport adds the non-ESP marker where the path's local port
    /// needs it).
    Transmit {
        /// From where to where.
        path: Path,
        /// The message.
        data: Vec<u8>,
    },
    /// Install the SAs, policy and routes of a CHILD_SA, then answer with
    /// [`Input::ChildInstalled`].
    InstallChild(Box<ChildSa>),
    /// Remove an installed CHILD_SA, or cancel its installation; its SPI is free afterwards. No
    /// answer is expected. Where an installation failed, the SPI is given back through
    /// [`crate::Environment::release_spi`] instead.
    RemoveChild(EspSpi),
    /// Packets may leave by this installed CHILD_SA from now on, see [`crate::child_sa::Sending`].
    StartSending(EspSpi),
    /// No packet may leave by this installed CHILD_SA any more. It goes on receiving.
    StopSending(EspSpi),
    /// Sign, judge or speak EAP, then answer with [`Input::Credential`].
    Credential(Box<CredentialRequest>),
    /// Packets of this installed CHILD_SA leave by this path from now on.
    UpdateChild {
        /// Which one.
        inbound_spi: EspSpi,
        /// From where to where.
        path: Path,
        /// Whether ESP travels inside UDP.
        encapsulation: bool,
    },
    /// The peer has assigned us this address: what we send into the tunnel may come from it. It is
    /// ours until it is withdrawn.
    AssignAddress(std::net::IpAddr),
    /// That address is not ours any more.
    WithdrawAddress(std::net::IpAddr),
    /// Send a NAT keepalive: the single octet 0xFF (RFC 3948 section 2.3).
    Keepalive(Path),
    /// Something happened that others care about.
    Event(Event),
}

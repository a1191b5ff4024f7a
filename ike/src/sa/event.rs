//! What an IKE_SA tells the world, and why things end.

use std::{fmt, sync::Arc, time::Instant};

use super::io::Role;
use crate::{EspSpi, EspSuite, Identification, IkeSpis, Mode, Path, TrafficSelector};

/// Something that others care about.
#[derive(Clone, Debug)]
pub enum Event {
    /// The IKE_SA is authenticated.
    Established(Box<Established>),
    /// The IKE_SA has new keys and SPIs. Its children, and all else that was established, stay.
    IkeRekeyed(Rekeyed),
    /// A CHILD_SA carries traffic.
    ChildUp(Box<ChildUp>),
    /// A CHILD_SA that was up is gone.
    ChildDown(ChildDown),
    /// A CHILD_SA with new keys has taken the place of another one, which will be gone soon.
    ChildRekeyed {
        /// The one it replaces. Its end comes as a [`Event::ChildDown`].
        old: EspSpi,
        /// The one that carries the traffic now.
        new: Box<ChildUp>,
    },
    /// The IKE_SA and its children use another path from now on.
    PathChanged(PathChanged),
    /// A rekeying did not succeed. It is tried again; until then the old keys stay in use.
    RekeyFailed {
        /// Name of the child's configuration; `None` is the IKE_SA itself.
        child: Option<Arc<str>>,
        /// Why.
        failure: Failure,
    },
    /// A child could not be brought up; the IKE_SA lives on.
    ChildFailed {
        /// Name of the child's configuration.
        name: Arc<str>,
        /// Why.
        failure: Failure,
    },
    /// The peer asked for a CHILD_SA and we refused; the IKE_SA lives on.
    ChildRefused {
        /// Why.
        failure: Failure,
    },
    /// The peer takes no rekeying of this CHILD_SA: its IKE_SA should be replaced as a whole.
    ChildNeedsReplacement {
        /// Which one.
        inbound_spi: EspSpi,
    },
    /// The IKE_SA should be replaced as a whole: the peer does not rekey it, or it is time to
    /// authenticate anew.
    NeedsReplacement,
    /// The gateway has given us a ticket: another IKE_SA may begin with this session (RFC 5723).
    Session(Box<super::resumption::Session>),
    /// The gateway sends us to another one (RFC 5685). An established IKE_SA stays until it is
    /// closed; an attempt ends with [`CloseCause::Redirected`].
    Redirected(super::redirect::Gateway),
    /// A request is being retransmitted for the n-th time: the peer does not answer.
    Retransmitting {
        /// 1 for the first retransmission.
        attempt: u32,
    },
    /// The peer answered after retransmissions.
    PeerAnswers,
    /// Keys for the key log, only when the connection asks for it.
    KeyLog(Box<KeyLog>),
    /// The IKE_SA takes leave of its peer and serves nothing new any more.
    Closing,
    /// Last event: the IKE_SA is over and must be dropped.
    Closed(CloseCause),
}

/// Facts fixed at authentication.
#[derive(Clone, Debug)]
pub struct Established {
    /// Who created it.
    pub role: Role,
    /// Its SPIs.
    pub spis: IkeSpis,
    /// The connection that was chosen (a responder knows it only now).
    pub connection: Arc<str>,
    /// Who we were.
    pub local_id: Identification,
    /// Who the peer is.
    pub remote_id: Identification,
    /// Who the peer is for EAP, when we had it prove itself by EAP.
    pub remote_eap_id: Option<Identification>,
    /// A post-quantum pre-shared key protects it (RFC 8784).
    pub ppk: bool,
    /// It resumes a session (RFC 5723).
    pub resumed: bool,
    /// The path in use.
    pub path: Path,
    /// The peer said that this is its only IKE_SA with us (RFC 7296 section 2.4).
    pub initial_contact: bool,
    /// For uniqueness: see [`super::uniqueness`].
    pub contact: super::uniqueness::Contact,
    /// The negotiated algorithms.
    pub suite: crate::crypto::IkeSuite,
    /// Since when its keys are in use.
    pub at: Instant,
    /// What NAT detection found.
    pub nat: Nat,
    /// Virtual addresses and what came with them.
    pub configured: Arc<crate::Configured>,
    /// The peer is a client that said that it follows redirects (RFC 5685).
    pub follows_redirects: bool,
}

/// What changes when an IKE_SA is rekeyed.
#[derive(Clone, Copy, Debug)]
pub struct Rekeyed {
    /// Who asked for it: the new IKE_SA's initiator.
    pub role: Role,
    /// Its new SPIs.
    pub spis: IkeSpis,
    /// Its new algorithms.
    pub suite: crate::crypto::IkeSuite,
    /// Since when these are in use.
    pub at: Instant,
}

/// What changes when one of the ends has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathChanged {
    /// The path in use from now on.
    pub path: Path,
    /// What NAT detection knows of it.
    pub nat: Nat,
}

/// Result of NAT detection (RFC 7296 section 2.23).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nat {
    /// We are behind a NAT.
    pub local: bool,
    /// The peer is behind a NAT.
    pub remote: bool,
    /// We claimed to be behind one to get UDP encapsulation.
    pub faked: bool,
}

/// A CHILD_SA that carries traffic.
#[derive(Clone, Debug)]
pub struct ChildUp {
    /// Name of the child's configuration.
    pub name: Arc<str>,
    /// Its identity.
    pub inbound_spi: EspSpi,
    /// The peer's SPI.
    pub outbound_spi: EspSpi,
    /// The reqid that its configuration fixes.
    pub reqid: Option<u32>,
    /// Algorithms.
    pub suite: EspSuite,
    /// Tunnel or transport.
    pub mode: Mode,
    /// Inside UDP.
    pub encapsulation: bool,
    /// Our side's traffic, as narrowed.
    pub local_ts: Vec<TrafficSelector>,
    /// The peer's side's traffic, as narrowed.
    pub remote_ts: Vec<TrafficSelector>,
    /// When it was installed.
    pub at: Instant,
}

/// A CHILD_SA that is gone.
#[derive(Clone, Debug)]
pub struct ChildDown {
    /// Name of the child's configuration.
    pub name: Arc<str>,
    /// Which one.
    pub inbound_spi: EspSpi,
    /// Why.
    pub cause: ChildDownCause,
}

/// Why a CHILD_SA is gone while its IKE_SA lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildDownCause {
    /// The peer deleted it.
    PeerDeleted,
    /// We were asked to.
    Terminated,
    /// Another one has taken its place, see [`Event::ChildRekeyed`].
    Rekeyed,
    /// Its hard lifetime passed.
    Expired,
    /// It carried nothing for too long.
    Inactive,
    /// The IKE_SA ended, see [`Event::Closed`].
    IkeSaClosed,
}

/// Keys of one IKE_SA or CHILD_SA for Wireshark's tables.
#[derive(Clone)]
pub struct KeyLog {
    /// Which of Wireshark's tables the line belongs to.
    pub table: KeyLogTable,
    /// The line, ready to be written.
    pub line: zeroize::Zeroizing<String>,
}

/// A table of Wireshark's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLogTable {
    /// `ikev2_decryption_table`
    Ike,
    /// `esp_sa`
    Esp,
}

impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLog({:?})", self.table)
    }
}

/// Why a negotiation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Failure {
    /// The peer refused every proposal, or we refused all of the peer's.
    #[error("no common proposal: compare `proposals` and `esp_proposals` with the peer's")]
    NoProposalChosen,
    /// The peer refused our proof.
    #[error("the peer refused our authentication: compare the secret and the ids with the peer's")]
    AuthenticationRefused,
    /// The peer's proof is wrong.
    #[error("the peer failed to authenticate: compare the secret and the ids with the peer's")]
    AuthenticationFailed,
    /// EAP failed.
    #[error("EAP failed: {0}")]
    Eap(&'static str),
    /// No secret for this pair of identities.
    #[error("no secret for this peer: add a [secrets] entry whose `ids` name it")]
    NoSecret,
    /// A post-quantum pre-shared key is required and we lack it, or the peer does.
    #[error("no PPK: add a [secrets] entry of type \"ppk\" for `ppk_id`, compare the peer's")]
    NoPpk,
    /// The peer does not use the post-quantum pre-shared key that we require.
    #[error("the peer does not use the PPK that `ppk_required` asks for")]
    PpkRefused,
    /// The peer is not who the configuration asks for.
    #[error("the peer's identity does not match `remote.id`")]
    IdentityMismatch,
    /// No private key of ours fits the connection.
    #[error("no private key fits `local`: load the key of one of its `certs` or `pubkeys`")]
    NoPrivateKey,
    /// The peer takes none of the signatures that we can and may make.
    #[error("the peer takes no signature that `local.auth` and our key allow")]
    NoCommonSignature,
    /// The peer's certificate is not trusted.
    #[error("the peer's certificate is not trusted: see the log for the reason")]
    UntrustedCertificate,
    /// The peer's certificate is somebody else's.
    #[error("the peer's certificate does not confirm the identity that the peer claims")]
    UnconfirmedIdentity,
    /// No configured connection matches the peer.
    #[error("no connection matches the peer's address and identity")]
    NoConnection,
    /// The peer has no address for us, or we have none for the peer.
    #[error("no virtual address was assigned: compare `vips` with the gateway's pools")]
    InternalAddressFailure,
    /// The peer wants to be asked for an address, or wants to be given one without asking.
    #[error("the gateway assigns addresses: the other end must ask for one with `vips`")]
    FailedCpRequired,
    /// Traffic selectors do not overlap.
    #[error("no common traffic selectors: compare `local_ts` and `remote_ts` with the peer's")]
    TsUnacceptable,
    /// The peer insists on a key exchange method that we do not offer.
    #[error("the peer wants a key exchange method that is not in the proposals")]
    InvalidKeyExchange,
    /// One end wants an IKE_SA without a CHILD_SA, and the other one takes none, or the reverse.
    #[error("an IKE_SA without a CHILD_SA is not what both ends take: compare `childless`")]
    Childless,
    /// The peer does not take more CHILD_SAs.
    #[error("the peer accepts no additional CHILD_SAs")]
    NoAdditionalSas,
    /// The peer does not know the CHILD_SA that we asked it to rekey.
    #[error("the peer does not know this CHILD_SA")]
    ChildSaNotFound,
    /// The peer asked to try again later.
    #[error("the peer is busy and asked to try again later")]
    TemporaryFailure,
    /// The peer cannot parse what we sent, or we cannot parse what it sent.
    #[error("a message was malformed")]
    InvalidSyntax,
    /// A critical payload that we (or the peer) do not know.
    #[error("a critical payload is not supported")]
    UnsupportedCriticalPayload,
    /// The peer broke the protocol in another way.
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    /// The peer refused with a notification that has no meaning of its own here.
    #[error("the peer refused with error notification {0}")]
    Refused(u16),
    /// The data plane could not install the CHILD_SA.
    #[error("the data plane could not install the CHILD_SA: see the log for the reason")]
    NotInstalled,
    /// No SPI left.
    #[error("the data plane has no room for another SA")]
    NoSpi,
}

/// Why an IKE_SA is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CloseCause {
    /// The peer deleted it.
    #[error("the peer closed it")]
    PeerDeleted,
    /// All retransmissions of a request went unanswered.
    #[error("the peer does not answer")]
    PeerUnresponsive,
    /// The peer never finished what it began.
    #[error("the peer did not complete the handshake in time")]
    HalfOpenTimeout,
    /// Negotiation or authentication failed.
    #[error("{0}")]
    Failed(Failure),
    /// We were asked to.
    #[error("terminated")]
    Terminated,
    /// The gateway sent its client to another one before there was a CHILD_SA.
    #[error("redirected to another gateway")]
    Redirected,
    /// Another IKE_SA with the same peer took its place.
    #[error("replaced by another IKE_SA with the same peer")]
    Replaced,
    /// Its lifetime passed.
    #[error("its lifetime has passed")]
    Expired,
    /// It has no CHILD_SA left.
    #[error("its last CHILD_SA is gone")]
    Empty,
}

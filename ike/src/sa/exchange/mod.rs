//! The exchanges: each builds its request and reads the answer, and answers the peer's request.
//! None of them touches the IKE_SA; they return what is to be done.

use std::sync::Arc;

use super::redirect::Gateway;
use crate::{ChildConfig, EspSpi, Path, proposal::KeyExchangeMethod};

pub(super) mod create_child;
pub(super) mod ike_auth;
pub(super) mod ike_followup_ke;
pub(super) mod ike_intermediate;
pub(super) mod ike_sa_init;
pub(super) mod ike_session_resume;
pub(super) mod informational;
pub(super) mod rekey_ike;
pub(super) mod update_addresses;

/// An exchange of ours whose request is in flight, with all that its answer is judged by.
pub(super) enum Exchange {
    IkeSaInit(Box<ike_sa_init::IkeSaInit>),
    IkeSessionResume(Box<ike_session_resume::IkeSessionResume>),
    IkeIntermediate(Box<ike_intermediate::IkeIntermediate>),
    IkeAuth(Box<ike_auth::Initiator>),
    CreateChild(Box<create_child::CreateChild>),
    DeleteChild(EspSpi),
    RekeyIke(Box<rekey_ike::RekeyIke>),
    DeleteIke,
    Redirect,
    Liveness,
    /// Move the IKE_SA to this path (RFC 4555).
    UpdateAddresses(Path),
    TellAddresses,
    CheckRoute(update_addresses::Cookie),
}

/// Work that waits for its turn.
#[derive(Debug)]
pub(super) enum Work {
    /// Bring this child up, with a key exchange of this method if the peer asked for it.
    CreateChild(Arc<ChildConfig>, Option<KeyExchangeMethod>),
    /// Replace this CHILD_SA, likewise.
    RekeyChild(EspSpi, Option<KeyExchangeMethod>),
    DeleteChild(EspSpi),
    /// Have the peer delete what it granted and we cannot take: it was never a CHILD_SA of ours.
    Disown(EspSpi),
    /// Replace the IKE_SA, with a key exchange of this method if the peer asked for it.
    RekeyIke(Option<KeyExchangeMethod>),
    DeleteIke,
    /// Send the client to another gateway.
    Redirect(Gateway),
    Liveness,
    /// Move the IKE_SA to the path in use (RFC 4555 section 3.5).
    UpdateAddresses,
    /// Tell the peer our further addresses (RFC 4555 section 3.6).
    TellAddresses,
    /// Make sure that the peer is where it seems to be (RFC 4555 section 3.7).
    CheckRoute,
}

impl Exchange {
    /// Whether the exchange in flight already achieves what `work` would.
    pub(super) fn achieves(&self, work: &Work) -> bool {
        match (self, work) {
            (Self::IkeIntermediate(intermediate), Work::CreateChild(config, _)) => {
                let initiator = &intermediate.initiator;
                initiator
                    .child_name()
                    .is_some_and(|name| **name == *config.name)
            }
            (Self::IkeAuth(auth), Work::CreateChild(config, _)) => {
                auth.child_name().is_some_and(|name| **name == *config.name)
            }
            (Self::IkeSaInit(init), Work::CreateChild(config, _)) => init
                .child
                .as_ref()
                .is_some_and(|child| child.name == config.name),
            (Self::IkeSessionResume(resume), Work::CreateChild(config, _)) => {
                let child = resume.child.as_ref();
                child.is_some_and(|child| child.name == config.name)
            }
            (Self::CreateChild(create), Work::CreateChild(config, None)) => {
                create.rekeys.is_none() && create.offer.config.name == config.name
            }
            (Self::CreateChild(create), Work::RekeyChild(old, None)) => create.is_rekeying(*old),
            (Self::DeleteChild(a), Work::DeleteChild(b)) => a == b,
            // Any answer of the peer is a sign of life.
            (Self::RekeyIke(_), Work::RekeyIke(None))
            | (_, Work::Liveness)
            | (Self::DeleteIke, _) => true,
            _ => false,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::IkeSaInit(_) => "IKE_INIT",
            Self::IkeSessionResume(_) => "IKE_RESUME",
            Self::IkeIntermediate(_) => "IKE_INTERMEDIATE",
            Self::IkeAuth(_) => "IKE_AUTH",
            Self::CreateChild(create) if create.rekeys.is_some() => "CHILD_REKEY",
            Self::CreateChild(_) => "CHILD_CREATE",
            Self::DeleteChild(_) => "CHILD_DELETE",
            Self::RekeyIke(_) => "IKE_REKEY",
            Self::DeleteIke => "IKE_DELETE",
            Self::Redirect => "IKE_REDIRECT",
            Self::Liveness => "IKE_DPD",
            Self::UpdateAddresses(_) | Self::TellAddresses | Self::CheckRoute(_) => "IKE_MOBIKE",
        }
    }
}

impl Work {
    /// Whether both would achieve the same.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::CreateChild(a, _), Self::CreateChild(b, _)) => a.name == b.name,
            (Self::RekeyChild(a, _), Self::RekeyChild(b, _))
            | (Self::DeleteChild(a), Self::DeleteChild(b))
            | (Self::Disown(a), Self::Disown(b)) => a == b,
            (Self::RekeyIke(_), Self::RekeyIke(_))
            | (Self::DeleteIke, Self::DeleteIke)
            | (Self::Redirect(_), Self::Redirect(_))
            | (Self::Liveness, Self::Liveness)
            | (Self::UpdateAddresses, Self::UpdateAddresses)
            | (Self::TellAddresses, Self::TellAddresses)
            | (Self::CheckRoute, Self::CheckRoute) => true,
            _ => false,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::CreateChild(..) => "CHILD_CREATE",
            Self::RekeyChild(..) => "CHILD_REKEY",
            Self::DeleteChild(_) | Self::Disown(_) => "CHILD_DELETE",
            Self::RekeyIke(_) => "IKE_REKEY",
            Self::DeleteIke => "IKE_DELETE",
            Self::Redirect(_) => "IKE_REDIRECT",
            Self::Liveness => "IKE_DPD",
            Self::UpdateAddresses | Self::TellAddresses | Self::CheckRoute => "IKE_MOBIKE",
        }
    }
}

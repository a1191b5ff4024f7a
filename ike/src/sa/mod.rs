//! One IKE_SA: its state machine, driven by inputs and drained of outputs.
//!
//! [`IkeSa`] holds it together; the exchanges live in `exchange/`, message IDs and retransmission
//! in `requests` and `responses`, sealing in `secured`, fragments in `message` and `reassembly`,
//! CHILD_SAs in `child`, agreeing on them in `negotiation`.
//! [`admission`] judges requests before there is an IKE_SA, [`uniqueness`] which of several stay.

pub mod admission;
mod child;
mod configuration;
pub mod contacts;
mod cookie;
pub mod credential;
mod ends;
pub mod event;
mod exchange;
mod generation;
mod ike_sa;
pub mod io;
mod message;
mod nat;
mod negotiation;
mod payloads;
pub mod reassembly;
pub mod redirect;
mod requests;
mod responses;
pub mod resumption;
mod secured;
mod timers;
mod transport;
pub mod uniqueness;
mod unknown_spi;

pub use admission::{Admission, AdmissionLimits, Admitted, DropReason, InitRequest, Refusal};
pub use contacts::Contacts;
pub use credential::{CredentialAnswer, CredentialId, CredentialRequest};
pub use event::{
    ChildDown, ChildDownCause, ChildUp, CloseCause, Established, Event, Failure, PathChanged,
    Rekeyed,
};
pub use ike_sa::{Candidate, IkeSa, SaOptions};
pub use io::{Command, Input, Output, Role};

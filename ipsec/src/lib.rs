//! IPsec data planes: where CHILD_SAs carry traffic.
//!
//! [`DataPlane`] is what the agent sees of any of them. [`Userspace`] carries ESP in UDP on a TUN
//! device (or any other [`PacketDevice`]) with threads of its own; [`NonePlane`] carries nothing.
//! This crate must not know how SAs are negotiated: it gets finished [`ChildSa`]s.
//!
//! [`ChildSa`]: holdfast_ike::ChildSa

mod channel_device;
mod device;
mod esp;
#[doc(hidden)]
pub mod fuzzing;
mod none;
mod packet;
mod plane;
mod policy;
mod probe;
mod spi;
mod userspace;

pub use channel_device::{Application, ChannelDevice, InjectError, channel_device};
pub use device::{Offload, PacketDevice, Received};
pub use none::NonePlane;
pub use plane::{
    BoxFuture, DataPlane, InstallError, NatTDatagram, PlaneCounters, PlaneEvent, Usage,
};
pub use policy::{Policy, PolicyAction, PolicyId};
pub use probe::{Probe, ProbeError, ProbeKind};
pub use spi::Random;
pub use userspace::{Device, StartError, Userspace, UserspaceOptions, mark_socket};

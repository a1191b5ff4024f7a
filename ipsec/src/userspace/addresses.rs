//! Virtual addresses of the host (RFC 7296 section 2.19), on the tunnels' device: whatever is bound
//! to one is there for as long as an IKE_SA has it.

use std::{collections::HashMap, net::IpAddr};

use rtnetlink::{
    AddressMessageBuilder, Handle,
    packet_route::address::{AddressHeaderFlags, AddressMessage},
};

use super::routes::describe;

/// Whose addresses there are: an IKE_SA and the one that takes its place may both have one.
#[derive(Default)]
pub(crate) struct Addresses {
    users: HashMap<IpAddr, usize>,
    /// The device and its index, where there is one.
    device: Option<(Handle, u32)>,
}

impl Addresses {
    /// None yet, on this device.
    pub(crate) fn new(device: Option<(Handle, u32)>) -> Self {
        Self {
            users: HashMap::new(),
            device,
        }
    }

    /// One more user.
    pub(crate) async fn add(&mut self, address: IpAddr) {
        let users = self.users.entry(address).or_default();
        *users += 1;
        let (1, Some((handle, device))) = (*users, &self.device) else {
            return;
        };
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        let mut request = handle.address().add(*device, address, prefix);
        // Nobody else on the device could have it (RFC 4862 section 5.4), and it is needed now.
        request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        match request.execute().await {
            Ok(()) => tracing::info!(%address, "added a virtual address"),
            Err(error) => {
                let reason = describe(&error);
                tracing::error!(%address, reason, "cannot add a virtual address");
            }
        }
    }

    /// One user less.
    pub(crate) async fn remove(&mut self, address: IpAddr) {
        let Some(users) = self.users.get_mut(&address) else {
            return;
        };
        *users -= 1;
        if *users > 0 {
            return;
        }
        self.users.remove(&address);
        let Some((handle, device)) = &self.device else {
            return;
        };
        let message = message(*device, address);
        match handle.address().del(message).execute().await {
            Ok(()) => tracing::info!(%address, "removed a virtual address"),
            Err(error) => {
                let reason = describe(&error);
                tracing::warn!(%address, reason, "cannot remove a virtual address");
            }
        }
    }
}

fn message(device: u32, address: IpAddr) -> AddressMessage {
    match address {
        IpAddr::V4(address) => AddressMessageBuilder::<std::net::Ipv4Addr>::new()
            .index(device)
            .address(address, 32)
            .build(),
        IpAddr::V6(address) => AddressMessageBuilder::<std::net::Ipv6Addr>::new()
            .index(device)
            .address(address, 128)
            .build(),
    }
}

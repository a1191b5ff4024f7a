//! What the core needs from the outside while it handles one input.

use std::{sync::Arc, time::Instant};

use crate::{
    Counters, EspSpi, Identification, IkeSpi, Secret,
    configuration::{Attribute, Lease, LeaseRequest},
};

/// Everything an [`IkeSa`](crate::sa::IkeSa) may ask for. None of these calls may block.
pub trait Environment {
    /// Fills `buffer` with cryptographically secure random bytes.
    fn random(&mut self, buffer: &mut [u8]);

    /// Reserves an unused inbound ESP SPI, or `None` when the data plane has no room.
    fn allocate_spi(&mut self) -> Option<EspSpi>;

    /// Gives back an SPI whose CHILD_SA was never installed.
    fn release_spi(&mut self, spi: EspSpi);

    /// Reserves an unused SPI for the IKE_SA that is to take the place of this one. From now on
    /// datagrams with it must be fed to the same [`IkeSa`](crate::sa::IkeSa).
    fn allocate_ike_spi(&mut self) -> IkeSpi;

    /// An SPI of ours, that given to the constructor included, is not used any more.
    fn release_ike_spi(&mut self, spi: IkeSpi);

    /// The pre-shared key for this pair of identities.
    fn psk(&self, local: &Identification, remote: &Identification) -> Option<Arc<Secret>>;

    /// Lends a peer an address; `None` where no pool has one for it. Everything lent to an IKE_SA is
    /// given back by [`Environment::release_lease`] when it ends.
    fn lease(&mut self, request: &LeaseRequest<'_>) -> Option<Lease>;

    /// An address that was lent to this IKE_SA is given back.
    fn release_lease(&mut self, lease: &Lease);

    /// What a pool tells the peers beside their addresses.
    fn pool_attributes(&self, pool: &str) -> Vec<Attribute>;

    /// When the CHILD_SA with this inbound SPI last received an authentic packet.
    fn last_inbound(&self, spi: EspSpi) -> Option<Instant>;

    /// The agent's counters.
    fn counters(&self) -> &Counters;
}

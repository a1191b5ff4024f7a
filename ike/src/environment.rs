//! What the core needs from the outside while it handles one input.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    Connection, Counters, EspSpi, Identification, IkeSpi, Secret,
    configuration::{Attribute, Lease, LeaseRequest},
    sa::{
        credential::CertificatePayload,
        resumption::{
            TicketContent,
            tickets::{Opened, TicketId},
        },
    },
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

    /// The post-quantum pre-shared key of this name (RFC 8784).
    fn ppk(&self, id: &Identification) -> Option<Arc<Secret>> {
        let _ = id;
        None
    }

    /// Lends a peer an address; `None` where no pool has one for it. Everything lent to an IKE_SA is
    /// given back by [`Environment::release_lease`] when it ends.
    fn lease(&mut self, request: &LeaseRequest<'_>) -> Option<Lease>;

    /// An address that was lent to this IKE_SA is given back.
    fn release_lease(&mut self, lease: &Lease);

    /// What a pool tells the peers beside their addresses.
    fn pool_attributes(&self, pool: &str) -> Vec<Attribute>;

    /// An IKE_SA that has not authenticated its peer keeps so many octets of incomplete messages
    /// now. `false` where all of these together are too many: then it forgets its own. One that ends
    /// with some of them does not say so.
    fn room_for_fragments(&mut self, octets: usize) -> bool {
        let _ = octets;
        true
    }

    /// CERTREQ payloads that say whom we trust when the peer of this connection signs.
    fn certificate_requests(&self, connection: &Connection) -> Vec<CertificatePayload> {
        let _ = connection;
        Vec::new()
    }

    /// A ticket of the agent with this content (RFC 5723), good for `lifetime` from now; `None` where
    /// it gives none.
    fn seal_ticket(&mut self, content: &TicketContent, lifetime: Duration) -> Option<Vec<u8>> {
        let _ = (content, lifetime);
        None
    }

    /// What a ticket of the agent says, if it is still good.
    fn open_ticket(&self, ticket: &[u8]) -> Option<Opened> {
        let _ = ticket;
        None
    }

    /// Whoever presented the ticket has proved that it is theirs; `false` if it has been used before.
    fn spend_ticket(&mut self, ticket: TicketId) -> bool {
        let _ = ticket;
        false
    }

    /// When the CHILD_SA with this inbound SPI last received an authentic packet.
    fn last_inbound(&self, spi: EspSpi) -> Option<Instant>;

    /// When that CHILD_SA last carried a packet in either direction.
    fn last_used(&self, spi: EspSpi) -> Option<Instant> {
        self.last_inbound(spi)
    }

    /// Our own addresses, from which a peer may be reached; none where that is not known.
    fn local_addresses(&self) -> Vec<IpAddr> {
        Vec::new()
    }

    /// The address that packets to `remote` would leave from; `None` where no route leads there, or
    /// that is not known.
    fn source_address(&self, _remote: IpAddr) -> Option<IpAddr> {
        None
    }

    /// The agent's counters.
    fn counters(&self) -> &Counters;
}

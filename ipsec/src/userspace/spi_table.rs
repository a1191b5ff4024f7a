//! Inbound SAs by SPI, read by the packet thread without locks while others change them.
//!
//! The table is cut into buckets, each an immutable sorted list behind an [`ArcSwap`]: a change
//! copies one bucket, about a thousandth of the table.

use std::sync::Arc;

use arc_swap::ArcSwap;
use holdfast_ike::EspSpi;

use super::sa::Sa;

/// A power of two. SPIs are random, so their low bits spread evenly.
const BUCKETS: usize = 1024;

type Bucket = Vec<(u32, Arc<Sa>)>;

/// All inbound SAs. Changes must not run side by side; look-ups may run at any time.
pub(crate) struct SpiTable {
    buckets: Box<[ArcSwap<Bucket>]>,
}

impl SpiTable {
    /// An empty table.
    pub(crate) fn new() -> Self {
        let empty = Arc::new(Bucket::new());
        Self {
            buckets: (0..BUCKETS)
                .map(|_| ArcSwap::new(Arc::clone(&empty)))
                .collect(),
        }
    }

    /// The SA with this inbound SPI.
    pub(crate) fn find(&self, spi: u32) -> Option<Arc<Sa>> {
        let bucket = self.bucket(spi).load();
        let index = bucket.binary_search_by_key(&spi, |entry| entry.0).ok()?;
        Some(Arc::clone(&bucket[index].1))
    }

    /// Adds an SA; `false` if its SPI is there already.
    pub(crate) fn insert(&self, sa: Arc<Sa>) -> bool {
        let spi = sa.inbound.spi.0;
        let bucket = self.bucket(spi);
        let mut entries = Bucket::clone(&bucket.load());
        let Err(index) = entries.binary_search_by_key(&spi, |entry| entry.0) else {
            return false;
        };
        entries.insert(index, (spi, sa));
        bucket.store(Arc::new(entries));
        true
    }

    /// Takes an SA out.
    pub(crate) fn remove(&self, spi: EspSpi) -> Option<Arc<Sa>> {
        let bucket = self.bucket(spi.0);
        let mut entries = Bucket::clone(&bucket.load());
        let index = entries.binary_search_by_key(&spi.0, |entry| entry.0).ok()?;
        let (_, sa) = entries.remove(index);
        bucket.store(Arc::new(entries));
        Some(sa)
    }

    fn bucket(&self, spi: u32) -> &ArcSwap<Bucket> {
        &self.buckets[spi as usize % BUCKETS]
    }
}

//! Which inbound SPIs are taken.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use holdfast_ike::EspSpi;

/// A source of unpredictable bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// More would not fit the memory of any gateway that holds their SAs; the limit keeps half-open
/// negotiations from taking more.
const MOST: usize = 1 << 20;

/// With a million of four thousand million taken, 16 misses in a row mean that `random` is broken.
const ATTEMPTS: usize = 16;

/// The SPIs that are reserved or installed.
pub(crate) struct SpiPool {
    random: Random,
    taken: Mutex<HashSet<EspSpi>>,
}

impl SpiPool {
    /// All SPIs are free.
    pub(crate) fn new(random: Random) -> Self {
        Self {
            random,
            taken: Mutex::default(),
        }
    }

    /// Takes a free SPI: unpredictable, so that nobody off the path can aim at one.
    pub(crate) fn allocate(&self) -> Option<EspSpi> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= MOST {
            return None;
        }
        for _ in 0..ATTEMPTS {
            let mut bytes = [0; 4];
            (self.random)(&mut bytes);
            let spi = EspSpi(u32::from_be_bytes(bytes));
            if spi.0 >= EspSpi::MIN && taken.insert(spi) {
                return Some(spi);
            }
        }
        None
    }

    /// Takes this one, whether it was free or not.
    pub(crate) fn reserve(&self, spi: EspSpi) {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(spi);
    }

    /// Whether somebody has it.
    pub(crate) fn is_taken(&self, spi: EspSpi) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.contains(&spi)
    }

    /// Gives it back.
    pub(crate) fn free(&self, spi: EspSpi) {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&spi);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// "Random" numbers in ascending order.
    fn counting_from(first: u32) -> SpiPool {
        let next = AtomicU32::new(first);
        SpiPool::new(Arc::new(move |buffer: &mut [u8]| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            buffer.copy_from_slice(&number.to_be_bytes());
        }))
    }

    #[test]
    fn reserved_values_are_never_chosen() {
        assert_eq!(
            counting_from(EspSpi::MIN - 2).allocate(),
            Some(EspSpi(EspSpi::MIN))
        );
    }

    #[test]
    fn each_is_given_once_until_freed() {
        let pool = counting_from(1000);
        pool.reserve(EspSpi(1001));
        assert_eq!(pool.allocate(), Some(EspSpi(1000)));
        assert_eq!(pool.allocate(), Some(EspSpi(1002)));
        let stuck = SpiPool::new(Arc::new(|buffer: &mut [u8]| buffer.fill(7)));
        let spi = stuck.allocate().unwrap();
        assert_eq!(
            stuck.allocate(),
            None,
            "a broken source of randomness ends in refusal"
        );
        stuck.free(spi);
        assert_eq!(stuck.allocate(), Some(spi));
    }
}

//! The anti-replay window (RFC 4303 section 3.4.3), kept as a ring of words that is advanced a word
//! at a time (RFC 6479), and the guess of the sequence number's high half (RFC 4303 appendix A).

/// Larger windows would cost more memory than any reordering is worth.
pub(crate) const MOST_WINDOW: u32 = 1 << 16;

/// Smaller windows are raised to this: batches of packets are reordered as a whole.
pub(crate) const LEAST_WINDOW: u32 = 1024;

/// Reach of the guess of the high half where no window limits it.
const UNLIMITED: u64 = 1 << 31;

const WORD: u64 = 64;

/// Which sequence numbers were seen.
#[derive(Debug)]
pub(crate) struct ReplayWindow {
    /// Packets that the window reaches back; 0 accepts everything.
    size: u64,
    /// Highest sequence number accepted; 0 before the first.
    top: u64,
    /// One bit a sequence number, a power of two of words.
    words: Box<[u64]>,
}

impl ReplayWindow {
    /// A window of this many packets; 0 turns the check off.
    pub(crate) fn new(size: u32) -> Self {
        let size = match size {
            0 => 0,
            size => u64::from(size.clamp(LEAST_WINDOW, MOST_WINDOW)),
        };
        // One word more than the window fills: the word of `top` is only partly used.
        let words = match size {
            0 => 0,
            size => (size.div_ceil(WORD) + 1).next_power_of_two(),
        };
        Self {
            size,
            top: 0,
            words: vec![0; words as usize].into(),
        }
    }

    /// The full sequence number of a packet that carries `low` of it: where it must be if it is
    /// neither older than the window nor 2^32 ahead (RFC 4303 appendix A2.2). `None` if that is
    /// nowhere.
    pub(crate) fn resolve(&self, low: u32, extended: bool) -> Option<u64> {
        if !extended {
            return Some(u64::from(low));
        }
        let window = if self.size == 0 { UNLIMITED } else { self.size };
        let (top_high, top_low) = (self.top >> 32, self.top & u64::from(u32::MAX));
        let low = u64::from(low);
        let high = if top_low >= window - 1 {
            // The window lies within one subspace.
            if low + window > top_low {
                top_high
            } else {
                top_high + 1
            }
        } else {
            // It began in the one before.
            let bottom = top_low + (1 << 32) - (window - 1);
            if low >= bottom {
                top_high.checked_sub(1)?
            } else {
                top_high
            }
        };
        u32::try_from(high)
            .ok()
            .map(|high| u64::from(high) << 32 | low)
    }

    /// Whether a packet with this number may be new. Says nothing about its authenticity, so it
    /// changes nothing.
    pub(crate) fn is_fresh(&self, sequence: u64) -> bool {
        // Senders start with 1 (RFC 4303 section 2.2).
        if sequence == 0 {
            return false;
        }
        if self.size == 0 || sequence > self.top {
            return true;
        }
        self.top - sequence < self.size && self.words[self.word(sequence)] & bit(sequence) == 0
    }

    /// Whether a packet with this number is newer than all that were accepted.
    pub(crate) fn is_newest(&self, sequence: u64) -> bool {
        sequence > self.top
    }

    /// Remembers the number of a packet that was fresh and authentic.
    pub(crate) fn accept(&mut self, sequence: u64) {
        if sequence > self.top {
            if self.size > 0 {
                let ahead = (sequence / WORD - self.top / WORD).min(self.words.len() as u64);
                for step in 1..=ahead {
                    let word = self.word(self.top + step * WORD);
                    self.words[word] = 0;
                }
            }
            self.top = sequence;
        }
        if self.size > 0 {
            let word = self.word(sequence);
            self.words[word] |= bit(sequence);
        }
    }

    fn word(&self, sequence: u64) -> usize {
        (sequence / WORD) as usize & (self.words.len() - 1)
    }

    /// A window that has seen nothing but `top`.
    #[cfg(test)]
    pub(crate) fn starting_at(size: u32, top: u64) -> Self {
        let mut window = Self::new(size);
        window.accept(top);
        window
    }
}

fn bit(sequence: u64) -> u64 {
    1 << (sequence % WORD)
}

//! The bare cipher: what ESP throughput cannot exceed on one core.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// The payload of a typical full packet.
const PACKET: usize = 1_400;
const ROUNDS: usize = 7;

/// AES-256-GCM sealing of 1,400 bytes in place, in megabits per second: the best of a few rounds.
pub(crate) fn megabits_per_second() -> f64 {
    let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key of 32 bytes");
    let key = LessSafeKey::new(key);
    let mut packet = vec![0_u8; PACKET];
    (0..ROUNDS)
        .map(|_| round(&key, &mut packet))
        .fold(0.0, f64::max)
}

fn round(key: &LessSafeKey, packet: &mut [u8]) -> f64 {
    let time = Duration::from_millis(100);
    let start = Instant::now();
    let mut packets = 0_u64;
    while start.elapsed() < time {
        for _ in 0..256 {
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&packets.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::from([0; 8]), packet);
            black_box(tag.expect("a packet short enough").as_ref());
            packets += 1;
        }
    }
    let bits = packets as f64 * (PACKET * 8) as f64;
    bits / start.elapsed().as_secs_f64() / 1e6
}

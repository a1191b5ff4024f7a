//! What each algorithm costs on this machine: key exchanges in milliseconds, packets of 1,400
//! octets in nanoseconds. `cargo run -p holdfast-ike --example algorithm_cost`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures time and prints it"
)]

use std::{hint::black_box, time::Instant};

use holdfast_ike::{
    EspKey, EspSuite, Secret,
    crypto::{AssociatedData, KeyPair, PacketCipher},
    proposal::{KeyExchangeUse, Proposal, Protocol, Transform, select_esp},
};

const METHODS: [&str; 14] = [
    "x25519",
    "ecp256",
    "ecp384",
    "ecp521",
    "mlkem512",
    "mlkem768",
    "mlkem1024",
    "modp1024",
    "modp1536",
    "modp2048",
    "modp3072",
    "modp4096",
    "modp6144",
    "modp8192",
];

const SUITES: [&str; 17] = [
    "aes128gcm16",
    "aes256gcm16",
    "chacha20poly1305",
    "aes192gcm16",
    "aes256gcm8",
    "aes128ccm16",
    "aes256ccm16",
    "aes128-sha1",
    "aes128-sha256",
    "aes256-sha256",
    "aes256-sha384",
    "aes256-sha512",
    "aes128ctr-sha256",
    "aes128-aesxcbc",
    "aes128-aescmac",
    "aes128ctr-aesxcbc",
    "null-sha256",
];

const PACKET: usize = 1400;

fn main() {
    println!(
        "{:<20} {:>12} {:>12}",
        "key exchange, ms", "generate", "agree"
    );
    for name in METHODS {
        let notation = format!("aes256gcm16-prfsha256-{name}");
        let proposal = Proposal::from_notation(&notation, Protocol::Ike).expect("a known method");
        let method = proposal
            .transforms
            .iter()
            .find_map(|transform| match transform {
                Transform::KeyExchange(method) => Some(*method),
                _ => None,
            });
        let method = method.expect("the proposal names one");
        let mut seed = 1_u8;
        let mut random = |buffer: &mut [u8]| {
            for octet in buffer {
                seed = seed.wrapping_mul(141).wrapping_add(7);
                *octet = seed;
            }
        };
        let pair = KeyPair::generate(method, &mut random).expect("a key pair");
        let answer = KeyPair::respond(method, pair.public(), &mut random).expect("an answer");
        let generate = time(20, || {
            black_box(KeyPair::generate(method, &mut random).expect("a key pair"));
        });
        let agree = time(20, || {
            black_box(pair.agree(&answer.public).expect("a secret"));
        });
        println!("{name:<20} {:>12.3} {:>12.3}", generate * 1e3, agree * 1e3);
    }
    println!("\n{:<20} {:>12} {:>12}", "1400 octets, ns", "seal", "open");
    for name in SUITES {
        let (seal, open) = packets(name);
        println!("{name:<20} {:>12.0} {:>12.0}", seal * 1e9, open * 1e9);
    }
}

/// Seconds to seal and to open a packet.
fn packets(notation: &str) -> (f64, f64) {
    let proposal = [Proposal::from_notation(notation, Protocol::Esp).expect("a known suite")];
    let suite = select_esp(&proposal, &proposal, KeyExchangeUse::Strip).expect("the same");
    let cipher = cipher(&suite.suite);
    let layout = cipher.layout();
    let text_len = PACKET.next_multiple_of(layout.block_len);
    let mut body = vec![0; layout.iv_len + text_len + layout.icv_len];
    let data = AssociatedData {
        before: &[0; 8],
        after: &[],
    };
    let mut counter = 0;
    let seal = time(500, || {
        counter += 1;
        cipher.seal(counter, data, black_box(&mut body));
    });
    let sealed = body.clone();
    // The copy is part of what is measured: some tens of nanoseconds.
    let open = time(500, || {
        body.copy_from_slice(&sealed);
        cipher
            .open(data, black_box(&mut body))
            .expect("what was sealed");
    });
    (seal, open)
}

/// A cipher with zeros for keys, of the lengths that fit.
fn cipher(suite: &EspSuite) -> PacketCipher {
    for encryption in 0..=36 {
        for integrity in [0, 16, 20, 32, 48, 64] {
            let key = EspKey {
                encryption: Secret::new(vec![0; encryption]),
                integrity: Secret::new(vec![0; integrity]),
            };
            if let Ok(cipher) = PacketCipher::for_esp(suite, &key) {
                return cipher;
            }
        }
    }
    panic!("no key fits {suite:?}");
}

/// Seconds for one run: the best of many short rounds, since other programs want the processor too.
fn time(runs: u32, mut work: impl FnMut()) -> f64 {
    let mut round = || {
        let start = Instant::now();
        let mut done = 0;
        while done < runs && (done == 0 || start.elapsed().as_millis() < 10) {
            work();
            done += 1;
        }
        start.elapsed().as_secs_f64() / f64::from(done)
    };
    (0..40).map(|_| round()).fold(f64::MAX, f64::min)
}

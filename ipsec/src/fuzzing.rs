//! Entries for fuzz targets: everything that reads what others sent, without sockets.

use std::io::IoSlice;

use holdfast_ike::{
    EspKey, EspSuite, Secret,
    proposal::{AdditionalKeyExchanges, EncryptionId},
};

use crate::{
    device::Offload,
    esp::{self, Cipher, Datagram, ReplayWindow},
    packet::{coalesce::Coalescer, ecn, header::Header, segment::Plan},
};

/// An arbitrary datagram on the NAT traversal port.
///
/// # Panics
///
/// If a forged packet is taken for authentic.
pub fn datagram(data: &[u8]) {
    let Datagram::Esp { sequence, .. } = esp::classify(data) else {
        return;
    };
    let cipher = cipher();
    for extended in [false, true] {
        let window = ReplayWindow::new(1024);
        let Some(sequence) = window.resolve(sequence, extended) else {
            continue;
        };
        if window.is_fresh(sequence) {
            let opened = esp::open(&cipher, sequence, extended, &mut data.to_vec());
            assert_eq!(opened, None, "nobody else has the key");
        }
    }
}

/// An arbitrary inner packet from an authenticated peer: sealed, opened, checked and joined.
///
/// # Panics
///
/// If the packet does not come out as it went in.
pub fn inner_packet(data: &[u8]) {
    let data = &data[..data.len().min(9000)];
    let cipher = cipher();
    let mut sealed = vec![0; cipher.sealed_len(data.len())];
    sealed[cipher.header()..][..data.len()].copy_from_slice(data);
    esp::seal(&cipher, 4096, 1, false, 4, data.len(), &mut sealed);
    let opened = esp::open(&cipher, 1, false, &mut sealed);
    let (range, _) = opened.expect("what was sealed opens");
    assert_eq!(&sealed[range.clone()], data);
    let Some(header) = Header::parse(&sealed[range.clone()]) else {
        return;
    };
    for outer in 0..4 {
        ecn::decapsulate(outer, &mut sealed[range.clone()]);
    }
    let packet = range.start..range.start + header.total;
    let mut delivered = 0;
    let mut coalescer = Coalescer::new(true, true);
    let mut sink = |_: Offload, parts: &[IoSlice<'_>]| {
        delivered += parts.iter().map(|part| part.len()).sum::<usize>();
        Ok(())
    };
    for _ in 0..3 {
        coalescer.push(&sealed, packet.clone(), &mut sink);
    }
    coalescer.flush(&sealed, &mut sink);
    assert!(delivered >= header.total && delivered <= 3 * header.total);
}

/// An arbitrary frame from the device. Its first octets choose the offload.
///
/// # Panics
///
/// If a packet is written beyond its length.
pub fn device_frame(data: &[u8]) {
    let Some(([kind, a0, a1, b0, b1], frame)) = data.split_first_chunk() else {
        return;
    };
    let (one, two) = (
        u16::from_be_bytes([*a0, *a1]),
        u16::from_be_bytes([*b0, *b1]),
    );
    let offload = match kind % 4 {
        0 => Offload::None,
        1 => Offload::Checksum {
            start: one,
            offset: two,
        },
        2 => Offload::TcpSegments { size: one },
        _ => Offload::UdpSegments { size: one },
    };
    let Some(header) = Header::parse(frame) else {
        return;
    };
    if let Some(plan) = Plan::new(frame, offload, &header) {
        let mut total = 0;
        for index in 0..plan.count() {
            let mut packet = vec![0; plan.length(index)];
            plan.write(frame, index, &mut packet);
            total += packet.len();
        }
        assert_eq!(total, plan.total());
    }
}

fn cipher() -> Cipher {
    let suite = EspSuite {
        encryption: EncryptionId::AES_GCM_16,
        key_bits: 128,
        integrity: None,
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: false,
    };
    let key = EspKey {
        encryption: Secret::new([0x5a; 20]),
        integrity: Secret::new([]),
    };
    Cipher::new(&suite, &key).expect("the key has the length of the cipher's")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_entries_hold(
            data in prop::collection::vec(any::<u8>(), 0..300),
            first in prop::sample::select(vec![0x45_u8, 0x46, 0x60]),
        ) {
            super::datagram(&data);
            super::device_frame(&data);
            let mut data = data;
            if let Some(octet) = data.first_mut() {
                *octet = first;
            }
            super::inner_packet(&data);
        }
    }
}

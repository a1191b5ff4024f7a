use proptest::prelude::*;

use super::*;
use crate::packet::{
    header::Header,
    segment::Plan,
    tests::{naive_checksum, tcp, udp},
};

/// What the device is handed for these packets.
fn join(packets: &[Vec<u8>], takes: bool) -> Vec<(Offload, Vec<u8>)> {
    let slab = packets.concat();
    let mut frames = Vec::new();
    let mut coalescer = Coalescer::new(takes, takes);
    let mut sink = |offload: Offload, parts: &[IoSlice<'_>]| {
        let frame = parts.iter().flat_map(|part| part.to_vec()).collect();
        frames.push((offload, frame));
        Ok(())
    };
    let mut start = 0;
    for packet in packets {
        coalescer.push(&slab, start..start + packet.len(), &mut sink);
        start += packet.len();
    }
    coalescer.flush(&slab, &mut sink);
    frames
}

/// What the frames are when they are cut again.
fn cut(frames: &[(Offload, Vec<u8>)]) -> Vec<Vec<u8>> {
    frames
        .iter()
        .flat_map(|(offload, frame)| {
            let header = Header::parse(frame).unwrap();
            let plan = Plan::new(frame, *offload, &header).unwrap();
            (0..plan.count()).map(move |index| {
                let mut packet = vec![0; plan.length(index)];
                plan.write(frame, index, &mut packet);
                packet
            })
        })
        .collect()
}

/// The same with the IPv4 identification blanked: joining does not keep it.
fn without_id(mut packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for packet in packets.iter_mut().filter(|packet| packet[0] == 0x45) {
        packet[4..6].fill(0);
        packet[10..12].fill(0);
    }
    packets
}

fn segments(v6: bool, count: usize, size: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|index| {
            tcp(
                v6,
                ACK,
                7 + (index * size) as u32,
                12,
                &vec![index as u8; size],
            )
        })
        .collect()
}

#[test]
fn a_run_of_segments_becomes_one_frame() {
    for v6 in [false, true] {
        let mut packets = segments(v6, 40, 1000);
        packets.push(tcp(v6, ACK | PSH, 7 + 40_000, 12, b"end"));
        let frames = join(&packets, true);
        assert_eq!(frames.len(), 1);
        let (offload, frame) = &frames[0];
        assert_eq!(*offload, Offload::TcpSegments { size: 1000 });
        if !v6 {
            assert_eq!(naive_checksum(&frame[..20]), [0, 0]);
        }
        assert_eq!(without_id(cut(&frames)), without_id(packets));
    }
}

#[test]
fn datagrams_are_joined_up_to_a_shorter_one() {
    let packets: Vec<_> = [1200, 1200, 1200, 50, 1200]
        .map(|size| udp(true, &vec![9; size]))
        .to_vec();
    let frames = join(&packets, true);
    let sizes: Vec<_> = frames.iter().map(|frame| frame.0).collect();
    assert_eq!(sizes, [Offload::UdpSegments { size: 1200 }, Offload::None]);
    assert_eq!(cut(&frames), packets);
}

#[test]
fn frames_stay_below_64_kib() {
    let packets = segments(false, 60, 1348);
    let frames = join(&packets, true);
    assert_eq!(frames.len(), 2);
    assert!(frames.iter().all(|(_, frame)| frame.len() <= 65_535));
    assert_eq!(without_id(cut(&frames)), without_id(packets));
}

#[test]
fn flows_are_joined_side_by_side() {
    let (one, two) = (segments(false, 4, 500), segments(true, 4, 700));
    let mixed: Vec<_> = one.into_iter().zip(two).flat_map(<[_; 2]>::from).collect();
    assert_eq!(join(&mixed, true).len(), 2);
}

#[test]
fn nothing_overtakes_within_a_flow() {
    // An acknowledgement without data between the data of the same flow.
    let mut packets = segments(false, 2, 300);
    packets.push(tcp(false, ACK, 607, 12, &[]));
    packets.extend(segments(false, 3, 300).drain(2..));
    let found = cut(&join(&packets, true));
    assert_eq!(without_id(found), without_id(packets));
}

#[test]
fn damaged_packets_stay_damaged() {
    let mut packets = segments(false, 3, 400);
    packets[1][60] ^= 1;
    let frames = join(&packets, true);
    assert!(
        frames
            .iter()
            .any(|(offload, frame)| { *offload == Offload::None && *frame == packets[1] })
    );
    assert_eq!(without_id(cut(&frames)), without_id(packets));
    // Also when it is the first.
    let mut packets = segments(false, 3, 400);
    packets[0][60] ^= 1;
    let frames = join(&packets, true);
    assert_eq!(frames[0], (Offload::None, packets[0].clone()));
}

#[test]
fn what_differs_is_not_joined() {
    let base = segments(false, 2, 400);
    let change = |at: usize, value: u8| {
        let mut packets = base.clone();
        packets[1][at] = value;
        join(&packets, true).len()
    };
    assert_eq!(join(&base, true).len(), 1);
    // TOS, TTL, don't-fragment, acknowledgement, window, an option, URG, FIN.
    for (at, value) in [
        (1, 4),
        (8, 63),
        (6, 0),
        (28, 1),
        (34, 0),
        (40, 2),
        (33, 0x30),
        (33, 0x11),
    ] {
        assert_eq!(change(at, value), 2, "octet {at}");
    }
    let gap = vec![base[0].clone(), tcp(false, ACK, 999, 12, &[1; 400])];
    assert_eq!(join(&gap, true).len(), 2);
    let longer = vec![base[0].clone(), tcp(false, ACK, 407, 12, &[1; 401])];
    assert_eq!(join(&longer, true).len(), 2);
}

#[test]
fn devices_that_take_no_frames_get_packets() {
    let packets = segments(false, 5, 400);
    let frames = join(&packets, false);
    assert_eq!(frames.len(), 5);
    assert_eq!(cut(&frames), packets);
}

#[test]
fn a_device_that_refuses_frames_gets_the_packets_after_all() {
    let packets = segments(false, 4, 400);
    let slab = packets.concat();
    let mut delivered = Vec::new();
    let mut sink = |offload: Offload, parts: &[IoSlice<'_>]| {
        if offload != Offload::None {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        delivered.push(
            parts
                .iter()
                .flat_map(|part| part.to_vec())
                .collect::<Vec<u8>>(),
        );
        Ok(())
    };
    let mut coalescer = Coalescer::new(true, true);
    let size = packets[0].len();
    for index in 0..4 {
        coalescer.push(&slab, index * size..(index + 1) * size, &mut sink);
    }
    coalescer.flush(&slab, &mut sink);
    assert!(!coalescer.tcp);
    assert_eq!(delivered, packets);
}

/// The checksum of one of these is zero, which only UDP writes in another way.
#[test]
fn a_checksum_of_zero_stays_as_it_is() {
    let size = 699;
    let packets: Vec<Vec<u8>> = (0..3)
        .map(|index| {
            let sequence = 1_362_126_890 + u32::try_from(index * size).unwrap();
            tcp(
                true,
                ACK,
                sequence,
                0,
                &vec![u8::try_from(index).unwrap(); size],
            )
        })
        .collect();
    assert!(packets.iter().any(|packet| packet[56..58] == [0, 0]));
    let frames = join(&packets, true);
    assert_eq!(frames.len(), 1);
    assert_eq!(cut(&frames), packets);
}

proptest! {
    #[test]
    fn joining_loses_and_invents_nothing(
        runs in prop::collection::vec((any::<bool>(), any::<bool>(), 1_usize..9, 1_usize..1500, any::<u32>()), 1..12),
        shuffle in any::<prop::sample::Index>(),
    ) {
        let mut packets = Vec::new();
        for (v6, is_tcp, count, size, sequence) in runs {
            for index in 0..count {
                let payload = vec![index as u8; size];
                packets.push(if is_tcp {
                    let sequence = sequence.wrapping_add((index * size) as u32);
                    tcp(v6, ACK, sequence, 0, &payload)
                } else {
                    udp(v6, &payload)
                });
            }
        }
        let at = shuffle.index(packets.len());
        packets.rotate_left(at);
        let mut expected = without_id(packets.clone());
        let mut found = without_id(cut(&join(&packets, true)));
        // Flows may change places with each other.
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn arbitrary_packets_pass_unchanged(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 20..100), 1..20),
    ) {
        let mut expected = packets.clone();
        let mut found: Vec<Vec<u8>> = join(&packets, true)
            .into_iter()
            .filter(|(offload, _)| *offload == Offload::None)
            .map(|(_, frame)| frame)
            .collect();
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
    }
}

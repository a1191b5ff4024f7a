use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;

fn framed(packet: &[u8]) -> Vec<u8> {
    let length = u32::try_from(packet.len()).unwrap();
    [&length.to_be_bytes(), packet].concat()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn the_greatest_length_is_accepted_and_no_greater_one() {
    let mut decoder = Decoder::default();
    decoder.push(&framed(&vec![7; MAX_LENGTH]));
    assert_eq!(
        decoder.next_packet().unwrap().map(<[u8]>::len),
        Some(MAX_LENGTH)
    );
    assert_eq!(decoder.next_packet(), Ok(None));

    for length in [u32::try_from(MAX_LENGTH).unwrap() + 1, u32::MAX] {
        let mut decoder = Decoder::default();
        decoder.push(&length.to_be_bytes());
        assert_eq!(decoder.next_packet(), Err(TooLong { length }));
        assert_eq!(decoder.next_packet(), Err(TooLong { length }), "for good");
    }
}

#[test]
fn announced_octets_take_no_memory() {
    let mut decoder = Decoder::default();
    decoder.push(&u32::try_from(MAX_LENGTH).unwrap().to_be_bytes());
    decoder.push(b"only this");
    assert_eq!(decoder.next_packet(), Ok(None));
    assert!(
        decoder.buffer.capacity() < 1024,
        "{}",
        decoder.buffer.capacity()
    );
}

#[test]
fn an_idle_connection_keeps_no_great_buffer() {
    let mut decoder = Decoder::default();
    decoder.push(&framed(&vec![0; MAX_LENGTH]));
    assert!(decoder.next_packet().unwrap().is_some());
    assert_eq!(decoder.next_packet(), Ok(None));
    assert!(decoder.buffer.capacity() <= READ);
}

#[test]
fn a_reader_grows_with_what_arrives() {
    block_on(async {
        let (mut ours, theirs) = tokio::io::duplex(64);
        let mut reader = Reader::new(theirs);
        ours.write_all(&u32::try_from(MAX_LENGTH).unwrap().to_be_bytes())
            .await
            .unwrap();
        ours.write_all(&[0; 50]).await.unwrap();
        let mut waiting = Box::pin(reader.next_packet());
        let pending = futures_poll(waiting.as_mut()).await;
        assert!(pending, "most of the packet is missing");
        drop(waiting);
        assert_eq!(reader.decoder.buffered(), 54);
        assert!(reader.decoder.buffer.capacity() <= 2 * READ);
    });
}

#[test]
fn a_dropped_read_loses_nothing() {
    block_on(async {
        let (mut ours, theirs) = tokio::io::duplex(64);
        let mut reader = Reader::new(theirs);
        let frame = framed(b"hello");
        for octet in &frame[..frame.len() - 1] {
            ours.write_all(&[*octet]).await.unwrap();
            let mut waiting = Box::pin(reader.next_packet());
            assert!(futures_poll(waiting.as_mut()).await);
        }
        ours.write_all(&frame[frame.len() - 1..]).await.unwrap();
        assert_eq!(reader.next_packet().await.unwrap(), Some(&b"hello"[..]));
    });
}

#[test]
fn the_end_of_the_stream() {
    block_on(async {
        for (octets, complete) in [
            (&b""[..], true),
            (&framed(b"x")[..], true),
            (b"\0\0", false),
            (b"\0\0\0\x05abcd", false),
        ] {
            let mut reader = Reader::new(octets);
            let end = loop {
                match reader.next_packet().await {
                    Ok(Some(_)) => {}
                    end => break end.map(|_| ()),
                }
            };
            match end {
                Ok(()) => assert!(complete, "{octets:02x?}"),
                Err(error) => {
                    assert!(matches!(error, FrameError::Incomplete), "{error}");
                    assert!(!complete, "{octets:02x?}");
                }
            }
        }
    });
}

/// Polls once; whether the future still waits.
async fn futures_poll<F: Future + Unpin>(mut future: F) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut future).poll(context).is_pending())
    })
    .await
}

proptest! {
    /// However the octets are cut, the same packets come out.
    #[test]
    fn pieces_do_not_matter(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..10),
        sizes in prop::collection::vec(1_usize..60, 1..20),
    ) {
        let stream: Vec<u8> = packets.iter().flat_map(|packet| framed(packet)).collect();
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at((*size).min(rest.len()));
            rest = left;
            decoder.push(piece);
            while let Some(packet) = decoder.next_packet().unwrap() {
                found.push(packet.to_vec());
            }
        }
        prop_assert_eq!(found, packets);
        prop_assert_eq!(decoder.buffered(), 0);
    }
}

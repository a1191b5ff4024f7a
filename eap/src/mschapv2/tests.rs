use proptest::prelude::*;

use super::message::{Message, authenticator_response, error_code};

#[test]
fn errors_and_proofs_are_found_in_texts() {
    assert_eq!(error_code(b"E=691 R=1 C=00 V=3 M=no"), Some(691));
    assert_eq!(error_code(b"M=nothing"), None);
    assert_eq!(error_code(b"E=99999999999"), None);
    let mut text = b"S=".to_vec();
    text.extend([b'a'; 40]);
    assert_eq!(authenticator_response(&text), Some([0xaa; 20]));
    text.truncate(41);
    assert_eq!(authenticator_response(&text), None);
}

proptest! {
    #[test]
    fn messages_are_read_as_written(id: u8, challenge: [u8; 16], name in proptest::collection::vec(any::<u8>(), 0..300)) {
        let nt_response = [challenge[0]; 24];
        let messages = [
            Message::Challenge { id, challenge, name: &name },
            Message::Response { id, peer_challenge: challenge, nt_response, name: &name },
            Message::Success { id, text: &name },
            Message::Failure { id, text: &name },
            Message::SuccessAck,
            Message::FailureAck,
        ];
        for message in messages {
            let octets = message.to_vec();
            prop_assert_eq!(Message::parse(&octets), Some(message));
        }
    }
}

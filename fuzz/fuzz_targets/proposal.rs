//! Proposal notation: what is read can be written, and reads the same again.
#![no_main]

use holdfast_ike::proposal::{Proposal, Protocol};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for protocol in [Protocol::Ike, Protocol::Esp] {
        if let Ok(proposal) = Proposal::from_notation(text, protocol) {
            let written = proposal.to_notation();
            let again = Proposal::from_notation(&written, protocol);
            assert_eq!(again.as_ref(), Ok(&proposal), "{written}");
        }
    }
});

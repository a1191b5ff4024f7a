//! Tickets for session resumption: as they come back, and what is inside.
#![no_main]

use holdfast_ike::sa::resumption::{TicketContent, Tickets};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let now = std::time::Instant::now();
    let mut tickets = Tickets::default();
    if let Ok(content) = TicketContent::read(input) {
        assert_eq!(TicketContent::read(&content.write()).as_ref(), Ok(&content));
        let life = std::time::Duration::from_secs(60);
        let sealed = tickets.seal(&content, life, now, &mut |buffer| buffer.fill(7));
        let opened = tickets.open(&sealed.expect("the key is good"), now);
        assert_eq!(opened.expect("it is ours").content, content);
    }
    // Nobody guesses a tag.
    assert!(tickets.open(input, now).is_none());
});

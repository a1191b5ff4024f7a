//! Identities: as configured, and as received. The first octet of the input is the ID type of the
//! latter.
#![no_main]

use holdfast_ike::Identification;
use libfuzzer_sys::fuzz_target;

fn check(id: &Identification) {
    assert!(!id.to_string().contains(char::is_control));
    let body = id.body();
    assert_eq!(
        Identification::parse(id.id_type(), &body[4..]).as_ref(),
        Ok(id)
    );
}

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = str::from_utf8(input)
        && let Ok(id) = Identification::from_config(text)
    {
        check(&id);
    }
    if let Some((id_type, data)) = input.split_first()
        && let Ok(id) = Identification::parse(*id_type, data)
    {
        assert_eq!(&id.body()[4..], data);
        check(&id);
    }
});

//! Additional key exchanges (RFC 9370).

use super::*;

#[test]
fn additional_key_exchanges() {
    let hybrid = ike("aes256gcm16-prfsha384-x25519-KE1_mlkem768-ke1_mlkem1024-ke3_ecp384-ke3_none");
    let slot = |number| Slot::new(number).unwrap();
    assert_eq!(
        hybrid.transforms[3..],
        [
            Transform::AdditionalKeyExchange(slot(1), KeyExchangeMethod::ML_KEM_768),
            Transform::AdditionalKeyExchange(slot(1), KeyExchangeMethod::ML_KEM_1024),
            Transform::AdditionalKeyExchange(slot(3), KeyExchangeMethod::ECP_384),
            Transform::AdditionalKeyExchange(slot(3), KeyExchangeMethod::NONE),
        ]
    );
    assert_eq!(
        hybrid.to_notation(),
        "aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_mlkem1024-ke3_ecp384-ke3_none"
    );
    assert_eq!(
        ike("aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_ecp384").to_string(),
        "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519/KE1_ML_KEM_768/KE2_ECP_384"
    );
    assert_eq!(
        esp("aes256gcm16-x25519-ke1_mlkem768").to_string(),
        "ESP:AES_GCM_16_256/CURVE_25519/KE1_ML_KEM_768/NO_EXT_SEQ"
    );
    assert_eq!(
        ike("aes256gcm16-prfsha384-x25519-ke1_modp1024")
            .weak()
            .count(),
        0
    );
}

#[test]
fn additional_key_exchanges_that_cannot_be() {
    assert!(
        refused("aes256gcm16-ke1_mlkem768", Protocol::Esp)
            .starts_with("additional key exchanges come after a first one: add one of x25519,")
    );
    for repeated in [
        "aes256gcm16-x25519-ke1_x25519",
        "aes256gcm16-x25519-ke1_mlkem768-ke2_mlkem768",
    ] {
        assert_eq!(
            refused(repeated, Protocol::Esp),
            "no key exchange method may be used twice: change one, or let one be left out by \
             `keN_none`"
        );
    }
    esp("aes256gcm16-x25519-ke1_x25519-ke1_none");
}

//! What this build can do, what it warns of, and what it knows by name only.

use super::*;

#[test]
fn weak_algorithms_are_named() {
    let weak = |proposal: Proposal| proposal.weak().collect::<Vec<_>>();
    assert_eq!(
        weak(ike("aes128-aes256-sha1-sha256-modp1024-modp1536-modp2048")),
        ["prfsha1", "sha1", "modp1024", "modp1536"]
    );
    assert_eq!(weak(esp("null-sha256")), ["null"]);
    assert_eq!(
        weak(ike("3des-md5-modp1024")),
        ["3des", "prfmd5", "md5", "modp1024"]
    );
    assert_eq!(weak(esp("3des-md5")), ["3des", "md5"]);
    assert_eq!(weak(ike("aes256-sha256-modp2048")), [""; 0]);
}

#[test]
fn unsupported_algorithms_are_refused_by_name() {
    let ciphers = "is not supported by this build; supported: aes256gcm16, chacha20poly1305, \
                   aes192gcm16, aes128gcm16, ";
    for (notation, name) in [
        ("cast128-sha256-modp2048", "cast128"),
        ("camellia256-sha256-modp2048", "camellia256"),
        ("camellia256ccm16-prfsha256-x25519", "camellia256ccm16"),
    ] {
        let message = refused(notation, Protocol::Ike);
        assert!(
            message.starts_with(&format!("cipher `{name}` {ciphers}")),
            "{message}"
        );
        assert!(!message.contains("null"), "nothing weak: {message}");
    }
    assert_eq!(
        refused("aes256-sha256_96-modp2048", Protocol::Ike),
        "integrity algorithm `sha256_96` is not supported by this build; \
         supported: sha512, sha384, sha256, aescmac, aesxcbc"
    );
    let methods = "supported: x25519, ecp384, ecp521, ecp256, mlkem768, mlkem1024, mlkem512, \
                   modp8192, modp6144, modp4096, modp3072, modp2048";
    let by_openssl = if cfg!(feature = "openssl") {
        ", x448, ecp512bp, ecp384bp, ecp256bp"
    } else {
        ""
    };
    assert_eq!(
        refused("aes256gcm16-prfsha384-modp2048s256", Protocol::Ike),
        format!(
            "key exchange method `modp2048s256` is not supported by this build; \
             {methods}{by_openssl}"
        )
    );
    assert_eq!(
        refused("aes256gcm16-ecp224bp", Protocol::Esp),
        format!(
            "key exchange method `ecp224bp` is not supported by this build; \
             {methods}, modpnone{by_openssl}"
        )
    );
    assert_eq!(
        refused("aes256gcm16-prfcamelliaxcbc-x25519", Protocol::Ike),
        "pseudo-random function `prfcamelliaxcbc` is not supported by this build; \
         supported: prfsha512, prfsha384, prfsha256, prfaescmac, prfaesxcbc"
    );
    assert_eq!(
        refused("aes256gcm16-x25519-ke1_ecp224bp", Protocol::Esp),
        format!(
            "additional key exchange `ecp224bp` is not supported by this build; \
             {methods}{by_openssl}"
        )
    );
    for token in [
        "ke0_none",
        "ke8_none",
        "ke1_aes256",
        "ke1",
        "ke_none",
        "ke1_modpnone",
    ] {
        let message = refused(&format!("aes256gcm16-{token}"), Protocol::Esp);
        assert!(message.starts_with("unknown algorithm"), "{message}");
    }
}

/// What only OpenSSL has is there with the feature, and without it the feature is the remedy.
#[test]
fn what_needs_a_feature_says_so() {
    for (notation, what) in [
        (
            "aes256gcm16-prfsha384-curve448",
            "key exchange method `curve448`",
        ),
        (
            "aes256gcm16-prfsha384-x25519-ke1_ecp256bp",
            "additional key exchange `ecp256bp`",
        ),
    ] {
        let read = Proposal::from_notation(notation, Protocol::Ike);
        if cfg!(feature = "openssl") {
            assert!(read.is_ok(), "{read:?}");
        } else {
            assert_eq!(
                read.unwrap_err().to_string(),
                format!("{what} needs a holdfast that was built with `--features openssl`")
            );
        }
    }
}

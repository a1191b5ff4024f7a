//! The notation of proposals in configurations: strongSwan's keywords joined by hyphens.

use super::{
    EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Proposal, ProposalSpi, Protocol,
    Transform, default_esp, default_ike,
    keywords::{self, Keyword, Kind},
};

/// Why a proposal cannot be read. The message says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    /// There is nothing, or nothing between two hyphens.
    #[error("an algorithm is missing: write keywords joined by single hyphens, as in {example}")]
    Empty {
        /// A proposal that can be read.
        example: &'static str,
    },
    /// More than one proposal.
    #[error("`{token}` holds a comma: write each proposal as a string of its own")]
    SeveralProposals {
        /// Where the comma is.
        token: String,
    },
    /// Not a keyword.
    #[error("unknown algorithm `{token}`{}", did_you_mean(*.suggestion))]
    Unknown {
        /// The word.
        token: String,
        /// What was probably meant.
        suggestion: Option<&'static str>,
    },
    /// A keyword that this build knows by name only.
    #[error("{what} `{token}` is not supported by this build; supported: {}", .supported.join(", "))]
    Unsupported {
        /// The keyword.
        token: String,
        /// What kind of algorithm it is.
        what: &'static str,
        /// Keywords that could stand in its place.
        supported: Vec<&'static str>,
    },
    /// A keyword for which this build lacks a cargo feature.
    #[error("{what} `{token}` needs a holdfast that was built with `--features {feature}`")]
    NeedsFeature {
        /// The keyword.
        token: String,
        /// What kind of algorithm it is.
        what: &'static str,
        /// The feature.
        feature: &'static str,
    },
    /// An additional key exchange (RFC 9370) without a first one.
    #[error("additional key exchanges come after a first one: add one of {}", .supported.join(", "))]
    NothingToAddTo {
        /// Keywords to choose from.
        supported: Vec<&'static str>,
    },
    /// No choice among the methods is without one that would be used twice.
    #[error(
        "no key exchange method may be used twice: change one, or let one be left out by `keN_none`"
    )]
    RepeatedMethod,
    /// A keyword that has no place in a proposal for this protocol.
    #[error("{what} `{token}` has no place in a proposal for {protocol}: remove it")]
    Misplaced {
        /// The keyword.
        token: String,
        /// What kind of algorithm it is.
        what: &'static str,
        /// What the proposal is for.
        protocol: Protocol,
    },
    /// An integrity algorithm beside a cipher that needs none (RFC 5282 section 8).
    #[error(
        "`{cipher}` protects integrity itself and cannot be combined with `{token}`: remove it{}",
        did_you_mean_prf(*.prf)
    )]
    IntegrityWithAead {
        /// The integrity algorithm's keyword.
        token: String,
        /// The cipher's keyword.
        cipher: String,
        /// The pseudo-random function with the same hash function, where the proposal needs one.
        prf: Option<&'static str>,
    },
    /// A cipher that protects integrity itself beside one that does not (RFC 7296 section 3.3).
    #[error(
        "`{aead}` protects integrity itself and `{cipher}` does not: make two proposals of them"
    )]
    MixedCiphers {
        /// The keyword of the one.
        aead: String,
        /// The keyword of the other.
        cipher: String,
    },
    /// A cipher without the integrity algorithm that it needs.
    #[error("`{cipher}` does not protect integrity itself: add one of {}", .supported.join(", "))]
    MissingIntegrity {
        /// The cipher's keyword.
        cipher: String,
        /// Keywords to choose from.
        supported: Vec<&'static str>,
    },
    /// A kind of algorithm that every proposal for this protocol needs.
    #[error("a proposal for {protocol} needs a {what}: add one of {}", .supported.join(", "))]
    Missing {
        /// What the proposal is for.
        protocol: Protocol,
        /// The kind of algorithm.
        what: &'static str,
        /// Keywords to choose from.
        supported: Vec<&'static str>,
    },
    /// AH.
    #[error("proposals for {0} are not supported by this build")]
    Protocol(Protocol),
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |suggestion| {
        format!("; did you mean `{suggestion}`?")
    })
}

fn did_you_mean_prf(prf: Option<&str>) -> String {
    prf.map_or_else(String::new, |prf| {
        format!(", or write `{prf}` for the pseudo-random function")
    })
}

impl Proposal {
    /// Reads an element of a list of proposals: a proposal, or `default`, which stands for those of
    /// [`default_ike`] or [`default_esp`]. Their numbers begin with 1.
    pub fn list_from_notation(
        notation: &str,
        protocol: Protocol,
    ) -> Result<Vec<Self>, NotationError> {
        match protocol {
            Protocol::Ike if notation.eq_ignore_ascii_case("default") => Ok(default_ike()),
            Protocol::Esp if notation.eq_ignore_ascii_case("default") => Ok(default_esp()),
            _ => Self::from_notation(notation, protocol).map(|proposal| vec![proposal]),
        }
    }

    /// Reads a proposal such as `aes256gcm16-prfsha384-x25519` or `aes256-sha256-modp2048`; several
    /// algorithms of one kind are alternatives in order of preference. Where an IKE proposal names
    /// no pseudo-random function, those with the hash functions of its integrity algorithms are
    /// meant.
    pub fn from_notation(notation: &str, protocol: Protocol) -> Result<Self, NotationError> {
        if protocol == Protocol::Ah {
            return Err(NotationError::Protocol(protocol));
        }
        let keywords = notation
            .split('-')
            .map(|token| read(token, protocol))
            .collect::<Result<Vec<_>, _>>()?;
        check_combination(&keywords, protocol)?;
        let mut transforms = Vec::with_capacity(keywords.len());
        for keyword in &keywords {
            let transform = check_usable(*keyword, protocol)?;
            if !transforms.contains(&transform) {
                transforms.push(transform);
            }
        }
        if protocol == Protocol::Ike && !has(&keywords, Kind::Prf) {
            let implied: Vec<_> = transforms.iter().copied().filter_map(implied_prf).collect();
            transforms.extend(implied);
        }
        // RFC 7296 section 3.3.3: every ESP proposal says how long its sequence numbers are.
        if protocol == Protocol::Esp && !has(&keywords, Kind::SequenceNumbers) {
            transforms.push(Transform::ExtendedSequenceNumbers(false));
        }
        transforms.sort_by_key(Transform::transform_type);
        check_complete(&keywords, protocol)?;
        let proposal = Self {
            number: 1,
            protocol,
            spi: ProposalSpi::None,
            transforms,
        };
        if has(&keywords, Kind::AdditionalKeyExchange) && !proposal.can_be_chosen() {
            return Err(NotationError::RepeatedMethod);
        }
        Ok(proposal)
    }

    /// The keywords for this proposal. What no keyword of this build stands for is put in angle
    /// brackets, and then the result cannot be read again.
    pub fn to_notation(&self) -> String {
        let words: Vec<String> = self
            .transforms
            .iter()
            .map(|transform| {
                keywords::word_for(*transform).unwrap_or_else(|| format!("<{transform}>"))
            })
            .collect();
        words.join("-")
    }
}

/// The pseudo-random function made of the same hash function or cipher.
fn implied_prf(transform: Transform) -> Option<Transform> {
    let Transform::Integrity(integrity) = transform else {
        return None;
    };
    let prf = match integrity {
        IntegrityId::HMAC_MD5_96 => PrfId::HMAC_MD5,
        IntegrityId::HMAC_SHA1_96 => PrfId::HMAC_SHA1,
        IntegrityId::HMAC_SHA2_256_128 => PrfId::HMAC_SHA2_256,
        IntegrityId::HMAC_SHA2_384_192 => PrfId::HMAC_SHA2_384,
        IntegrityId::HMAC_SHA2_512_256 => PrfId::HMAC_SHA2_512,
        IntegrityId::AES_XCBC_96 => PrfId::AES128_XCBC,
        IntegrityId::AES_CMAC_96 => PrfId::AES128_CMAC,
        _ => return None,
    };
    Some(Transform::Prf(prf))
}

fn read(token: &str, protocol: Protocol) -> Result<Keyword, NotationError> {
    if token.trim().is_empty() {
        let example = match protocol {
            Protocol::Ike => "aes256gcm16-prfsha384-x25519",
            Protocol::Esp | Protocol::Ah => "aes256gcm16-x25519",
        };
        return Err(NotationError::Empty { example });
    }
    if token.contains(',') {
        return Err(NotationError::SeveralProposals {
            token: token.to_owned(),
        });
    }
    let additional = || keywords::find_additional(token.trim());
    keywords::find(token.trim())
        .or_else(additional)
        .ok_or_else(|| NotationError::Unknown {
            token: token.to_owned(),
            suggestion: keywords::suggest(token.trim()),
        })
}

/// AEAD ciphers exclude others and integrity algorithms. Said first, because it stays true whatever
/// this build can do.
fn check_combination(keywords: &[Keyword], protocol: Protocol) -> Result<(), NotationError> {
    let Some(cipher) = find(keywords, Kind::Aead) else {
        return Ok(());
    };
    if let Some(other) = find(keywords, Kind::Encryption) {
        return Err(NotationError::MixedCiphers {
            aead: cipher.name.to_owned(),
            cipher: other.name.to_owned(),
        });
    }
    let Some(integrity) = find(keywords, Kind::Integrity) else {
        return Ok(());
    };
    let needs_prf = protocol == Protocol::Ike && !has(keywords, Kind::Prf);
    let prf = needs_prf.then_some(integrity.name).and_then(|name| {
        keywords::supported(Kind::Prf)
            .into_iter()
            .find(|prf| prf.strip_prefix("prf") == Some(name))
    });
    Err(NotationError::IntegrityWithAead {
        token: integrity.name.to_owned(),
        cipher: cipher.name.to_owned(),
        prf,
    })
}

/// The transform, if this build has it and the protocol has a place for it.
fn check_usable(keyword: Keyword, protocol: Protocol) -> Result<Transform, NotationError> {
    let token = keyword.name.to_owned();
    let what = keyword.kind.describe();
    // IKE needs a key exchange, ESP only may have one (RFC 7296 section 3.3.3).
    let misplaced = match (protocol, keyword.kind) {
        (Protocol::Ike, Kind::SequenceNumbers) | (Protocol::Esp, Kind::Prf) => true,
        (Protocol::Ike, Kind::KeyExchange) => {
            keyword.transform == Some(Transform::KeyExchange(KeyExchangeMethod::NONE))
        }
        // RFC 7296 section 3.3.2: not to be used with IKE, whose messages must be encrypted.
        (Protocol::Ike, Kind::Encryption) => {
            keyword.transform == Some(Transform::Encryption(EncryptionId::NULL, None))
        }
        _ => false,
    };
    if misplaced {
        return Err(NotationError::Misplaced {
            token,
            what,
            protocol,
        });
    }
    keyword.transform.ok_or_else(|| match keyword.feature {
        Some(feature) => NotationError::NeedsFeature {
            token,
            what,
            feature,
        },
        None => NotationError::Unsupported {
            token,
            what,
            supported: choices(keyword.kind, protocol),
        },
    })
}

fn check_complete(keywords: &[Keyword], protocol: Protocol) -> Result<(), NotationError> {
    let missing = |kind: Kind| {
        Err(NotationError::Missing {
            protocol,
            what: kind.describe(),
            supported: choices(kind, protocol),
        })
    };
    let integrity = has(keywords, Kind::Integrity);
    match find(keywords, Kind::Encryption) {
        Some(cipher) if !integrity => {
            return Err(NotationError::MissingIntegrity {
                cipher: cipher.name.to_owned(),
                supported: choices(Kind::Integrity, protocol),
            });
        }
        None if !has(keywords, Kind::Aead) => return missing(Kind::Aead),
        _ => {}
    }
    if protocol == Protocol::Ike && !integrity && !has(keywords, Kind::Prf) {
        return missing(Kind::Prf);
    }
    if protocol == Protocol::Ike && !has(keywords, Kind::KeyExchange) {
        return missing(Kind::KeyExchange);
    }
    if has(keywords, Kind::AdditionalKeyExchange) && !has(keywords, Kind::KeyExchange) {
        return Err(NotationError::NothingToAddTo {
            supported: choices(Kind::KeyExchange, protocol),
        });
    }
    Ok(())
}

/// Keywords of this kind that a proposal for this protocol may hold.
fn choices(kind: Kind, protocol: Protocol) -> Vec<&'static str> {
    let mut names = keywords::supported(kind);
    let optional = protocol != Protocol::Ike && kind == Kind::KeyExchange;
    names.retain(|name| optional || *name != "modpnone");
    names
}

fn find(keywords: &[Keyword], kind: Kind) -> Option<&Keyword> {
    keywords.iter().find(|keyword| keyword.kind == kind)
}

fn has(keywords: &[Keyword], kind: Kind) -> bool {
    find(keywords, kind).is_some()
}

#[cfg(test)]
pub(crate) mod tests;

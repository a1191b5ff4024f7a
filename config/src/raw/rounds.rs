//! The authentication rounds of one end: a table, or several in an array (RFC 4739).

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Inherit, RawAuth};

/// The rounds of one end.
#[derive(Clone, Debug, Default)]
pub(crate) enum RawRounds {
    #[default]
    None,
    One(Box<RawAuth>),
    Several(Vec<RawAuth>),
}

impl RawAuth {
    /// A round of which nothing is said.
    pub(crate) const NONE: Self = Self {
        auth: None,
        id: None,
        eap_id: None,
        aaa_id: None,
        certs: None,
        cacerts: None,
        pubkeys: None,
        ca_id: None,
        cert_policy: None,
        revocation: None,
    };
}

impl Inherit for RawRounds {
    /// One round inherits from one round, key by key. Several are what they are.
    fn inherit(&mut self, defaults: &Self) {
        match (&mut *self, defaults) {
            (Self::None, _) => self.clone_from(defaults),
            (Self::One(round), Self::One(defaults)) => round.inherit(defaults),
            _ => {}
        }
    }
}

struct RoundsVisitor;

impl<'de> Visitor<'de> for RoundsVisitor {
    type Value = RawRounds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a table such as { auth = \"psk\", id = \"gw.example\" }, or several in an array",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawRounds, A::Error> {
        let round = RawAuth::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RawRounds::One(Box::new(round)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rounds: A) -> Result<RawRounds, A::Error> {
        let mut all = Vec::new();
        while let Some(round) = rounds.next_element()? {
            all.push(round);
        }
        Ok(RawRounds::Several(all))
    }
}

impl<'de> Deserialize<'de> for RawRounds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RoundsVisitor)
    }
}

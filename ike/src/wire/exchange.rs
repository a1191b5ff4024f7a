//! Exchange types (RFC 7296 section 3.1).

use std::fmt;

/// What an exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeType {
    /// 34
    IkeSaInit,
    /// 35
    IkeAuth,
    /// 36
    CreateChildSa,
    /// 37
    Informational,
    /// 38 (RFC 5723)
    IkeSessionResume,
    /// 43 (RFC 9242)
    IkeIntermediate,
    /// 44 (RFC 9370)
    IkeFollowupKe,
    /// Any other, by number; never one of those above.
    Other(u8),
}

impl ExchangeType {
    /// Whether its messages are not protected, because it is the first one of an IKE_SA.
    pub fn begins_ike_sa(self) -> bool {
        matches!(self, Self::IkeSaInit | Self::IkeSessionResume)
    }
}

impl From<u8> for ExchangeType {
    fn from(value: u8) -> Self {
        match value {
            34 => Self::IkeSaInit,
            35 => Self::IkeAuth,
            36 => Self::CreateChildSa,
            37 => Self::Informational,
            38 => Self::IkeSessionResume,
            43 => Self::IkeIntermediate,
            44 => Self::IkeFollowupKe,
            other => Self::Other(other),
        }
    }
}

impl From<ExchangeType> for u8 {
    fn from(exchange: ExchangeType) -> Self {
        match exchange {
            ExchangeType::IkeSaInit => 34,
            ExchangeType::IkeAuth => 35,
            ExchangeType::CreateChildSa => 36,
            ExchangeType::Informational => 37,
            ExchangeType::IkeSessionResume => 38,
            ExchangeType::IkeIntermediate => 43,
            ExchangeType::IkeFollowupKe => 44,
            ExchangeType::Other(other) => other,
        }
    }
}

impl fmt::Display for ExchangeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IkeSaInit => "IKE_SA_INIT",
            Self::IkeAuth => "IKE_AUTH",
            Self::CreateChildSa => "CREATE_CHILD_SA",
            Self::Informational => "INFORMATIONAL",
            Self::IkeSessionResume => "IKE_SESSION_RESUME",
            Self::IkeIntermediate => "IKE_INTERMEDIATE",
            Self::IkeFollowupKe => "IKE_FOLLOWUP_KE",
            Self::Other(other) => return write!(f, "({other})"),
        })
    }
}

//! How much of anything one message may carry. What legitimate peers send is far below.

/// Payloads in one message or in the content of one Encrypted payload.
pub const PAYLOADS: usize = 64;
/// Proposals in one Security Association payload.
pub const PROPOSALS: usize = 64;
/// Transforms in one proposal.
pub const TRANSFORMS: usize = 128;
/// Selectors in one Traffic Selector payload: its count is one octet.
pub const SELECTORS: usize = 255;
/// Attributes in one Configuration payload.
pub const CONFIGURATION_ATTRIBUTES: usize = 255;

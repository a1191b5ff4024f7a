//! Pools: addresses for peers that ask for one (RFC 7296 section 2.19), and what else those are
//! told.

mod attribute;
mod range;

use holdfast_ike::configuration::Attribute;

pub use attribute::{AttributeError, parse_attribute};
pub use range::AddressRange;

/// Attributes that one pool may have: a message to a peer has no room for more.
pub const MOST_ATTRIBUTES: usize = 256;

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its addresses.
    pub range: AddressRange,
    /// What whoever has one of them is told.
    pub attributes: Vec<Attribute>,
}

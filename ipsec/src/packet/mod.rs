//! Inner IP packets: what the data plane must know of them and do to them.

pub(crate) mod checksum;
pub(crate) mod coalesce;
pub(crate) mod ecn;
pub(crate) mod header;
pub(crate) mod segment;

#[cfg(test)]
pub(crate) mod tests;

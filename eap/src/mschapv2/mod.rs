//! EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2): MS-CHAPv2 (RFC 2759) inside EAP, with a key made
//! as in RFC 3079. Passwords are not changed here: a server that asks for it has refused.

mod authenticator;
mod hash;
mod message;
mod peer;

pub use hash::NtHash;

pub(crate) use authenticator::{Authenticator, Progress};
pub(crate) use peer::{Peer, Reply};

#[cfg(test)]
mod tests;

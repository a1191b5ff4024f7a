//! A sans-IO implementation of EAP (RFC 3748) in both roles, peer and authenticator, with the
//! methods EAP-MSCHAPv2 and EAP-TLS, and a RADIUS client (RFC 2865, RFC 3579) for authenticators
//! that leave the decision to somebody else.
//!
//! Octets go in, octets and a verdict come out. This crate must not know what carries EAP (IKEv2,
//! 802.1X, PPP), nor sockets, files, runtimes or where credentials are kept. Time is an argument,
//! and so are random octets, but for those of the TLS library.
//!
//! A conversation is a [`Peer`] or an [`Authenticator`]; each packet of the other side gives a
//! [`Step`]. What arrives may be anything: parsing never panics, and takes memory in proportion to
//! the input, of which there is a most.
//!
//! ```
//! use holdfast_eap::{Authenticator, AuthenticatorMethod, NtHash, Peer, PeerMethod, Step};
//!
//! let fill = |octets: &mut [u8]| octets.fill(7); // take them from a real source
//! let hash = NtHash::of("open sesame");
//! let method = PeerMethod::MsChapV2 { username: b"ali".to_vec(), hash: hash.clone() };
//! let mut peer = Peer::new(b"ali".to_vec(), vec![method]);
//! let lookup = Box::new(move |user: &[u8]| (user == b"ali").then(|| hash.clone()));
//! let method = AuthenticatorMethod::MsChapV2 { name: b"cave".to_vec(), hashes: lookup };
//! let mut server = Authenticator::new(None, vec![method]);
//!
//! let mut to_peer = server.start(&mut { fill });
//! let success = loop {
//!     let from_peer = match peer.handle(&to_peer, &mut { fill }) {
//!         Step::Send(packet) => packet,
//!         Step::Done { result, .. } => break result.unwrap(),
//!         Step::Discard(why) => panic!("{why}"),
//!     };
//!     to_peer = match server.handle(&from_peer, &mut { fill }) {
//!         Step::Send(packet) => packet,
//!         Step::Done { packet, .. } => packet.unwrap(),
//!         Step::Discard(why) => panic!("{why}"),
//!     };
//! };
//! assert_eq!(success.msk.octets().len(), 64);
//! ```

// clippy.toml bans clocks, files and sockets here; tests need a first instant.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod authenticator;
pub mod fuzz;
mod mschapv2;
mod outcome;
pub mod packet;
mod peer;
pub mod radius;
pub mod tls;

pub use authenticator::{Authenticator, AuthenticatorMethod, Hashes};
pub use mschapv2::NtHash;
pub use outcome::{Discard, Failure, Msk, Random, Step, Success};
pub use packet::{Packet, Type};
pub use peer::{Peer, PeerMethod};

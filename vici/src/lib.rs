//! The VICI control protocol: codec, client and server framing.

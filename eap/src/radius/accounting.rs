//! Accounting (RFC 2866).

use std::{net::IpAddr, time::Duration};

use super::{Code, Kind, Nas, Template};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The session begins.
    Start,
    /// It ends, for this reason (Acct-Terminate-Cause).
    Stop {
        /// The number of the cause.
        cause: u32,
    },
    /// It goes on.
    Interim,
}

/// What a session carried, as seen by us: input is from the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Octets from the peer.
    pub input_octets: u64,
    /// Octets to the peer.
    pub output_octets: u64,
    /// Packets from the peer.
    pub input_packets: u64,
    /// Packets to the peer.
    pub output_packets: u64,
}

/// The session that is accounted.
#[derive(Clone, Debug, Default)]
pub struct Accounting {
    /// Who we are.
    pub nas: Nas,
    /// What tells it from other sessions.
    pub session_id: String,
    /// The user.
    pub user_name: Vec<u8>,
    /// What the server wants back.
    pub classes: Vec<Vec<u8>>,
    /// The addresses that the peer has.
    pub addresses: Vec<IpAddr>,
}

impl Accounting {
    /// The request that tells a server.
    pub fn request(&self, status: Status, duration: Duration, traffic: Traffic) -> Template {
        const RADIUS: u32 = 1;
        let mut request = Template::new(Code::ACCOUNTING_REQUEST);
        let number = match status {
            Status::Start => 1,
            Status::Stop { .. } => 2,
            Status::Interim => 3,
        };
        request.push_number(Kind::ACCT_STATUS_TYPE, number);
        request.push(Kind::ACCT_SESSION_ID, self.session_id.as_bytes());
        request.push_number(Kind::ACCT_AUTHENTIC, RADIUS);
        request.push(Kind::USER_NAME, &self.user_name);
        self.nas.describe(&mut request);
        for class in &self.classes {
            request.push(Kind::CLASS, class);
        }
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => request.push(Kind::FRAMED_IP_ADDRESS, &address.octets()),
                IpAddr::V6(address) => request.push(Kind::FRAMED_IPV6_ADDRESS, &address.octets()),
            };
        }
        if status == Status::Start {
            return request;
        }
        let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        request.push_number(Kind::ACCT_SESSION_TIME, seconds);
        for (low, high, octets) in [
            (
                Kind::ACCT_INPUT_OCTETS,
                Kind::ACCT_INPUT_GIGAWORDS,
                traffic.input_octets,
            ),
            (
                Kind::ACCT_OUTPUT_OCTETS,
                Kind::ACCT_OUTPUT_GIGAWORDS,
                traffic.output_octets,
            ),
        ] {
            request.push_number(low, octets as u32);
            request.push_number(high, (octets >> 32) as u32);
        }
        request.push_number(Kind::ACCT_INPUT_PACKETS, traffic.input_packets as u32);
        request.push_number(Kind::ACCT_OUTPUT_PACKETS, traffic.output_packets as u32);
        if let Status::Stop { cause } = status {
            request.push_number(Kind::ACCT_TERMINATE_CAUSE, cause);
        }
        request
    }
}

//! IKE messages as lines of the log: what an operator reads to see how far a negotiation came.
//! Made only while somebody listens.

use std::{net::SocketAddr, sync::Arc};

use holdfast_ike::wire::Header;

use crate::{
    bus::{Bus, ControlEvent, Group, LogLine},
    handle::IkeSaId,
};

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the peer.
    Sent(SocketAddr),
    /// From the peer.
    Received(SocketAddr),
}

/// Tells listeners of a message of an IKE_SA, whose connection may not be known yet.
pub(crate) fn tell(
    bus: &Bus,
    ike_sa: IkeSaId,
    connection: Option<&Arc<str>>,
    way: Way,
    message: &[u8],
) {
    bus.publish_if(|| {
        Some(ControlEvent::Log(LogLine {
            group: Group::Network,
            connection: connection.cloned(),
            ike_sa: Some(ike_sa),
            text: describe(way, message)?,
        }))
    });
}

fn describe(way: Way, message: &[u8]) -> Option<String> {
    let header = Header::parse(message).ok()?;
    let kind = if header.flags.response {
        "response"
    } else {
        "request"
    };
    let what = format!("{} {kind} {}", header.exchange, header.message_id.0);
    let length = message.len();
    Some(match way {
        Way::Sent(peer) => format!("sent {what} to {peer}, {length} bytes"),
        Way::Received(peer) => format!("received {what} from {peer}, {length} bytes"),
    })
}

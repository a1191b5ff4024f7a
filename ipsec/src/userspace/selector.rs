//! Which packets belong to a traffic selector (RFC 4301 section 4.4.1.1, RFC 7296 section 3.13.1).

use std::net::IpAddr;

use holdfast_ike::TrafficSelector;

use crate::packet::header::{Header, Ports};

/// Whether the selector covers where the packet comes from.
pub(crate) fn matches_source(selector: &TrafficSelector, header: &Header) -> bool {
    let port = match header.ports {
        Ports::Known(source, _) => Port::Number(source),
        other => Port::of_both(other),
    };
    matches(selector, header.source, header.protocol, port)
}

/// Whether the selector covers where the packet goes to.
pub(crate) fn matches_destination(selector: &TrafficSelector, header: &Header) -> bool {
    let port = match header.ports {
        Ports::Known(_, destination) => Port::Number(destination),
        other => Port::of_both(other),
    };
    matches(selector, header.destination, header.protocol, port)
}

/// A port as one end's selector sees it.
#[derive(Clone, Copy)]
enum Port {
    /// A number in the selector's port fields.
    Number(u16),
    /// Not there.
    None,
    /// There, but not to be seen.
    Opaque,
}

impl Port {
    /// What is the same for both ends. Type and code of an ICMP message stand in the port fields of
    /// both selectors.
    fn of_both(ports: Ports) -> Self {
        match ports {
            Ports::Known(port, _) | Ports::Icmp(port) => Self::Number(port),
            Ports::None => Self::None,
            Ports::Opaque => Self::Opaque,
        }
    }
}

fn matches(selector: &TrafficSelector, address: IpAddr, protocol: u8, port: Port) -> bool {
    if !selector.contains_address(address)
        || (selector.protocol != 0 && selector.protocol != protocol)
    {
        return false;
    }
    selector.is_any_port()
        || match port {
            Port::Number(port) => (selector.start_port..=selector.end_port).contains(&port),
            Port::None => false,
            // Fragments other than the first have no selector but ANY and OPAQUE.
            Port::Opaque => selector.is_opaque(),
        }
}

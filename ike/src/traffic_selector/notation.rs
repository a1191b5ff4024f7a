//! Traffic selectors as people write them: `10.1.0.0/16`, `10.1.0.10/32[tcp/443]`,
//! `10.1.0.1..10.1.0.9[udp]`.

use std::{fmt, net::IpAddr, num::ParseIntError, str::FromStr};

use ipnet::IpNet;

use super::TrafficSelector;
use crate::config::SelectorTemplate;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// Protocols that have a name here; any other is a number.
const PROTOCOLS: [(&str, u8); 12] = [
    ("icmp", ICMP),
    ("igmp", 2),
    ("ipencap", 4),
    ("tcp", 6),
    ("udp", 17),
    ("ipv6", 41),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", ICMPV6),
    ("ospf", 89),
    ("sctp", 132),
];

/// Why a configured string is no traffic selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseTrafficSelectorError {
    /// What stands before the brackets is neither network nor range nor address.
    #[error("{0:?} is not a network (10.1.0.0/16), range (10.1.0.1-10.1.0.9) or address")]
    Addresses(String),
    /// A range whose ends are of two families or in the wrong order.
    #[error("the range {0:?} must go upwards within one address family")]
    Range(String),
    /// An opening bracket without its closing one at the end.
    #[error("{0:?} lacks the closing bracket of [protocol/port] at its end")]
    Bracket(String),
    /// The protocol is unknown.
    #[error("{0:?} is not an IP protocol: write a name such as tcp, or a number from 0 to 255")]
    Protocol(String),
    /// The port is wrong.
    #[error("{0:?} is not a port, a range of ports, \"any\" or \"opaque\"")]
    Port(String),
    /// `dynamic` where addresses must be fixed.
    #[error("`dynamic` has no fixed addresses and is not allowed here")]
    Dynamic,
}

/// What stands in the brackets.
#[derive(Clone, Copy)]
struct Restriction {
    protocol: u8,
    start_port: u16,
    end_port: u16,
}

const UNRESTRICTED: Restriction = Restriction {
    protocol: 0,
    start_port: 0,
    end_port: u16::MAX,
};

impl TrafficSelector {
    /// Reads `subnet|range|address[protocol/port]`, the part in brackets being optional.
    ///
    /// Protocols are names or numbers, ports are `any`, `opaque`, a number or a range of numbers;
    /// for ICMP, a port is a type, or a type with a code: `icmp/3(1)`. Host bits of a network are
    /// cleared.
    pub fn from_config(text: &str) -> Result<Self, ParseTrafficSelectorError> {
        let (addresses, restriction) = split(text)?;
        if addresses == "dynamic" {
            return Err(ParseTrafficSelectorError::Dynamic);
        }
        let (start, end) = parse_addresses(addresses)?;
        Ok(Self {
            protocol: restriction.protocol,
            start_port: restriction.start_port,
            end_port: restriction.end_port,
            start,
            end,
        })
    }
}

impl FromStr for TrafficSelector {
    type Err = ParseTrafficSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_config(text)
    }
}

impl SelectorTemplate {
    /// Like [`TrafficSelector::from_config`], with `dynamic` for the address of that end of the
    /// IKE_SA.
    pub fn from_config(text: &str) -> Result<Self, ParseTrafficSelectorError> {
        let (addresses, restriction) = split(text)?;
        if addresses == "dynamic" {
            return Ok(Self::Dynamic {
                protocol: restriction.protocol,
                start_port: restriction.start_port,
                end_port: restriction.end_port,
            });
        }
        TrafficSelector::from_config(text).map(Self::Fixed)
    }
}

/// The part before the brackets and what the brackets say.
fn split(text: &str) -> Result<(&str, Restriction), ParseTrafficSelectorError> {
    let text = text.trim();
    let Some((addresses, bracketed)) = text.split_once('[') else {
        return Ok((text, UNRESTRICTED));
    };
    let Some(inner) = bracketed.strip_suffix(']') else {
        return Err(ParseTrafficSelectorError::Bracket(text.to_owned()));
    };
    let (protocol, ports) = match inner.split_once('/') {
        Some((protocol, ports)) => (protocol, Some(ports)),
        None => (inner, None),
    };
    let protocol = parse_protocol(protocol)?;
    let (start_port, end_port) = match ports {
        Some(ports) => parse_ports(protocol, ports)
            .ok_or_else(|| ParseTrafficSelectorError::Port(ports.to_owned()))?,
        None => (0, u16::MAX),
    };
    let restriction = Restriction {
        protocol,
        start_port,
        end_port,
    };
    Ok((addresses.trim_end(), restriction))
}

fn parse_addresses(text: &str) -> Result<(IpAddr, IpAddr), ParseTrafficSelectorError> {
    use ParseTrafficSelectorError as Error;
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok((net.network(), net.broadcast()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok((address, address));
    }
    let no_addresses = || Error::Addresses(text.to_owned());
    let (start, end) = text
        .split_once("..")
        .or_else(|| text.split_once('-'))
        .ok_or_else(no_addresses)?;
    let start: IpAddr = start.trim().parse().map_err(|_| no_addresses())?;
    let end: IpAddr = end.trim().parse().map_err(|_| no_addresses())?;
    if start.is_ipv4() != end.is_ipv4() || start > end {
        return Err(Error::Range(text.to_owned()));
    }
    Ok((start, end))
}

fn parse_protocol(text: &str) -> Result<u8, ParseTrafficSelectorError> {
    let named = match text {
        "" | "any" | "%any" => Some(0),
        "icmpv6" | "icmp6" => Some(ICMPV6),
        _ => PROTOCOLS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, number)| *number),
    };
    named
        .or_else(|| text.parse().ok())
        .ok_or_else(|| ParseTrafficSelectorError::Protocol(text.to_owned()))
}

fn parse_ports(protocol: u8, text: &str) -> Option<(u16, u16)> {
    match text {
        "" | "any" | "%any" => return Some((0, u16::MAX)),
        "opaque" | "OPAQUE" => return Some((u16::MAX, 0)),
        _ => {}
    }
    let one = if is_icmp(protocol) {
        icmp_ports
    } else {
        plain_port
    };
    let (start, end) = match text.split_once('-') {
        Some((start, end)) => (one(start)?.0, one(end)?.1),
        None => one(text)?,
    };
    (start <= end).then_some((start, end))
}

fn is_icmp(protocol: u8) -> bool {
    matches!(protocol, ICMP | ICMPV6)
}

fn plain_port(text: &str) -> Option<(u16, u16)> {
    let port: Result<u16, ParseIntError> = text.parse();
    port.ok().map(|port| (port, port))
}

/// A type stands for all of its codes; both are one port (RFC 7296 section 3.13.1).
fn icmp_ports(text: &str) -> Option<(u16, u16)> {
    let (kind, code) = match text.split_once('(') {
        Some((kind, code)) => (kind, Some(code.strip_suffix(')')?.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let kind: u8 = kind.parse().ok()?;
    Some((
        u16::from_be_bytes([kind, code.unwrap_or(0)]),
        u16::from_be_bytes([kind, code.unwrap_or(u8::MAX)]),
    ))
}

impl fmt::Display for TrafficSelector {
    /// As charon prints it, but ports always as numbers. [`TrafficSelector::from_config`] reads
    /// it back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subnets().as_slice() {
            [net] => write!(f, "{net}")?,
            _ => write!(f, "{}..{}", self.start, self.end)?,
        }
        if self.protocol == 0 && self.is_any_port() {
            return Ok(());
        }
        match PROTOCOLS
            .iter()
            .find(|(_, number)| *number == self.protocol)
        {
            Some((name, _)) => write!(f, "[{name}")?,
            None => write!(f, "[{}", self.protocol)?,
        }
        self.fmt_ports(f)?;
        f.write_str("]")
    }
}

impl TrafficSelector {
    fn fmt_ports(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.start_port, self.end_port);
        if self.is_any_port() {
            return Ok(());
        }
        if self.is_opaque() {
            return f.write_str("/OPAQUE");
        }
        if is_icmp(self.protocol) {
            let [start_type, start_code] = start.to_be_bytes();
            let [end_type, end_code] = end.to_be_bytes();
            return match (start_type == end_type, start_code, end_code) {
                (true, 0, u8::MAX) => write!(f, "/{start_type}"),
                (false, 0, u8::MAX) => write!(f, "/{start_type}-{end_type}"),
                _ if start == end => write!(f, "/{start_type}({start_code})"),
                _ => write!(f, "/{start_type}({start_code})-{end_type}({end_code})"),
            };
        }
        if start == end {
            write!(f, "/{start}")
        } else {
            write!(f, "/{start}-{end}")
        }
    }
}

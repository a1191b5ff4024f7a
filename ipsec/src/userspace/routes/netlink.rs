//! The operating system's side: device, rules and routes through rtnetlink.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use futures::TryStreamExt;
use holdfast_ike::TrafficSelector;
use ipnet::IpNet;
use rtnetlink::{
    Handle, LinkUnspec, RouteMessageBuilder,
    packet_route::{
        AddressFamily,
        address::AddressAttribute,
        link::LinkAttribute,
        route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
        rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage},
    },
};

use super::{RULE_PRIORITY, Route, TABLE};
use crate::userspace::sockets::SOCKET_MARK;

/// Marks routes as ours, named as the table.
const PROTOCOL: RouteProtocol = RouteProtocol::Other(TABLE);

/// IPv6 routes need a metric to be found again.
const METRIC: u32 = 1024;

/// The metric of routes that hold when all others to the same prefix are gone.
const BACKSTOP_METRIC: u32 = 4096;

/// So many octets of TCP payload and headers make no more ESP packets than one call to the kernel
/// takes; see `outbound.rs`.
const LARGEST_FRAME: u32 = 60_000;

/// A netlink connection, served by the runtime it was made on.
pub(crate) struct Netlink {
    handle: Handle,
    device: u32,
    /// Rules that we added.
    rules: Vec<RuleMessage>,
}

impl Netlink {
    /// Opens the connection. `device` is the interface index that tunnels route into.
    pub(crate) fn open(device: u32) -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Self {
            handle,
            device,
            rules: Vec::new(),
        })
    }

    /// The device, for whoever puts addresses on it.
    pub(crate) fn device(&self) -> (Handle, u32) {
        (self.handle.clone(), self.device)
    }

    /// Sets the device's MTU and brings it up.
    pub(crate) async fn set_up_device(&self, mtu: u16) -> Result<(), String> {
        let message = LinkUnspec::new_with_index(self.device)
            .mtu(mtu.into())
            .up()
            .build();
        let links = self.handle.link();
        links
            .set(message)
            .execute()
            .await
            .map_err(|error| describe(&error))?;
        let message = LinkUnspec::new_with_index(self.device)
            .append_extra_attribute(LinkAttribute::GsoMaxSize(LARGEST_FRAME))
            .build();
        // Only speed is lost on kernels that do not let us.
        if let Err(error) = links.set(message).execute().await {
            tracing::debug!(error = describe(&error), "the device keeps its frame size");
        }
        Ok(())
    }

    /// Adds the rules that lead to our table, and forgets what an earlier run left in it, but for the
    /// routes that hold traffic back: these are handed over, to be deleted unless they are needed.
    pub(crate) async fn begin(&mut self) -> Result<Vec<Route>, String> {
        let mut left = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            match self.begin_family(family).await {
                Ok(held) => left.extend(held),
                Err(reason) if family == AddressFamily::Inet => return Err(reason),
                Err(reason) => {
                    tracing::debug!(reason, "no IPv6 routes: the system has no IPv6");
                }
            }
        }
        Ok(left)
    }

    async fn begin_family(&mut self, family: AddressFamily) -> Result<Vec<Route>, String> {
        let mut query = RouteMessage::default();
        query.header.address_family = family;
        let stale: Vec<_> = self
            .handle
            .route()
            .get(query)
            .execute()
            .try_filter(|route| {
                let ours = route.header.table == TABLE && route.header.protocol == PROTOCOL;
                std::future::ready(ours)
            })
            .try_collect()
            .await
            .map_err(|error| describe(&error))?;
        let mut held = Vec::new();
        for route in stale {
            match holds_back(&route) {
                Some(route) => held.push(route),
                None => {
                    let _ = self.handle.route().del(route).execute().await;
                }
            }
        }
        let mut request = self
            .handle
            .rule()
            .add()
            .action(RuleAction::ToTable)
            .table_id(TABLE.into())
            .priority(RULE_PRIORITY);
        let rule = request.message_mut();
        rule.header.family = family;
        rule.attributes
            .push(RuleAttribute::Protocol(RouteProtocol::Other(TABLE)));
        rule.header.flags |= RuleFlags::Invert;
        rule.attributes.push(RuleAttribute::FwMark(SOCKET_MARK));
        let rule = rule.clone();
        match request.execute().await {
            Err(error) if code(&error) != Some(-libc::EEXIST) => return Err(describe(&error)),
            // One that an earlier run left is ours as well.
            _ => self.rules.push(rule),
        }
        Ok(held)
    }

    /// Takes the rules out.
    pub(crate) async fn end(&mut self) {
        for rule in self.rules.drain(..) {
            if let Err(error) = self.handle.rule().del(rule).execute().await {
                tracing::warn!(error = describe(&error), "cannot remove a routing rule");
            }
        }
    }

    /// Adds a route, or replaces what is there for its prefix. `local` are the selectors that our
    /// own packets into it must come from.
    pub(crate) async fn add(&self, route: Route, local: &[TrafficSelector]) -> Result<(), String> {
        let message = self.message(route);
        if let Route::Tunnel(net) = route
            && let Some(source) = self.source_for(net, local).await
        {
            let mut hinted = message.clone();
            let hint = RouteAttribute::PrefSource(source.into());
            hinted.attributes.push(hint);
            match self.replace(hinted).await {
                // An IPv6 address whose uniqueness is still being checked (RFC 4862 section 5.4)
                // cannot be preferred. It is a hint: the tunnel must not wait for it.
                Err(error) if code(&error) == Some(-libc::EINVAL) => {}
                done => return done.map_err(|error| describe(&error)),
            }
        }
        let done = self.replace(message).await;
        done.map_err(|error| describe(&error))
    }

    async fn replace(&self, message: RouteMessage) -> Result<(), rtnetlink::Error> {
        let request = self.handle.route().add(message).replace();
        request.execute().await
    }

    /// Deletes a route.
    pub(crate) async fn delete(&self, route: Route) {
        let request = self.handle.route().del(self.message(route));
        match request.execute().await {
            Err(error) if code(&error) != Some(-libc::ESRCH) => {
                tracing::warn!(?route, error = describe(&error), "cannot remove a route");
            }
            _ => {}
        }
    }

    fn message(&self, route: Route) -> RouteMessage {
        let (net, builder) = match route {
            Route::Tunnel(net) => (
                net,
                RouteMessageBuilder::<IpAddr>::new()
                    .output_interface(self.device)
                    .scope(RouteScope::Link),
            ),
            Route::Throw(net) => (
                net,
                RouteMessageBuilder::<IpAddr>::new().kind(RouteType::Throw),
            ),
            Route::Prohibit(net) | Route::Backstop(net) => (
                net,
                RouteMessageBuilder::<IpAddr>::new().kind(RouteType::Prohibit),
            ),
        };
        let mut message = builder.table_id(TABLE.into()).protocol(PROTOCOL).build();
        let (family, metric) = match (net, route) {
            (IpNet::V4(_), Route::Backstop(_)) => (AddressFamily::Inet, Some(BACKSTOP_METRIC)),
            (IpNet::V6(_), Route::Backstop(_)) => (AddressFamily::Inet6, Some(BACKSTOP_METRIC)),
            (IpNet::V4(_), _) => (AddressFamily::Inet, None),
            (IpNet::V6(_), _) => (AddressFamily::Inet6, Some(METRIC)),
        };
        message.header.address_family = family;
        message.header.destination_prefix_length = net.prefix_len();
        let attributes = &mut message.attributes;
        attributes.push(RouteAttribute::Destination(net.network().into()));
        attributes.extend(metric.map(RouteAttribute::Priority));
        message
    }

    /// An address of ours in the local selectors: what we send ourselves into the tunnel must come
    /// from it to match the policy.
    async fn source_for(&self, net: IpNet, local: &[TrafficSelector]) -> Option<IpAddr> {
        let addresses: Vec<_> = self
            .handle
            .address()
            .get()
            .execute()
            .try_collect()
            .await
            .inspect_err(|error| tracing::debug!(%error, "cannot read the addresses"))
            .ok()?;
        addresses
            .iter()
            .flat_map(|message| &message.attributes)
            .filter_map(|attribute| match attribute {
                // Of a point-to-point link `Local` is ours and `Address` the other end's.
                AddressAttribute::Local(address)
                | AddressAttribute::Address(address @ IpAddr::V6(_)) => Some(*address),
                _ => None,
            })
            .find(|address| {
                address.is_ipv4() == matches!(net, IpNet::V4(_))
                    && !address.is_loopback()
                    && local
                        .iter()
                        .any(|selector| selector.contains_address(*address))
            })
    }
}

/// The route that a message is, if it leads nowhere.
fn holds_back(message: &RouteMessage) -> Option<Route> {
    if message.header.kind != RouteType::Prohibit {
        return None;
    }
    let (mut destination, mut metric) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => {
                destination = Some(IpAddr::from(*address));
            }
            RouteAttribute::Destination(RouteAddress::Inet6(address)) => {
                destination = Some(IpAddr::from(*address));
            }
            RouteAttribute::Priority(priority) => metric = Some(*priority),
            _ => {}
        }
    }
    // Of the default route no destination is told.
    let destination = destination.unwrap_or(match message.header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        _ => Ipv6Addr::UNSPECIFIED.into(),
    });
    let net = IpNet::new(destination, message.header.destination_prefix_length).ok()?;
    Some(if metric == Some(BACKSTOP_METRIC) {
        Route::Backstop(net)
    } else {
        Route::Prohibit(net)
    })
}

/// What the system said, without the request that it may echo.
pub(crate) fn describe(error: &rtnetlink::Error) -> String {
    match code(error) {
        Some(code) => io::Error::from_raw_os_error(-code).to_string(),
        None => error.to_string(),
    }
}

fn code(error: &rtnetlink::Error) -> Option<i32> {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(std::num::NonZero::get),
        _ => None,
    }
}

//! Which addresses `dynamic` selectors stand for.

use std::net::IpAddr;

use crate::{Configured, Path, TrafficSelector, config::SelectorTemplate};

/// The addresses of both ends, as far as selectors are concerned. An unspecified one stands for
/// every address of its family: it is still to be assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) path: Path,
    pub(super) local: Vec<IpAddr>,
    pub(super) remote: Vec<IpAddr>,
}

impl Ends {
    /// The virtual addresses of an end that has some, otherwise those of the path.
    pub(super) fn new(path: Path, configured: &Configured) -> Self {
        let or = |vips: &[IpAddr], address: IpAddr| {
            if vips.is_empty() {
                vec![address]
            } else {
                vips.to_vec()
            }
        };
        Self {
            path,
            local: or(&configured.local_vips, path.local.ip()),
            remote: or(&configured.remote_vips, path.remote.ip()),
        }
    }

    /// Initiator: before the responder has assigned what we ask for (RFC 7296 section 2.19). It may
    /// assign another address than the one we name.
    pub(super) fn asking(path: Path, vips: &[IpAddr]) -> Self {
        let mut families: Vec<_> = vips.iter().map(|vip| unspecified(*vip)).collect();
        families.sort_unstable();
        families.dedup();
        let configured = Configured {
            local_vips: families,
            ..Configured::default()
        };
        Self::new(path, &configured)
    }
}

/// The unspecified address of the same family.
pub(super) fn unspecified(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => IpAddr::from([0; 4]),
        IpAddr::V6(_) => IpAddr::from([0; 16]),
    }
}

/// The selectors of templates for an end with these addresses.
pub(super) fn resolve(
    templates: &[SelectorTemplate],
    addresses: &[IpAddr],
) -> Vec<TrafficSelector> {
    templates
        .iter()
        .flat_map(|template| match *template {
            SelectorTemplate::Fixed(selector) => vec![selector],
            SelectorTemplate::Dynamic {
                protocol,
                start_port,
                end_port,
            } => addresses
                .iter()
                .map(|address| TrafficSelector {
                    protocol,
                    start_port,
                    end_port,
                    start: *address,
                    end: last(*address),
                })
                .collect(),
        })
        .collect()
}

/// The end of the range that an address stands for.
fn last(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(any) if any.is_unspecified() => IpAddr::from([255; 4]),
        IpAddr::V6(any) if any.is_unspecified() => IpAddr::from([255; 16]),
        address => address,
    }
}

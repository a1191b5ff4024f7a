//! The parts of the userspace back end that need no socket.

mod limits;
mod lookup;
mod shunts;
mod traps;

use std::sync::{Arc, atomic::AtomicBool};

use holdfast_ike::{
    ChildSa, EspKey, EspSpi, EspSuite, Mode, Path, Secret, TrafficSelector,
    child_sa::{Lifetime, Sending},
    proposal::{AdditionalKeyExchanges, EncryptionId},
};

use super::sa::{OuterRoute, Sa};

/// A CHILD_SA with these selectors.
fn child(spi: u32, local: Vec<TrafficSelector>, remote: Vec<TrafficSelector>) -> ChildSa {
    let key = EspKey {
        encryption: Secret::new([1; 20]),
        integrity: Secret::new([]),
    };
    ChildSa {
        connection: "test".into(),
        name: "net".into(),
        inbound_spi: EspSpi(spi),
        outbound_spi: EspSpi(spi),
        inbound_key: key.clone(),
        outbound_key: key,
        suite: EspSuite {
            encryption: EncryptionId::AES_GCM_16,
            key_bits: 128,
            integrity: None,
            key_exchange: None,
            additional: AdditionalKeyExchanges::NONE,
            extended_sequence_numbers: false,
        },
        mode: Mode::Tunnel,
        local_ts: local,
        remote_ts: remote,
        path: Path {
            local: "192.0.2.1:4500".parse().unwrap(),
            remote: "192.0.2.2:4500".parse().unwrap(),
        },
        encapsulation: true,
        replay_window: 1024,
        tfc_padding: holdfast_ike::TfcPadding::Off,
        lifetime: Lifetime::default(),
        sending: Sending::AtOnce,
    }
}

fn installed(child: &ChildSa, order: u64) -> Arc<Sa> {
    let route = OuterRoute {
        socket: 0,
        source: None,
        destination: child.path.remote,
        segmentation: AtomicBool::new(true),
    };
    Arc::new(Sa::new(child, route, order).unwrap())
}

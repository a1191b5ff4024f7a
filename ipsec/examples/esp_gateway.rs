//! A gateway with one static tunnel and no IKE: for measurements of the data plane alone.
//!
//! ```text
//! ip netns exec left  esp_gateway holdfast0 192.0.2.1 192.0.2.2 10.1.0.0/24 10.2.0.0/24 1 2
//! ip netns exec right esp_gateway holdfast0 192.0.2.2 192.0.2.1 10.2.0.0/24 10.1.0.0/24 2 1
//! ```
//!
//! Arguments: device, local and remote outer address, local and remote network, own and peer's
//! number (keys and SPIs are made of them: for measurements, not for secrets), and optionally the
//! cipher (aes128gcm, aes256gcm, chacha20), the MTU, and the seconds after which counters are
//! printed and the gateway ends.

use std::{
    error::Error,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use holdfast_ike::{
    ChildSa, EspKey, EspSpi, EspSuite, Mode, Path, Secret, TrafficSelector,
    child_sa::{Lifetime, Sending},
    proposal::{AdditionalKeyExchanges, EncryptionId},
};
use holdfast_ipsec::{DataPlane, Device, Userspace, UserspaceOptions};
use tokio::sync::mpsc;

const NAT_T_PORT: u16 = 4500;

#[allow(clippy::print_stdout, reason = "a command-line program")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [
        device,
        local,
        remote,
        local_net,
        remote_net,
        own,
        peer,
        rest @ ..,
    ] = &arguments[..]
    else {
        return Err("see the comment at the top of esp_gateway.rs for the arguments".into());
    };
    let cipher = rest.first().map_or("aes256gcm", String::as_str);
    let mtu = rest.get(1).map_or(Ok(1400), |mtu| mtu.parse())?;
    let seconds = rest.get(2).map_or(Ok(u64::MAX), |text| text.parse())?;
    let (local, remote): (IpAddr, IpAddr) = (local.parse()?, remote.parse()?);
    let (own, peer): (u8, u8) = (own.parse()?, peer.parse()?);
    let suite = suite(cipher)?;
    let sa = ChildSa {
        connection: "static".into(),
        name: "net".into(),
        inbound_spi: EspSpi(0x1000_0000 + u32::from(own)),
        outbound_spi: EspSpi(0x1000_0000 + u32::from(peer)),
        inbound_key: key(own, &suite),
        outbound_key: key(peer, &suite),
        suite,
        mode: Mode::Tunnel,
        local_ts: vec![TrafficSelector::from_net(local_net.parse()?)],
        remote_ts: vec![TrafficSelector::from_net(remote_net.parse()?)],
        path: Path {
            local: SocketAddr::new(local, NAT_T_PORT),
            remote: SocketAddr::new(remote, NAT_T_PORT),
        },
        encapsulation: true,
        replay_window: 1024,
        tfc_padding: holdfast_ike::TfcPadding::Off,
        lifetime: Lifetime::default(),
        sending: Sending::AtOnce,
    };
    let (ike, _ike) = mpsc::channel(16);
    let (events, mut reports) = mpsc::channel(16);
    let plane = Userspace::start(UserspaceOptions {
        device: Device::Tun {
            name: device.clone(),
            mtu,
        },
        sockets: vec![UdpSocket::bind((local, NAT_T_PORT))?],
        ike,
        events,
        manage_routes: true,
        random: Arc::new(|buffer| buffer.fill(1)),
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let inbound = sa.inbound_spi;
        plane.install(sa).await?;
        println!("up");
        let end = tokio::time::sleep(Duration::from_secs(seconds.min(86_400)));
        tokio::pin!(end);
        loop {
            tokio::select! {
                Some(event) = reports.recv() => println!("{event:?}"),
                () = &mut end => break,
            }
        }
        println!("{:?}", plane.usage(inbound));
        println!("{}", plane.counters());
        plane.shutdown().await;
        Ok(())
    })
}

fn suite(cipher: &str) -> Result<EspSuite, String> {
    let (encryption, key_bits) = match cipher {
        "aes128gcm" => (EncryptionId::AES_GCM_16, 128),
        "aes256gcm" => (EncryptionId::AES_GCM_16, 256),
        "chacha20" => (EncryptionId::CHACHA20_POLY1305, 256),
        other => return Err(format!("unknown cipher {other}")),
    };
    Ok(EspSuite {
        encryption,
        key_bits,
        integrity: None,
        key_exchange: None,
        additional: AdditionalKeyExchanges::NONE,
        extended_sequence_numbers: true,
    })
}

fn key(number: u8, suite: &EspSuite) -> EspKey {
    let length = usize::from(suite.key_bits) / 8 + 4;
    EspKey {
        encryption: Secret::new(vec![number; length]),
        integrity: Secret::new([]),
    }
}

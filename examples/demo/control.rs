//! What an operator would ask, over the control socket.

use std::{
    io::{self, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::{Duration, Instant},
};

use holdfast_vici::{Client, Message, Packet};

use crate::Failure;

/// Longest wait for any answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The control socket of one end.
pub(crate) struct Control {
    runtime: tokio::runtime::Runtime,
    socket: PathBuf,
}

/// An IKE_SA in a few words.
pub(crate) struct IkeSa {
    pub(crate) state: String,
    pub(crate) children_up: usize,
}

impl Control {
    pub(crate) fn new(socket: PathBuf) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Self { runtime, socket })
    }

    /// Whether the agent answers at all.
    pub(crate) fn answers(&self) -> bool {
        self.stats().is_ok()
    }

    /// Asks for `stats` as a new client, and says how long the answer took.
    pub(crate) fn stats(&self) -> Result<Duration, Failure> {
        let start = Instant::now();
        self.request("stats", Message::new())?;
        Ok(start.elapsed())
    }

    pub(crate) fn ike_sas(&self) -> Result<Vec<IkeSa>, Failure> {
        let events = self.collect("list-sas", "list-sa")?;
        let sas = events
            .iter()
            .flat_map(|event| event.sections().map(|(_, sa)| ike_sa(sa)));
        Ok(sas.collect())
    }

    /// The state of the connection and, while it is down, why.
    pub(crate) fn health(&self, connection: &str) -> Result<(String, String), Failure> {
        let events = self.collect("health", "health")?;
        let health = events
            .iter()
            .find_map(|event| event.get_section(connection))
            .ok_or("the agent does not know the connection")?;
        let text = |key| health.get_str(key).unwrap_or_default().to_owned();
        Ok((text("state"), text("reason")))
    }

    /// Asks for the tunnel and hangs up without waiting for an answer.
    pub(crate) fn drop_one_initiate(&self, child: &str) -> Result<(), Failure> {
        let name = "initiate".to_owned();
        let message = Message::new().with("child", child);
        let frame = Packet::CommandRequest { name, message }.to_frame()?;
        UnixStream::connect(&self.socket)?.write_all(&frame)?;
        Ok(())
    }

    fn request(&self, command: &str, message: Message) -> Result<Message, Failure> {
        let stream = UnixStream::connect(&self.socket)?;
        self.runtime.block_on(async {
            let mut client = client(stream)?;
            let exchange = client.request(command, message);
            Ok(tokio::time::timeout(PATIENCE, exchange).await??)
        })
    }

    fn collect(&self, command: &str, event: &str) -> Result<Vec<Message>, Failure> {
        let stream = UnixStream::connect(&self.socket)?;
        self.runtime.block_on(async {
            let mut client = client(stream)?;
            let exchange = client.collect(command, event, Message::new());
            let (events, _) = tokio::time::timeout(PATIENCE, exchange).await??;
            Ok(events)
        })
    }
}

/// Connected as `swanctl` connects: by waiting for a place in the queue.
fn client(stream: UnixStream) -> io::Result<Client<tokio::net::UnixStream>> {
    stream.set_nonblocking(true)?;
    Ok(Client::new(tokio::net::UnixStream::from_std(stream)?))
}

fn ike_sa(sa: &Message) -> IkeSa {
    let children = sa
        .get_section("child-sas")
        .into_iter()
        .flat_map(Message::sections);
    let up = children
        .filter(|(_, child)| child.get_str("state") == Some("INSTALLED"))
        .count();
    IkeSa {
        state: sa.get_str("state").unwrap_or_default().to_owned(),
        children_up: up,
    }
}

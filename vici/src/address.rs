//! Addresses of a control socket, as `swanctl --uri` takes them.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::Instant,
};

/// Between two attempts to get into a full queue.
const QUEUE_PAUSE: Duration = Duration::from_millis(1);

/// How long a full queue is worth waiting for.
const QUEUE_PATIENCE: Duration = Duration::from_secs(5);

/// Where a control socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix domain socket.
    Unix(PathBuf),
    /// A host (name or address) and port.
    Tcp(String),
}

/// A stream to an agent, of whatever kind.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug> Stream for T {}

impl Address {
    /// Connects to the socket.
    ///
    /// An agent that is flooded has a full queue of clients; a blocking client waits for its place
    /// in it, and so does this, for a few seconds.
    pub async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Unix(path) => Box::new(connect_unix(path).await?),
            Self::Tcp(host) => {
                let stream = TcpStream::connect(host).await?;
                // Requests are small and wait for their answer.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
        })
    }
}

async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let start = Instant::now();
    loop {
        match UnixStream::connect(path).await {
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && start.elapsed() < QUEUE_PATIENCE =>
            {
                tokio::time::sleep(QUEUE_PAUSE).await;
            }
            result => return result,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
        }
    }
}

/// Text that is no address of a control socket.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no control address: use unix:///PATH or tcp://HOST:PORT")]
pub struct ParseAddressError(String);

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseAddressError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.is_empty() {
                Err(error())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let host = text.strip_prefix("tcp://").ok_or_else(error)?;
        let (name, port) = host.rsplit_once(':').ok_or_else(error)?;
        if name.is_empty() || port.parse::<u16>().is_err() {
            return Err(error());
        }
        Ok(Self::Tcp(host.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_being_printed() {
        for text in [
            "unix:///run/holdfast/holdfast.vici",
            "unix://relative.vici",
            "tcp://127.0.0.1:4502",
            "tcp://[::1]:4502",
            "tcp://gateway.example:4502",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "/run/holdfast.vici",
            "unix://",
            "tcp://",
            "tcp://host",
            "tcp://:4502",
            "tcp://host:70000",
            "http://host:80",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}

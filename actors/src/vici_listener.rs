//! The control socket: bound before anything runs, served on the control arbiter.

use std::{
    io,
    net::TcpListener as StdTcpListener,
    os::{
        fd::OwnedFd,
        unix::{
            fs::{FileTypeExt, PermissionsExt},
            net::{UnixListener as StdUnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix_rt::ArbiterHandle;
use holdfast_config::{Agent, ViciAddress};
use nix::unistd::Group;
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
};

use crate::{StartError, environment::Shared, vici_session};

/// Clients that may wait to be accepted; more wait in `connect`. It bounds how long a new one waits
/// behind a flood, which the system's usual thousands would not.
const BACKLOG: i32 = 64;

/// Pause after a failed accept: mostly there is no file descriptor left, and asking again at once
/// would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The bound control socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(StdUnixListener, PathBuf),
    Tcp(StdTcpListener),
}

/// What is left of it in the file system.
#[derive(Debug)]
pub(crate) struct Address(Option<PathBuf>);

impl Address {
    /// Nobody should find a socket that nobody serves.
    pub(crate) fn remove(self) {
        if let Some(path) = self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Listener {
    /// Binds it. A socket that a dead agent left behind is replaced, one that is served is not.
    pub(crate) fn bind(agent: &Agent) -> Result<Self, StartError> {
        let address = &agent.vici;
        let failed = |source| StartError::Vici {
            address: address.clone(),
            source,
        };
        match address {
            ViciAddress::Unix(path) => {
                if is_served(path).map_err(failed)? {
                    return Err(StartError::ViciInUse(address.clone()));
                }
                let group = agent.vici_group.as_deref().map(group).transpose()?;
                let listener = bind_unix(path, agent.vici_mode, group).map_err(failed)?;
                Ok(Self::Unix(listener, path.clone()))
            }
            ViciAddress::Tcp(tcp) if !tcp.ip().is_loopback() && !agent.vici_expose => {
                Err(StartError::ViciExposed(*tcp))
            }
            ViciAddress::Tcp(tcp) => {
                let listener = StdTcpListener::bind(tcp).map_err(|source| {
                    if source.kind() == io::ErrorKind::AddrInUse {
                        StartError::ViciInUse(address.clone())
                    } else {
                        failed(source)
                    }
                })?;
                listener.set_nonblocking(true).map_err(failed)?;
                Ok(Self::Tcp(listener))
            }
        }
    }

    /// Binds a socket whose listeners only hear.
    pub(crate) fn bind_events(
        key: &'static str,
        address: &ViciAddress,
        agent: &Agent,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError::Events {
            key,
            address: address.clone(),
            source,
        };
        match address {
            ViciAddress::Unix(path) => {
                if is_served(path).map_err(failed)? {
                    return Err(failed(io::ErrorKind::AddrInUse.into()));
                }
                let group = agent.vici_group.as_deref().map(group).transpose()?;
                let listener = bind_unix(path, agent.vici_mode, group).map_err(failed)?;
                Ok(Self::Unix(listener, path.clone()))
            }
            ViciAddress::Tcp(tcp) => {
                let listener = StdTcpListener::bind(tcp).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                Ok(Self::Tcp(listener))
            }
        }
    }

    /// What is to be removed at the end.
    pub(crate) fn address(&self) -> Address {
        Address(match self {
            Self::Unix(_, path) => Some(path.clone()),
            Self::Tcp(_) => None,
        })
    }
}

/// Whether somebody answers there. What nobody answers at is removed if it is a socket.
fn is_served(path: &Path) -> io::Result<bool> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if !metadata.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something that is not a socket is in the way",
        ));
    }
    match UnixStream::connect(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?;
            Ok(false)
        }
        // Full backlog: served, if badly.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

/// The number of a group given by name or number.
fn group(text: &str) -> Result<u32, StartError> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    match Group::from_name(text) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) | Err(_) => Err(StartError::NoSuchGroup(text.to_owned())),
    }
}

fn bind_unix(path: &Path, mode: u32, group: Option<u32>) -> io::Result<StdUnixListener> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        std::fs::create_dir_all(directory)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Nobody can connect before it listens, so nobody slips in with the mode of its making.
    if let Err(error) = hand_over(path, mode, group) {
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    socket.listen(BACKLOG)?;
    let listener = StdUnixListener::from(OwnedFd::from(socket));
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Gives the socket to those who may use it.
fn hand_over(path: &Path, mode: u32, group: Option<u32>) -> io::Result<()> {
    if group.is_some() {
        std::os::unix::fs::chown(path, None, group)?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Serves it on `arbiter` until that stops.
pub(crate) fn start(arbiter: &ArbiterHandle, listener: Listener, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let started = arbiter.spawn(async move {
        let served = match listener {
            Listener::Unix(listener, _) => match UnixListener::from_std(listener) {
                Ok(listener) => {
                    accept(&shared, || async {
                        listener.accept().await.map(|(stream, _)| stream)
                    })
                    .await
                }
                Err(error) => error,
            },
            Listener::Tcp(listener) => match TcpListener::from_std(listener) {
                Ok(listener) => {
                    accept(&shared, || async {
                        listener.accept().await.map(|(stream, _)| stream)
                    })
                    .await
                }
                Err(error) => error,
            },
        };
        tracing::error!(error = %served, "the control socket is not served");
    });
    if !started {
        tracing::error!("the control socket is not served: its thread is gone");
    }
}

/// Accepts as many clients at once as the configuration allows; more wait in the backlog.
async fn accept<S, F>(shared: &Arc<Shared>, mut next: impl FnMut() -> F) -> io::Error
where
    S: AsyncRead + AsyncWrite + 'static,
    F: Future<Output = io::Result<S>>,
{
    let most = shared.agent.max_control_clients.max(1);
    let room = Arc::new(Semaphore::new(most));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return io::Error::other("closed");
        };
        match next().await {
            Ok(stream) => {
                let session = Session {
                    shared: Arc::clone(shared),
                    _permit: permit,
                };
                session
                    .shared
                    .gauges
                    .clients
                    .fetch_add(1, Ordering::Relaxed);
                actix_rt::spawn(async move {
                    vici_session::serve(stream, &session.shared).await;
                });
                // Those who are here are served before more are let in: clients that hang up at
                // once must not pile up.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                tracing::warn!(%error, "control client not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Counts a client for as long as it is served.
struct Session {
    shared: Arc<Shared>,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.gauges.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(vici: ViciAddress) -> Agent {
        Agent {
            vici,
            ..Agent::default()
        }
    }

    fn unix(path: &Path) -> Agent {
        agent(ViciAddress::Unix(path.to_owned()))
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_served_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sub/agent.vici");
        let first = Listener::bind(&unix(&path)).unwrap();
        let error = Listener::bind(&unix(&path)).unwrap_err();
        assert!(matches!(error, StartError::ViciInUse(_)), "{error}");
        drop(first);
        let second = Listener::bind(&unix(&path)).unwrap();
        second.address().remove();
        assert!(!path.exists());
    }

    #[test]
    fn the_socket_belongs_to_those_who_may_use_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.vici");
        let own = nix::unistd::getgid().as_raw();
        for (mode, group) in [(0o660, None), (0o600, Some(own.to_string()))] {
            let agent = Agent {
                vici_mode: mode,
                vici_group: group,
                ..unix(&path)
            };
            let listener = Listener::bind(&agent).unwrap();
            let metadata = std::fs::metadata(&path).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, mode);
            assert_eq!(std::os::unix::fs::MetadataExt::gid(&metadata), own);
            listener.address().remove();
        }
        let nobody = Agent {
            vici_group: Some("no-such-group-here".to_owned()),
            ..unix(&path)
        };
        let error = Listener::bind(&nobody).unwrap_err();
        assert!(error.to_string().contains("no-such-group-here"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        std::fs::write(&path, "data").unwrap();
        let error = Listener::bind(&unix(&path)).unwrap_err();
        assert!(error.to_string().contains("not a socket"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
    }

    #[test]
    fn tcp_is_for_this_machine_only_unless_told_otherwise() {
        let everywhere = agent(ViciAddress::Tcp("0.0.0.0:0".parse().unwrap()));
        let error = Listener::bind(&everywhere).unwrap_err();
        assert!(error.to_string().contains("loopback"), "{error}");
        let exposed = Agent {
            vici_expose: true,
            ..everywhere
        };
        assert!(Listener::bind(&exposed).is_ok());
        let loopback = agent(ViciAddress::Tcp("127.0.0.1:0".parse().unwrap()));
        assert!(Listener::bind(&loopback).is_ok());
    }
}

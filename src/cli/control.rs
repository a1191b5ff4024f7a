//! Reaching the agent over its control socket.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use holdfast_config::ViciAddress;
use holdfast_vici::{Address, Client, ClientError, Message, address::Stream};

use super::{
    Outcome,
    arguments::{Agent, DEFAULT_CONFIG},
    exit::{Code, Failure},
};

/// How long an agent may take for what needs no peer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a command that waits for the agent.
pub(crate) fn block_on(command: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(
                Code::Unavailable,
                format!("no event loop can be had: {error}; see `ulimit -n`"),
            )
        })?
        .block_on(command)
}

/// A connection to the agent.
#[derive(Debug)]
pub(crate) struct Control {
    client: Client<Box<dyn Stream>>,
    target: Target,
}

impl Control {
    /// Connects to the agent that the options name.
    pub(crate) async fn connect(options: &Agent) -> Result<Self, Failure> {
        let target = Target::find(options)?;
        match within(PATIENCE, Client::connect(&target.address)).await {
            Some(Ok(client)) => Ok(Self { client, target }),
            Some(Err(error)) => Err(target.failure(&error)),
            None => Err(target.silent()),
        }
    }

    /// Runs a command. `patience` is how long the answer may take; `None` is no limit.
    pub(crate) async fn request(
        &mut self,
        command: &str,
        message: Message,
        patience: Option<Duration>,
    ) -> Result<Message, Failure> {
        let answer = self.client.request(command, message);
        let answer = match patience {
            Some(patience) => within(patience, answer).await,
            None => Some(answer.await),
        };
        self.target.judge(answer)
    }

    /// Runs a command that streams its results and needs no peer.
    pub(crate) async fn collect(
        &mut self,
        command: &str,
        event: &str,
        message: Message,
    ) -> Result<(Vec<Message>, Message), Failure> {
        let answer = within(PATIENCE, self.client.collect(command, event, message)).await;
        self.target.judge(answer)
    }
}

async fn within<T>(patience: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(patience, future).await.ok()
}

/// Where the agent should be, and how we know.
#[derive(Debug)]
struct Target {
    address: Address,
    /// The configuration that should have named the address, where it could not be used.
    unusable_config: Option<PathBuf>,
}

impl Target {
    fn find(options: &Agent) -> Result<Self, Failure> {
        if let Some(address) = &options.uri {
            return Ok(Self::known(address.clone()));
        }
        let file = options
            .config
            .as_deref()
            .unwrap_or(Path::new(DEFAULT_CONFIG));
        if options.config.is_none() && !file.exists() {
            return Ok(Self::known(address(&ViciAddress::default())));
        }
        match holdfast_config::load(file) {
            Ok(loaded) => Ok(Self::known(address(&loaded.config.agent.vici))),
            Err(mistakes) if options.config.is_some() => Err(Failure::new(
                Code::Configuration,
                format!(
                    "{} does not tell the control address, because it cannot be used: give --uri, \
                     or correct it: {mistakes}",
                    file.display()
                ),
            )),
            // The agent may run with what the file said before, and the file, or a secret beside
            // it, may be readable for root only: the default is worth a try.
            Err(_) => Ok(Self {
                address: address(&ViciAddress::default()),
                unusable_config: Some(file.to_owned()),
            }),
        }
    }

    fn known(address: Address) -> Self {
        Self {
            address,
            unusable_config: None,
        }
    }

    fn judge<T>(&self, answer: Option<Result<T, ClientError>>) -> Result<T, Failure> {
        match answer {
            Some(answer) => answer.map_err(|error| self.failure(&error)),
            None => Err(self.silent()),
        }
    }

    fn failure(&self, error: &ClientError) -> Failure {
        match error {
            ClientError::Connect { error, .. } => self.unreachable(error),
            ClientError::Closed | ClientError::Frame(_) | ClientError::Write(_) => Failure::new(
                Code::NotRunning,
                format!(
                    "the agent at {} went away before it answered: is it shutting down?",
                    self.address
                ),
            ),
            ClientError::UnknownCommand(_) | ClientError::UnknownEvent(_) => Failure::new(
                Code::Failed,
                format!(
                    "{error}: {} is another daemon's socket, or an older agent's; correct --uri",
                    self.address
                ),
            ),
            ClientError::Decode(_)
            | ClientError::Encode(_)
            | ClientError::UnexpectedPacket
            | ClientError::Abandoned => {
                Failure::new(Code::Failed, format!("{error} (at {})", self.address))
            }
        }
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        let address = &self.address;
        let note = self.note();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::new(
                Code::NotRunning,
                format!(
                    "no agent is running at {address}: start it with `systemctl start holdfast` \
                     or `holdfast run`, or give its address with --uri{note}"
                ),
            ),
            io::ErrorKind::PermissionDenied => Failure::new(
                Code::NotPermitted,
                format!(
                    "no permission to use {address}: run as root, or as a member of the socket's \
                     group{note}"
                ),
            ),
            _ => Failure::new(
                Code::NotRunning,
                format!("{address} cannot be reached: {error}; correct --uri{note}"),
            ),
        }
    }

    fn silent(&self) -> Failure {
        Failure::new(
            Code::NotRunning,
            format!(
                "the agent at {} does not answer: see its log, and restart it if it is stuck",
                self.address
            ),
        )
    }

    fn note(&self) -> String {
        self.unusable_config.as_ref().map_or_else(
            String::new,
            |file| {
                format!(
                    " (this is the default address, because {} cannot be used; see `holdfast check`)",
                    file.display()
                )
            },
        )
    }
}

fn address(configured: &ViciAddress) -> Address {
    match configured {
        ViciAddress::Unix(path) => Address::Unix(path.clone()),
        ViciAddress::Tcp(address) => Address::Tcp(address.to_string()),
    }
}

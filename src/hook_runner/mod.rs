//! The process that runs operators' commands.
//!
//! The agent starts it before it confines itself, and tells it what happens over a socket, this
//! process's standard input. What is run then is in the configuration, which this process reads by
//! itself. It ends when the agent has, and all commands are done.

mod command;
mod environment;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    io::{self, BufRead, BufReader},
    net::Shutdown,
    os::{fd::AsFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_actors::hooks::{Order, Outcome, Report, log};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use queue::Queue;

/// Reports that may wait for the agent.
const REPORTS: usize = 256;

/// The agent's end of the socket.
pub(crate) struct Runner(UnixStream);

impl Runner {
    /// Starts the process, for the configuration in this file.
    pub(crate) fn start(config: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hook-runner", "--config"]).arg(config);
        command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
        command.spawn()?;
        Ok(Self(ours))
    }

    /// For the agent.
    pub(crate) fn socket(&self) -> io::Result<UnixStream> {
        self.0.try_clone()
    }

    /// Has it finish what was ordered, once the agent is done; what it reports is logged.
    pub(crate) fn finish(self, patience: Duration) {
        let Self(socket) = self;
        // Fails where the agent has said so already.
        let _ = socket.shutdown(Shutdown::Write);
        let deadline = Instant::now() + patience;
        let left = || deadline.checked_duration_since(Instant::now());
        let Ok(()) = socket.set_nonblocking(false) else {
            return;
        };
        let Ok(times) = socket.try_clone() else {
            return;
        };
        let mut lines = BufReader::new(socket).lines();
        while let Some(left) = left().filter(|left| !left.is_zero())
            && times.set_read_timeout(Some(left)).is_ok()
            && let Some(Ok(line)) = lines.next()
        {
            if let Ok(report) = serde_json::from_str(&line) {
                log(&report);
            }
        }
    }
}

/// The process: obeys until the agent is gone.
pub(crate) fn run(config: PathBuf) -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(obey(config, socket))
}

async fn obey(config: PathBuf, socket: UnixStream) -> io::Result<()> {
    // The end of the agent is the end of this process, not a signal that both get: what the agent
    // says at its end is run, too. Handlers, other than ignoring, are not inherited by commands.
    let _ignored = [
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::hangup())?,
    ];
    socket.set_nonblocking(true)?;
    let (orders, mut answers) = tokio::net::UnixStream::from_std(socket)?.into_split();
    let (reports, mut waiting) = mpsc::channel::<Report>(REPORTS);
    let writing = tokio::spawn(async move {
        while let Some(report) = waiting.recv().await {
            let Ok(mut line) = serde_json::to_vec(&report) else {
                continue;
            };
            line.push(b'\n');
            // Commands run whether or not somebody hears of it.
            let _ = answers.write_all(&line).await;
        }
    });
    let mut queue = Queue::new(&config, reports.clone())?;
    let mut lines = tokio::io::BufReader::new(orders).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Order::Run(happening) => queue.add(Arc::from(happening)),
            Order::Reload => {
                if let Err(error) = queue.reload(&config) {
                    let _ = reports.try_send(not_reloaded(&error));
                }
            }
        }
    }
    queue.finish().await;
    drop(reports);
    let _ = writing.await;
    Ok(())
}

fn not_reloaded(error: &io::Error) -> Report {
    Report {
        connection: String::new(),
        hook: String::new(),
        outcome: Outcome::NotReloaded(error.to_string()),
        output: String::new(),
        took: 0,
    }
}

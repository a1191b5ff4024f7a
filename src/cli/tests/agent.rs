//! An agent that answers from a script and remembers what it was asked.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use holdfast_vici::{Incoming, Message, server};
use tempfile::TempDir;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::oneshot,
};

/// How the agent answers a command: events first, then the response. `None`: there is no such
/// command.
pub(super) type Script =
    fn(command: &str, request: &Message) -> Option<(Vec<(&'static str, Message)>, Message)>;

/// A running agent; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Agent {
    directory: TempDir,
    asked: Arc<Mutex<Vec<(String, Message)>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Starts an agent that answers by the script.
    pub(super) fn start(script: Script) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // Bound before the thread runs, so that clients find it.
        let listener = std::os::unix::net::UnixListener::bind(directory.path().join("vici"))
            .expect("a socket");
        listener.set_nonblocking(true).expect("non-blocking");
        let asked = Arc::default();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let asked = Arc::clone(&asked);
            move || run(listener, script, &asked, stopped)
        });
        Self {
            directory,
            asked,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// What `--uri` takes.
    pub(super) fn uri(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("vici")
    }

    /// The commands that were asked for, with their arguments.
    pub(super) fn asked(&self) -> Vec<(String, Message)> {
        self.asked.lock().expect("no panic").clone()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the agent ran well");
        }
    }
}

type Asked = Mutex<Vec<(String, Message)>>;

fn run(
    listener: std::os::unix::net::UnixListener,
    script: Script,
    asked: &Arc<Asked>,
    mut stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = UnixListener::from_std(listener).expect("a socket");
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                accepted = listener.accept() => {
                    let (stream, _) = accepted.expect("a client");
                    tokio::spawn(serve(stream, script, Arc::clone(asked)));
                }
            }
        }
    });
}

async fn serve(stream: UnixStream, script: Script, asked: Arc<Asked>) {
    let (mut requests, mut replies) = server::split(stream);
    while let Ok(Some(incoming)) = requests.next().await {
        let answered = match incoming {
            Incoming::Register(_) | Incoming::Unregister(_) => replies.confirm().await,
            Incoming::Command { name, message } => {
                let answer = script(&name, &message);
                asked.lock().expect("no panic").push((name, message));
                match answer {
                    None => replies.unknown_command().await,
                    Some((events, response)) => {
                        for (event, message) in events {
                            if replies.event(event, message).await.is_err() {
                                return;
                            }
                        }
                        replies.respond(response).await
                    }
                }
            }
            Incoming::Unreadable { name, error } => panic!("{name}: {error}"),
        };
        if answered.is_err() {
            return;
        }
    }
}

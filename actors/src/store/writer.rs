//! The thread that carries state to the disk.

use std::{io, sync::Arc, thread, thread::JoinHandle, time::Duration};

use super::{file::StateFile, inbox::Inbox};

/// Between two commits: what changes more often is written once.
const PACE: Duration = Duration::from_secs(1);

/// Before a disk that has failed is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Starts it. It ends when the inbox is closed.
pub(super) fn start(
    file: StateFile,
    inbox: Arc<Inbox>,
    alert: impl Fn() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("state".to_owned())
        .spawn(move || write(file, &inbox, &alert))
}

fn write(mut file: StateFile, inbox: &Inbox, alert: &dyn Fn()) {
    while let Some(changes) = inbox.take() {
        match file.write(&changes) {
            Ok(()) => {
                if inbox.note(None) {
                    tracing::info!(file = %file.path().display(), "state is kept again");
                }
                // What comes in the meantime, or after the end, is written in one more round.
                inbox.rest(PACE);
            }
            Err(error) => {
                inbox.put_back(changes);
                if inbox.note(Some(format!("{}: {error}", file.path().display()))) {
                    tracing::error!(
                        file = %file.path().display(), %error,
                        "state is not kept: a restart would forget what is new; tunnels are not affected"
                    );
                    alert();
                }
                if inbox.rest(RETRY) {
                    return;
                }
            }
        }
    }
}

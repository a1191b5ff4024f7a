//! Looking names up, off the arbiters. The system's resolver blocks and cannot be interrupted, so
//! each look-up has a thread of its own that nobody waits for, not even a shutdown.

use std::{
    net::{IpAddr, ToSocketAddrs},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Look-ups at once. When a dead name server holds up more than these, further ones fail at once
/// and are tried again later.
const AT_ONCE: usize = 64;

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// One that counts.
struct Running;

impl Running {
    fn begin() -> Option<Self> {
        if RUNNING.fetch_add(1, Ordering::Relaxed) < AT_ONCE {
            Some(Self)
        } else {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
            None
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looks `names` up and gives all their addresses to `answer`; none if that fails.
pub(crate) fn resolve(
    connection: &str,
    names: Vec<String>,
    answer: impl FnOnce(Vec<IpAddr>) + Send + 'static,
) {
    let Some(running) = Running::begin() else {
        tracing::warn!(connection, "too many name look-ups are stuck");
        answer(Vec::new());
        return;
    };
    let name = connection.to_owned();
    let work = move || {
        let mut addresses = Vec::new();
        for host in &names {
            match (host.as_str(), 0).to_socket_addrs() {
                Ok(found) => {
                    for address in found.map(|address| address.ip()) {
                        if !addresses.contains(&address) {
                            addresses.push(address);
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(connection = %name, %host, %error, "name not resolved");
                }
            }
        }
        drop(running);
        answer(addresses);
    };
    // Without a thread the look-up's own deadline speaks for it.
    if let Err(error) = thread::Builder::new()
        .name("resolver".to_owned())
        .spawn(work)
    {
        tracing::error!(connection, %error, "no thread for a name look-up");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn literals_and_local_names_resolve_and_nonsense_does_not() {
        let (sender, receiver) = mpsc::channel();
        let names = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
        resolve("test", names, move |found| sender.send(found).unwrap());
        let found = receiver.recv().unwrap();
        let expected: [IpAddr; 2] = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(found, expected);

        let (sender, receiver) = mpsc::channel();
        resolve("test", vec!["nowhere.invalid".to_owned()], move |found| {
            sender.send(found).unwrap();
        });
        assert!(receiver.recv().unwrap().is_empty());
    }
}

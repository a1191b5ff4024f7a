//! The key log: lets Wireshark read what we send. Whoever holds it can read the traffic, so it is
//! off by default and loud when on.
//!
//! A thread of its own writes, so that a slow disk holds up no IKE_SA.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use holdfast_ike::sa::event::{KeyLog, KeyLogTable};
use zeroize::Zeroizing;

use crate::StartError;

/// Lines that may wait for the disk.
const QUEUE: usize = 1024;

/// Wireshark's names of its tables.
const IKE_TABLE: &str = "ikev2_decryption_table";
const ESP_TABLE: &str = "esp_sa";

struct Line {
    table: KeyLogTable,
    text: Zeroizing<String>,
}

/// Where keys to be logged go.
#[derive(Debug)]
pub(crate) struct KeyLogPort {
    lines: SyncSender<Line>,
    directory: PathBuf,
    lost: AtomicU64,
}

impl KeyLogPort {
    /// Queues a line; one that finds no room is lost and counted.
    pub(crate) fn append(&self, entry: &KeyLog) {
        let line = Line {
            table: entry.table,
            text: entry.line.clone(),
        };
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Where the tables are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Lines that found no room.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The tables, open for appending.
pub(crate) struct Tables {
    directory: PathBuf,
    ike: File,
    esp: File,
}

/// Opens the tables in `directory`.
pub(crate) fn open(directory: &Path) -> Result<Tables, StartError> {
    let failed = |source| StartError::KeyLog {
        directory: directory.to_owned(),
        source,
    };
    if !directory.is_dir() {
        DirBuilder::new()
            .mode(0o700)
            .create(directory)
            .map_err(failed)?;
    }
    Ok(Tables {
        directory: directory.to_owned(),
        ike: open_table(&directory.join(IKE_TABLE)).map_err(failed)?,
        esp: open_table(&directory.join(ESP_TABLE)).map_err(failed)?,
    })
}

/// Starts their writer. It ends when the port is dropped.
pub(crate) fn start(tables: Tables) -> Result<(KeyLogPort, JoinHandle<()>), StartError> {
    let Tables {
        directory,
        ike,
        esp,
    } = tables;
    let (sender, receiver) = sync_channel(QUEUE);
    let writer = thread::Builder::new()
        .name("keylog".to_owned())
        .spawn(move || write(ike, esp, &receiver))?;
    tracing::warn!(
        directory = %directory.display(),
        "KEY LOG IS ON: every session key is written to this directory, whoever reads it can read \
         all traffic; remove `agent.keylog` when you are done"
    );
    let port = KeyLogPort {
        lines: sender,
        directory,
        lost: AtomicU64::new(0),
    };
    Ok((port, writer))
}

fn open_table(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    // The mode above holds for new files only.
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        file.set_permissions(permissions)?;
    }
    Ok(file)
}

fn write(mut ike: File, mut esp: File, lines: &Receiver<Line>) {
    for line in lines {
        let file = match line.table {
            KeyLogTable::Ike => &mut ike,
            KeyLogTable::Esp => &mut esp,
        };
        let mut text = Zeroizing::new(Vec::with_capacity(line.text.len() + 1));
        text.extend_from_slice(line.text.trim_end().as_bytes());
        text.push(b'\n');
        if let Err(error) = file.write_all(&text) {
            tracing::error!(%error, "key log not written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_appended_and_private() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("keys");
        for round in 1..=2 {
            let (port, writer) = start(open(&directory).unwrap()).unwrap();
            port.append(&KeyLog {
                table: KeyLogTable::Ike,
                line: Zeroizing::new("one,two\n".to_owned()),
            });
            port.append(&KeyLog {
                table: KeyLogTable::Esp,
                line: Zeroizing::new("three".to_owned()),
            });
            assert_eq!(port.lost(), 0);
            drop(port);
            writer.join().unwrap();
            let ike = std::fs::read_to_string(directory.join(IKE_TABLE)).unwrap();
            assert_eq!(ike, "one,two\n".repeat(round));
        }
        let esp = directory.join(ESP_TABLE);
        assert_eq!(std::fs::read_to_string(&esp).unwrap(), "three\nthree\n");
        let mode = std::fs::metadata(esp).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let error = open(Path::new("/nonexistent/keys")).err().expect("refused");
        assert!(error.to_string().contains("/nonexistent/keys"), "{error}");
    }
}

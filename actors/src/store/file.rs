//! The file. redb commits are atomic: a crash at any moment leaves the last one.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use redb::{Database, DatabaseError, ReadableTable, TableDefinition, TableError};

use super::record::{Change, Slot, Table};

/// Memory that redb may use for pages. The file is small and read once.
const CACHE: usize = 1 << 20;

/// Why the file cannot be used now.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// The operating system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Another process has it open.
    #[error("another agent uses it: give each one an `agent.state_dir` of its own")]
    InUse,
    /// It cannot be understood.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// The file, opened when it is needed: after a failed write redb wants it opened anew.
pub(crate) struct StateFile {
    path: PathBuf,
    database: Option<Database>,
}

impl StateFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            database: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it. A damaged file is moved aside, and a new one begun.
    pub(super) fn read(&mut self) -> Result<Vec<(Slot, Vec<u8>)>, FileError> {
        match self.attempt(read_all) {
            Err(FileError::Damaged(what)) => {
                self.move_aside(&what)?;
                self.attempt(read_all)
            }
            outcome => outcome,
        }
    }

    /// Writes all of these or none.
    pub(super) fn write(&mut self, changes: &[Change]) -> Result<(), FileError> {
        match self.attempt(|database| write_all(database, changes)) {
            Err(FileError::Damaged(what)) => {
                self.move_aside(&what)?;
                self.attempt(|database| write_all(database, changes))
            }
            outcome => outcome,
        }
    }

    /// Runs `work`. After any failure the file is closed. Damage that redb does not foresee makes it
    /// panic; that is damage like any other.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&Database) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let path = &self.path;
        let database = self.database.take();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let database = match database {
                Some(database) => database,
                None => open(path)?,
            };
            let result = work(&database)?;
            Ok((database, result))
        }));
        match outcome {
            Ok(Ok((database, result))) => {
                self.database = Some(database);
                Ok(result)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(FileError::Damaged("it cannot be read".to_owned())),
        }
    }

    fn move_aside(&self, what: &str) -> io::Result<()> {
        let aside = self.path.with_extension("redb.damaged");
        fs::rename(&self.path, &aside)?;
        tracing::error!(
            file = %self.path.display(), aside = %aside.display(), what,
            "the state file is damaged: it is moved aside and a new one begun"
        );
        Ok(())
    }
}

fn open(path: &Path) -> Result<Database, FileError> {
    if let Some(directory) = path.parent()
        && !directory.is_dir()
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    if !path.exists() {
        // A death in the middle of this leaves nothing under the file's own name.
        let new = path.with_extension("redb.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => drop(open_at(&new)?),
        }
        fs::rename(&new, path)?;
    }
    open_at(path)
}

fn open_at(path: &Path) -> Result<Database, FileError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    Database::builder()
        .set_cache_size(CACHE)
        .create_file(file)
        .map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => FileError::InUse,
            error => judge(error),
        })
}

/// Tells damage, which is final, from a disk that may work again.
fn judge(error: impl Into<redb::Error>) -> FileError {
    match error.into() {
        redb::Error::Io(error) => match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                FileError::Damaged(error.to_string())
            }
            _ => FileError::Io(error),
        },
        error @ redb::Error::PreviousIo => FileError::Io(io::Error::other(error.to_string())),
        error => FileError::Damaged(error.to_string()),
    }
}

fn definition(table: Table) -> TableDefinition<'static, &'static str, &'static [u8]> {
    TableDefinition::new(table.name())
}

fn read_all(database: &Database) -> Result<Vec<(Slot, Vec<u8>)>, FileError> {
    let transaction = database.begin_read().map_err(judge)?;
    let mut slots = Vec::new();
    for table in Table::ALL {
        let rows = match transaction.open_table(definition(table)) {
            Ok(rows) => rows,
            Err(TableError::TableDoesNotExist(_)) => continue,
            Err(error) => return Err(judge(error)),
        };
        for row in rows.iter().map_err(judge)? {
            let (key, value) = row.map_err(judge)?;
            slots.push((Slot::new(table, key.value()), value.value().to_vec()));
        }
    }
    Ok(slots)
}

fn write_all(database: &Database, changes: &[Change]) -> Result<(), FileError> {
    let transaction = database.begin_write().map_err(judge)?;
    for table in Table::ALL {
        let mut rows = transaction.open_table(definition(table)).map_err(judge)?;
        for change in changes.iter().filter(|change| change.slot.table() == table) {
            match &change.value {
                Some(value) => drop(
                    rows.insert(change.slot.key(), value.as_slice())
                        .map_err(judge)?,
                ),
                None => drop(rows.remove(change.slot.key()).map_err(judge)?),
            }
        }
    }
    transaction.commit().map_err(judge)
}

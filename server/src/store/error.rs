//! Why the store could not do what it was asked.
//!
//! None of these depends on what a peer sent, except through how much of it there is. After any of them nothing
//! of the failed operation is stored.

use std::{error::Error, sync::Arc};

/// What went wrong beneath, for the log only.
type Cause = Arc<dyn Error + Send + Sync>;

/// A failure of the store. Nothing of the operation is stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Unavailable: the disk is full.
    #[error("the disk is full")]
    Full {
        /// What the database said.
        source: Cause,
    },
    /// Unavailable: the database cannot be read or written now (read-only, I/O error, busy).
    #[error("the database cannot be used now")]
    Unavailable {
        /// What the database said.
        source: Cause,
    },
    /// Unavailable: the store was closed.
    #[error("the store is closed")]
    Closed,
    /// Misuse: the file was written by a newer relay.
    #[error("the database has version {found}, this relay knows {known}")]
    Newer {
        /// The file's version.
        found: i64,
        /// The newest that this relay knows.
        known: i64,
    },
    /// Broken: the file is damaged or not a database.
    #[error("the database is damaged")]
    Damaged {
        /// What the database said.
        source: Cause,
    },
    /// Broken: a row holds what its column never holds.
    #[error("column {column} holds a value of the wrong shape")]
    Unreadable {
        /// The column.
        column: &'static str,
    },
    /// Broken: a statement of ours failed.
    #[error("a statement failed")]
    Broken {
        /// What the database said.
        source: Cause,
    },
    /// Broken: an operation panicked.
    #[error("operation {name} panicked")]
    Panicked {
        /// The operation.
        name: &'static str,
    },
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let primary = match &error {
            sqlx::Error::Database(database) => database.code().and_then(|code| code.parse::<u32>().ok()),
            _ => None,
        };
        let connection_lost = matches!(
            error,
            sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        );
        let source: Cause = Arc::new(error);
        // The low byte of an extended result code is the primary one: <https://sqlite.org/rescode.html>.
        match primary.map(|code| code & 0xff) {
            Some(SQLITE_FULL) => Self::Full { source },
            Some(
                SQLITE_BUSY | SQLITE_LOCKED | SQLITE_NOMEM | SQLITE_READONLY | SQLITE_INTERRUPT
                | SQLITE_IOERR | SQLITE_CANTOPEN,
            ) => Self::Unavailable { source },
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Damaged { source },
            _ if connection_lost => Self::Unavailable { source },
            _ => Self::Broken { source },
        }
    }
}

const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_NOMEM: u32 = 7;
const SQLITE_READONLY: u32 = 8;
const SQLITE_INTERRUPT: u32 = 9;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

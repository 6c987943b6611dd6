//! The database file: opening it, reading it, and handing writes to the writer.

use std::{path::Path, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use wardline_proto::{fault, in_place::in_place};

use super::{
    ReadTx, StoreError, WriteTx,
    readers::Readers,
    schema,
    writer::{Job, Waiting, Writer},
};

/// The relay's database. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// `None` once closed.
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Readers>,
}

impl Store {
    /// Opens the database at `path`, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// - [`StoreError::Newer`]: a newer relay wrote it; nothing was changed.
    /// - [`StoreError::Damaged`]: it is not a database or fails its own checks.
    /// - [`StoreError::Full`], [`StoreError::Unavailable`]: it cannot be written.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = connect_options(path);
        let create = options.clone().create_if_missing(true);
        let mut connection = in_place(Box::pin(create.connect())).await?;
        in_place(Box::pin(schema::bring_up_to_date(&mut connection))).await?;

        let (sender, receiver) = mpsc::channel(JOBS_WAITING_MAX);
        let writer = tokio::spawn(Writer::new(connection, options.clone()).run(receiver));
        let readers = Readers::new(options);
        let shared = Shared { jobs: Mutex::new(Some(sender)), writer: Mutex::new(Some(writer)), readers };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `operation` in the writer's transaction; returns after `COMMIT` with `synchronous=FULL` returned.
    ///
    /// An error of the operation undoes what it wrote and nothing else. It may run although its caller has
    /// gone away. While the queue is full the caller waits.
    ///
    /// # Errors
    /// What `operation` returns, or a [`StoreError`] by `From`; then nothing of it is stored.
    pub async fn write<T, E, F>(&self, name: &'static str, operation: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut WriteTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        self.write_then(name, operation, |_| ()).await
    }

    /// [`Store::write`], and calls `after` with the result once it is on disk, also when its caller has gone
    /// away: that is where subscribers are woken. `after` must not block.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_then<T, E, F, A>(&self, name: &'static str, operation: F, after: A) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut WriteTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let sender = self.shared.jobs.lock().await.clone().ok_or(StoreError::Closed)?;
        let job = Box::new(Waiting::new(name, operation, after, answer));
        sender.send(job).await.map_err(|_| StoreError::Closed)?;
        drop(sender);
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `operation` over one consistent view of what is committed.
    ///
    /// # Errors
    /// What `operation` returns, or a [`StoreError`] by `From`.
    pub async fn read<T, E, F>(&self, name: &'static str, operation: F) -> Result<T, E>
    where
        E: From<StoreError>,
        F: for<'t> FnOnce(&'t mut ReadTx) -> BoxFuture<'t, Result<T, E>>,
    {
        tracing::trace!(operation = name, "read");
        let mut tx = self.shared.readers.begin().await?;
        let result = in_place(operation(&mut tx)).await?;
        tx.end().await.map_err(StoreError::from)?;
        Ok(result)
    }

    /// Brings everything committed into the main file and empties the write-ahead log, so that what was deleted
    /// is on the disk no more. While somebody reads it does what it can.
    ///
    /// # Errors
    /// A [`StoreError`]; nothing is lost.
    pub async fn truncate_log(&self) -> Result<(), StoreError> {
        let mut reader = self.shared.readers.take().await?;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(reader.connection()).await?;
        reader.give_back();
        Ok(())
    }

    /// Finishes what waits, then closes the file. Later calls answer [`StoreError::Closed`].
    pub async fn close(&self) {
        drop(self.shared.jobs.lock().await.take());
        if let Some(writer) = self.shared.writer.lock().await.take()
            && let Err(error) = writer.await
        {
            tracing::error!(error = %error, "the writer ended badly");
        }
        self.shared.readers.close().await;
    }
}

/// `synchronous=FULL` is what makes an acknowledgement mean "on disk" also after a power cut; `secure_delete`
/// overwrites what the sweep deletes.
fn connect_options(path: &Path) -> SqliteConnectOptions {
    // A scene of the simulation dies with its process; what survives a power cut is for others to try.
    let hasty = fault::planted("simulation.hasty_disks");
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if hasty { SqliteSynchronous::Off } else { SqliteSynchronous::Full })
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("secure_delete", "ON")
        .row_buffer_size(ROWS_BUFFERED)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging()
}

/// How many writes may wait before their callers do: some batches of the writer.
const JOBS_WAITING_MAX: usize = 1024;

/// Only checkpoints and other processes (a backup) can hold the lock: the writer is alone.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// All of the store's statements stay prepared.
const STATEMENTS_KEPT: usize = 512;

/// A row may hold a 2 MiB commit: few are read ahead.
const ROWS_BUFFERED: usize = 4;

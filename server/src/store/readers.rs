//! The few connections that read.
//!
//! A read takes one, begins a transaction on it and gives it back. A read that is cut closes its connection: a view
//! that stays open would keep in the log what was deleted.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wardline_proto::in_place::in_place;

use super::{ReadTx, StoreError};

/// Connections that only read, opened when they are first needed.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    idle: Mutex<Vec<SqliteConnection>>,
    places: Arc<Semaphore>,
}

/// A connection that is taken.
#[derive(Debug)]
pub(super) struct Reader {
    readers: Arc<Readers>,
    connection: SqliteConnection,
    place: OwnedSemaphorePermit,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions) -> Arc<Self> {
        let options = options.pragma("query_only", "ON");
        Arc::new(Self { options, idle: Mutex::default(), places: Arc::new(Semaphore::new(READERS_MAX)) })
    }

    /// One consistent view of what is committed.
    pub(super) async fn begin(self: &Arc<Self>) -> Result<ReadTx, StoreError> {
        let mut reader = self.take().await?;
        in_place(Box::pin(sqlx::query("BEGIN").execute(&mut reader.connection))).await?;
        Ok(ReadTx::new(reader))
    }

    /// A connection, when there is one.
    pub(super) async fn take(self: &Arc<Self>) -> Result<Reader, StoreError> {
        let place = tokio::time::timeout(READER_WAIT, Arc::clone(&self.places).acquire_owned());
        let place = place.await.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| StoreError::Closed)?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => in_place(Box::pin(self.options.connect())).await?,
        };
        Ok(Reader { readers: Arc::clone(self), connection, place })
    }

    /// Waits for the reads under way and closes.
    pub(super) async fn close(&self) {
        // Fails only if it is closed already.
        let all = u32::try_from(READERS_MAX).unwrap_or(u32::MAX);
        let places = self.places.acquire_many(all).await;
        self.places.close();
        drop(places);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            if let Err(error) = in_place(Box::pin(connection.close())).await {
                tracing::warn!(error = %error, "closing a reader failed");
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        // One push or pop at a time: a panic elsewhere leaves nothing half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// The connection.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Ends the transaction and gives the connection back.
    pub(super) async fn end(mut self) -> Result<(), sqlx::Error> {
        in_place(Box::pin(sqlx::query("ROLLBACK").execute(&mut self.connection))).await?;
        self.give_back();
        Ok(())
    }

    /// Gives the connection back, with nothing left open on it.
    pub(super) fn give_back(self) {
        let Self { readers, connection, place } = self;
        readers.idle().push(connection);
        drop(place);
    }
}

/// Reads are short and mostly come from the page cache; more connections only cost memory.
const READERS_MAX: usize = 4;

/// How long a read may wait for a connection.
const READER_WAIT: Duration = Duration::from_secs(10);

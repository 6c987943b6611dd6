//! The handles that operations get: a place inside a transaction, and nothing else.
//!
//! Only this room's tables reach the connection behind them.

use sqlx::SqliteConnection;

use super::readers::Reader;

/// An operation's place in the writer's transaction.
///
/// What it writes is on disk when [`Store::write`](super::Store::write) returns, all of it or nothing.
#[derive(Debug)]
pub struct WriteTx {
    connection: SqliteConnection,
}

impl WriteTx {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { connection }
    }

    /// The connection, for this room's tables.
    pub(in crate::store) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    pub(super) fn into_connection(self) -> SqliteConnection {
        self.connection
    }
}

/// A consistent view of everything that was committed when it was opened.
#[derive(Debug)]
pub struct ReadTx {
    reader: Reader,
}

impl ReadTx {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader }
    }

    /// The connection, for this room's tables.
    pub(in crate::store) fn connection(&mut self) -> &mut SqliteConnection {
        self.reader.connection()
    }

    pub(super) async fn end(self) -> Result<(), sqlx::Error> {
        self.reader.end().await
    }
}

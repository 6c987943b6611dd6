//! The bare log: SQLite with the relay's settings, one table, one index, one connection, rows as long as the
//! relay's. No rule is checked, no head is moved, nobody is told.

use std::path::Path;

use anyhow::Result;
use bytes::Bytes;
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

/// What is stored of a message, besides its number.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The MLSMessage.
    pub body: Bytes,
}

/// The log's file.
pub(crate) struct Log {
    connection: SqliteConnection,
    number: i64,
}

impl Log {
    /// Makes it.
    pub(crate) async fn create(file: &Path) -> Result<Self> {
        // As `server/src/store/engine.rs`.
        let mut connection = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("secure_delete", "ON")
            .disable_statement_logging()
            .connect()
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        Ok(Self { connection, number: 0 })
    }

    /// One row, one transaction.
    pub(crate) async fn append(&mut self, row: &Row) -> Result<()> {
        self.insert(row).await
    }

    /// Several rows, one transaction.
    pub(crate) async fn append_all(&mut self, rows: &[Row]) -> Result<()> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        for row in rows {
            self.insert(row).await?;
        }
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(())
    }

    /// As many rows, one statement: what SQLite itself can do, without a way to the library's thread for each row.
    pub(crate) async fn append_all_at_once(&mut self, row: &Row, count: usize) -> Result<()> {
        let count = i64::try_from(count)?;
        sqlx::query(INSERT_MANY)
            .bind(count)
            .bind(self.number)
            .bind([1_u8; 16].as_slice())
            .bind([2_u8; 16].as_slice())
            .bind([4_u8; 32].as_slice())
            .bind([5_u8; 32].as_slice())
            .bind(1_795_288_708_123_i64)
            .bind(row.body.as_ref())
            .execute(&mut self.connection)
            .await?;
        self.number += count;
        Ok(())
    }

    /// A statement that does nothing: the way to the library's thread and back.
    pub(crate) async fn do_nothing(&mut self) -> Result<()> {
        sqlx::query("SELECT 1").fetch_one(&mut self.connection).await?;
        Ok(())
    }

    /// Closes the file.
    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }

    async fn insert(&mut self, row: &Row) -> Result<()> {
        self.number += 1;
        let mut id = [3; 16];
        id[8..].copy_from_slice(&self.number.to_be_bytes());
        sqlx::query(INSERT)
            .bind([1_u8; 16].as_slice())
            .bind(self.number)
            .bind([2_u8; 16].as_slice())
            .bind(id.as_slice())
            .bind([4_u8; 32].as_slice())
            .bind([5_u8; 32].as_slice())
            .bind(1_795_288_708_123_i64)
            .bind(row.body.as_ref())
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }
}

const SCHEMA: &str = "
    CREATE TABLE entries (
        id                INTEGER PRIMARY KEY,
        conversation      BLOB NOT NULL,
        number            INTEGER NOT NULL,
        sender            BLOB NOT NULL,
        client_message_id BLOB NOT NULL,
        message_sha256    BLOB NOT NULL,
        chain_hash        BLOB NOT NULL,
        stamp             INTEGER NOT NULL,
        body              BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX entries_by_number ON entries (conversation, number);";

const INSERT: &str = "
    INSERT INTO entries (conversation, number, sender, client_message_id, message_sha256, chain_hash, stamp, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const INSERT_MANY: &str = "
    WITH RECURSIVE row (number) AS (SELECT ?2 + 1 UNION ALL SELECT number + 1 FROM row WHERE number < ?2 + ?1)
    INSERT INTO entries (conversation, number, sender, client_message_id, message_sha256, chain_hash, stamp, body)
    SELECT ?3, number, ?4, randomblob(16), ?5, ?6, ?7, ?8 FROM row";

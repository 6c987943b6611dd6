//! The bare vault: SQLCipher with the client's settings and two tables. What is written in a commit is what a
//! message makes a client write: the ratchet's rows, and the message.

use std::path::Path;

use anyhow::Result;
use sqlx::{
    ConnectOptions as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous},
};
use wardline_client_core::vault::mls_rows::{Changes, Scope};
use wardline_identity::SystemEntropy;

/// The vault's file.
pub(crate) struct BareVault {
    connection: SqliteConnection,
    number: i64,
}

impl BareVault {
    /// Makes it, under a random key.
    pub(crate) async fn create(file: &Path) -> Result<Self> {
        let key: [u8; 32] = SystemEntropy.array()?;
        // As `client-core/src/vault/database.rs`.
        let mut connection = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .pragma("key", format!("\"x'{}'\"", data_encoding::HEXLOWER.encode(&key)))
            .pragma("cipher_log_level", "NONE")
            .pragma("cipher_memory_security", "ON")
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("secure_delete", "ON")
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging()
            .connect()
            .await?;
        let cipher: Option<String> =
            sqlx::query_scalar("PRAGMA cipher_version").fetch_optional(&mut connection).await?;
        anyhow::ensure!(cipher.is_some(), "this build's SQLite does not encrypt");
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        Ok(Self { connection, number: 0 })
    }

    /// One durable commit: what MLS changed, and the message.
    pub(crate) async fn commit(&mut self, changes: &Changes, message: &[u8]) -> Result<()> {
        self.number += 1;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        for (place, value) in &changes.rows {
            let group = match &place.scope {
                Scope::Device => Vec::new(),
                Scope::Conversation(conversation) => conversation.as_bytes().to_vec(),
            };
            let value = value.as_ref().map(|value| value.as_slice()).unwrap_or_default();
            sqlx::query(WRITE_ROW)
                .bind(group)
                .bind(place.kind)
                .bind(place.key.as_slice())
                .bind(value)
                .execute(&mut self.connection)
                .await?;
        }
        sqlx::query("INSERT INTO messages (number, body) VALUES (?1, ?2)")
            .bind(self.number)
            .bind(message)
            .execute(&mut self.connection)
            .await?;
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(())
    }
}

const SCHEMA: &str = "
    CREATE TABLE mls_rows (
        group_id BLOB NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (group_id, kind, key)
    ) STRICT;
    CREATE TABLE messages (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;";

const WRITE_ROW: &str = "
    INSERT INTO mls_rows (group_id, kind, key, value) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (group_id, kind, key) DO UPDATE SET value = excluded.value";

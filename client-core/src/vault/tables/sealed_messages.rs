//! What of table `messages` is sealed: for whoever asks about keys, not about what is said.

use std::collections::BTreeSet;

use sqlx::{Row as _, SqliteConnection};
use wardline_proto::{ConversationId, UtcMillis};

use super::{
    fixed,
    messages::{MessageKind, parse},
    stored, unsigned,
};
use crate::vault::{Transaction, VaultError};

/// Whether anything is sealed in this database.
pub(in crate::vault) async fn has_sealed(connection: &mut SqliteConnection) -> Result<bool, VaultError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM messages WHERE sealed_key IS NOT NULL) AS some";
    Ok(sqlx::query(sql).fetch_one(connection).await?.try_get("some")?)
}

/// The conversations in which something is sealed.
pub(crate) async fn sealed_in(tx: &mut Transaction<'_>) -> Result<BTreeSet<ConversationId>, VaultError> {
    let sql = "SELECT DISTINCT conversation_id FROM messages WHERE sealed_key IS NOT NULL";
    let rows = sqlx::query(sql).fetch_all(tx.connection()).await?;
    rows.iter().map(|row| fixed(row, "conversation_id")).collect()
}

/// What is held of messages that end.
pub(crate) struct Census {
    /// Sealed, and not over.
    pub held: u64,
    /// Of these, how many do not open.
    pub unreadable: u64,
    /// Rows of any kind that are over, and texts that are not sealed: there are none.
    pub over: u64,
}

/// Counts, and opens what is sealed, a thousand at a time.
pub(crate) async fn census(tx: &mut Transaction<'_>, now: UtcMillis) -> Result<Census, VaultError> {
    let over = sqlx::query(
        "SELECT COUNT(*) AS over FROM messages
         WHERE expires_ms <= ? OR (kind = 'text' AND sealed_key IS NULL)",
    )
    .bind(stored(now.get()))
    .fetch_one(tx.connection())
    .await?;
    let mut census = Census { held: 0, unreadable: 0, over: unsigned(&over, "over")? };
    let mut after = (Vec::new(), 0);
    loop {
        let rows = sqlx::query(
            "SELECT * FROM messages WHERE sealed_key IS NOT NULL AND expires_ms > ? AND (conversation_id, number) > (?, ?)
             ORDER BY conversation_id, number LIMIT 1000",
        )
        .bind(stored(now.get()))
        .bind(after.0.as_slice())
        .bind(after.1)
        .fetch_all(tx.connection())
        .await?;
        let Some(last) = rows.last() else { return Ok(census) };
        after = (last.try_get("conversation_id")?, last.try_get::<i64, _>("number")?);
        for row in &rows {
            census.held += 1;
            census.unreadable += u64::from(parse(tx.bodies(), row)?.kind == MessageKind::Unreadable);
        }
    }
}

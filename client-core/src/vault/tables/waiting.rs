//! Table `waiting`: conversations that let this device in and wait for the end of the log that they say they go on from.

use sqlx::Row as _;
use wardline_proto::{ConversationId, UtcMillis};

use super::{fixed, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct WaitingRow {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its name, by whoever let this device in.
    pub name: String,
    /// Since when it waits.
    pub since: UtcMillis,
}

/// All of them, the one that waits longest first.
pub(crate) async fn list(tx: &mut Transaction<'_>) -> Result<Vec<WaitingRow>, VaultError> {
    let rows = sqlx::query("SELECT * FROM waiting ORDER BY since_ms, conversation_id")
        .fetch_all(tx.connection())
        .await?;
    rows.iter()
        .map(|row| {
            let since = UtcMillis::new(unsigned(row, "since_ms")?);
            Ok(WaitingRow { conversation: fixed(row, "conversation_id")?, name: row.try_get("name")?, since })
        })
        .collect()
}

/// Notes that a conversation waits; since when stays what it was.
pub(crate) async fn insert(tx: &mut Transaction<'_>, row: &WaitingRow) -> Result<(), VaultError> {
    sqlx::query("INSERT OR IGNORE INTO waiting (conversation_id, name, since_ms) VALUES (?, ?, ?)")
        .bind(row.conversation.as_bytes().as_slice())
        .bind(&row.name)
        .bind(stored(row.since.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// It waits no more.
pub(crate) async fn delete(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM waiting WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

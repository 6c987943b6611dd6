//! Table `chain`: the log's hashes that members' messages may refer to.

use wardline_proto::{ChainHash, ConversationId, EntryNumber};

use super::{fixed, stored};
use crate::vault::{Transaction, VaultError};

/// How many hashes are kept a conversation: a message that refers further back is not compared.
const KEPT: u64 = 10_000;

/// Stores h(n) and drops what is too old to be referred to.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
    hash: &ChainHash,
) -> Result<(), VaultError> {
    sqlx::query("INSERT OR REPLACE INTO chain (conversation_id, number, hash) VALUES (?, ?, ?)")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .bind(hash.digest().as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    sqlx::query("DELETE FROM chain WHERE conversation_id = ? AND number <= ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()) - stored(KEPT))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// h(n), if it is still kept.
pub(crate) async fn find(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<Option<ChainHash>, VaultError> {
    let row = sqlx::query("SELECT hash FROM chain WHERE conversation_id = ? AND number = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .fetch_optional(tx.connection())
        .await?;
    row.map(|row| fixed(&row, "hash").map(ChainHash::from_digest)).transpose()
}

/// Forgets a conversation's hashes: the device is about to join it anew.
pub(crate) async fn clear(tx: &mut Transaction<'_>, conversation: &ConversationId) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM chain WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

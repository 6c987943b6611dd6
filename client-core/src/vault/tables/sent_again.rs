//! Table `sent_again`: the numbers, as people see them, under which an own message was sent again. Whoever missed one of these
//! entries has missed that message, and no other.

use wardline_proto::{ClientMessageId, EntryNumber};

use super::{stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// Notes that a message came back under this number, too.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    message: &ClientMessageId,
    shown: EntryNumber,
) -> Result<(), VaultError> {
    sqlx::query("INSERT OR IGNORE INTO sent_again (message_id, shown_number) VALUES (?, ?)")
        .bind(message.as_bytes().as_slice())
        .bind(stored(shown.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The numbers it came back under, but for the first.
pub(crate) async fn list(
    tx: &mut Transaction<'_>,
    message: &ClientMessageId,
) -> Result<Vec<u64>, VaultError> {
    let rows = sqlx::query("SELECT shown_number FROM sent_again WHERE message_id = ? ORDER BY shown_number")
        .bind(message.as_bytes().as_slice())
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(|row| unsigned(row, "shown_number")).collect()
}

/// Forgets the numbers of messages that are gone.
pub(crate) async fn sweep(tx: &mut Transaction<'_>) -> Result<(), VaultError> {
    sqlx::query(
        "DELETE FROM sent_again WHERE message_id NOT IN
            (SELECT message_id FROM messages WHERE message_id IS NOT NULL)",
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

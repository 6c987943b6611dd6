//! Table `recalled`: messages that their authors took back, by the conversation in which they did, the sending device, its id and the
//! person. What is said in one conversation takes nothing back in another.

use wardline_proto::{ClientMessageId, ConversationId, DeviceId, UtcMillis};

use super::stored;
use crate::vault::{Transaction, VaultError};

/// A message of this device was taken back by this person; known until then.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    (first, device, message): (&ConversationId, &DeviceId, &ClientMessageId),
    (user, until): (&str, UtcMillis),
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO recalled (first_id, device, message_id, user, expires_ms) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET expires_ms = max(expires_ms, excluded.expires_ms)",
    )
    .bind(first.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(message.as_bytes().as_slice())
    .bind(user)
    .bind(stored(until.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Whether this person has taken a message back, by a recall that was not gone when the message came: so it depends on the log, and not
/// on when a device has swept.
pub(crate) async fn is_by(
    tx: &mut Transaction<'_>,
    (first, device, message): (&ConversationId, &DeviceId, &ClientMessageId),
    (user, stamp): (&str, UtcMillis),
) -> Result<bool, VaultError> {
    let row = sqlx::query(
        "SELECT 1 FROM recalled
         WHERE first_id = ? AND device = ? AND message_id = ? AND user = ? AND expires_ms > ?",
    )
    .bind(first.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(message.as_bytes().as_slice())
    .bind(user)
    .bind(stored(stamp.get()))
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.is_some())
}

/// Forgets what nobody can send again any more.
pub(crate) async fn sweep(tx: &mut Transaction<'_>, now: UtcMillis) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM recalled WHERE expires_ms <= ?")
        .bind(stored(now.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

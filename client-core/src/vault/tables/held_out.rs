//! Table `held_out`: devices that were taken out because they were on hold, until they are back, or revoked.

use sqlx::Row as _;
use wardline_proto::{ConversationId, DeviceId};

use super::fixed;
use crate::vault::{Transaction, VaultError};

/// Notes that a device of this user went.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    (device, user): (&DeviceId, &str),
) -> Result<(), VaultError> {
    sqlx::query("INSERT OR REPLACE INTO held_out (conversation_id, device_id, user_id) VALUES (?, ?, ?)")
        .bind(conversation.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .bind(user)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Who went from a conversation: device and user, by device.
pub(crate) async fn list(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Vec<(DeviceId, String)>, VaultError> {
    let rows = sqlx::query("SELECT * FROM held_out WHERE conversation_id = ? ORDER BY device_id")
        .bind(conversation.as_bytes().as_slice())
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(|row| Ok((fixed(row, "device_id")?, row.try_get("user_id")?))).collect()
}

/// Forgets a device.
pub(crate) async fn delete(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    device: &DeviceId,
) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM held_out WHERE conversation_id = ? AND device_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Where a closed log goes on, they come back there.
pub(crate) async fn move_to(
    tx: &mut Transaction<'_>,
    from: &ConversationId,
    successor: &ConversationId,
) -> Result<(), VaultError> {
    sqlx::query("UPDATE OR REPLACE held_out SET conversation_id = ? WHERE conversation_id = ?")
        .bind(successor.as_bytes().as_slice())
        .bind(from.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

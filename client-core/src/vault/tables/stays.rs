//! Table `stays`: since when the devices of a log are in, as far as this device saw them come. What was said before that is
//! no ground against them.

use std::collections::HashMap;

use wardline_proto::{ConversationId, DeviceId, EntryNumber};

use super::{fixed, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay {
    /// The commit by which it came, having been out before.
    pub came: EntryNumber,
    /// The last commit that let it in: the same, or one that added it anew.
    pub joined: EntryNumber,
}

/// Everybody's in a log.
pub(crate) async fn load(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<HashMap<DeviceId, Stay>, VaultError> {
    let rows = sqlx::query("SELECT * FROM stays WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .fetch_all(tx.connection())
        .await?;
    rows.iter()
        .map(|row| {
            let came = EntryNumber::new(unsigned(row, "came_number")?);
            let joined = EntryNumber::new(unsigned(row, "joined_number")?);
            Ok((fixed(row, "device_id")?, Stay { came, joined }))
        })
        .collect()
}

/// Notes that a device came.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    device: &DeviceId,
    stay: Stay,
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR REPLACE INTO stays (conversation_id, device_id, came_number, joined_number)
         VALUES (?, ?, ?, ?)",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(stored(stay.came.get()))
    .bind(stored(stay.joined.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes that a device was added anew; when it came stays what it was, or unknown.
pub(crate) async fn joined(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    device: &DeviceId,
    number: EntryNumber,
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO stays (conversation_id, device_id, came_number, joined_number) VALUES (?, ?, 0, ?)
         ON CONFLICT (conversation_id, device_id) DO UPDATE SET joined_number = excluded.joined_number",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(stored(number.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets a device that went.
pub(crate) async fn delete(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    device: &DeviceId,
) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM stays WHERE conversation_id = ? AND device_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

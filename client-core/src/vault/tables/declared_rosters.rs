//! Table `declared_rosters`: who the relay holds to be in a conversation, where a commit declared others than it made.
//!
//! No row: the relay's roster is the tree's.

use sqlx::Row as _;
use wardline_proto::{ConversationId, DeviceId, EntryNumber};

use super::{corrupt, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// The relay's roster, and the entry that declared it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredRoster {
    /// The devices.
    pub devices: Vec<DeviceId>,
    /// The entry.
    pub number: EntryNumber,
}

/// The relay's roster, if it is another than the tree's.
pub(crate) async fn load(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Option<DeclaredRoster>, VaultError> {
    let row = sqlx::query("SELECT devices, number FROM declared_rosters WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    row.map(|row| {
        let bytes: Vec<u8> = row.try_get("devices")?;
        let devices: Result<Vec<DeviceId>, _> = bytes.chunks(16).map(DeviceId::try_from).collect();
        Ok(DeclaredRoster {
            devices: devices.map_err(|_| corrupt())?,
            number: EntryNumber::new(unsigned(&row, "number")?),
        })
    })
    .transpose()
}

/// Stores the relay's roster, or that it is the tree's.
pub(crate) async fn store(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    declared: Option<&DeclaredRoster>,
) -> Result<(), VaultError> {
    let Some(declared) = declared else {
        sqlx::query("DELETE FROM declared_rosters WHERE conversation_id = ?")
            .bind(conversation.as_bytes().as_slice())
            .execute(tx.connection())
            .await?;
        return Ok(());
    };
    let bytes: Vec<u8> = declared.devices.iter().flat_map(|device| *device.as_bytes()).collect();
    sqlx::query(
        "INSERT OR REPLACE INTO declared_rosters (conversation_id, devices, number) VALUES (?, ?, ?)",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(bytes)
    .bind(stored(declared.number.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

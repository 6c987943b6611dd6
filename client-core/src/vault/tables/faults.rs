//! Table `faults`: commits by which their authors broke a rule, until they were put right, and after that for people to
//! look at.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ConversationId, DeviceId, EntryNumber};

use super::{fixed, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FaultRow {
    /// The entry.
    pub number: EntryNumber,
    /// The device that made the commit.
    pub device: DeviceId,
    /// Its user.
    pub user: String,
    /// The name people see.
    pub name: String,
    /// What people are told.
    pub why: String,
    /// Who came in by it without a right to: device and user of each.
    pub devices: Vec<String>,
    /// Whether the commit itself proves it: then every member may remove its author.
    pub proven: bool,
    /// Whether it was put right.
    pub settled: bool,
}

fn parse(row: &SqliteRow) -> Result<FaultRow, VaultError> {
    let devices: String = row.try_get("devices")?;
    Ok(FaultRow {
        number: EntryNumber::new(unsigned(row, "number")?),
        device: fixed(row, "device_id")?,
        user: row.try_get("user_id")?,
        name: row.try_get("name")?,
        why: row.try_get("why")?,
        devices: devices.lines().map(str::to_owned).collect(),
        proven: unsigned(row, "proven")? == 1,
        settled: unsigned(row, "settled")? == 1,
    })
}

/// Notes a fault; an entry is noted once.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    row: &FaultRow,
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR IGNORE INTO faults
            (conversation_id, number, device_id, user_id, name, why, devices, proven, settled)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(row.number.get()))
    .bind(row.device.as_bytes().as_slice())
    .bind(&row.user)
    .bind(&row.name)
    .bind(&row.why)
    .bind(row.devices.join("\n"))
    .bind(i64::from(row.proven))
    .bind(i64::from(row.settled))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A conversation's faults, in the order of the log.
pub(crate) async fn list(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Vec<FaultRow>, VaultError> {
    let rows = sqlx::query("SELECT * FROM faults WHERE conversation_id = ? ORDER BY number")
        .bind(conversation.as_bytes().as_slice())
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(parse).collect()
}

/// Notes that a fault was put right: from then on it is a ground for nothing.
pub(crate) async fn settle(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<(), VaultError> {
    sqlx::query("UPDATE faults SET settled = 1 WHERE conversation_id = ? AND number = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

//! Table `replacements`: devices by which people mean to replace a lost one, until a member has confirmed them.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{DeviceId, UtcMillis};

use super::{fixed, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct ReplacementRow {
    /// The new device.
    pub device: DeviceId,
    /// The one it replaces.
    pub replaces: DeviceId,
    /// The new device's certificate, DER.
    pub certificate: Vec<u8>,
    /// The encoded signed invitation.
    pub record: Vec<u8>,
    /// Who invited it: the issuer's name.
    pub invited_by: String,
    /// When it enrolled.
    pub enrolled: UtcMillis,
}

fn parse(row: &SqliteRow) -> Result<ReplacementRow, VaultError> {
    Ok(ReplacementRow {
        device: fixed(row, "device_id")?,
        replaces: fixed(row, "replaces_id")?,
        certificate: row.try_get("certificate")?,
        record: row.try_get("record")?,
        invited_by: row.try_get("invited_by")?,
        enrolled: UtcMillis::new(unsigned(row, "enrolled_ms")?),
    })
}

/// Stores one, or stores it anew.
pub(crate) async fn store(tx: &mut Transaction<'_>, row: &ReplacementRow) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR REPLACE INTO replacements (device_id, replaces_id, certificate, record, invited_by, enrolled_ms)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(row.device.as_bytes().as_slice())
    .bind(row.replaces.as_bytes().as_slice())
    .bind(&row.certificate)
    .bind(&row.record)
    .bind(&row.invited_by)
    .bind(stored(row.enrolled.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// All of them, the newest first.
pub(crate) async fn list(tx: &mut Transaction<'_>) -> Result<Vec<ReplacementRow>, VaultError> {
    let rows = sqlx::query("SELECT * FROM replacements ORDER BY enrolled_ms DESC, device_id")
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(parse).collect()
}

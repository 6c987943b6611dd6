//! Table `retention_time`: the time by which messages end here, as it was when it was stored last. One row.

use std::time::Duration;

use sqlx::Row as _;
use wardline_proto::UtcMillis;

use super::{corrupt, instant, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// The row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetentionRow {
    /// The time itself.
    pub reached: UtcMillis,
    /// What of it no relay had a part in.
    pub anchored: UtcMillis,
    /// Since which start of which machine.
    pub boot: [u8; 16],
    /// How long that had run then, to the millisecond.
    pub booted: Duration,
}

/// The time, if it was ever stored.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<RetentionRow>, VaultError> {
    let row =
        sqlx::query("SELECT * FROM retention_time WHERE only = 1").fetch_optional(tx.connection()).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(RetentionRow {
        reached: instant(&row, "reached_ms")?,
        anchored: instant(&row, "anchored_ms")?,
        boot: row.try_get::<Vec<u8>, _>("boot")?.try_into().map_err(|_| corrupt())?,
        booted: Duration::from_millis(unsigned(&row, "booted_ms")?),
    }))
}

/// Stores it in place of the one before.
pub(crate) async fn store(tx: &mut Transaction<'_>, row: &RetentionRow) -> Result<(), VaultError> {
    let booted = u64::try_from(row.booted.as_millis()).unwrap_or(u64::MAX);
    sqlx::query(
        "INSERT OR REPLACE INTO retention_time (only, reached_ms, anchored_ms, boot, booted_ms)
         VALUES (1, ?, ?, ?, ?)",
    )
    .bind(stored(row.reached.get()))
    .bind(stored(row.anchored.get()))
    .bind(row.boot.as_slice())
    .bind(stored(booted))
    .execute(tx.connection())
    .await?;
    Ok(())
}

//! Table `restoring`: that this home was made by a restore from the root's file, and whether that is done. At most one row.

use sqlx::Row as _;

use crate::vault::{Transaction, VaultError};

/// Whether the restore that made this home is done; `None` if none did.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<bool>, VaultError> {
    let row = sqlx::query("SELECT done FROM restoring").fetch_optional(tx.connection()).await?;
    row.map(|row| Ok(row.try_get::<i64, _>("done")? != 0)).transpose()
}

/// Notes that it has begun, or that it is done.
pub(crate) async fn store(tx: &mut Transaction<'_>, done: bool) -> Result<(), VaultError> {
    sqlx::query("INSERT OR REPLACE INTO restoring (only, done) VALUES (1, ?)")
        .bind(i64::from(done))
        .execute(tx.connection())
        .await?;
    Ok(())
}

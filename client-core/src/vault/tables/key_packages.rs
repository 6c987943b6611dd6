//! Table `key_packages`: the KeyPackages whose private keys are in the vault, in the order they were made.

use sqlx::Row as _;
use wardline_proto::{Suite, UtcMillis};

use super::stored;
use crate::vault::{Transaction, VaultError};

/// Notes a package.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    reference: &[u8],
    (suite, last_resort): (Suite, bool),
    now: UtcMillis,
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR IGNORE INTO key_packages (reference, suite, last_resort, made_ms) VALUES (?, ?, ?, ?)",
    )
    .bind(reference)
    .bind(i64::from(suite.code()))
    .bind(i64::from(last_resort))
    .bind(stored(now.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The packages of a suite beyond the newest `kept` of their kind.
pub(crate) async fn beyond(
    tx: &mut Transaction<'_>,
    (suite, last_resort): (Suite, bool),
    kept: u32,
) -> Result<Vec<Vec<u8>>, VaultError> {
    let rows = sqlx::query(
        "SELECT reference FROM key_packages WHERE suite = ? AND last_resort = ? ORDER BY rowid DESC LIMIT -1 OFFSET ?",
    )
    .bind(i64::from(suite.code()))
    .bind(i64::from(last_resort))
    .bind(i64::from(kept))
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(|row| Ok(row.try_get("reference")?)).collect()
}

/// The packages that were made before an instant.
pub(crate) async fn made_before(
    tx: &mut Transaction<'_>,
    instant: UtcMillis,
) -> Result<Vec<Vec<u8>>, VaultError> {
    let rows = sqlx::query("SELECT reference FROM key_packages WHERE made_ms < ?")
        .bind(stored(instant.get()))
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(|row| Ok(row.try_get("reference")?)).collect()
}

/// Forgets a package.
pub(crate) async fn delete(tx: &mut Transaction<'_>, reference: &[u8]) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM key_packages WHERE reference = ?")
        .bind(reference)
        .execute(tx.connection())
        .await?;
    Ok(())
}

//! Table `spent_packages`: this device's one-time KeyPackages that it has joined with; a Welcome for one of them shows
//! that the relay handed it out twice.

use crate::vault::{Transaction, VaultError};

/// Notes that a package was joined with.
pub(crate) async fn insert(tx: &mut Transaction<'_>, reference: &[u8]) -> Result<(), VaultError> {
    sqlx::query("INSERT OR IGNORE INTO spent_packages (reference) VALUES (?)")
        .bind(reference)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Whether a package was joined with.
pub(crate) async fn contains(tx: &mut Transaction<'_>, reference: &[u8]) -> Result<bool, VaultError> {
    let row = sqlx::query("SELECT 1 FROM spent_packages WHERE reference = ?")
        .bind(reference)
        .fetch_optional(tx.connection())
        .await?;
    Ok(row.is_some())
}

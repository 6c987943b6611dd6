//! Table `relay_greeting`: the highest that this organisation's relay has signed so far, to hold later greetings against.

use sqlx::Row as _;

use crate::vault::{Transaction, VaultError};

/// The encoded `RelayGreeting`, if there was one.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<Vec<u8>>, VaultError> {
    let row = sqlx::query("SELECT greeting FROM relay_greeting WHERE only = 1")
        .fetch_optional(tx.connection())
        .await?;
    row.map(|row| Ok(row.try_get("greeting")?)).transpose()
}

/// Keeps a greeting in place of the one before.
pub(crate) async fn store(tx: &mut Transaction<'_>, greeting: &[u8]) -> Result<(), VaultError> {
    sqlx::query("INSERT OR REPLACE INTO relay_greeting (only, greeting) VALUES (1, ?)")
        .bind(greeting)
        .execute(tx.connection())
        .await?;
    Ok(())
}

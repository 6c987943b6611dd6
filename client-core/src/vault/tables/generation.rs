//! Table `generation`: how often this vault was opened. One row.

use sqlx::Row as _;

use crate::vault::{Transaction, VaultError};

/// Raises it; what it is then, from 1.
pub(crate) async fn raise(tx: &mut Transaction<'_>) -> Result<u64, VaultError> {
    let sql = "INSERT INTO generation (only, generation) VALUES (1, 1)
               ON CONFLICT (only) DO UPDATE SET generation = generation + 1 RETURNING generation";
    let row = sqlx::query(sql).fetch_one(tx.connection()).await?;
    let generation: i64 = row.try_get("generation")?;
    u64::try_from(generation).map_err(|_| super::corrupt())
}

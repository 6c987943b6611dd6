//! Table `issuer_request`: the key with which this device has asked to be an issuer's machine. At most one row.

use sqlx::Row as _;
use wardline_proto::UtcMillis;
use zeroize::Zeroizing;

use super::{corrupt, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// A request that nobody has answered yet.
pub(crate) struct IssuerRequestRow {
    /// Seed of the key that is to be an issuer's.
    pub key_seed: Zeroizing<[u8; 32]>,
    /// When it was asked last.
    pub requested: UtcMillis,
}

/// The row, if this device has asked.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<IssuerRequestRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM issuer_request").fetch_optional(tx.connection()).await?;
    let Some(row) = row else { return Ok(None) };
    let seed = Zeroizing::new(row.try_get::<Vec<u8>, _>("key_seed")?);
    Ok(Some(IssuerRequestRow {
        key_seed: Zeroizing::new(seed.as_slice().try_into().map_err(|_| corrupt())?),
        requested: UtcMillis::new(unsigned(&row, "requested_ms")?),
    }))
}

/// Writes the row in place of the one before.
pub(crate) async fn store(tx: &mut Transaction<'_>, request: &IssuerRequestRow) -> Result<(), VaultError> {
    sqlx::query("INSERT OR REPLACE INTO issuer_request (only, key_seed, requested_ms) VALUES (1, ?, ?)")
        .bind(request.key_seed.as_slice())
        .bind(stored(request.requested.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Forgets it: the key is an issuer's by now.
pub(crate) async fn clear(tx: &mut Transaction<'_>) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM issuer_request").execute(tx.connection()).await?;
    Ok(())
}

//! Table `issuer`: the key with which an administrator's or registrar's machine certifies. At most one row.

use sqlx::Row as _;
use zeroize::Zeroizing;

use super::corrupt;
use crate::vault::{Transaction, VaultError};

/// An issuer's key and certificate.
pub(crate) struct IssuerRow {
    /// Seed of the issuer's key.
    pub key_seed: Zeroizing<[u8; 32]>,
    /// DER, by the root.
    pub certificate: Vec<u8>,
}

/// The row, if this machine is an issuer.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<IssuerRow>, VaultError> {
    let row = sqlx::query("SELECT key_seed, certificate FROM issuer").fetch_optional(tx.connection()).await?;
    let Some(row) = row else { return Ok(None) };
    let seed = Zeroizing::new(row.try_get::<Vec<u8>, _>("key_seed")?);
    Ok(Some(IssuerRow {
        key_seed: Zeroizing::new(seed.as_slice().try_into().map_err(|_| corrupt())?),
        certificate: row.try_get("certificate")?,
    }))
}

/// Writes the row in place of one whose issuer was struck.
pub(crate) async fn replace(tx: &mut Transaction<'_>, issuer: &IssuerRow) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM issuer").execute(tx.connection()).await?;
    insert(tx, issuer).await
}

/// Writes the row.
pub(crate) async fn insert(tx: &mut Transaction<'_>, issuer: &IssuerRow) -> Result<(), VaultError> {
    sqlx::query("INSERT INTO issuer (only, key_seed, certificate) VALUES (1, ?, ?)")
        .bind(issuer.key_seed.as_slice())
        .bind(&issuer.certificate)
        .execute(tx.connection())
        .await?;
    Ok(())
}

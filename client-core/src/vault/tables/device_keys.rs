//! Table `device_keys`: the keys of this device beside its newest, a secret each.

use sqlx::Row as _;
use wardline_proto::UtcMillis;
use zeroize::Zeroizing;

use super::{corrupt, instant, stored};
use crate::vault::{Transaction, VaultError};

/// A key that was followed by another.
pub(crate) struct EarlierKeyRow {
    /// Its seed.
    pub seed: Zeroizing<[u8; 32]>,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// Since when another is the newest.
    pub since: UtcMillis,
}

/// The next key, if there is one that waits for its certificate.
pub(crate) async fn next(tx: &mut Transaction<'_>) -> Result<Option<Zeroizing<[u8; 32]>>, VaultError> {
    let row = sqlx::query("SELECT key_seed FROM device_keys WHERE certificate IS NULL")
        .fetch_optional(tx.connection())
        .await?;
    row.map(|row| seed(row.try_get("key_seed")?)).transpose()
}

/// Keeps the next key.
pub(crate) async fn insert_next(
    tx: &mut Transaction<'_>,
    seed: &[u8; 32],
    now: UtcMillis,
) -> Result<(), VaultError> {
    sqlx::query("INSERT INTO device_keys (key_seed, since_ms) VALUES (?, ?)")
        .bind(seed.as_slice())
        .bind(stored(now.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The next key is the device's from now on, with its certificate; the one that was is kept beside it.
pub(crate) async fn follow(
    tx: &mut Transaction<'_>,
    certificate: &[u8],
    now: UtcMillis,
) -> Result<(), VaultError> {
    let Some(next) = next(tx).await? else { return Err(corrupt()) };
    sqlx::query("DELETE FROM device_keys WHERE certificate IS NULL").execute(tx.connection()).await?;
    sqlx::query(
        "INSERT INTO device_keys (key_seed, certificate, since_ms)
         SELECT key_seed, certificate, ? FROM device WHERE certificate IS NOT NULL",
    )
    .bind(stored(now.get()))
    .execute(tx.connection())
    .await?;
    sqlx::query("UPDATE device SET key_seed = ?, certificate = ?")
        .bind(next.as_slice())
        .bind(certificate)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The keys before the newest, the oldest first.
pub(crate) async fn earlier(tx: &mut Transaction<'_>) -> Result<Vec<EarlierKeyRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT key_seed, certificate, since_ms FROM device_keys WHERE certificate IS NOT NULL ORDER BY since_ms",
    )
    .fetch_all(tx.connection())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(EarlierKeyRow {
                seed: seed(row.try_get("key_seed")?)?,
                certificate: row.try_get("certificate")?,
                since: instant(row, "since_ms")?,
            })
        })
        .collect()
}

/// Destroys a key that nothing uses any more.
pub(crate) async fn delete(tx: &mut Transaction<'_>, seed: &[u8; 32]) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM device_keys WHERE key_seed = ? AND certificate IS NOT NULL")
        .bind(seed.as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

fn seed(bytes: Vec<u8>) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let bytes = Zeroizing::new(bytes);
    Ok(Zeroizing::new(bytes.as_slice().try_into().map_err(|_| corrupt())?))
}

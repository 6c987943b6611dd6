//! Table `renewed`: an issuer's memory of the certificates that it has followed by another.

use sqlx::Row as _;
use wardline_proto::{Digest, UtcMillis};

use super::stored;
use crate::vault::{Transaction, VaultError};

/// The certificate that was issued in place of another, DER.
pub(crate) async fn find(tx: &mut Transaction<'_>, followed: &Digest) -> Result<Option<Vec<u8>>, VaultError> {
    let row = sqlx::query("SELECT certificate FROM renewed WHERE followed_sha256 = ?")
        .bind(followed.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    row.map(|row| Ok(row.try_get("certificate")?)).transpose()
}

/// Notes one, in place of one that a strike has ended.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    followed: &Digest,
    certificate: &[u8],
    now: UtcMillis,
) -> Result<(), VaultError> {
    sqlx::query("INSERT OR REPLACE INTO renewed (followed_sha256, certificate, issued_ms) VALUES (?, ?, ?)")
        .bind(followed.as_bytes().as_slice())
        .bind(certificate)
        .bind(stored(now.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

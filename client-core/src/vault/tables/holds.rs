//! Table `holds`: what stands beside the revocation list until that names it.

use prost::Message as _;
use sqlx::Row as _;
use wardline_identity::PendingHold;
use wardline_proto::relay as pb;

use super::corrupt;
use crate::vault::{Transaction, VaultError};

/// All of them, in the order in which they came.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Vec<PendingHold>, VaultError> {
    let rows = sqlx::query("SELECT hold FROM holds ORDER BY number").fetch_all(tx.connection()).await?;
    let read = |bytes: Vec<u8>| {
        let wire = pb::PendingHold::decode(bytes.as_slice()).map_err(|_| corrupt())?;
        PendingHold::stored(wire).map_err(|_| corrupt())
    };
    rows.iter().map(|row| read(row.try_get("hold")?)).collect()
}

/// Keeps one more.
pub(crate) async fn insert(tx: &mut Transaction<'_>, hold: &PendingHold) -> Result<(), VaultError> {
    sqlx::query("INSERT INTO holds (hold) VALUES (?)")
        .bind(hold.to_wire().encode_to_vec())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Keeps these in place of all others.
pub(crate) async fn replace(tx: &mut Transaction<'_>, holds: &[PendingHold]) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM holds").execute(tx.connection()).await?;
    for hold in holds {
        insert(tx, hold).await?;
    }
    Ok(())
}

//! Table `record_head`: the newest checkpoint of the relay's record that goes on from all that this device knew before.

use sqlx::Row as _;
use wardline_proto::Digest;

use super::{fixed, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// The row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordHeadRow {
    /// How many entries it stands for.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// The signed note, as it came.
    pub note: Vec<u8>,
    /// The relay's certificate that verifies it, DER.
    pub certificate: Vec<u8>,
}

/// The checkpoint, if one is known.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<RecordHeadRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM record_head WHERE only = 1").fetch_optional(tx.connection()).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(RecordHeadRow {
        size: unsigned(&row, "size")?,
        root: fixed(&row, "root")?,
        note: row.try_get("note")?,
        certificate: row.try_get("certificate")?,
    }))
}

/// Keeps a checkpoint in place of the one before.
pub(crate) async fn store(tx: &mut Transaction<'_>, row: &RecordHeadRow) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR REPLACE INTO record_head (only, size, root, note, certificate) VALUES (1, ?, ?, ?, ?)",
    )
    .bind(stored(row.size))
    .bind(row.root.as_bytes().as_slice())
    .bind(&row.note)
    .bind(&row.certificate)
    .execute(tx.connection())
    .await?;
    Ok(())
}

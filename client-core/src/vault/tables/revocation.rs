//! Tables `revocation_list` and `revocation_acts`: the list that this device goes by. They change together or not at all.

use prost::Message as _;
use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_identity::{RevocationAct, RevocationList};
use wardline_proto::relay as pb;

use super::{corrupt, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// The row.
pub(crate) struct ListRow {
    /// The list.
    pub list: RevocationList,
    /// Whether a signed time has passed its end.
    pub outlived: bool,
    /// Number of the list by which all conversations were looked through last.
    pub looked: u64,
}

/// The list, if there is one.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<ListRow>, VaultError> {
    let row =
        sqlx::query("SELECT * FROM revocation_list WHERE only = 1").fetch_optional(tx.connection()).await?;
    let Some(row) = row else { return Ok(None) };
    let bytes: Vec<u8> = row.try_get("statement")?;
    let statement = pb::SignedStatement::decode(bytes.as_slice()).map_err(|_| corrupt())?;
    let list = RevocationList::stored(statement).map_err(|_| corrupt())?;
    let (outlived, looked) = (unsigned(&row, "outlived")? == 1, unsigned(&row, "looked")?);
    Ok(Some(ListRow { list, outlived, looked }))
}

/// The acts after some number, in order.
pub(crate) async fn acts_after(
    tx: &mut Transaction<'_>,
    number: u64,
) -> Result<Vec<RevocationAct>, VaultError> {
    let rows = sqlx::query("SELECT act FROM revocation_acts WHERE number > ? ORDER BY number")
        .bind(stored(number))
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(act).collect()
}

fn act(row: &SqliteRow) -> Result<RevocationAct, VaultError> {
    let bytes: Vec<u8> = row.try_get("act")?;
    let wire = pb::RevocationAct::decode(bytes.as_slice()).map_err(|_| corrupt())?;
    RevocationAct::read(&wire).map_err(|_| corrupt())
}

/// Stores a list in place of the one before, with the acts that are new in it.
pub(crate) async fn store(
    tx: &mut Transaction<'_>,
    list: &RevocationList,
    acts: &[RevocationAct],
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO revocation_list (only, statement, outlived, looked) VALUES (1, ?, 0, 0)
         ON CONFLICT (only) DO UPDATE SET statement = excluded.statement, outlived = 0",
    )
    .bind(list.statement().encode_to_vec())
    .execute(tx.connection())
    .await?;
    let first = list.acts().saturating_sub(acts.len() as u64) + 1;
    for (number, act) in (first..).zip(acts) {
        sqlx::query("INSERT INTO revocation_acts (number, act) VALUES (?, ?)")
            .bind(stored(number))
            .bind(act.to_wire().encode_to_vec())
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// A signed time has passed the end of the list: it is not relied on again, until it is signed again.
pub(crate) async fn outlive(tx: &mut Transaction<'_>) -> Result<(), VaultError> {
    sqlx::query("UPDATE revocation_list SET outlived = 1 WHERE only = 1").execute(tx.connection()).await?;
    Ok(())
}

/// All conversations were looked through by the list with this number.
pub(crate) async fn look(tx: &mut Transaction<'_>, number: u64) -> Result<(), VaultError> {
    sqlx::query("UPDATE revocation_list SET looked = ? WHERE only = 1")
        .bind(stored(number))
        .execute(tx.connection())
        .await?;
    Ok(())
}

//! Table `reports`: what this device says of a commit that it cannot follow. Written in the transaction that stops it,
//! before it is sent; goes when the device is in again, or the log is closed.

use sqlx::Row as _;
use wardline_proto::{ConversationId, EntryNumber};

use super::{corrupt, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct ReportRow {
    /// The commit's number.
    pub number: EntryNumber,
    /// The encoded signed `OutOfStep`.
    pub statement: Vec<u8>,
    /// How often in a row this device was let in by what does not let it in.
    pub tries: u32,
}

/// Stores a report, in place of an earlier one.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    row: &ReportRow,
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR REPLACE INTO reports (conversation_id, number, statement, tries) VALUES (?, ?, ?, ?)",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(row.number.get()))
    .bind(&row.statement)
    .bind(i64::from(row.tries))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What is to be said of a conversation.
pub(crate) async fn find(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Option<ReportRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM reports WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    row.map(|row| {
        Ok(ReportRow {
            number: EntryNumber::new(unsigned(&row, "number")?),
            statement: row.try_get("statement")?,
            tries: u32::try_from(unsigned(&row, "tries")?).map_err(|_| corrupt())?,
        })
    })
    .transpose()
}

/// Nothing is left to be said; answers whether there was something.
pub(crate) async fn delete(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM reports WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

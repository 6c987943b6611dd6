//! Table `spent_statements`: signed leaves and approvals that a commit has carried out; none is a ground a second time.

use wardline_proto::{ConversationId, Digest};

use crate::vault::{Transaction, VaultError};

/// Notes that a statement was carried out.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    statement: &Digest,
) -> Result<(), VaultError> {
    sqlx::query("INSERT OR IGNORE INTO spent_statements (conversation_id, statement_sha256) VALUES (?, ?)")
        .bind(conversation.as_bytes().as_slice())
        .bind(statement.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Whether a statement was carried out.
pub(crate) async fn contains(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    statement: &Digest,
) -> Result<bool, VaultError> {
    let row =
        sqlx::query("SELECT 1 FROM spent_statements WHERE conversation_id = ? AND statement_sha256 = ?")
            .bind(conversation.as_bytes().as_slice())
            .bind(statement.as_bytes().as_slice())
            .fetch_optional(tx.connection())
            .await?;
    Ok(row.is_some())
}

//! Table `pending_commits`: the commit of ours that is under way in a conversation, at most one.
//!
//! It is written in the transaction that staged it, before it is sent, and goes when the log has shown which
//! commit ended its epoch: ours (merged) or another's.

use std::collections::HashSet;

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ConversationId, Digest, Epoch};

use super::{fixed, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct PendingCommit {
    /// The conversation.
    pub conversation: ConversationId,
    /// The wish it serves.
    pub intent: i64,
    /// The epoch it ends.
    pub epoch: Epoch,
    /// The MLSMessage.
    pub commit: Vec<u8>,
    /// Its SHA-256: how its echo is recognised.
    pub sha256: Digest,
    /// The Welcome, if it adds.
    pub welcome: Option<Vec<u8>>,
    /// The encoded `CommitAuthor` statement.
    pub author: Vec<u8>,
    /// What the log will show people.
    pub event: String,
}

fn parse(row: &SqliteRow) -> Result<PendingCommit, VaultError> {
    Ok(PendingCommit {
        conversation: fixed(row, "conversation_id")?,
        intent: row.try_get("intent_id")?,
        epoch: Epoch::new(unsigned(row, "epoch")?),
        commit: row.try_get("commit_message")?,
        sha256: fixed(row, "commit_sha256")?,
        welcome: row.try_get("welcome")?,
        author: row.try_get("author")?,
        event: row.try_get("event")?,
    })
}

/// Stores the commit that was staged in this transaction.
pub(crate) async fn insert(tx: &mut Transaction<'_>, row: &PendingCommit) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO pending_commits
            (conversation_id, intent_id, epoch, commit_message, commit_sha256, welcome, author, event)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.conversation.as_bytes().as_slice())
    .bind(row.intent)
    .bind(stored(row.epoch.get()))
    .bind(&row.commit)
    .bind(row.sha256.as_bytes().as_slice())
    .bind(row.welcome.as_deref())
    .bind(&row.author)
    .bind(&row.event)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The commit under way in a conversation.
pub(crate) async fn find(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Option<PendingCommit>, VaultError> {
    let row = sqlx::query("SELECT * FROM pending_commits WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(parse).transpose()
}

/// The conversations in which a commit is under way.
pub(crate) async fn conversations(tx: &mut Transaction<'_>) -> Result<HashSet<ConversationId>, VaultError> {
    let rows = sqlx::query("SELECT conversation_id FROM pending_commits").fetch_all(tx.connection()).await?;
    rows.iter().map(|row| fixed(row, "conversation_id")).collect()
}

/// Forgets it: the log has shown the winner.
pub(crate) async fn delete(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM pending_commits WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

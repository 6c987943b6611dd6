//! Table `outbox`: messages of this device that the log does not show yet.
//!
//! A row is written before anything is sent and goes when its entry comes back through the log, in the
//! transaction that stores the message. Its ciphertext is stored in the transaction that advanced the ratchet.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ClientMessageId, ConversationId, EntryNumber, Epoch, UtcMillis};

use super::{corrupt, fixed, optional_unsigned, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// What a row will say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutboxKind {
    /// Text.
    Text,
    /// The person leaves.
    Leave,
    /// The person takes a message back.
    Recall,
}

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct OutboxRow {
    /// The id it travels under.
    pub message: ClientMessageId,
    /// The id inside it, if another: it was sent before under that one.
    pub inner: Option<ClientMessageId>,
    /// The conversation.
    pub conversation: ConversationId,
    /// What it will say.
    pub kind: OutboxKind,
    /// UTF-8 text, the encoded signed `Leave`, or device and id of what is taken back.
    pub body: Vec<u8>,
    /// When the person said it.
    pub created: UtcMillis,
    /// How long it may be kept, in seconds.
    pub life_seconds: u32,
    /// When it is gone, if it was sent before: it lives no longer for having been sent twice.
    pub expires: Option<UtcMillis>,
    /// Epoch and ciphertext, once encrypted.
    pub sealed: Option<(Epoch, Vec<u8>)>,
    /// The relay's answer, if it came: number and stamp.
    pub accepted: Option<(EntryNumber, UtcMillis)>,
    /// Why it will not be sent, if so.
    pub refusal: Option<String>,
}

impl OutboxRow {
    /// The id by which it is shown once, however often it is sent.
    pub(crate) fn id(&self) -> ClientMessageId {
        self.inner.unwrap_or(self.message)
    }

    /// Whether it still has to be sent, to this conversation.
    pub(crate) fn waits_for(&self, conversation: &ConversationId) -> bool {
        self.conversation == *conversation && self.accepted.is_none() && self.refusal.is_none()
    }
}

fn parse(row: &SqliteRow) -> Result<OutboxRow, VaultError> {
    let kind: String = row.try_get("kind")?;
    let epoch = optional_unsigned(row, "epoch")?.map(Epoch::new);
    let ciphertext: Option<Vec<u8>> = row.try_get("ciphertext")?;
    let number = optional_unsigned(row, "accepted_number")?;
    let stamp = optional_unsigned(row, "accepted_ms")?;
    let inner: Option<Vec<u8>> = row.try_get("inner_id")?;
    Ok(OutboxRow {
        message: fixed(row, "message_id")?,
        inner: inner
            .map(|bytes| ClientMessageId::try_from(bytes.as_slice()).map_err(|_| corrupt()))
            .transpose()?,
        conversation: fixed(row, "conversation_id")?,
        kind: match kind.as_str() {
            "leave" => OutboxKind::Leave,
            "recall" => OutboxKind::Recall,
            _ => OutboxKind::Text,
        },
        body: row.try_get("body")?,
        created: UtcMillis::new(unsigned(row, "created_ms")?),
        life_seconds: u32::try_from(unsigned(row, "life_seconds")?).map_err(|_| corrupt())?,
        expires: optional_unsigned(row, "expires_ms")?.map(UtcMillis::new),
        sealed: epoch.zip(ciphertext),
        accepted: number.map(EntryNumber::new).zip(stamp.map(UtcMillis::new)),
        refusal: row.try_get("refusal")?,
    })
}

/// Queues a message, as one that was neither encrypted nor sent.
pub(crate) async fn insert(tx: &mut Transaction<'_>, row: &OutboxRow) -> Result<(), VaultError> {
    let kind = match row.kind {
        OutboxKind::Text => "text",
        OutboxKind::Leave => "leave",
        OutboxKind::Recall => "recall",
    };
    sqlx::query(
        "INSERT INTO outbox
            (message_id, conversation_id, kind, body, created_ms, life_seconds, expires_ms, inner_id, refusal)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.message.as_bytes().as_slice())
    .bind(row.conversation.as_bytes().as_slice())
    .bind(kind)
    .bind(&row.body)
    .bind(stored(row.created.get()))
    .bind(i64::from(row.life_seconds))
    .bind(row.expires.map(|instant| stored(instant.get())))
    .bind(row.inner.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(row.refusal.as_deref())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// One row.
pub(crate) async fn find(
    tx: &mut Transaction<'_>,
    message: &ClientMessageId,
) -> Result<Option<OutboxRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM outbox WHERE message_id = ?")
        .bind(message.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(parse).transpose()
}

/// All rows, in the order they were written.
pub(crate) async fn list(tx: &mut Transaction<'_>) -> Result<Vec<OutboxRow>, VaultError> {
    let rows = sqlx::query("SELECT * FROM outbox ORDER BY place").fetch_all(tx.connection()).await?;
    rows.iter().map(parse).collect()
}

/// The first row that still has to be sent and whose conversation is not in `skip`.
pub(crate) async fn next(
    tx: &mut Transaction<'_>,
    skip: &[ConversationId],
) -> Result<Option<OutboxRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT message_id, conversation_id FROM outbox
         WHERE accepted_number IS NULL AND refusal IS NULL ORDER BY place",
    )
    .fetch_all(tx.connection())
    .await?;
    for row in &rows {
        let conversation: ConversationId = fixed(row, "conversation_id")?;
        if !skip.contains(&conversation) {
            return find(tx, &fixed(row, "message_id")?).await;
        }
    }
    Ok(None)
}

/// Stores the ciphertext and the life that is said in it, in the transaction that advanced the ratchet.
pub(crate) async fn seal(
    tx: &mut Transaction<'_>,
    message: &ClientMessageId,
    epoch: Epoch,
    (ciphertext, life_seconds): (&[u8], u32),
) -> Result<(), VaultError> {
    sqlx::query("UPDATE outbox SET epoch = ?, ciphertext = ?, life_seconds = ? WHERE message_id = ?")
        .bind(stored(epoch.get()))
        .bind(ciphertext)
        .bind(i64::from(life_seconds))
        .bind(message.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Notes the relay's answer, unless the message waits for another conversation by now.
pub(crate) async fn accept(
    tx: &mut Transaction<'_>,
    (conversation, message): (&ConversationId, &ClientMessageId),
    (number, stamp): (EntryNumber, UtcMillis),
) -> Result<(), VaultError> {
    sqlx::query(
        "UPDATE outbox SET accepted_number = ?, accepted_ms = ? WHERE message_id = ? AND conversation_id = ?",
    )
    .bind(stored(number.get()))
    .bind(stored(stamp.get()))
    .bind(message.as_bytes().as_slice())
    .bind(conversation.as_bytes().as_slice())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Returns a message to its author, unless it waits for another conversation by now.
pub(crate) async fn refuse(
    tx: &mut Transaction<'_>,
    (conversation, message): (&ConversationId, &ClientMessageId),
    why: &str,
) -> Result<(), VaultError> {
    sqlx::query("UPDATE outbox SET refusal = ? WHERE message_id = ? AND conversation_id = ?")
        .bind(why)
        .bind(message.as_bytes().as_slice())
        .bind(conversation.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Tries a returned message again, from now.
pub(crate) async fn retry(
    tx: &mut Transaction<'_>,
    message: &ClientMessageId,
    now: UtcMillis,
) -> Result<(), VaultError> {
    sqlx::query("UPDATE outbox SET refusal = NULL, created_ms = ? WHERE message_id = ?")
        .bind(stored(now.get()))
        .bind(message.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Deletes the text of an own message that waits and was not encrypted yet, or was returned; answers whether there was one. One that
/// was encrypted may be with the relay: it comes back.
pub(crate) async fn forget_text(
    tx: &mut Transaction<'_>,
    message: &ClientMessageId,
) -> Result<bool, VaultError> {
    let done = sqlx::query(
        "DELETE FROM outbox
         WHERE kind = 'text' AND COALESCE(inner_id, message_id) = ? AND accepted_number IS NULL
           AND (ciphertext IS NULL OR refusal IS NOT NULL)",
    )
    .bind(message.as_bytes().as_slice())
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes a row: its entry came back, or its author discarded it.
pub(crate) async fn delete(tx: &mut Transaction<'_>, message: &ClientMessageId) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM outbox WHERE message_id = ?")
        .bind(message.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}

//! Table `messages`: what people read, one row an entry that says something.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_identity::Entropy;
use wardline_proto::{ClientMessageId, ConversationId, DeviceId, EntryNumber, Period, UtcMillis, fault};

use super::{corrupt, fixed, optional_unsigned, stored, unsigned};
use crate::vault::{
    Transaction, VaultError,
    bodies::{Bodies, Place, SealedBody},
};

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// Somebody's text.
    Text,
    /// Something that happened: joined, removed, renamed.
    Event,
    /// An entry that could not be opened.
    Unreadable,
    /// Content that this version does not know.
    Unsupported,
    /// A message whose bytes were gone when it came.
    Expired,
    /// A message that came while this device could not follow.
    Missed,
    /// Somebody took a message back.
    Recall,
    /// What is left of a text that was taken back.
    Recalled,
}

impl MessageKind {
    const ALL: [Self; 8] = [
        Self::Text,
        Self::Event,
        Self::Unreadable,
        Self::Unsupported,
        Self::Expired,
        Self::Missed,
        Self::Recall,
        Self::Recalled,
    ];

    /// The stored word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Event => "event",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
            Self::Expired => "expired",
            Self::Missed => "missed",
            Self::Recall => "recall",
            Self::Recalled => "recalled",
        }
    }
}

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct MessageRow {
    /// The conversation.
    pub conversation: ConversationId,
    /// The entry.
    pub number: EntryNumber,
    /// What it shows.
    pub kind: MessageKind,
    /// Who it is from; empty if unknown.
    pub sender_user: String,
    /// The name people see; empty if unknown.
    pub sender_name: String,
    /// Which device it is from.
    pub sender_device: DeviceId,
    /// The sender's id of a text.
    pub message: Option<ClientMessageId>,
    /// When the relay accepted it.
    pub stamp: UtcMillis,
    /// When it is gone; `None`: kept.
    pub expires: Option<UtcMillis>,
    /// The text, or what happened.
    pub body: String,
}

/// A row; of one whose keys are gone, or that others sealed, that it cannot be read.
pub(super) fn parse(bodies: &Bodies, row: &SqliteRow) -> Result<MessageRow, VaultError> {
    let kind: String = row.try_get("kind")?;
    let message: Option<Vec<u8>> = row.try_get("message_id")?;
    let mut parsed = MessageRow {
        conversation: fixed(row, "conversation_id")?,
        number: EntryNumber::new(unsigned(row, "number")?),
        kind: MessageKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(corrupt())?,
        sender_user: row.try_get("sender_user")?,
        sender_name: row.try_get("sender_name")?,
        sender_device: fixed(row, "sender_device")?,
        message: message
            .map(|bytes| ClientMessageId::try_from(bytes.as_slice()).map_err(|_| corrupt()))
            .transpose()?,
        stamp: UtcMillis::new(unsigned(row, "stamp_ms")?),
        expires: optional_unsigned(row, "expires_ms")?.map(UtcMillis::new),
        body: row.try_get("body")?,
    };
    if let (Some(key), Some(text)) = (row.try_get("sealed_key")?, row.try_get("sealed_body")?) {
        let opened = place_in(&parsed).and_then(|place| bodies.open(place, &SealedBody { key, text }));
        match opened {
            Some(text) => parsed.body = text,
            None => parsed.kind = MessageKind::Unreadable,
        }
    }
    Ok(parsed)
}

/// Where a body belongs; `None` for a row that does not end.
fn place_in(row: &MessageRow) -> Option<Place<'_>> {
    let period = Period::ending(row.expires?)?;
    Some(Place { conversation: &row.conversation, number: row.number, period })
}

/// Stores a text, sealed under the keys of the period that it ends with; of one that is not a text any more, what is left.
///
/// # Errors
/// [`VaultError::PeriodSecret`] if the relay's secret of the period is not here; as [`insert`].
pub(crate) async fn insert_text(
    tx: &mut Transaction<'_>,
    row: &MessageRow,
    entropy: &dyn Entropy,
) -> Result<(), VaultError> {
    let Some(place) = place_in(row).filter(|_| row.kind == MessageKind::Text) else {
        return insert(tx, row).await;
    };
    let sealed = tx.bodies().seal(place, &row.body, entropy)?;
    insert_sealed(tx, &MessageRow { body: String::new(), ..row.clone() }, Some(&sealed)).await
}

/// Stores a row, in place of one that only said that something was missed there. A message of the same device and id that is
/// there already stays the only one.
pub(crate) async fn insert(tx: &mut Transaction<'_>, row: &MessageRow) -> Result<(), VaultError> {
    insert_sealed(tx, row, None).await
}

async fn insert_sealed(
    tx: &mut Transaction<'_>,
    row: &MessageRow,
    sealed: Option<&SealedBody>,
) -> Result<(), VaultError> {
    if !fault::planted("mutant.placeholder_stays") {
        sqlx::query("DELETE FROM messages WHERE conversation_id = ? AND number = ? AND kind = 'missed'")
            .bind(row.conversation.as_bytes().as_slice())
            .bind(stored(row.number.get()))
            .execute(tx.connection())
            .await?;
    }
    sqlx::query(
        "INSERT OR IGNORE INTO messages
            (conversation_id, number, kind, sender_user, sender_name, sender_device, message_id, stamp_ms,
             expires_ms, body, sealed_key, sealed_body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.conversation.as_bytes().as_slice())
    .bind(stored(row.number.get()))
    .bind(row.kind.as_str())
    .bind(&row.sender_user)
    .bind(&row.sender_name)
    .bind(row.sender_device.as_bytes().as_slice())
    .bind(row.message.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(stored(row.stamp.get()))
    .bind(row.expires.map(|instant| stored(instant.get())))
    .bind(&row.body)
    .bind(sealed.map(|sealed| sealed.key.as_slice()))
    .bind(sealed.map(|sealed| sealed.text.as_slice()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets what came from this entry on: it came of a log that was not verified.
pub(crate) async fn clear(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    from: EntryNumber,
) -> Result<(), VaultError> {
    if fault::planted("mutant.placeholder_stays") {
        return Ok(());
    }
    sqlx::query("DELETE FROM messages WHERE conversation_id = ? AND number >= ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(from.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Forgets what is shown of one entry: there is another, or none.
pub(crate) async fn forget(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM messages WHERE conversation_id = ? AND number = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Rows after `after`, in order, at most `limit`.
pub(crate) async fn list(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    after: EntryNumber,
    limit: u32,
) -> Result<Vec<MessageRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT * FROM messages WHERE conversation_id = ? AND number > ? ORDER BY number LIMIT ?",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(after.get()))
    .bind(i64::from(limit))
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(|row| parse(tx.bodies(), row)).collect()
}

/// How many texts of others after `after`.
pub(crate) async fn count_unread(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    after: EntryNumber,
    own: &DeviceId,
) -> Result<u64, VaultError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS unread FROM messages
         WHERE conversation_id = ? AND number > ? AND kind NOT IN ('event', 'recall', 'recalled')
           AND sender_device <> ?",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(after.get()))
    .bind(own.as_bytes().as_slice())
    .fetch_one(tx.connection())
    .await?;
    unsigned(&row, "unread")
}

/// Deletes what has passed its retention; answers how many rows.
pub(crate) async fn sweep(tx: &mut Transaction<'_>, now: UtcMillis) -> Result<u64, VaultError> {
    if fault::planted("mutant.rows_kept") {
        return Ok(0);
    }
    let done = sqlx::query("DELETE FROM messages WHERE expires_ms <= ?")
        .bind(stored(now.get()))
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected())
}

/// An own message's entry: its conversation, number and stamp.
pub(crate) async fn place_of(
    tx: &mut Transaction<'_>,
    device: &DeviceId,
    message: &ClientMessageId,
) -> Result<Option<(ConversationId, EntryNumber, UtcMillis)>, VaultError> {
    let row = sqlx::query(
        "SELECT conversation_id, number, stamp_ms FROM messages WHERE sender_device = ? AND message_id = ?",
    )
    .bind(device.as_bytes().as_slice())
    .bind(message.as_bytes().as_slice())
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        let number = EntryNumber::new(unsigned(&row, "number")?);
        Ok((fixed(&row, "conversation_id")?, number, UtcMillis::new(unsigned(&row, "stamp_ms")?)))
    })
    .transpose()
}

/// How many messages after `after` came and could not be read: they were gone, or this device could not follow.
pub(crate) async fn count_missed(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    after: EntryNumber,
) -> Result<u64, VaultError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS missed FROM messages
         WHERE conversation_id = ? AND number > ? AND kind IN ('missed', 'expired')",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(after.get()))
    .fetch_one(tx.connection())
    .await?;
    unsigned(&row, "missed")
}

/// What a device said of one kind after `after` that has not expired and can be read, the newest `limit` of it, in order.
pub(crate) async fn said_by(
    tx: &mut Transaction<'_>,
    kind: MessageKind,
    (conversation, device): (&ConversationId, &DeviceId),
    (after, now): (EntryNumber, UtcMillis),
    limit: u32,
) -> Result<Vec<MessageRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT * FROM (SELECT * FROM messages
            WHERE conversation_id = ? AND sender_device = ? AND kind = ? AND message_id IS NOT NULL
              AND number > ? AND expires_ms > ? ORDER BY number DESC LIMIT ?)
         ORDER BY number",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(kind.as_str())
    .bind(stored(after.get()))
    .bind(stored(now.get()))
    .bind(i64::from(limit))
    .fetch_all(tx.connection())
    .await?;
    let rows = rows.iter().map(|row| parse(tx.bodies(), row));
    rows.filter(|row| row.as_ref().map_or(true, |row| row.kind == kind)).collect()
}

/// The row of an entry.
pub(crate) async fn find(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<Option<MessageRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM messages WHERE conversation_id = ? AND number = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(|row| parse(tx.bodies(), row)).transpose()
}

/// The text of an entry goes; its place stays.
pub(crate) async fn recall(
    tx: &mut Transaction<'_>,
    (conversation, number): (&ConversationId, EntryNumber),
) -> Result<(), VaultError> {
    sqlx::query(
        "UPDATE messages SET kind = 'recalled', body = '', sealed_key = NULL, sealed_body = NULL
         WHERE conversation_id = ? AND number = ? AND kind = 'text'",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(number.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A message that this device missed has come again: what stood for it goes.
pub(crate) async fn found_again(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    device: &DeviceId,
    number: EntryNumber,
) -> Result<(), VaultError> {
    sqlx::query(
        "DELETE FROM messages
         WHERE conversation_id = ? AND number = ? AND sender_device = ? AND kind IN ('missed', 'unreadable')",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(number.get()))
    .bind(device.as_bytes().as_slice())
    .execute(tx.connection())
    .await?;
    Ok(())
}

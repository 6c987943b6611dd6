//! Closed logs: columns of `conversations`.

use sqlx::SqliteConnection;
use wardline_identity::{RecordAct, RecordEntry};
use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis};

use super::reports;
use crate::domain::membership::Closure;
use crate::store::{
    StoreError, record,
    revocation::removals,
    row::{Columns as _, integer},
};

pub(super) async fn read(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<Closure>, StoreError> {
    let row = sqlx::query(
        "SELECT closed_number, closed_at, head, successor FROM conversations
          WHERE id = ?1 AND closed_number IS NOT NULL",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let number = row.entry_number("closed_number")?;
    Ok(Some(Closure {
        number,
        head: row.entry_number("head")?,
        at: row.instant("closed_at")?,
        successor: row.conversation_or_null("successor")?,
        reports: reports::statements(connection, id, (EntryNumber::ZERO, number)).await?,
    }))
}

/// What a device is to hear of the closing: nothing more once it has taken in the entry that let it into the successor.
/// One that was only let in still needs the closing, to judge that Welcome by.
pub(super) async fn read_for(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
) -> Result<Option<Closure>, StoreError> {
    let arrived = sqlx::query(
        "SELECT 1 FROM conversations c JOIN stays s ON s.conversation = c.successor AND s.device = ?2
                              AND s.acked >= s.joined
          WHERE c.id = ?1 LIMIT 1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    if arrived.is_some() { Ok(None) } else { read(connection, id).await }
}

pub(super) async fn close(
    connection: &mut SqliteConnection,
    id: ConversationId,
    number: EntryNumber,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE conversations SET closed_number = ?2, closed_at = ?3, renew_at = NULL
          WHERE id = ?1 AND closed_number IS NULL",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(number.get()))
    .bind(integer(now.get()))
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM reports WHERE conversation = ?1 AND number > ?2")
        .bind(id.as_bytes().as_slice())
        .bind(integer(number.get()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Nothing goes on from it. Of one that is closed only what was owed is over: whoever it put out may still go on from it.
pub(super) async fn abandon(
    connection: &mut SqliteConnection,
    id: ConversationId,
    now: UtcMillis,
) -> Result<(), StoreError> {
    let open = sqlx::query("SELECT 1 FROM conversations WHERE id = ?1 AND closed_number IS NULL")
        .bind(id.as_bytes().as_slice())
        .fetch_optional(&mut *connection)
        .await?;
    if open.is_some() {
        close(connection, id, EntryNumber::ZERO, now).await?;
        end_fence(connection, id).await?;
        let act = RecordAct::LogClosed { conversation: id, number: EntryNumber::ZERO, reports: Vec::new() };
        record::append(connection, &RecordEntry { at: now, act }).await?;
    }
    let closed = sqlx::query(
        "UPDATE removals SET taken_at = ?2 WHERE conversation = ?1 AND taken_at IS NULL
         RETURNING device, conversation, list_number",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(now.get()))
    .fetch_all(&mut *connection)
    .await?;
    removals::put_on_record(connection, &closed, now, None).await
}

/// The successor's first commit is the closure of what a closed log's fence was owed.
pub(super) async fn left_out(
    connection: &mut SqliteConnection,
    id: ConversationId,
    successor: ConversationId,
    now: UtcMillis,
) -> Result<(), StoreError> {
    let closed = sqlx::query(
        "UPDATE removals
            SET taken_at = e.taken_at, log = e.conversation, number = e.number, epoch = e.epoch,
                message_sha256 = e.message_sha256, author = e.author, committer = e.sender
           FROM entries e
          WHERE e.conversation = ?2 AND e.kind = 1 AND e.epoch = 0
            AND removals.conversation = ?1 AND removals.taken_at IS NULL
         RETURNING device, removals.conversation AS conversation, list_number, removals.log, removals.number,
                   removals.epoch, removals.message_sha256, removals.author, confirmation",
    )
    .bind(id.as_bytes().as_slice())
    .bind(successor.as_bytes().as_slice())
    .fetch_all(&mut *connection)
    .await?;
    if let Some(first) = closed.first() {
        let by = removals::removing(first)?;
        removals::put_on_record(connection, &closed, now, by.as_ref()).await?;
    }
    end_fence(connection, id).await
}

async fn end_fence(connection: &mut SqliteConnection, id: ConversationId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM fences WHERE conversation = ?1")
        .bind(id.as_bytes().as_slice())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM tasks WHERE conversation = ?1 AND kind = 7")
        .bind(id.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn set_successor(
    connection: &mut SqliteConnection,
    id: ConversationId,
    successor: ConversationId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversations SET successor = ?2 WHERE id = ?1 AND closed_number IS NOT NULL")
        .bind(id.as_bytes().as_slice())
        .bind(successor.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

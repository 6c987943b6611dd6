//! Table `removals`, and what of `devices` and `stays` an administrator is shown.

use bytes::Bytes;
use prost::Message as _;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use wardline_identity::{ClosingCommit, RecordAct, RecordEntry};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis};

use crate::domain::conversation::NewCommit;
use crate::domain::revocation::{ClosedBy, Presence, Removal, RemovalClosure, RemovingCommit};
use crate::store::{
    StoreError,
    organisation::devices,
    record,
    row::{Columns as _, integer},
};

/// The last of each conversation, by id.
pub(super) async fn of_device(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<Removal>, StoreError> {
    let rows = sqlx::query(
        "SELECT conversation, list_number, in_force_at, taken_at, log, number, epoch, message_sha256, author,
                confirmation
           FROM removals r
          WHERE device = ?1
            AND list_number = (SELECT MAX(list_number) FROM removals
                                WHERE device = ?1 AND conversation = r.conversation)
          ORDER BY conversation",
    )
    .bind(device.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter().map(removal).collect()
}

/// The device went out by this commit: what was owed is done, and on the record.
pub(in crate::store) async fn close(
    connection: &mut SqliteConnection,
    commit: &NewCommit,
    device: DeviceId,
) -> Result<(), StoreError> {
    let entry = &commit.entry;
    let rows = sqlx::query(
        "UPDATE removals SET taken_at = ?3, log = ?1, number = ?4, epoch = ?5, message_sha256 = ?6, author = ?7,
                             committer = ?8
          WHERE conversation = ?1 AND device = ?2 AND taken_at IS NULL
         RETURNING device, conversation, list_number",
    )
    .bind(entry.conversation.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(integer(commit.taken_at.get()))
    .bind(integer(entry.receipt.number.get()))
    .bind(integer(entry.epoch.get()))
    .bind(entry.message_sha256.as_bytes().as_slice())
    .bind(commit.author.as_ref())
    .bind(entry.sender.as_bytes().as_slice())
    .fetch_all(&mut *connection)
    .await?;
    let by = RemovingCommit {
        log: entry.conversation,
        number: entry.receipt.number,
        epoch: entry.epoch,
        sha256: entry.message_sha256,
        author: commit.author.clone(),
        confirmation: None,
    };
    put_on_record(connection, &rows, commit.taken_at, Some(&by)).await
}

/// Puts removals that have just been closed on the record, by their rows: device, conversation and list.
pub(in crate::store) async fn put_on_record(
    connection: &mut SqliteConnection,
    closed: &[SqliteRow],
    at: UtcMillis,
    by: Option<&RemovingCommit>,
) -> Result<(), StoreError> {
    if closed.is_empty() {
        return Ok(());
    }
    let commit = match by {
        None => None,
        Some(by) => Some(closing(connection, by).await?),
    };
    for row in closed {
        let act = RecordAct::RemovalClosed {
            device: row.device("device")?,
            conversation: row.conversation("conversation")?,
            list_number: row.number("list_number")?,
            commit: commit.clone(),
        };
        record::append(connection, &RecordEntry { at, act }).await?;
    }
    Ok(())
}

/// With the certificate that verifies its author's statement: who admits a device has it.
async fn closing(
    connection: &mut SqliteConnection,
    by: &RemovingCommit,
) -> Result<ClosingCommit, StoreError> {
    let author = SignedStatement::decode(by.author.clone())
        .map_err(|_| StoreError::Unreadable { column: "author" })?;
    let certificate = devices::certificate(connection, &author.signer).await?;
    Ok(ClosingCommit {
        log: by.log,
        number: by.number,
        epoch: by.epoch,
        sha256: by.sha256,
        author,
        author_certificate: certificate.map(Bytes::from).unwrap_or_default(),
    })
}

/// The removals that a commit closed in its own log: who made it, and whom it removed, ascending. `None` if it closed none.
pub(in crate::store) async fn by_commit(
    connection: &mut SqliteConnection,
    log: ConversationId,
    number: EntryNumber,
) -> Result<Option<ClosedBy>, StoreError> {
    let rows = sqlx::query(
        "SELECT device, log, number, epoch, message_sha256, author, committer, confirmation FROM removals
          WHERE log = ?1 AND number = ?2 AND conversation = log ORDER BY device",
    )
    .bind(log.as_bytes().as_slice())
    .bind(integer(number.get()))
    .fetch_all(connection)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let devices: Result<Vec<DeviceId>, StoreError> = rows.iter().map(|row| row.device("device")).collect();
    let commit = removing(first)?.ok_or(StoreError::Unreadable { column: "log" })?;
    Ok(Some(ClosedBy { commit, committer: first.device("committer")?, devices: devices? }))
}

/// A second member's word, with each removal that the commit closed.
pub(super) async fn keep_confirmation(
    connection: &mut SqliteConnection,
    (log, number): (ConversationId, EntryNumber),
    statement: &Bytes,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE removals SET confirmation = ?3
          WHERE log = ?1 AND number = ?2 AND conversation = log AND confirmation IS NULL",
    )
    .bind(log.as_bytes().as_slice())
    .bind(integer(number.get()))
    .bind(statement.as_ref())
    .execute(connection)
    .await?;
    Ok(())
}

/// How it ended, by its columns.
pub(in crate::store) fn removing(row: &SqliteRow) -> Result<Option<RemovingCommit>, StoreError> {
    let Some(log) = row.conversation_or_null("log")? else { return Ok(None) };
    Ok(Some(RemovingCommit {
        log,
        number: row.entry_number("number")?,
        epoch: row.epoch("epoch")?,
        sha256: row.digest("message_sha256")?,
        author: Bytes::from(row.blob("author")?),
        confirmation: row.blob_or_null("confirmation")?.map(Bytes::from),
    }))
}

fn removal(row: &SqliteRow) -> Result<Removal, StoreError> {
    let commit = removing(row)?;
    let taken_at = row.number_or_null("taken_at")?.map(UtcMillis::new);
    Ok(Removal {
        conversation: row.conversation("conversation")?,
        list_number: row.number("list_number")?,
        in_force_at: row.instant("in_force_at")?,
        closure: taken_at.map(|taken_at| RemovalClosure { taken_at, commit }),
    })
}

/// When it was last there, and in how many open conversations it is. A device without a row was never there.
pub(super) async fn presence(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Presence, StoreError> {
    let row = sqlx::query(
        "SELECT (SELECT last_seen_at FROM devices WHERE device_id = ?1) AS last_seen_at,
                (SELECT software FROM devices WHERE device_id = ?1) AS software,
                (SELECT COUNT(*) FROM stays s JOIN conversations c ON c.id = s.conversation
                  WHERE s.device = ?1 AND s.departed IS NULL AND c.closed_number IS NULL) AS conversations",
    )
    .bind(device.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    Ok(Presence {
        device,
        last_seen_at: row.number_or_null("last_seen_at")?.map(UtcMillis::new),
        conversations: row.small("conversations")?,
        software: row.try_get("software")?,
    })
}

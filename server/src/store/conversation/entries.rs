//! Tables `entries` and `welcomes`: reading the logs.

use bytes::Bytes;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ChainHash, ClientMessageId, ConversationId, DeviceId, EntryNumber, Epoch, UtcMillis};

use super::links;
use crate::domain::conversation::{Budget, CommitRecord, Delivery, Entry, EntryKind, Receipt};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

pub(super) async fn commit_of(
    connection: &mut SqliteConnection,
    id: ConversationId,
    epoch: Epoch,
) -> Result<Option<CommitRecord>, StoreError> {
    let row = sqlx::query(
        "SELECT sender, message_sha256, number, chain_hash, stamp FROM entries
          WHERE conversation = ?1 AND epoch = ?2 AND kind = 1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(epoch.get()))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(commit_record).transpose()
}

/// The commit with this number.
pub(in crate::store) async fn commit_at(
    connection: &mut SqliteConnection,
    id: ConversationId,
    number: EntryNumber,
) -> Result<Option<CommitRecord>, StoreError> {
    let row = sqlx::query(
        "SELECT sender, message_sha256, number, chain_hash, stamp FROM entries
          WHERE conversation = ?1 AND number = ?2 AND kind = 1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(number.get()))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(commit_record).transpose()
}

/// The chain hash with an entry; the last one's is kept when its row is gone.
pub(super) async fn chain_at(
    connection: &mut SqliteConnection,
    id: ConversationId,
    number: EntryNumber,
) -> Result<Option<ChainHash>, StoreError> {
    let row = sqlx::query(
        "SELECT chain_hash FROM entries WHERE conversation = ?1 AND number = ?2
          UNION ALL SELECT chain_hash FROM conversations WHERE id = ?1 AND head = ?2 LIMIT 1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(number.get()))
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(ChainHash::from_digest(row.digest("chain_hash")?))).transpose()
}

fn commit_record(row: &SqliteRow) -> Result<CommitRecord, StoreError> {
    Ok(CommitRecord {
        sender: row.device("sender")?,
        message_sha256: row.digest("message_sha256")?,
        receipt: receipt(row)?,
    })
}

pub(super) async fn commits_taken(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
    from: UtcMillis,
    to: UtcMillis,
) -> Result<Vec<UtcMillis>, StoreError> {
    let rows = sqlx::query(
        "SELECT taken_at FROM entries
          WHERE conversation = ?1 AND sender = ?2 AND kind = 1 AND taken_at BETWEEN ?3 AND ?4
          ORDER BY taken_at",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(integer(from.get()))
    .bind(integer(to.get()))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.instant("taken_at")).collect()
}

/// First how far the budget reaches, by the lengths alone, then those rows: bodies of 2 MiB are not read to be
/// thrown away.
pub(super) async fn range(
    connection: &mut SqliteConnection,
    id: ConversationId,
    from: EntryNumber,
    to: EntryNumber,
    budget: Budget,
) -> Result<Vec<Entry>, StoreError> {
    if from > to {
        return Ok(Vec::new());
    }
    let lengths = sqlx::query(
        "SELECT number, COALESCE(length(body), 0) + COALESCE(length(author), 0) AS length FROM entries
          WHERE conversation = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number LIMIT ?4",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(from.get()))
    .bind(integer(to.get()))
    .bind(i64::from(budget.entries))
    .fetch_all(&mut *connection)
    .await?;
    let (mut bytes, mut last) = (0_u64, None);
    for row in &lengths {
        bytes = bytes.saturating_add(row.number("length")?);
        if last.is_some() && bytes > budget.bytes {
            break;
        }
        last = Some(row.entry_number("number")?);
    }
    let Some(last) = last else { return Ok(Vec::new()) };
    let rows = sqlx::query(ENTRIES)
        .bind(id.as_bytes().as_slice())
        .bind(integer(from.get()))
        .bind(integer(last.get()))
        .bind(integer(budget.now.get()))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| entry(id, row)).collect()
}

const ENTRIES: &str = "/* entries */
    SELECT number, kind, epoch, life_seconds, stamp, sender, message_sha256, chain_hash, client_message_id,
           author, CASE WHEN expires_at > ?4 THEN body END AS body
      FROM entries WHERE conversation = ?1 AND number BETWEEN ?2 AND ?3 ORDER BY number";

pub(super) async fn commit_entry(
    connection: &mut SqliteConnection,
    id: ConversationId,
    epoch: Epoch,
) -> Result<Option<Entry>, StoreError> {
    let row = sqlx::query(
        "SELECT number, kind, epoch, life_seconds, stamp, sender, message_sha256, chain_hash,
                client_message_id, author, body
           FROM entries WHERE conversation = ?1 AND epoch = ?2 AND kind = 1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(epoch.get()))
    .fetch_optional(connection)
    .await?;
    row.map(|row| entry(id, &row)).transpose()
}

pub(super) async fn delivery(
    connection: &mut SqliteConnection,
    id: ConversationId,
    number: EntryNumber,
) -> Result<Option<Delivery>, StoreError> {
    let row = sqlx::query(
        "SELECT e.number, e.chain_hash, e.stamp, e.sender, w.bytes, w.links
           FROM welcomes w JOIN entries e ON e.conversation = w.conversation AND e.number = w.number
          WHERE w.conversation = ?1 AND w.number = ?2",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(number.get()))
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Delivery {
            receipt: receipt(&row)?,
            sender: row.device("sender")?,
            welcome: row.blob("bytes")?.into(),
            between: links::from_column(&row.blob("links")?, number)?,
        })
    })
    .transpose()
}

fn receipt(row: &SqliteRow) -> Result<Receipt, StoreError> {
    Ok(Receipt {
        number: row.entry_number("number")?,
        chain: ChainHash::from_digest(row.digest("chain_hash")?),
        stamp: row.instant("stamp")?,
    })
}

fn entry(id: ConversationId, row: &SqliteRow) -> Result<Entry, StoreError> {
    let unreadable = |column| StoreError::Unreadable { column };
    let client_message_id = row.blob_or_null("client_message_id")?;
    let client_message_id = client_message_id.map(|id| ClientMessageId::try_from(id.as_slice())).transpose();
    Ok(Entry {
        conversation: id,
        receipt: receipt(row)?,
        kind: EntryKind::from_number(row.number("kind")?).ok_or_else(|| unreadable("kind"))?,
        epoch: row.epoch("epoch")?,
        life_seconds: row.small("life_seconds")?,
        sender: row.device("sender")?,
        message_sha256: row.digest("message_sha256")?,
        body: row.blob_or_null("body")?.map(Bytes::from),
        client_message_id: client_message_id.map_err(|_| unreadable("client_message_id"))?,
        author: row.blob_or_null("author")?.map(Bytes::from),
    })
}

//! Table `removals`, and what of `devices` and `stays` an administrator is shown.

use bytes::Bytes;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{DeviceId, UtcMillis};

use crate::domain::conversation::NewCommit;
use crate::domain::revocation::{Presence, Removal, RemovalClosure, RemovingCommit};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

/// The last of each conversation, by id.
pub(super) async fn of_device(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<Removal>, StoreError> {
    let rows = sqlx::query(
        "SELECT conversation, list_number, in_force_at, taken_at, log, number, epoch, message_sha256, author
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

/// The device went out by this commit: what was owed is done.
pub(in crate::store) async fn close(
    connection: &mut SqliteConnection,
    commit: &NewCommit,
    device: DeviceId,
) -> Result<(), StoreError> {
    let entry = &commit.entry;
    sqlx::query(
        "UPDATE removals SET taken_at = ?3, log = ?1, number = ?4, epoch = ?5, message_sha256 = ?6, author = ?7
          WHERE conversation = ?1 AND device = ?2 AND taken_at IS NULL",
    )
    .bind(entry.conversation.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(integer(commit.taken_at.get()))
    .bind(integer(entry.receipt.number.get()))
    .bind(integer(entry.epoch.get()))
    .bind(entry.message_sha256.as_bytes().as_slice())
    .bind(commit.author.as_ref())
    .execute(connection)
    .await?;
    Ok(())
}

fn removal(row: &SqliteRow) -> Result<Removal, StoreError> {
    let commit = match row.conversation_or_null("log")? {
        None => None,
        Some(log) => Some(RemovingCommit {
            log,
            number: row.entry_number("number")?,
            epoch: row.epoch("epoch")?,
            sha256: row.digest("message_sha256")?,
            author: Bytes::from(row.blob("author")?),
        }),
    };
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
    })
}

//! Tables `stays` and `fences`: who is in, from where to where they read, and who must leave.

use std::collections::BTreeSet;

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ConversationId, DeviceId, EntryNumber};

use crate::domain::conversation::{Stay, Unfinished};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

pub(super) async fn roster(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<BTreeSet<DeviceId>, StoreError> {
    let rows = sqlx::query("SELECT device FROM stays WHERE conversation = ?1 AND departed IS NULL")
        .bind(id.as_bytes().as_slice())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.device("device")).collect()
}

pub(in crate::store) async fn fence(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<BTreeSet<DeviceId>, StoreError> {
    let rows = sqlx::query("SELECT device FROM fences WHERE conversation = ?1")
        .bind(id.as_bytes().as_slice())
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.device("device")).collect()
}

pub(super) async fn of_device(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
) -> Result<Vec<Stay>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.joined, s.departed, s.acked, c.head, c.closed_number
           FROM stays s JOIN conversations c ON c.id = s.conversation
          WHERE s.conversation = ?1 AND s.device = ?2 ORDER BY s.joined",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter().map(stay).collect()
}

fn stay(row: &SqliteRow) -> Result<Stay, StoreError> {
    Ok(Stay {
        joined: row.entry_number("joined")?,
        departed: row.number_or_null("departed")?.map(EntryNumber::new),
        acked: row.entry_number("acked")?,
        head: row.entry_number("head")?,
        closed: row.number_or_null("closed_number")?.is_some(),
    })
}

/// Where a stay ended and all of it was acknowledged, there is nothing to read, unless the log was closed with it, or its
/// device says that it cannot follow: it is told what goes on from there.
pub(super) async fn unfinished(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<Unfinished>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.conversation, MAX(COALESCE(s.departed, c.head)) AS last, MIN(s.acked) AS acked
           FROM stays s JOIN conversations c ON c.id = s.conversation
          WHERE s.device = ?1
            AND (s.departed IS NULL OR s.acked < s.departed OR s.departed = c.closed_number
                 OR EXISTS (SELECT 1 FROM reports r WHERE r.conversation = s.conversation AND r.device = s.device))
          GROUP BY s.conversation",
    )
    .bind(device.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Unfinished {
                conversation: row.conversation("conversation")?,
                end: row.entry_number("last")?,
                acked: row.entry_number("acked")?,
            })
        })
        .collect()
}

pub(super) async fn acknowledge(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
    joined: EntryNumber,
    number: EntryNumber,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE stays SET acked = ?4
          WHERE conversation = ?1 AND device = ?2 AND joined = ?3 AND acked < ?4",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(integer(joined.get()))
    .bind(integer(number.get()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn depart(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
    number: EntryNumber,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE stays SET departed = ?3 WHERE conversation = ?1 AND device = ?2 AND departed IS NULL",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(integer(number.get()))
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM fences WHERE conversation = ?1 AND device = ?2")
        .bind(id.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn join(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
    number: EntryNumber,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO stays (conversation, device, joined, acked) VALUES (?1, ?2, ?3, ?3 - 1)")
        .bind(id.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .bind(integer(number.get()))
        .execute(connection)
        .await?;
    Ok(())
}

//! Table `fences`, for all conversations of one device, and what goes with it: a few statements however many there are.

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ConversationId, DeviceId, UtcMillis};

use super::removals;
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

/// In every open conversation it is in, and in closed ones from which nothing goes on yet; gives where it is to leave.
pub(super) async fn raise(
    connection: &mut SqliteConnection,
    device: DeviceId,
    list_number: u64,
    now: UtcMillis,
) -> Result<Vec<ConversationId>, StoreError> {
    sqlx::query(
        "INSERT OR IGNORE INTO fences (conversation, device)
         SELECT s.conversation, s.device FROM stays s JOIN conversations c ON c.id = s.conversation
           LEFT JOIN conversations n ON n.id = c.successor
          WHERE s.device = ?1 AND s.departed IS NULL
            AND (c.closed_number IS NULL OR c.closed_number > 0 AND COALESCE(n.epoch, 0) = 0)",
    )
    .bind(device.as_bytes().as_slice())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT OR REPLACE INTO removals (device, conversation, list_number, in_force_at)
         SELECT f.device, f.conversation, ?2, ?3 FROM fences f
          WHERE f.device = ?1
            AND NOT EXISTS (SELECT 1 FROM removals r WHERE r.conversation = f.conversation
                               AND r.device = f.device AND r.taken_at IS NULL)",
    )
    .bind(device.as_bytes().as_slice())
    .bind(integer(list_number))
    .bind(integer(now.get()))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT OR IGNORE INTO tasks (conversation, kind, subject, made_at)
         SELECT f.conversation, 7, x'', ?2 FROM fences f JOIN conversations c ON c.id = f.conversation
          WHERE f.device = ?1 AND c.closed_number IS NULL",
    )
    .bind(device.as_bytes().as_slice())
    .bind(integer(now.get()))
    .execute(&mut *connection)
    .await?;
    // With those that it has left already because of a hold that this list takes up.
    let rows = sqlx::query(
        "SELECT conversation FROM fences WHERE device = ?1
         UNION SELECT conversation FROM removals WHERE device = ?1 AND list_number = ?2
         ORDER BY conversation",
    )
    .bind(device.as_bytes().as_slice())
    .bind(integer(list_number))
    .fetch_all(connection)
    .await?;
    conversations(&rows)
}

/// Everywhere; gives where it was.
pub(in crate::store) async fn lower(
    connection: &mut SqliteConnection,
    device: DeviceId,
    now: UtcMillis,
) -> Result<Vec<ConversationId>, StoreError> {
    let lowered = of_device(connection, device).await?;
    sqlx::query(
        "DELETE FROM tasks WHERE kind = 7
            AND conversation IN (SELECT conversation FROM fences WHERE device = ?1)
            AND NOT EXISTS (SELECT 1 FROM fences f WHERE f.conversation = tasks.conversation AND f.device <> ?1)",
    )
    .bind(device.as_bytes().as_slice())
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM fences WHERE device = ?1")
        .bind(device.as_bytes().as_slice())
        .execute(&mut *connection)
        .await?;
    let closed = sqlx::query(
        "UPDATE removals SET taken_at = ?2 WHERE device = ?1 AND taken_at IS NULL
         RETURNING device, conversation, list_number",
    )
    .bind(device.as_bytes().as_slice())
    .bind(integer(now.get()))
    .fetch_all(&mut *connection)
    .await?;
    removals::put_on_record(connection, &closed, now, None).await?;
    Ok(lowered)
}

async fn of_device(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sqlx::query("SELECT conversation FROM fences WHERE device = ?1 ORDER BY conversation")
        .bind(device.as_bytes().as_slice())
        .fetch_all(connection)
        .await?;
    conversations(&rows)
}

/// Where it is in the fence and nobody is outside.
pub(super) async fn enclosed(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sqlx::query(
        "SELECT f.conversation FROM fences f
          WHERE f.device = ?1
            AND NOT EXISTS (SELECT 1 FROM stays s
                             WHERE s.conversation = f.conversation AND s.departed IS NULL
                               AND NOT EXISTS (SELECT 1 FROM fences g
                                                WHERE g.conversation = s.conversation AND g.device = s.device))",
    )
    .bind(device.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    conversations(&rows)
}

fn conversations(rows: &[SqliteRow]) -> Result<Vec<ConversationId>, StoreError> {
    rows.iter().map(|row| row.conversation("conversation")).collect()
}

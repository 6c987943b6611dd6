//! Table `fences`, for all conversations of one device.

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ConversationId, DeviceId};

use crate::store::{StoreError, row::Columns as _};

/// In every open conversation it is in; gives all it is in.
pub(super) async fn raise(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<ConversationId>, StoreError> {
    sqlx::query(
        "INSERT OR IGNORE INTO fences (conversation, device)
         SELECT s.conversation, s.device FROM stays s JOIN conversations c ON c.id = s.conversation
          WHERE s.device = ?1 AND s.departed IS NULL AND c.closed_number IS NULL",
    )
    .bind(device.as_bytes().as_slice())
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query(
        "SELECT conversation FROM stays WHERE device = ?1 AND departed IS NULL ORDER BY conversation",
    )
    .bind(device.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    conversations(&rows)
}

/// Everywhere; gives where it was.
pub(super) async fn lower(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sqlx::query("SELECT conversation FROM fences WHERE device = ?1 ORDER BY conversation")
        .bind(device.as_bytes().as_slice())
        .fetch_all(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM fences WHERE device = ?1")
        .bind(device.as_bytes().as_slice())
        .execute(connection)
        .await?;
    conversations(&rows)
}

fn conversations(rows: &[SqliteRow]) -> Result<Vec<ConversationId>, StoreError> {
    rows.iter().map(|row| row.conversation("conversation")).collect()
}

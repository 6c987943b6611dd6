//! Table `reports`.

use bytes::Bytes;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis};

use crate::domain::membership::{REPORTS_MAX, Report};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

pub(super) async fn of_device(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
) -> Result<Option<Report>, StoreError> {
    let row = sqlx::query(
        "SELECT device, user_id, number, statement, reported_at FROM reports WHERE conversation = ?1 AND device = ?2",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &SqliteRow) -> Result<Report, StoreError> {
    Ok(Report {
        device: row.device("device")?,
        user: row.try_get("user_id")?,
        number: row.entry_number("number")?,
        statement: row.blob("statement")?.into(),
        reported_at: UtcMillis::new(row.number("reported_at")?),
    })
}

pub(super) async fn keep(
    connection: &mut SqliteConnection,
    id: ConversationId,
    report: &Report,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO reports (conversation, device, number, user_id, statement, reported_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (conversation, device) DO UPDATE
            SET number = ?3, user_id = ?4, statement = ?5, reported_at = ?6",
    )
    .bind(id.as_bytes().as_slice())
    .bind(report.device.as_bytes().as_slice())
    .bind(integer(report.number.get()))
    .bind(&report.user)
    .bind(report.statement.as_ref())
    .bind(integer(report.reported_at.get()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Devices that came in anew are in step again. That one of them had asked for it is noted with its stay.
pub(super) async fn answer(
    connection: &mut SqliteConnection,
    id: ConversationId,
    devices: &[DeviceId],
) -> Result<(), StoreError> {
    for device in devices {
        sqlx::query(
            "UPDATE stays SET asked = 1
              WHERE conversation = ?1 AND device = ?2 AND departed IS NULL
                AND EXISTS (SELECT 1 FROM reports r WHERE r.conversation = ?1 AND r.device = ?2)",
        )
        .bind(id.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .execute(&mut *connection)
        .await?;
    }
    drop_of(connection, id, devices).await
}

pub(super) async fn drop_of(
    connection: &mut SqliteConnection,
    id: ConversationId,
    devices: &[DeviceId],
) -> Result<(), StoreError> {
    for device in devices {
        sqlx::query("DELETE FROM reports WHERE conversation = ?1 AND device = ?2")
            .bind(id.as_bytes().as_slice())
            .bind(device.as_bytes().as_slice())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn is_reported(
    connection: &mut SqliteConnection,
    id: ConversationId,
    number: EntryNumber,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM reports WHERE conversation = ?1 AND number = ?2 LIMIT 1")
        .bind(id.as_bytes().as_slice())
        .bind(integer(number.get()))
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Those about the commits from one to another, the last first, and of each those that came first; as signed.
pub(super) async fn statements(
    connection: &mut SqliteConnection,
    id: ConversationId,
    (from, to): (EntryNumber, EntryNumber),
) -> Result<Vec<Bytes>, StoreError> {
    let rows = sqlx::query(
        "SELECT statement FROM reports WHERE conversation = ?1 AND number BETWEEN ?2 AND ?3
          ORDER BY number DESC, reported_at, device LIMIT ?4",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(from.get()))
    .bind(integer(to.get()))
    .bind(integer(REPORTS_MAX as u64))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.blob("statement").map(Bytes::from)).collect()
}

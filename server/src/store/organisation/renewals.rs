//! Table `renewals`: the devices that wait for their next certificate.

use bytes::Bytes;
use sqlx::SqliteConnection;
use wardline_proto::{DeviceId, UtcMillis};

use crate::domain::organisation::WaitingRenewal;
use crate::store::StoreError;
use crate::store::row::{Columns as _, integer};

/// What a device waits for.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Option<Bytes>, StoreError> {
    let row = sqlx::query("SELECT request FROM renewals WHERE device_id = ?1")
        .bind(device.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok(row.blob("request")?.into())).transpose()
}

/// Keeps a request, in place of the one before, whose turn it takes.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    device: DeviceId,
    request: &Bytes,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO renewals (device_id, request, asked_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (device_id) DO UPDATE SET request = ?2",
    )
    .bind(device.as_bytes().as_slice())
    .bind(request.as_ref())
    .bind(integer(now.get()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The device waits no more.
pub(in crate::store) async fn end(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM renewals WHERE device_id = ?1")
        .bind(device.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Those that wait, the oldest first; only those behind so many.
pub(super) async fn waiting(
    connection: &mut SqliteConnection,
    behind: usize,
    most: usize,
) -> Result<Vec<WaitingRenewal>, StoreError> {
    let rows = sqlx::query(
        "SELECT device_id, request FROM renewals ORDER BY asked_at, device_id LIMIT ?1 OFFSET ?2",
    )
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .bind(i64::try_from(behind).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(WaitingRenewal { device: row.device("device_id")?, request: row.blob("request")?.into() })
        })
        .collect()
}

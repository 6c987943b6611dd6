//! Table `issuer_requests`: who asks to be an issuer's machine, the newest request of each device.

use bytes::Bytes;
use prost::Message as _;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{DeviceId, UtcMillis};

use super::invitations::statement;
use crate::domain::organisation::StoredIssuerRequest;
use crate::store::StoreError;
use crate::store::row::{Columns as _, integer};

/// The newest request of a device.
pub(super) async fn of_device(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Option<StoredIssuerRequest>, StoreError> {
    let row = sqlx::query("SELECT * FROM issuer_requests WHERE device = ?1")
        .bind(device.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Those taken after an instant, newest first.
pub(super) async fn since(
    connection: &mut SqliteConnection,
    since: UtcMillis,
) -> Result<Vec<StoredIssuerRequest>, StoreError> {
    let rows =
        sqlx::query("SELECT * FROM issuer_requests WHERE taken_at > ?1 ORDER BY taken_at DESC, device")
            .bind(integer(since.get()))
            .fetch_all(connection)
            .await?;
    rows.iter().map(read).collect()
}

/// Keeps a request in place of the device's before, and forgets those taken up to an instant.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    request: &StoredIssuerRequest,
    (until, now): (UtcMillis, UtcMillis),
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM issuer_requests WHERE taken_at <= ?1")
        .bind(integer(until.get()))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT OR REPLACE INTO issuer_requests (device, requested_at, taken_at, request, certificate)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .bind(request.device.as_bytes().as_slice())
    .bind(integer(request.requested_at.get()))
    .bind(integer(now.get()))
    .bind(request.request.encode_to_vec())
    .bind(request.certificate.as_ref())
    .execute(connection)
    .await?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<StoredIssuerRequest, StoreError> {
    Ok(StoredIssuerRequest {
        device: row.device("device")?,
        requested_at: row.instant("requested_at")?,
        request: statement(row, "request")?,
        certificate: Bytes::from(row.try_get::<Vec<u8>, _>("certificate")?),
    })
}

//! Tables `devices` and `device_certificates`: who was let in.

use sqlx::{Row as _, SqliteConnection};
use wardline_identity::{DeviceCertificate, UserId};
use wardline_proto::{DeviceId, Digest, UtcMillis};

use crate::domain::organisation::DeviceOwner;
use crate::store::row::{Columns as _, integer};
use crate::store::{StoreError, WriteTx};

/// Whose a device id is, if it was ever used.
pub(in crate::store) async fn owner(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Option<DeviceOwner>, StoreError> {
    let row = sqlx::query("SELECT user_id, revoked_at FROM devices WHERE device_id = ?1")
        .bind(device.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let user: &str = row.try_get("user_id")?;
    Ok(Some(DeviceOwner {
        user: UserId::parse(user).map_err(|_| StoreError::Unreadable { column: "user_id" })?,
        revoked_at: row.number_or_null("revoked_at")?.map(UtcMillis::new),
    }))
}

/// Whose device it is, if this is a certificate of its own and it is not revoked.
pub(in crate::store) async fn certified(
    connection: &mut SqliteConnection,
    device: DeviceId,
    certificate: &Digest,
) -> Result<Option<UserId>, StoreError> {
    let row = sqlx::query(
        "SELECT user_id FROM device_certificates JOIN devices USING (device_id)
          WHERE fingerprint = ?1 AND device_id = ?2 AND revoked_at IS NULL",
    )
    .bind(certificate.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let user: &str = row.try_get("user_id")?;
    UserId::parse(user).map(Some).map_err(|_| StoreError::Unreadable { column: "user_id" })
}

/// A certificate by its digest, DER.
pub(in crate::store) async fn certificate(
    connection: &mut SqliteConnection,
    fingerprint: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query("SELECT certificate FROM device_certificates WHERE fingerprint = ?1")
        .bind(fingerprint)
        .fetch_optional(connection)
        .await?;
    row.map(|row| row.blob("certificate")).transpose()
}

/// A device with one certificate, unless they are there.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    certificate: &DeviceCertificate,
    now: UtcMillis,
) -> Result<(), StoreError> {
    let device = certificate.device();
    sqlx::query(
        "INSERT INTO devices (device_id, user_id, enrolled_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (device_id) DO NOTHING",
    )
    .bind(device.as_bytes().as_slice())
    .bind(certificate.user().as_str())
    .bind(integer(now.get()))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO device_certificates (fingerprint, device_id, certificate, issued_at)
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT (fingerprint) DO NOTHING",
    )
    .bind(certificate.fingerprint().as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(certificate.der())
    .bind(integer(now.get()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The certificates of all devices, in order of issue; also of those that are revoked, which are told so.
pub(super) async fn certificates(connection: &mut SqliteConnection) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = sqlx::query("SELECT certificate FROM device_certificates ORDER BY issued_at, fingerprint")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.blob("certificate")).collect()
}

impl WriteTx {
    /// These devices had a connection in this minute.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn note_seen(&mut self, devices: &[DeviceId], minute: UtcMillis) -> Result<(), StoreError> {
        for device in devices {
            sqlx::query(
                "UPDATE devices SET last_seen_at = ?2 WHERE device_id = ?1 AND last_seen_at IS NOT ?2",
            )
            .bind(device.as_bytes().as_slice())
            .bind(integer(minute.get()))
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }

    /// What these devices' clients said of themselves.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn note_software(&mut self, said: &[(DeviceId, String)]) -> Result<(), StoreError> {
        for (device, software) in said {
            sqlx::query("UPDATE devices SET software = ?2 WHERE device_id = ?1 AND software IS NOT ?2")
                .bind(device.as_bytes().as_slice())
                .bind(software)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(in crate::store) async fn insert_for_tests(
    connection: &mut SqliteConnection,
    device: DeviceId,
    user: &UserId,
    certificate: &Digest,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO devices (device_id, user_id, enrolled_at) VALUES (?1, ?2, 0)")
        .bind(device.as_bytes().as_slice())
        .bind(user.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO device_certificates (fingerprint, device_id, certificate, issued_at) VALUES (?1, ?2, x'', 0)",
    )
    .bind(certificate.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

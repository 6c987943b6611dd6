//! Table `key_packages`. States: 1 fresh, 2 handed out at least once, 3 handed out no more.

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{DeviceId, Suite, UtcMillis, fault};

use crate::domain::key_package::{Handout, Package, Publication, Stock};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

pub(super) async fn owner(
    connection: &mut SqliteConnection,
    reference: &[u8],
) -> Result<Option<DeviceId>, StoreError> {
    let row = sqlx::query("SELECT device FROM key_packages WHERE reference = ?1")
        .bind(reference)
        .fetch_optional(connection)
        .await?;
    row.map(|row| row.device("device")).transpose()
}

/// Whose a package is, and when the certificate in it ends.
pub(in crate::store) async fn published(
    connection: &mut SqliteConnection,
    reference: &[u8],
) -> Result<Option<(DeviceId, UtcMillis)>, StoreError> {
    let row = sqlx::query("SELECT device, lapses_at FROM key_packages WHERE reference = ?1")
        .bind(reference)
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((row.device("device")?, UtcMillis::new(row.number("lapses_at")?)))).transpose()
}

pub(super) async fn one_time_left(
    connection: &mut SqliteConnection,
    device: DeviceId,
    suite: Suite,
) -> Result<u64, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS count FROM key_packages
          WHERE device = ?1 AND cipher_suite = ?2 AND last_resort = 0 AND state < 3",
    )
    .bind(device.as_bytes().as_slice())
    .bind(i64::from(suite.code()))
    .fetch_one(connection)
    .await?;
    row.number("count")
}

pub(super) async fn drop_earlier(
    connection: &mut SqliteConnection,
    device: DeviceId,
    lapses_at: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE key_packages SET state = 3 WHERE device = ?1 AND state < 3 AND lapses_at < ?2")
        .bind(device.as_bytes().as_slice())
        .bind(integer(lapses_at.get()))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    publication: &Publication,
    package: &Package,
) -> Result<(), StoreError> {
    let device = publication.device.as_bytes().as_slice();
    if package.last_resort {
        sqlx::query(
            "UPDATE key_packages SET state = 3
              WHERE device = ?1 AND cipher_suite = ?2 AND last_resort = 1 AND state < 3",
        )
        .bind(device)
        .bind(i64::from(package.suite.code()))
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query(
        "INSERT INTO key_packages (reference, device, cipher_suite, last_resort, state, lapses_at, published_at,
                                   bytes)
         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7)",
    )
    .bind(package.reference.as_ref())
    .bind(device)
    .bind(i64::from(package.suite.code()))
    .bind(package.last_resort)
    .bind(integer(publication.lapses_at.get()))
    .bind(integer(publication.published_at.get()))
    .bind(package.bytes.as_ref())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn take(
    connection: &mut SqliteConnection,
    device: DeviceId,
    suite: Suite,
    now: UtcMillis,
) -> Result<Option<Handout>, StoreError> {
    let row = sqlx::query(
        "UPDATE key_packages SET state = CASE last_resort WHEN 0 THEN 3 ELSE 2 END
          WHERE id = (SELECT id FROM key_packages
                       WHERE device = ?1 AND cipher_suite = ?2 AND (state < 3 OR ?4) AND lapses_at > ?3
                       ORDER BY last_resort, id LIMIT 1)
         RETURNING device, cipher_suite, reference, bytes",
    )
    .bind(device.as_bytes().as_slice())
    .bind(i64::from(suite.code()))
    .bind(integer(now.get()))
    .bind(fault::planted("relay.hand_out_twice"))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(handout).transpose()
}

/// A row with device, cipher_suite, reference and bytes.
pub(super) fn handout(row: &SqliteRow) -> Result<Handout, StoreError> {
    Ok(Handout {
        device: row.device("device")?,
        suite: suite(row)?,
        reference: row.blob("reference")?.into(),
        bytes: row.blob("bytes")?.into(),
    })
}

pub(super) fn suite(row: &SqliteRow) -> Result<Suite, StoreError> {
    let column = "cipher_suite";
    Suite::from_code(row.small(column)?).ok_or(StoreError::Unreadable { column })
}

pub(super) async fn stock(
    connection: &mut SqliteConnection,
    device: DeviceId,
    from: UtcMillis,
) -> Result<Vec<Stock>, StoreError> {
    let rows = sqlx::query(
        "SELECT cipher_suite, SUM(last_resort = 0) AS one_time, MAX(last_resort = 1 AND state = 1) AS unused
           FROM key_packages WHERE device = ?1 AND state < 3 AND lapses_at >= ?2 GROUP BY cipher_suite ORDER BY cipher_suite DESC",
    )
    .bind(device.as_bytes().as_slice())
    .bind(integer(from.get()))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Stock {
                suite: suite(row)?,
                one_time: row.number("one_time")?,
                unused_last_resort: row.number("unused")? != 0,
            })
        })
        .collect()
}

//! Table `claims`: what was handed out to whom.

use sqlx::SqliteConnection;
use wardline_proto::{DeviceId, Suite, UtcMillis};

use super::packages;
use crate::domain::{
    conversation::ClaimedReference,
    key_package::{HandedOut, Handout},
};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

pub(super) async fn handed_out(
    connection: &mut SqliteConnection,
    claimer: DeviceId,
    request: &[u8; 16],
) -> Result<Vec<HandedOut>, StoreError> {
    let rows = sqlx::query(
        "SELECT c.position, c.used, c.device, c.cipher_suite, c.reference, p.bytes
           FROM claims c JOIN key_packages p ON p.reference = c.reference
          WHERE c.claimer = ?1 AND c.request = ?2 ORDER BY c.position",
    )
    .bind(claimer.as_bytes().as_slice())
    .bind(request.as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let handout = packages::handout(row)?;
            Ok(HandedOut { position: row.small("position")?, handout, used: row.number("used")? != 0 })
        })
        .collect()
}

pub(super) async fn note(
    connection: &mut SqliteConnection,
    claimer: DeviceId,
    request: &[u8; 16],
    position: usize,
    handout: &Handout,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO claims (claimer, request, position, device, cipher_suite, reference, claimed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (claimer, request, position) DO UPDATE
            SET device = ?4, cipher_suite = ?5, reference = ?6, claimed_at = ?7, used = 0",
    )
    .bind(claimer.as_bytes().as_slice())
    .bind(request.as_slice())
    .bind(i64::try_from(position).unwrap_or(i64::MAX))
    .bind(handout.device.as_bytes().as_slice())
    .bind(i64::from(handout.suite.code()))
    .bind(handout.reference.as_ref())
    .bind(integer(now.get()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn held(
    connection: &mut SqliteConnection,
    claimer: DeviceId,
    (device, suite): (DeviceId, Suite),
    since: UtcMillis,
    now: UtcMillis,
) -> Result<Option<Handout>, StoreError> {
    let row = sqlx::query(HELD)
        .bind(claimer.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .bind(i64::from(suite.code()))
        .bind(integer(since.get()))
        .bind(integer(now.get()))
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(packages::handout).transpose()
}

/// A one-time package's claims are used together; of a last-resort one some may be.
const HELD: &str = "/* held */
    SELECT p.device, p.cipher_suite, p.reference, p.bytes
      FROM claims c JOIN key_packages p ON p.reference = c.reference
     WHERE c.claimer = ?1 AND c.device = ?2 AND c.cipher_suite = ?3 AND c.claimed_at > ?4 AND c.used = 0
       AND p.lapses_at > ?5 AND (p.last_resort = 0 OR p.state < 3)
       AND NOT EXISTS (SELECT 1 FROM claims o
                        WHERE o.reference = c.reference AND o.claimer = c.claimer
                          AND (o.claimed_at <= ?4 OR o.used = 1))
     ORDER BY c.claimed_at LIMIT 1";

/// The claim of `claimer` behind a reference that no commit has used.
pub(in crate::store) async fn unused(
    connection: &mut SqliteConnection,
    claimer: DeviceId,
    reference: &[u8],
) -> Result<Option<ClaimedReference>, StoreError> {
    let row = sqlx::query(
        "SELECT device, cipher_suite FROM claims WHERE reference = ?1 AND claimer = ?2 AND used = 0 LIMIT 1",
    )
    .bind(reference)
    .bind(claimer.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok(ClaimedReference { device: row.device("device")?, suite: packages::suite(&row)? }))
        .transpose()
}

/// A one-time package is used by one commit, however often it was handed out to `claimer`; each time that a
/// last-resort one was is good for one.
pub(in crate::store) async fn mark_used(
    connection: &mut SqliteConnection,
    claimer: DeviceId,
    reference: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE claims SET used = 1
          WHERE reference = ?1 AND claimer = ?2 AND used = 0
            AND ((SELECT last_resort FROM key_packages WHERE reference = ?1) = 0
                 OR (claimer, request, position) =
                    (SELECT claimer, request, position FROM claims
                      WHERE reference = ?1 AND claimer = ?2 AND used = 0 ORDER BY claimed_at LIMIT 1))",
    )
    .bind(reference)
    .bind(claimer.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

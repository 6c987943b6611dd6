//! What goes with a device that is revoked: its packages, Welcomes that only it could open, what would let it in, and claims on
//! its id.

use sqlx::SqliteConnection;
use wardline_identity::{RecordAct, RecordEntry};
use wardline_proto::{DeviceId, InvitationId, UtcMillis};

use crate::store::{
    StoreError, record,
    row::{Columns as _, integer},
};

/// Shown to the person who enrols.
const REFUSAL: &str = "the device was revoked; ask for a new invitation and enrol again";

pub(super) async fn end(
    connection: &mut SqliteConnection,
    device: DeviceId,
    now: UtcMillis,
) -> Result<Vec<InvitationId>, StoreError> {
    let id = device.as_bytes().as_slice();
    sqlx::query("UPDATE devices SET revoked_at = ?2 WHERE device_id = ?1 AND revoked_at IS NULL")
        .bind(id)
        .bind(integer(now.get()))
        .execute(&mut *connection)
        .await?;
    // What was handed out stays as a reference without its bytes: a Welcome by it is refused all the same.
    sqlx::query("UPDATE key_packages SET state = 3, bytes = x'' WHERE device = ?1")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "DELETE FROM welcomes WHERE (conversation, number) IN
           (SELECT conversation, joined FROM stays WHERE device = ?1 AND departed IS NULL AND acked < joined)
         AND NOT EXISTS
           (SELECT 1 FROM stays s LEFT JOIN devices d ON d.device_id = s.device
             WHERE s.conversation = welcomes.conversation AND s.joined = welcomes.number
               AND s.departed IS NULL AND s.device <> ?1 AND d.revoked_at IS NULL)",
    )
    .bind(id)
    .execute(&mut *connection)
    .await?;
    // Nobody lets it in any more.
    for waiting in [
        "DELETE FROM tasks WHERE kind IN (2, 3) AND subject = ?1",
        "DELETE FROM replacements_waiting WHERE device = ?1",
    ] {
        sqlx::query(waiting).bind(id).execute(&mut *connection).await?;
    }
    let rows = sqlx::query(
        "UPDATE enrolments SET state = 3, refusal = ?2, judged_at = ?3 WHERE device_id = ?1 AND state = 1
         RETURNING invitation_id",
    )
    .bind(id)
    .bind(REFUSAL)
    .bind(integer(now.get()))
    .fetch_all(&mut *connection)
    .await?;
    let refused: Result<Vec<InvitationId>, StoreError> =
        rows.iter().map(|row| row.id("invitation_id")).collect();
    let refused = refused?;
    for invitation in &refused {
        let act = RecordAct::EnrolmentRefused { invitation: *invitation, device, by: None };
        record::append(connection, &RecordEntry { at: now, act }).await?;
    }
    Ok(refused)
}

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

/// It is out.
const MARK: &str = "UPDATE devices SET revoked_at = ?2 WHERE device_id = ?1 AND revoked_at IS NULL";

/// What of a device is gone with it.
const GONE: [&str; 6] = [
    // What was handed out stays as a reference without its bytes: a Welcome by it is refused all the same.
    "UPDATE key_packages SET state = 3, bytes = x'' WHERE device = ?1 AND state < 3",
    "UPDATE key_packages SET bytes = x'' WHERE device = ?1 AND state = 3 AND bytes <> x''",
    "DELETE FROM welcomes WHERE (conversation, number) IN
       (SELECT conversation, joined FROM stays WHERE device = ?1 AND departed IS NULL AND acked < joined)
     AND NOT EXISTS
       (SELECT 1 FROM stays s LEFT JOIN devices d ON d.device_id = s.device
         WHERE s.conversation = welcomes.conversation AND s.joined = welcomes.number
           AND s.departed IS NULL AND s.device <> ?1 AND d.revoked_at IS NULL)",
    // Nobody lets it in any more.
    "DELETE FROM tasks WHERE kind IN (2, 3) AND subject = ?1",
    "DELETE FROM replacements_waiting WHERE device = ?1",
    // Its vault opens never again.
    "DELETE FROM unlock_pairs WHERE device = ?1",
];

/// Whoever tries its vault is told why nothing opens it.
const CLOSE: &str = "INSERT OR IGNORE INTO closed_pairs (pair_id, device, closed_at)
  SELECT pair_id, device, ?2 FROM unlock_pairs WHERE device = ?1";

/// What waits of it to be certified is refused.
const REFUSE: &str =
    "UPDATE enrolments SET state = 3, refusal = ?2, judged_at = ?3 WHERE device_id = ?1 AND state = 1
  RETURNING invitation_id";

pub(super) async fn end(
    connection: &mut SqliteConnection,
    device: DeviceId,
    now: UtcMillis,
) -> Result<Vec<InvitationId>, StoreError> {
    let id = device.as_bytes().as_slice();
    for marks in [MARK, CLOSE] {
        sqlx::query(marks).bind(id).bind(integer(now.get())).execute(&mut *connection).await?;
    }
    for gone in GONE {
        sqlx::query(gone).bind(id).execute(&mut *connection).await?;
    }
    let rows = sqlx::query(REFUSE)
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use sqlx::{AssertSqlSafe, Row as _};

    use super::*;
    use crate::store::Store;

    /// Whether a statement looks through a whole table for what it is about.
    async fn scans(store: &Store, statement: &'static str) -> bool {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan = store.write("explain", move |tx| {
            async move {
                let rows = sqlx::query(explain).fetch_all(tx.connection()).await?;
                Ok::<_, StoreError>(rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>())
            }
            .boxed()
        });
        let plan = plan.await.unwrap();
        assert!(!plan.is_empty(), "{statement}");
        plan.iter().any(|step| step.starts_with("SCAN"))
    }

    #[tokio::test]
    async fn the_end_of_a_device_costs_the_same_however_many_others_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("relay.sqlite")).await.unwrap();
        for statement in [MARK, CLOSE, REFUSE].into_iter().chain(GONE) {
            assert!(!scans(&store, statement).await, "{statement}");
        }
        let all = "UPDATE key_packages SET state = 3, bytes = x'' WHERE device = ?1";
        assert!(scans(&store, all).await, "the control: by no index");
    }
}

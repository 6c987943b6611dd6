//! Deleting: each verb does at most one batch, so that the writer is never long at it.

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ConversationId, EntryNumber, UtcMillis};

use super::{
    ReadTx, StoreError, WriteTx,
    row::{Columns as _, integer},
};

/// How far all have what they may read of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// The log.
    pub conversation: ConversationId,
    /// Up to here.
    pub number: EntryNumber,
    /// Whether bodies up to there were dropped before.
    pub swept: bool,
    /// Whether the first row that is left is older than the instant asked for.
    pub has_old: bool,
}

impl ReadTx {
    /// Logs with something to drop: bodies that all have, or rows accepted by `old` that all have passed.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn shared_logs(&mut self, old: UtcMillis) -> Result<Vec<Shared>, StoreError> {
        let rows = sqlx::query(SHARED_LOGS).bind(integer(old.get())).fetch_all(self.connection()).await?;
        rows.iter().map(shared).collect()
    }
}

fn shared(row: &SqliteRow) -> Result<Shared, StoreError> {
    Ok(Shared {
        conversation: row.conversation("id")?,
        number: row.entry_number("shared")?,
        swept: row.number("swept")? >= row.number("shared")?,
        has_old: row.number("has_old")? != 0,
    })
}

/// A stay that ended and was acknowledged to its end needs nothing more; any other needs what is behind its
/// cursor.
const SHARED_LOGS: &str = "/* shared_logs */
    SELECT id, shared, swept, has_old FROM (
        SELECT c.id, c.swept,
               COALESCE((SELECT MIN(s.acked) FROM stays s
                          WHERE s.conversation = c.id AND (s.departed IS NULL OR s.acked < s.departed)),
                        c.head) AS shared,
               COALESCE((SELECT e.stamp <= ?1 FROM entries e
                          WHERE e.conversation = c.id ORDER BY e.number LIMIT 1), 0) AS has_old
          FROM conversations c)
     WHERE shared > swept OR (has_old AND shared > 0)";

impl WriteTx {
    /// Drops bodies and Welcomes whose time is over. Returns how many bodies; a full batch means there are more.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn drop_expired(&mut self, now: UtcMillis, batch: u32) -> Result<u64, StoreError> {
        let connection = self.connection();
        sqlx::query(
            "DELETE FROM welcomes WHERE (conversation, number) IN
               (SELECT conversation, number FROM entries
                 WHERE body IS NOT NULL AND expires_at <= ?1 AND kind = 1 ORDER BY expires_at, id LIMIT ?2)",
        )
        .bind(integer(now.get()))
        .bind(i64::from(batch))
        .execute(&mut *connection)
        .await?;
        let dropped = sqlx::query(
            "UPDATE entries SET body = NULL WHERE id IN
               (SELECT id FROM entries WHERE body IS NOT NULL AND expires_at <= ?1 ORDER BY expires_at, id LIMIT ?2)",
        )
        .bind(integer(now.get()))
        .bind(i64::from(batch))
        .execute(connection)
        .await?;
        Ok(dropped.rows_affected())
    }

    /// Drops bodies and Welcomes that all have, up to `number`. Returns how many bodies; less than a full batch
    /// means that the log is done.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn drop_shared(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let connection = self.connection();
        let dropped = sqlx::query(
            "UPDATE entries SET body = NULL WHERE id IN
               (SELECT e.id FROM entries e JOIN conversations c ON c.id = e.conversation
                 WHERE e.conversation = ?1 AND e.number > c.swept AND e.number <= ?2 AND e.body IS NOT NULL
                 ORDER BY e.number LIMIT ?3)",
        )
        .bind(id.as_bytes().as_slice())
        .bind(integer(number.get()))
        .bind(i64::from(batch))
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if dropped < u64::from(batch) {
            finish(connection, id, number).await?;
        }
        Ok(dropped)
    }

    /// Deletes rows up to `number` that were accepted by `old`. Returns how many; a full batch means there are
    /// more.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn delete_passed(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
        old: UtcMillis,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let deleted = sqlx::query(
            "DELETE FROM entries WHERE stamp <= ?3 AND id IN
               (SELECT id FROM entries WHERE conversation = ?1 AND number <= ?2 ORDER BY number LIMIT ?4)",
        )
        .bind(id.as_bytes().as_slice())
        .bind(integer(number.get()))
        .bind(integer(old.get()))
        .bind(i64::from(batch))
        .execute(self.connection())
        .await?;
        Ok(deleted.rows_affected())
    }

    /// Deletes claims made by `old`, and what no claim names: the bytes of packages that go out no more, and
    /// packages whose certificate lapsed.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn delete_claims(
        &mut self,
        old: UtcMillis,
        now: UtcMillis,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let connection = self.connection();
        let claims = sqlx::query(
            "DELETE FROM claims WHERE (claimer, request, position) IN
               (SELECT claimer, request, position FROM claims WHERE claimed_at <= ?1 LIMIT ?2)",
        )
        .bind(integer(old.get()))
        .bind(i64::from(batch))
        .execute(&mut *connection)
        .await?
        .rows_affected();
        // The reference stays, so that no package goes out again, until no device can publish it any more.
        sqlx::query(EMPTY_SPENT).bind(i64::from(batch)).execute(&mut *connection).await?;
        sqlx::query(DELETE_LAPSED)
            .bind(integer(now.get()))
            .bind(i64::from(batch))
            .execute(connection)
            .await?;
        Ok(claims)
    }
}

const EMPTY_SPENT: &str = "UPDATE key_packages SET bytes = x'' WHERE id IN
    (SELECT p.id FROM key_packages p
      WHERE p.state = 3 AND p.bytes <> x''
        AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.reference = p.reference) LIMIT ?1)";

const DELETE_LAPSED: &str = "DELETE FROM key_packages WHERE id IN
    (SELECT p.id FROM key_packages p
      WHERE p.lapses_at <= ?1
        AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.reference = p.reference) LIMIT ?2)";

async fn finish(
    connection: &mut SqliteConnection,
    id: ConversationId,
    number: EntryNumber,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM welcomes WHERE conversation = ?1 AND number <= ?2")
        .bind(id.as_bytes().as_slice())
        .bind(integer(number.get()))
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE conversations SET swept = MAX(swept, ?2) WHERE id = ?1")
        .bind(id.as_bytes().as_slice())
        .bind(integer(number.get()))
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::store::Store;

    async fn plan(store: &Store, statement: &'static str) -> String {
        let read = store.read("plan", move |tx| {
            Box::pin(async move {
                let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
                let rows = explain.bind(1).bind(1).fetch_all(tx.connection()).await?;
                let steps = rows.iter().map(|row| row.try_get::<String, _>("detail"));
                Ok::<_, StoreError>(steps.collect::<Result<Vec<_>, _>>()?.join("; "))
            })
        });
        read.await.unwrap()
    }

    #[tokio::test]
    async fn no_pass_reads_all_packages_to_find_the_few_that_are_due() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("relay.sqlite")).await.unwrap();
        let whole = plan(&store, "SELECT id FROM key_packages p WHERE length(bytes) > 1 AND ?1 = ?2").await;
        assert!(whole.contains("SCAN p"), "the control: {whole}");
        let spent = plan(&store, EMPTY_SPENT).await;
        assert!(spent.contains("p USING INDEX key_packages_spent_of_device"), "{spent}");
        let lapsed = plan(&store, DELETE_LAPSED).await;
        assert!(lapsed.contains("SEARCH p USING INDEX key_packages_by_lapse"), "{lapsed}");
    }
}

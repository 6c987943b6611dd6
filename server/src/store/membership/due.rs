//! What is due by the clock: renewals, and tasks that have stood too long.

use sqlx::SqliteConnection;
use wardline_proto::{ConversationId, UtcMillis};

use crate::domain::membership::{EPOCH_SECONDS, Task, TaskKind};
use crate::store::{
    StoreError, WriteTx,
    row::{Columns as _, integer},
};

pub(super) async fn owed(connection: &mut SqliteConnection) -> Result<Vec<ConversationId>, StoreError> {
    let rows = sqlx::query("SELECT DISTINCT conversation FROM tasks").fetch_all(connection).await?;
    rows.iter().map(|row| row.conversation("conversation")).collect()
}

impl WriteTx {
    /// Makes a task of each conversation whose epoch has lasted long enough; a full batch means there are more.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn owe_renewals(
        &mut self,
        now: UtcMillis,
        batch: u32,
    ) -> Result<Vec<ConversationId>, StoreError> {
        let tomorrow = integer(now.plus_seconds(EPOCH_SECONDS).get());
        // What lies further ahead than a day was noted by a clock that was ahead.
        let rows = sqlx::query(
            "SELECT id, epoch FROM conversations
              WHERE renew_at IS NOT NULL AND (renew_at <= ?1 OR renew_at > ?2) LIMIT ?3",
        )
        .bind(integer(now.get()))
        .bind(tomorrow)
        .bind(i64::from(batch))
        .fetch_all(self.connection())
        .await?;
        let mut owed = Vec::with_capacity(rows.len());
        for row in &rows {
            let conversation = row.conversation("id")?;
            let kind = TaskKind::Renew { epoch: row.epoch("epoch")? };
            super::tasks::keep(self.connection(), &Task { conversation, kind, made_at: now }).await?;
            sqlx::query("UPDATE conversations SET renew_at = ?2 WHERE id = ?1")
                .bind(conversation.as_bytes().as_slice())
                .bind(tomorrow)
                .execute(self.connection())
                .await?;
            owed.push(conversation);
        }
        Ok(owed)
    }

    /// Ends what was asked for by `old` and never done. Returns how many; a full batch means there are more.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn give_up_tasks(&mut self, old: UtcMillis, batch: u32) -> Result<u64, StoreError> {
        let ended = sqlx::query(
            "DELETE FROM tasks WHERE (conversation, kind, subject) IN
               (SELECT conversation, kind, subject FROM tasks
                 WHERE made_at <= ?1 AND kind IN (1, 2, 3, 5, 8) LIMIT ?2)",
        )
        .bind(integer(old.get()))
        .bind(i64::from(batch))
        .execute(self.connection())
        .await?;
        Ok(ended.rows_affected())
    }
}

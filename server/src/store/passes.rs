//! Table `passes`: when each job last went through.

use wardline_proto::UtcMillis;

use super::{
    ReadTx, StoreError, WriteTx,
    row::{Columns as _, integer},
};

impl ReadTx {
    /// When `job` last went through, if it ever did.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn last_pass(&mut self, job: &'static str) -> Result<Option<UtcMillis>, StoreError> {
        let row = sqlx::query("SELECT at FROM passes WHERE job = ?1").bind(job);
        let row = row.fetch_optional(self.connection()).await?;
        row.map(|row| row.instant("at")).transpose()
    }
}

impl WriteTx {
    /// Notes that `job` went through.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn note_pass(&mut self, job: &'static str, at: UtcMillis) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO passes (job, at) VALUES (?1, ?2) ON CONFLICT (job) DO UPDATE SET at = ?2")
            .bind(job)
            .bind(integer(at.get()))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

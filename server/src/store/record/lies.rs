//! What a hostile relay makes of its record: the real one with one line changed a lie. Only the tests' build can be armed so.

use wardline_identity::RecordEntry;
use wardline_proto::{UtcMillis, fault};

use super::{hashes, size};
use crate::store::{
    StoreError, WriteTx,
    row::{Columns as _, integer},
};

/// The size, but where a test has the relay leave out the last entry.
pub(super) fn size_shown(size: u64) -> u64 {
    if fault::planted("relay.record_shortened") { size.saturating_sub(1) } else { size }
}

impl WriteTx {
    /// Changes the first entry and makes all hashes anew, where a test has the relay do so. Once: the next time it is the same.
    pub(crate) async fn rewrite_record(&mut self) -> Result<(), StoreError> {
        let connection = self.connection();
        let rows = sqlx::query("SELECT number, entry FROM record ORDER BY number")
            .fetch_all(&mut *connection)
            .await?;
        debug_assert_eq!(rows.len() as u64, size(connection).await?);
        for row in &rows {
            let (number, mut entry) = (row.number("number")?, row.blob("entry")?);
            if number == 0 {
                let read =
                    RecordEntry::read(&entry).map_err(|_| StoreError::Unreadable { column: "entry" })?;
                entry = RecordEntry { at: UtcMillis::new(1_000), ..read }.encode().to_vec();
                sqlx::query("UPDATE record SET entry = ?2 WHERE number = ?1")
                    .bind(integer(number))
                    .bind(&entry)
                    .execute(&mut *connection)
                    .await?;
            }
            hashes(connection, number, &entry).await?;
        }
        Ok(())
    }
}

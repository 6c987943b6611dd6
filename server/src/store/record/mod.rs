//! Tables `record`, `record_devices` and `record_hashes`: entries, whom they name, and the hashes of all complete subtrees.

mod lies;

use bytes::Bytes;
use futures::TryStreamExt as _;
use sqlx::SqliteConnection;
use wardline_identity::{RecordEntry, record_leaf, record_node};
use wardline_proto::{DeviceId, Digest, fault};

use super::{
    ReadTx, StoreError, WriteTx,
    row::{Columns as _, integer},
};
use crate::domain::record::{RecordStorage, RecordView, StoredEntry, Subtree};

/// Appends an entry in the transaction of its act, wherever in this room that is written.
pub(in crate::store) async fn append(
    connection: &mut SqliteConnection,
    entry: &RecordEntry,
) -> Result<(), StoreError> {
    fault::crash("crash.record_unwritten");
    if fault::planted("mutant.record_skips") {
        return Ok(());
    }
    let number = size(connection).await?;
    let bytes = entry.encode();
    sqlx::query("INSERT INTO record (number, entry) VALUES (?1, ?2)")
        .bind(integer(number))
        .bind(bytes.as_ref())
        .execute(&mut *connection)
        .await?;
    for device in entry.act.devices() {
        sqlx::query("INSERT INTO record_devices (device, number) VALUES (?1, ?2)")
            .bind(device.as_bytes().as_slice())
            .bind(integer(number))
            .execute(&mut *connection)
            .await?;
    }
    hashes(connection, number, &bytes).await?;
    Ok(())
}

/// The subtrees that an entry completes: its own, and one more for each that ends beside it.
async fn hashes(connection: &mut SqliteConnection, number: u64, entry: &[u8]) -> Result<(), StoreError> {
    let mut hash = record_leaf(entry);
    keep(connection, Subtree { level: 0, place: number }, &hash).await?;
    for level in 0..number.trailing_ones() {
        let left = Subtree { level, place: (number >> level) - 1 };
        hash = record_node(&read(connection, left).await?, &hash);
        keep(connection, Subtree { level: level + 1, place: number >> (level + 1) }, &hash).await?;
    }
    Ok(())
}

async fn keep(connection: &mut SqliteConnection, at: Subtree, hash: &Digest) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO record_hashes (level, place, hash) VALUES (?1, ?2, ?3)")
        .bind(i64::from(at.level))
        .bind(integer(at.place))
        .bind(hash.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

async fn read(connection: &mut SqliteConnection, at: Subtree) -> Result<Digest, StoreError> {
    let row = sqlx::query("SELECT hash FROM record_hashes WHERE level = ?1 AND place = ?2")
        .bind(i64::from(at.level))
        .bind(integer(at.place))
        .fetch_one(connection)
        .await?;
    row.digest("hash")
}

async fn size(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let row =
        sqlx::query("SELECT COALESCE(MAX(number) + 1, 0) AS size FROM record").fetch_one(connection).await?;
    row.number("size")
}

impl RecordStorage for WriteTx {
    async fn append_entry(&mut self, entry: &RecordEntry) -> Result<(), StoreError> {
        append(self.connection(), entry).await
    }
}

impl RecordView for ReadTx {
    async fn record_size(&mut self) -> Result<u64, StoreError> {
        let size = size(self.connection()).await?;
        Ok(lies::size_shown(size))
    }

    async fn record_hash(&mut self, subtree: Subtree) -> Result<Digest, StoreError> {
        read(self.connection(), subtree).await
    }

    async fn record_entries(
        &mut self,
        from: u64,
        device: Option<DeviceId>,
        most: usize,
        bytes: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let sql = match device {
            None => "SELECT number, entry FROM record WHERE number >= ?1 ORDER BY number LIMIT ?2",
            Some(_) => {
                "SELECT r.number, r.entry FROM record_devices d JOIN record r ON r.number = d.number
                  WHERE d.device = ?3 AND d.number >= ?1 ORDER BY d.number LIMIT ?2"
            }
        };
        let mut query = sqlx::query(sql).bind(integer(from)).bind(integer(most as u64));
        if let Some(device) = device {
            query = query.bind(device.as_bytes().to_vec());
        }
        let mut rows = query.fetch(self.connection());
        let (mut entries, mut length) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await? {
            let entry = Bytes::from(row.blob("entry")?);
            length += entry.len();
            if length > bytes && !entries.is_empty() {
                break;
            }
            entries.push(StoredEntry { number: row.number("number")?, entry });
        }
        Ok(entries)
    }
}

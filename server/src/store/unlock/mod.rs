//! Tables `unlock_pairs` and `closed_pairs`: the relay's half of vaults' pairs.

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_identity::{OprfKey, PublicKey};
use wardline_proto::{DeviceId, PairId, TryId, UtcMillis};
use zeroize::Zeroizing;

use super::{
    ReadTx, StoreError, WriteTx,
    row::{Columns as _, integer},
};
use crate::domain::unlock::{LastTry, Pair, UnlockStorage, UnlockView};

fn parse(row: &SqliteRow) -> Result<Pair, StoreError> {
    let unreadable = |column| StoreError::Unreadable { column };
    let key = Zeroizing::new(row.blob("key")?);
    let unlock_key = PublicKey::try_from(row.blob("unlock_key")?.as_slice());
    let last = row.blob_or_null("last_try")?;
    let last = match last {
        None => None,
        Some(id) => Some(LastTry {
            id: TryId::try_from(id.as_slice()).map_err(|_| unreadable("last_try"))?,
            blinded: row.blob("last_blinded")?.try_into().map_err(|_| unreadable("last_blinded"))?,
            at: row.instant("last_at")?,
        }),
    };
    let confirmed = row.blob_or_null("confirmed")?;
    let confirmed = confirmed.map(|id| TryId::try_from(id.as_slice())).transpose();
    Ok(Pair {
        id: row.id("pair_id")?,
        device: row.device("device")?,
        unlock_key: unlock_key.map_err(|_| unreadable("unlock_key"))?,
        key: OprfKey::from_bytes(&key).map_err(|_| unreadable("key"))?,
        tries: row.small("tries")?,
        last,
        generation: row.number("generation")?,
        confirmed: confirmed.map_err(|_| unreadable("confirmed"))?,
    })
}

async fn find(connection: &mut SqliteConnection, id: PairId) -> Result<Option<Pair>, StoreError> {
    let row = sqlx::query("SELECT * FROM unlock_pairs WHERE pair_id = ?1")
        .bind(id.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(parse).transpose()
}

async fn closed(connection: &mut SqliteConnection, id: PairId) -> Result<Option<DeviceId>, StoreError> {
    let row = sqlx::query("SELECT device FROM closed_pairs WHERE pair_id = ?1")
        .bind(id.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(|row| row.device("device")).transpose()
}

impl UnlockView for ReadTx {
    async fn pair(&mut self, id: PairId) -> Result<Option<Pair>, StoreError> {
        find(self.connection(), id).await
    }

    async fn closed(&mut self, id: PairId) -> Result<Option<DeviceId>, StoreError> {
        closed(self.connection(), id).await
    }
}

impl UnlockView for WriteTx {
    async fn pair(&mut self, id: PairId) -> Result<Option<Pair>, StoreError> {
        find(self.connection(), id).await
    }

    async fn closed(&mut self, id: PairId) -> Result<Option<DeviceId>, StoreError> {
        closed(self.connection(), id).await
    }
}

impl UnlockStorage for WriteTx {
    async fn generation(&mut self, device: DeviceId) -> Result<u64, StoreError> {
        let sql = "SELECT COALESCE(MAX(generation), 0) AS generation FROM unlock_pairs WHERE device = ?1";
        let row = sqlx::query(sql).bind(device.as_bytes().as_slice()).fetch_one(self.connection()).await?;
        row.number("generation")
    }

    async fn keep_pair(
        &mut self,
        id: PairId,
        device: DeviceId,
        (unlock_key, key): (&PublicKey, &OprfKey),
        (generation, now): (u64, UtcMillis),
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM unlock_pairs WHERE device = ?1 AND confirmed IS NULL")
            .bind(device.as_bytes().as_slice())
            .execute(&mut *self.connection())
            .await?;
        sqlx::query(
            "INSERT INTO unlock_pairs (pair_id, device, unlock_key, key, generation, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(id.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .bind(unlock_key.as_bytes().as_slice())
        .bind(key.to_bytes().as_slice())
        .bind(integer(generation))
        .bind(integer(now.get()))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn count_try(&mut self, id: PairId, tries: u32, last: &LastTry) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE unlock_pairs SET tries = ?2, last_try = ?3, last_blinded = ?4, last_at = ?5 WHERE pair_id = ?1",
        )
        .bind(id.as_bytes().as_slice())
        .bind(i64::from(tries))
        .bind(last.id.as_bytes().as_slice())
        .bind(last.blinded.as_slice())
        .bind(integer(last.at.get()))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn open_pair(&mut self, pair: &Pair, by: TryId, generation: u64) -> Result<(), StoreError> {
        sqlx::query("UPDATE unlock_pairs SET tries = 0, confirmed = ?2, generation = ?3 WHERE pair_id = ?1")
            .bind(pair.id.as_bytes().as_slice())
            .bind(by.as_bytes().as_slice())
            .bind(integer(generation))
            .execute(&mut *self.connection())
            .await?;
        sqlx::query("DELETE FROM unlock_pairs WHERE device = ?1 AND pair_id <> ?2")
            .bind(pair.device.as_bytes().as_slice())
            .bind(pair.id.as_bytes().as_slice())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn close_pair(&mut self, id: PairId, now: UtcMillis) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT OR IGNORE INTO closed_pairs (pair_id, device, closed_at)
             SELECT pair_id, device, ?2 FROM unlock_pairs WHERE pair_id = ?1",
        )
        .bind(id.as_bytes().as_slice())
        .bind(integer(now.get()))
        .execute(&mut *self.connection())
        .await?;
        sqlx::query("DELETE FROM unlock_pairs WHERE pair_id = ?1")
            .bind(id.as_bytes().as_slice())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

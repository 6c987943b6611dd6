//! Tables `holds` and `held`.

use bytes::Bytes;
use prost::Message as _;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_identity::{PendingHold, RevocationAct, UserId};
use wardline_proto::{DeviceId, Digest, UtcMillis, fault, relay as pb};

use super::list::act;
use crate::domain::revocation::{PendingAct, TakenHold};
use crate::store::{
    StoreError, WriteTx,
    row::{Columns as _, integer},
};

/// The answer to a statement that was taken before.
pub(super) async fn answer(
    connection: &mut SqliteConnection,
    sha256: &Digest,
) -> Result<Option<Bytes>, StoreError> {
    let row = sqlx::query("SELECT answer FROM holds WHERE sha256 = ?1")
        .bind(sha256.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(|row| row.blob("answer").map(Bytes::from)).transpose()
}

/// Whether a statement was taken.
pub(in crate::store) async fn is_taken(
    connection: &mut SqliteConnection,
    sha256: &Digest,
) -> Result<bool, StoreError> {
    Ok(answer(connection, sha256).await?.is_some())
}

/// With the devices that it puts out.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    taken: &TakenHold<'_>,
    now: UtcMillis,
) -> Result<(), StoreError> {
    let number: i64 = sqlx::query_scalar(
        "INSERT INTO holds (sha256, hold, user_id, others, taken_at, answer) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         RETURNING number",
    )
    .bind(taken.hold.digest().as_bytes().as_slice())
    .bind(taken.hold.to_wire().encode_to_vec())
    .bind(taken.by.as_str())
    .bind(integer(taken.others))
    .bind(integer(now.get()))
    .bind(taken.answer.as_ref())
    .fetch_one(&mut *connection)
    .await?;
    for act in taken.acts.iter().chain(taken.again) {
        sqlx::query("INSERT INTO held (device, hold, act) VALUES (?1, ?2, ?3)")
            .bind(act.device.as_bytes().as_slice())
            .bind(number)
            .bind(act.to_wire().encode_to_vec())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// What keeps a device out without a list: of several the one with the latest date, as everybody's memory has it.
pub(super) async fn of_device(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Option<RevocationAct>, StoreError> {
    let mut counts: Option<RevocationAct> = None;
    for act in acts_of(connection, device).await? {
        if counts.is_none_or(|before| counts_over(&act, &before)) {
            counts = Some(act);
        }
    }
    Ok(counts)
}

/// Since when a device is out by holds: when the first of them was taken.
pub(super) async fn since(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Option<UtcMillis>, StoreError> {
    let row = sqlx::query(
        "SELECT MIN(holds.taken_at) AS since FROM held JOIN holds ON holds.number = held.hold WHERE held.device = ?1",
    )
    .bind(device.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    Ok(row.number_or_null("since")?.map(UtcMillis::new))
}

/// What holds come to that keep a device out without a list, in the order in which they were taken.
async fn acts_of(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<RevocationAct>, StoreError> {
    let rows = sqlx::query("SELECT act FROM held WHERE device = ?1 ORDER BY hold")
        .bind(device.as_bytes().as_slice())
        .fetch_all(connection)
        .await?;
    rows.iter().map(act).collect()
}

/// Whether of two holds of one device the one that was taken later counts.
fn counts_over(later: &RevocationAct, before: &RevocationAct) -> bool {
    later.at > before.at || fault::planted("mutant.last_hold_counts")
}

/// All of them, by device: of several of one device the one that counts.
pub(super) async fn all(connection: &mut SqliteConnection) -> Result<Vec<PendingAct>, StoreError> {
    let mut all: Vec<PendingAct> = Vec::new();
    for next in each(connection).await? {
        match all.last_mut().filter(|last| last.act.device == next.act.device) {
            Some(last) if counts_over(&next.act, &last.act) => *last = next,
            Some(_) => {}
            None => all.push(next),
        }
    }
    Ok(all)
}

/// All of them, by device, in the order in which they were taken.
pub(super) async fn each(connection: &mut SqliteConnection) -> Result<Vec<PendingAct>, StoreError> {
    let rows = sqlx::query(
        "SELECT held.act, holds.taken_at, held.over_at IS NOT NULL AS ended
           FROM held JOIN holds ON holds.number = held.hold ORDER BY held.device, held.hold",
    )
    .fetch_all(connection)
    .await?;
    let pending = |row: &SqliteRow| {
        let taken_at = UtcMillis::new(row.number("taken_at")?);
        Ok(PendingAct { act: act(row)?, taken_at, ended: row.number("ended")? != 0 })
    };
    rows.iter().map(pending).collect()
}

/// A list names the device now.
pub(super) async fn listed(connection: &mut SqliteConnection, device: DeviceId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM held WHERE device = ?1")
        .bind(device.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// It has run out.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    device: DeviceId,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE held SET over_at = ?2 WHERE device = ?1")
        .bind(device.as_bytes().as_slice())
        .bind(integer(now.get()))
        .execute(connection)
        .await?;
    Ok(())
}

/// It counts no more. Gives the devices that no other keeps out and that were not ended for good meanwhile.
pub(in crate::store) async fn drop_one(
    connection: &mut SqliteConnection,
    sha256: &Digest,
) -> Result<Vec<DeviceId>, StoreError> {
    let rows = sqlx::query(
        "DELETE FROM held WHERE hold IN (SELECT number FROM holds WHERE sha256 = ?1)
         RETURNING device, over_at IS NOT NULL AS ended",
    )
    .bind(sha256.as_bytes().as_slice())
    .fetch_all(&mut *connection)
    .await?;
    let mut devices = Vec::with_capacity(rows.len());
    for row in &rows {
        let device: DeviceId = row.id("device")?;
        if row.number("ended")? == 0 && of_device(connection, device).await?.is_none() {
            devices.push(device);
        }
    }
    Ok(devices)
}

impl WriteTx {
    /// Deletes holds taken by `old` that keep nobody out. Returns how many; a full batch means there are more.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn delete_holds(&mut self, old: UtcMillis, batch: u32) -> Result<u64, StoreError> {
        let deleted = sqlx::query(
            "DELETE FROM holds WHERE number IN
               (SELECT number FROM holds WHERE taken_at <= ?1
                   AND NOT EXISTS (SELECT 1 FROM held WHERE held.hold = holds.number)
                 ORDER BY taken_at LIMIT ?2)",
        )
        .bind(integer(old.get()))
        .bind(i64::from(batch))
        .execute(self.connection())
        .await?;
        Ok(deleted.rows_affected())
    }

    /// How many holds are stored.
    #[cfg(test)]
    pub(crate) async fn count_holds_for_tests(&mut self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS count FROM holds").fetch_one(self.connection()).await?;
        row.number("count")
    }
}

/// How many devices of others a user has put out after some time, and when the first of them.
pub(super) async fn by_user(
    connection: &mut SqliteConnection,
    user: &UserId,
    after: UtcMillis,
) -> Result<(u64, Option<UtcMillis>), StoreError> {
    let row = sqlx::query(
        "SELECT COALESCE(SUM(others), 0) AS others, MIN(taken_at) AS first FROM holds
          WHERE user_id = ?1 AND taken_at > ?2 AND others > 0",
    )
    .bind(user.as_str())
    .bind(integer(after.get()))
    .fetch_one(connection)
    .await?;
    Ok((row.number("others")?, row.number_or_null("first")?.map(UtcMillis::new)))
}

/// Those of which some device is in no list, in the order in which they were taken.
pub(in crate::store) async fn pending(
    connection: &mut SqliteConnection,
) -> Result<Vec<PendingHold>, StoreError> {
    let rows = sqlx::query("SELECT hold FROM holds WHERE number IN (SELECT hold FROM held) ORDER BY number")
        .fetch_all(connection)
        .await?;
    let unreadable = || StoreError::Unreadable { column: "hold" };
    let read = |bytes: Vec<u8>| {
        let wire = pb::PendingHold::decode(bytes.as_slice()).map_err(|_| unreadable())?;
        PendingHold::stored(wire).map_err(|_| unreadable())
    };
    rows.iter().map(|row| read(row.blob("hold")?)).collect()
}

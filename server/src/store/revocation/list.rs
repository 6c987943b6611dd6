//! Tables `revocation_list`, `revocation_acts` and `revocation_answers`.

use bytes::Bytes;
use prost::Message as _;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_identity::{RevocationAct, RevocationList};
use wardline_proto::{DeviceId, UtcMillis, relay as pb};

use super::holds;
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

pub(in crate::store) async fn read(
    connection: &mut SqliteConnection,
) -> Result<Option<RevocationList>, StoreError> {
    let row =
        sqlx::query("SELECT statement FROM revocation_list WHERE one = 1").fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let unreadable = || StoreError::Unreadable { column: "statement" };
    let statement = pb::SignedStatement::decode(row.blob("statement")?.as_slice());
    let list = RevocationList::stored(statement.map_err(|_| unreadable())?);
    list.map(Some).map_err(|_| unreadable())
}

/// 0 before the first.
pub(in crate::store) async fn number(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let row =
        sqlx::query("SELECT number FROM revocation_list WHERE one = 1").fetch_optional(connection).await?;
    row.map_or(Ok(0), |row| row.number("number"))
}

pub(super) async fn keep(connection: &mut SqliteConnection, list: &RevocationList) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO revocation_list (one, number, statement) VALUES (1, ?1, ?2)")
        .bind(integer(list.number()))
        .bind(list.statement().encode_to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn last_act(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Option<RevocationAct>, StoreError> {
    let row = sqlx::query("SELECT act FROM revocation_acts WHERE device = ?1 ORDER BY number DESC LIMIT 1")
        .bind(device.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(act).transpose()
}

/// Whether a device is revoked or on hold, also by a hold that has run out.
pub(in crate::store) async fn is_out(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<bool, StoreError> {
    if holds::of_device(connection, device).await?.is_some() {
        return Ok(true);
    }
    let row = sqlx::query("SELECT kind FROM revocation_acts WHERE device = ?1 ORDER BY number DESC LIMIT 1")
        .bind(device.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let kind = row.map(|row| row.number("kind")).transpose()?;
    Ok(kind.is_some_and(|kind| kind != REINSTATED))
}

/// Whether a device is revoked, or its last hold is over by itself.
pub(super) async fn is_ended(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT * FROM (SELECT over_at IS NOT NULL AS ended, 1 AS held FROM held WHERE device = ?1
           ORDER BY hold DESC LIMIT 1)
         UNION ALL
         SELECT * FROM (SELECT kind = 1 OR kind = 2 AND over_at IS NOT NULL AS ended, 0 AS held
           FROM revocation_acts WHERE device = ?1 ORDER BY number DESC LIMIT 1)
         ORDER BY held DESC LIMIT 1",
    )
    .bind(device.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    let ended = row.map(|row| row.number("ended")).transpose()?;
    Ok(ended.is_some_and(|ended| ended != 0))
}

/// The wire's number.
const REINSTATED: u64 = 3;

pub(super) async fn keep_act(
    connection: &mut SqliteConnection,
    number: u64,
    act: &RevocationAct,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE revocation_acts SET over_at = ?2 WHERE device = ?1 AND kind = 2 AND over_at IS NULL")
        .bind(act.device.as_bytes().as_slice())
        .bind(integer(act.at.get()))
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO revocation_acts (number, device, kind, act) VALUES (?1, ?2, ?3, ?4)")
        .bind(integer(number))
        .bind(act.device.as_bytes().as_slice())
        .bind(i64::from(act.kind.number()))
        .bind(act.to_wire().encode_to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// Those that nothing has ended.
pub(super) async fn holds(
    connection: &mut SqliteConnection,
) -> Result<Vec<(u64, RevocationAct)>, StoreError> {
    let rows = sqlx::query(
        "SELECT number, act FROM revocation_acts WHERE kind = 2 AND over_at IS NULL ORDER BY number",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.number("number")?, act(row)?))).collect()
}

pub(super) async fn end_hold(
    connection: &mut SqliteConnection,
    number: u64,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE revocation_acts SET over_at = ?2 WHERE number = ?1")
        .bind(integer(number))
        .bind(integer(now.get()))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn acts_after(
    connection: &mut SqliteConnection,
    acts: u64,
    most: usize,
) -> Result<Vec<RevocationAct>, StoreError> {
    let rows = sqlx::query("SELECT act FROM revocation_acts WHERE number > ?1 ORDER BY number LIMIT ?2")
        .bind(integer(acts))
        .bind(integer(most as u64))
        .fetch_all(connection)
        .await?;
    rows.iter().map(act).collect()
}

pub(super) fn act(row: &SqliteRow) -> Result<RevocationAct, StoreError> {
    let unreadable = || StoreError::Unreadable { column: "act" };
    let wire = pb::RevocationAct::decode(row.blob("act")?.as_slice()).map_err(|_| unreadable())?;
    RevocationAct::read(&wire).map_err(|_| unreadable())
}

pub(super) async fn answer(
    connection: &mut SqliteConnection,
    list: &RevocationList,
) -> Result<Option<Bytes>, StoreError> {
    let answer = "SELECT answer FROM revocation_answers WHERE number = ?1 AND (chain = ?2 OR chain IS NULL)";
    let row = sqlx::query(answer)
        .bind(integer(list.number()))
        .bind(list.chain().as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.map(|row| row.blob("answer").map(Bytes::from)).transpose()
}

pub(super) async fn keep_answer(
    connection: &mut SqliteConnection,
    list: &RevocationList,
    answer: &Bytes,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO revocation_answers (number, chain, answer) VALUES (?1, ?2, ?3)")
        .bind(integer(list.number()))
        .bind(list.chain().as_bytes().as_slice())
        .bind(answer.as_ref())
        .execute(connection)
        .await?;
    Ok(())
}

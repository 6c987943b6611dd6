//! Table `invitations`, read together with what became of each.

use prost::Message as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{InvitationId, UtcMillis};

use super::enrolments;
use crate::domain::organisation::{NewInvitation, PlaceInLine, StoredInvitation};
use crate::store::StoreError;
use crate::store::row::{Columns as _, integer};

/// What [`from_row`] reads, to be followed by a condition.
macro_rules! select {
    () => {
        "SELECT i.invitation_id, i.record, i.published_at, i.cancelled_at,
                e.device_id, e.device_key, e.claim, e.claimed_at, e.state, e.certificate, e.refusal
         FROM invitations i LEFT JOIN enrolments e ON e.invitation_id = i.invitation_id "
    };
}

/// Opens an invitation.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    invitation: &NewInvitation,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO invitations (invitation_id, record, published_at) VALUES (?1, ?2, ?3)")
        .bind(invitation.id.as_bytes().as_slice())
        .bind(invitation.record.encode_to_vec())
        .bind(integer(now.get()))
        .execute(connection)
        .await?;
    Ok(())
}

/// How many were published after an instant.
pub(super) async fn count(connection: &mut SqliteConnection, since: UtcMillis) -> Result<usize, StoreError> {
    let row = sqlx::query("SELECT count(*) AS listed FROM invitations WHERE published_at > ?1")
        .bind(integer(since.get()))
        .fetch_one(connection)
        .await?;
    row.small("listed")
}

/// One invitation.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    id: InvitationId,
) -> Result<Option<StoredInvitation>, StoreError> {
    let row = sqlx::query(concat!(select!(), "WHERE i.invitation_id = ?1"))
        .bind(id.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(from_row).transpose()
}

/// Those published after an instant, newest first.
pub(super) async fn since(
    connection: &mut SqliteConnection,
    since: UtcMillis,
    most: usize,
) -> Result<Vec<StoredInvitation>, StoreError> {
    let rows = sqlx::query(concat!(
        select!(),
        "WHERE i.published_at > ?1 ORDER BY i.published_at DESC, i.invitation_id LIMIT ?2"
    ))
    .bind(integer(since.get()))
    .bind(integer(most as u64))
    .fetch_all(connection)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Those whose claim waits, oldest claim first, behind a place in that line.
pub(super) async fn waiting(
    connection: &mut SqliteConnection,
    behind: Option<PlaceInLine>,
    most: usize,
) -> Result<Vec<StoredInvitation>, StoreError> {
    let (claimed_at, id) = behind.unwrap_or((UtcMillis::new(0), InvitationId::from_bytes([0; 16])));
    let rows = sqlx::query(concat!(
        select!(),
        "WHERE e.state = 1 AND (e.claimed_at, e.invitation_id) > (?1, ?2)
         ORDER BY e.claimed_at, e.invitation_id LIMIT ?3"
    ))
    .bind(integer(claimed_at.get()))
    .bind(id.as_bytes().as_slice())
    .bind(integer(most as u64))
    .fetch_all(connection)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Those that nobody has used and nobody has withdrawn, and those whose claim waits.
pub(super) async fn undecided(
    connection: &mut SqliteConnection,
) -> Result<Vec<StoredInvitation>, StoreError> {
    let rows = sqlx::query(concat!(
        select!(),
        "WHERE e.state = 1 OR (e.invitation_id IS NULL AND i.cancelled_at IS NULL) ORDER BY i.invitation_id"
    ))
    .fetch_all(connection)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Withdraws an invitation.
pub(super) async fn cancel(
    connection: &mut SqliteConnection,
    id: InvitationId,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE invitations SET cancelled_at = ?2 WHERE invitation_id = ?1")
        .bind(id.as_bytes().as_slice())
        .bind(integer(now.get()))
        .execute(connection)
        .await?;
    Ok(())
}

fn from_row(row: &SqliteRow) -> Result<StoredInvitation, StoreError> {
    let state: Option<i64> = row.try_get("state")?;
    Ok(StoredInvitation {
        id: row.id("invitation_id")?,
        record: statement(row, "record")?,
        published_at: row.instant("published_at")?,
        cancelled_at: row.number_or_null("cancelled_at")?.map(UtcMillis::new),
        enrolment: state.map(|state| enrolments::from_row(row, state)).transpose()?,
    })
}

/// A statement as it was stored.
pub(super) fn statement(row: &SqliteRow, column: &'static str) -> Result<SignedStatement, StoreError> {
    SignedStatement::decode(row.blob(column)?.as_slice()).map_err(|_| StoreError::Unreadable { column })
}

/// See [`Store::fill_invitations`](crate::store::Store::fill_invitations).
#[cfg(test)]
pub(super) async fn fill(
    connection: &mut SqliteConnection,
    count: usize,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO invitations (invitation_id, record, published_at)
         SELECT unhex(printf('%032x', i)), x'', ?2 FROM n",
    )
    .bind(integer(count as u64))
    .bind(integer(now.get()))
    .execute(connection)
    .await?;
    Ok(())
}

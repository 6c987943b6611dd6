//! Table `enrolments`: the claim that spent an invitation, and its judgement.

use prost::Message as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use wardline_proto::{InvitationId, UtcMillis};

use super::invitations::statement;
use crate::domain::organisation::{Enrolment, EnrolmentStatus, NewClaim};
use crate::store::StoreError;
use crate::store::row::{Columns as _, integer};

/// Keeps the first good claim.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    id: InvitationId,
    claim: &NewClaim,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO enrolments (invitation_id, device_id, device_key, claim, claimed_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(id.as_bytes().as_slice())
    .bind(claim.device.as_bytes().as_slice())
    .bind(claim.key.as_slice())
    .bind(claim.statement.encode_to_vec())
    .bind(integer(now.get()))
    .bind(WAITING)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps the certificate that was handed in.
pub(super) async fn issue(
    connection: &mut SqliteConnection,
    id: InvitationId,
    certificate: &[u8],
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE enrolments SET state = ?2, certificate = ?3, judged_at = ?4 WHERE invitation_id = ?1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(ISSUED)
    .bind(certificate)
    .bind(integer(now.get()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps the refusal.
pub(super) async fn refuse(
    connection: &mut SqliteConnection,
    id: InvitationId,
    reason: &str,
    now: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE enrolments SET state = ?2, refusal = ?3, judged_at = ?4 WHERE invitation_id = ?1")
        .bind(id.as_bytes().as_slice())
        .bind(REFUSED)
        .bind(reason)
        .bind(integer(now.get()))
        .execute(connection)
        .await?;
    Ok(())
}

/// The enrolment's half of a joined row.
pub(super) fn from_row(row: &SqliteRow, state: i64) -> Result<Enrolment, StoreError> {
    let status = match state {
        WAITING => EnrolmentStatus::Waiting,
        ISSUED => EnrolmentStatus::Issued { certificate: row.blob("certificate")? },
        REFUSED => EnrolmentStatus::Refused { reason: row.try_get("refusal")? },
        _ => return Err(StoreError::Unreadable { column: "state" }),
    };
    Ok(Enrolment {
        device: row.device("device_id")?,
        key: row.blob("device_key")?,
        claim: statement(row, "claim")?,
        claimed_at: row.instant("claimed_at")?,
        status,
    })
}

const WAITING: i64 = 1;
const ISSUED: i64 = 2;
const REFUSED: i64 = 3;

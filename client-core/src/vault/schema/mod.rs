//! The database's schema: numbered SQL files, applied in order, each in one transaction with its number.
//!
//! To change the schema, append a file; never edit one that was released.

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use super::VaultError;

/// The steps: step n brings `PRAGMA user_version` from n − 1 to n.
const STEPS: &[&str] = &[
    include_str!("0001_mls.sql"),
    include_str!("0002_client.sql"),
    include_str!("0003_members_at_fault.sql"),
    include_str!("0004_relay_faults.sql"),
    include_str!("0005_line.sql"),
    include_str!("0006_seen.sql"),
    include_str!("0007_named_successor.sql"),
    include_str!("0008_grounds.sql"),
    include_str!("0009_waiting.sql"),
    include_str!("0010_said_again_from.sql"),
    include_str!("0011_revocation.sql"),
    include_str!("0012_signed_list.sql"),
    include_str!("0013_held_out.sql"),
    include_str!("0014_record.sql"),
    include_str!("0015_holds.sql"),
    include_str!("0016_restoring.sql"),
    include_str!("0017_renewal.sql"),
    include_str!("0018_issuer_request.sql"),
    include_str!("0019_signed_issuers.sql"),
    include_str!("0020_recall.sql"),
    include_str!("0021_open_wishes.sql"),
    include_str!("0022_generation.sql"),
    include_str!("0023_sealed_bodies.sql"),
];

/// Brings the database to the newest schema.
///
/// # Errors
/// [`VaultError::NewerVersion`] and what the database says.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), VaultError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let known = i64::try_from(STEPS.len()).expect("a handful of files");
    if found > known {
        return Err(VaultError::NewerVersion { found, known });
    }
    let done = usize::try_from(found).map_err(|_| VaultError::Corrupt { file: "database" })?;
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
        let number = format!("PRAGMA user_version = {}", index + 1);
        // Safe: a number of ours; a pragma takes no bound value.
        sqlx::raw_sql(AssertSqlSafe(number)).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

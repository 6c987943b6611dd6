//! Brings a database file to the schema this relay knows.
//!
//! Each file beside this one is one version, applied once, in order, each in a transaction of its own;
//! `PRAGMA user_version` counts them. A file of a newer relay is refused untouched.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::StoreError;

/// Applies what is missing.
///
/// # Errors
/// [`StoreError::Newer`] for a file with more versions than this relay knows; else what the database says.
pub(super) async fn bring_up_to_date(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let known = i64::try_from(VERSIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (version, sql) in (1_i64..).zip(VERSIONS).filter(|(version, _)| *version > found) {
        // Only constants of ours go into the text.
        let script = format!("BEGIN IMMEDIATE;\n{sql}\n;PRAGMA user_version = {version};\nCOMMIT;");
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *connection).await?;
        tracing::info!(version, "the database has a new version");
    }
    Ok(())
}

/// Version n is the n-th; a released file never changes.
const VERSIONS: &[&str] = &[
    include_str!("0001_conversations.sql"),
    include_str!("0002_organisation.sql"),
    include_str!("0003_membership.sql"),
    include_str!("0004_links.sql"),
    include_str!("0005_asked.sql"),
    include_str!("0006_revocation.sql"),
    include_str!("0007_published_again.sql"),
    include_str!("0008_record.sql"),
    include_str!("0009_holds.sql"),
    include_str!("0010_issuers.sql"),
    include_str!("0011_renewals.sql"),
    include_str!("0012_issuer_requests.sql"),
    include_str!("0013_repeated_holds.sql"),
    include_str!("0014_ends_of_devices.sql"),
    include_str!("0015_software.sql"),
    include_str!("0016_unlock.sql"),
    include_str!("0017_periods.sql"),
];

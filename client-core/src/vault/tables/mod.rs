//! The client's tables beside its MLS state: one file, one table, one struct.
//!
//! Each function runs inside a caller's [`Transaction`](super::Transaction), so that a step's rows, its MLS
//! state and its cursor change together or not at all.

pub(crate) mod chain;
pub(crate) mod commits;
pub(crate) mod conversations;
pub(crate) mod declared_rosters;
pub(crate) mod device;
pub(crate) mod device_keys;
pub(crate) mod faults;
pub(crate) mod generation;
pub(crate) mod held_out;
pub(crate) mod holds;
pub(crate) mod intents;
pub(crate) mod issuer;
pub(crate) mod issuer_request;
pub(crate) mod key_packages;
pub(crate) mod messages;
pub(crate) mod outbox;
pub(crate) mod pending_commits;
pub(crate) mod recalled;
pub(crate) mod record_head;
pub(crate) mod relay_faults;
pub(crate) mod relay_greeting;
pub(crate) mod renewed;
pub(crate) mod replacements;
pub(crate) mod reports;
pub(crate) mod restoring;
pub(crate) mod retention_time;
pub(crate) mod revocation;
pub(crate) mod sealed_messages;
pub(crate) mod sent_again;
pub(crate) mod signed_issuers;
pub(crate) mod signed_list;
pub(crate) mod spent_invitations;
pub(crate) mod spent_packages;
pub(crate) mod spent_statements;
pub(crate) mod stays;
pub(crate) mod waiting;

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{IdError, UtcMillis};

use super::VaultError;

/// Reads a column as unsigned; SQLite stores signed 64-bit numbers.
fn unsigned(row: &SqliteRow, column: &str) -> Result<u64, VaultError> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| corrupt())
}

/// Reads a column of milliseconds since 1970 UTC.
fn instant(row: &SqliteRow, column: &str) -> Result<UtcMillis, VaultError> {
    unsigned(row, column).map(UtcMillis::new)
}

/// Reads an optional column as unsigned.
fn optional_unsigned(row: &SqliteRow, column: &str) -> Result<Option<u64>, VaultError> {
    let value: Option<i64> = row.try_get(column)?;
    value.map(|value| u64::try_from(value).map_err(|_| corrupt())).transpose()
}

/// A number as SQLite stores it; those beyond 2^63 saturate.
fn stored(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads a column of fixed length.
fn fixed<T>(row: &SqliteRow, column: &str) -> Result<T, VaultError>
where
    T: for<'a> TryFrom<&'a [u8], Error = IdError>,
{
    let bytes: Vec<u8> = row.try_get(column)?;
    T::try_from(bytes.as_slice()).map_err(|_| corrupt())
}

/// A row that does not read.
fn corrupt() -> VaultError {
    VaultError::Corrupt { file: "database" }
}

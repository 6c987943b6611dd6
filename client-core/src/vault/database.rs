//! Opening `vault.db`: SQLCipher with a raw key, and the settings the promises rest on.
//!
//! `secure_delete` overwrites what is deleted, `synchronous=FULL` makes a COMMIT durable, exclusive locking
//! keeps a second process from advancing the same ratchets. The options hold the key as text: they live for
//! the length of this call.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};
use wardline_proto::fault;
use zeroize::Zeroizing;

use super::keyring::Keyring;
use super::{VaultError, schema};

/// Opens the database of a vault that exists. A file shorter than its first page is not one, though SQLCipher
/// takes it for a database that is yet to be written: whoever opened that would have a vault with nobody in it.
///
/// # Errors
/// [`VaultError::Corrupt`] if there is no database, or not a whole page of it, and those of [`create`].
pub(super) async fn open(file: &Path, keyring: &Keyring) -> Result<SqliteConnection, VaultError> {
    let length = match std::fs::metadata(file) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error.into()),
    };
    if length < PAGE_BYTES && !fault::planted("mutant.short_is_new") {
        return Err(VaultError::Corrupt { file: "database" });
    }
    create(file, keyring).await
}

/// Opens the database in a file that may be empty, and brings its schema up to date.
///
/// # Errors
/// [`VaultError::Corrupt`] if the key does not fit the file, [`VaultError::Busy`] if another process has it,
/// and others.
pub(super) async fn create(file: &Path, keyring: &Keyring) -> Result<SqliteConnection, VaultError> {
    let key = Zeroizing::new(format!("\"{}\"", *key_text(keyring)));
    // A scene of the simulation dies with its process; what survives a power cut is for others to try.
    let hasty = fault::planted("simulation.hasty_disks");
    let (memory, synchronous) =
        if hasty { ("OFF", SqliteSynchronous::Off) } else { ("ON", SqliteSynchronous::Full) };
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .pragma("key", key.as_str().to_owned())
        .pragma("cipher_log_level", "NONE")
        .pragma("cipher_memory_security", memory)
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .pragma("secure_delete", "ON")
        // Temporary tables and sorts would otherwise reach the disk in the clear.
        .pragma("temp_store", "MEMORY")
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging()
        .connect()
        .await?;
    authenticate(&mut connection).await?;
    schema::migrate(&mut connection).await?;
    Ok(connection)
}

/// A raw key, as SQLCipher reads one.
pub(super) fn key_text(keyring: &Keyring) -> Zeroizing<String> {
    let hex = Zeroizing::new(data_encoding::HEXLOWER.encode(keyring.database_key.as_slice()));
    Zeroizing::new(format!("x'{}'", *hex))
}

/// Checks the authentication code of every page. SQLCipher hands out zeros for a page that fails, and reports
/// it only with the next page: a changed last page of a value would go unnoticed. The log goes into the file
/// first, so that its pages are checked too. Some 3 ms per MB.
async fn authenticate(connection: &mut SqliteConnection) -> Result<(), VaultError> {
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await?;
    let faults = sqlx::query("PRAGMA cipher_integrity_check").fetch_all(connection).await?;
    if faults.is_empty() { Ok(()) } else { Err(VaultError::Corrupt { file: "database" }) }
}

/// A page, as SQLCipher makes them. The first is in the file before the vault's header is.
const PAGE_BYTES: u64 = 4096;

/// How long to wait for another process to let go of the vault.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// All of the vault's statements stay prepared.
const STATEMENTS_KEPT: usize = 512;

//! What somebody with the disk sees.

use std::fs;
use std::path::Path;

use super::{fresh, passcode, put};
use crate::vault::{SealedVault, Vault};

const NOTE: &[u8] = b"the patient in bed 4 was moved to ward 9";

fn contains(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[tokio::test]
async fn no_file_of_the_vault_shows_a_message_or_that_it_is_sqlite() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", NOTE).await.unwrap();
    assert!(!contains(folder.path(), NOTE), "while open, the write-ahead log included");
    vault.checkpoint().await.unwrap();
    assert!(!contains(folder.path(), NOTE));
    let plain = tempfile::tempdir().unwrap();
    export_decrypted(&vault, &plain.path().join("plain.db")).await;
    vault.close().await.unwrap();
    assert!(!contains(folder.path(), NOTE));
    assert!(!contains(folder.path(), b"SQLite format 3\0"));
    assert!(!contains(folder.path(), b"mls_rows"));
    // Control: a decrypted copy shows all three.
    for needle in [NOTE, b"SQLite format 3\0", b"mls_rows"] {
        assert!(contains(plain.path(), needle), "{}", String::from_utf8_lossy(needle));
    }
}

async fn export_decrypted(vault: &Vault, file: &Path) {
    // The connection makes no files; and ATTACH cannot run inside a transaction.
    fs::write(file, b"").unwrap();
    let mut slot = vault.idle_for_tests().await;
    let attach = format!("ATTACH DATABASE '{}' AS plain KEY ''", file.display());
    for statement in [attach.as_str(), "SELECT sqlcipher_export('plain')", "DETACH DATABASE plain"] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(slot.connection()).await.unwrap();
    }
}

#[tokio::test]
async fn the_database_key_is_in_no_file() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", NOTE).await.unwrap();
    let sealed = SealedVault::read(folder.path()).unwrap();
    let key = sealed.sealing().stretch(&passcode("right")).await.unwrap().alone();
    let keyring = sealed.unseal(&key).unwrap().keyring;
    assert!(!contains(folder.path(), keyring.database_key.as_slice()));
    assert!(!contains(
        folder.path(),
        data_encoding::HEXLOWER.encode(keyring.database_key.as_slice()).as_bytes()
    ));
}

#[tokio::test]
async fn what_was_overwritten_is_gone_after_a_checkpoint() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", NOTE).await.unwrap();
    put(&vault, b"k", b"short").await.unwrap();
    vault.checkpoint().await.unwrap();
    let wal = fs::metadata(folder.path().join("vault.db-wal")).unwrap().len();
    assert_eq!(wal, 0);
    // secure_delete: not even the key's owner finds it in the pages.
    let plain = tempfile::tempdir().unwrap();
    export_decrypted(&vault, &plain.path().join("plain.db")).await;
    assert!(!contains(plain.path(), NOTE));
    assert!(contains(plain.path(), b"short"), "control");
}

#[tokio::test]
async fn the_settings_the_promises_rest_on_are_in_force() {
    let (_folder, vault) = fresh().await;
    let mut slot = vault.idle_for_tests().await;
    for (pragma, expected) in [
        ("secure_delete", "1"),
        ("synchronous", "2"),
        ("journal_mode", "wal"),
        ("locking_mode", "exclusive"),
        ("temp_store", "2"),
        ("foreign_keys", "1"),
        ("cipher_memory_security", "1"),
        ("cipher_use_hmac", "1"),
        ("cipher_page_size", "4096"),
        ("cipher_hmac_algorithm", "HMAC_SHA512"),
    ] {
        let statement = sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
        let row = sqlx::query(statement).fetch_one(slot.connection()).await.unwrap();
        let value = super::text(&row);
        assert_eq!(value, expected, "{pragma}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("home");
    let vault = super::create(&folder).await.unwrap();
    put(&vault, b"k", NOTE).await.unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

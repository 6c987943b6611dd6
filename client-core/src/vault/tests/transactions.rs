//! Transactions: all or nothing, one at a time, and what trouble with the disk looks like.

use std::time::Duration;

use sqlx::Executor as _;

use super::{fresh, passcode, put, values};
use crate::vault::{Vault, VaultError};

#[tokio::test]
async fn a_transaction_that_fails_leaves_nothing() {
    let (_folder, vault) = fresh().await;
    let failed: Result<(), VaultError> = vault
        .transact("fails", |tx| {
            Box::pin(async move {
                tx.connection().execute("INSERT INTO mls_rows VALUES (x'', 1, x'01', x'02')").await?;
                Err(VaultError::WrongPasscode)
            })
        })
        .await;
    assert!(matches!(failed, Err(VaultError::WrongPasscode)));
    assert_eq!(count(&vault).await, 0);
    put(&vault, b"k", b"v").await.unwrap();
    assert_eq!(count(&vault).await, 1, "control");
}

#[tokio::test]
async fn a_transaction_that_is_dropped_halfway_leaves_nothing() {
    let (_folder, vault) = fresh().await;
    let never = vault.transact::<(), VaultError, _>("hangs", |tx| {
        Box::pin(async move {
            tx.connection().execute("INSERT INTO mls_rows VALUES (x'', 1, x'01', x'02')").await?;
            std::future::pending().await
        })
    });
    assert!(tokio::time::timeout(Duration::from_millis(50), never).await.is_err());
    let mut begun = vault.begin("dropped").await.unwrap();
    begun.connection().execute("INSERT INTO mls_rows VALUES (x'', 1, x'03', x'04')").await.unwrap();
    drop(begun);
    assert_eq!(count(&vault).await, 0);
    let mut kept = vault.begin("kept").await.unwrap();
    kept.connection().execute("INSERT INTO mls_rows VALUES (x'', 1, x'03', x'04')").await.unwrap();
    kept.commit().await.unwrap();
    assert_eq!(count(&vault).await, 1, "control");
}

#[tokio::test]
async fn reading_changes_nothing() {
    let (_folder, vault) = fresh().await;
    vault
        .read::<_, VaultError, _>("writes", |tx| {
            Box::pin(async move {
                tx.connection().execute("INSERT INTO mls_rows VALUES (x'', 1, x'01', x'02')").await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    assert_eq!(count(&vault).await, 0);
}

#[tokio::test]
async fn a_second_opener_is_told_that_the_vault_is_in_use() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", b"v").await.unwrap();
    let second = Vault::unlock(folder.path(), &passcode("right")).await;
    assert!(matches!(second, Err(VaultError::Busy)), "{second:?}");
    vault.close().await.unwrap();
    let second = Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
    assert_eq!(values(&second).await.unwrap(), [b"v"]);
}

#[tokio::test]
async fn a_full_disk_and_a_read_only_one_are_told_apart_and_lose_nothing() {
    let (_folder, vault) = fresh().await;
    put(&vault, b"before", b"kept").await.unwrap();
    pragma(&vault, "PRAGMA max_page_count = 1").await;
    let full = put(&vault, b"big", &vec![7; 1 << 20]).await;
    assert!(matches!(full, Err(VaultError::Full)), "{full:?}");
    pragma(&vault, "PRAGMA max_page_count = 1000000").await;
    pragma(&vault, "PRAGMA query_only = ON").await;
    let read_only = put(&vault, b"k", b"v").await;
    assert!(matches!(read_only, Err(VaultError::ReadOnly)), "{read_only:?}");
    pragma(&vault, "PRAGMA query_only = OFF").await;
    assert_eq!(values(&vault).await.unwrap(), [b"kept"]);
    put(&vault, b"big", &vec![7; 1 << 20]).await.unwrap();
}

#[tokio::test]
async fn borrowed_things_can_be_used_inside() {
    let (_folder, vault) = fresh().await;
    let outside = String::from("borrowed");
    let length = vault
        .read::<_, VaultError, _>("borrows", |_| {
            let outside = &outside;
            Box::pin(async move { Ok(outside.len()) })
        })
        .await
        .unwrap();
    assert_eq!(length, 8);
}

async fn pragma(vault: &Vault, statement: &'static str) {
    vault.idle_for_tests().await.connection().execute(statement).await.unwrap();
}

async fn count(vault: &Vault) -> i64 {
    let mut slot = vault.idle_for_tests().await;
    sqlx::query_scalar("SELECT count(*) FROM mls_rows").fetch_one(slot.connection()).await.unwrap()
}

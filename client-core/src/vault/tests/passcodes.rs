//! Passcodes, costs, and files that were changed.

use std::fs;

use wardline_identity::{SeededEntropy, SystemEntropy};
use wardline_proto::in_place;

use super::{change, create, fresh, passcode, put, values};
use crate::vault::header::{Header, Sealing};
use crate::vault::{KdfCost, Passcode, Presence, Vault, VaultError, presence};

#[tokio::test]
async fn only_the_passcode_opens_the_vault() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", b"kept").await.unwrap();
    vault.close().await.unwrap();
    assert!(matches!(values(&vault).await, Err(VaultError::Closed)));
    let wrong = Vault::unlock(folder.path(), &passcode("wrong")).await;
    assert!(matches!(wrong, Err(VaultError::WrongPasscode)));
    let vault = Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
    assert_eq!(values(&vault).await.unwrap(), [b"kept"]);
}

#[tokio::test]
async fn a_new_passcode_replaces_the_old_one() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", b"kept").await.unwrap();
    let (old, new) = (passcode("right"), passcode("newer"));
    vault.close().await.unwrap();
    let wrong = change(folder.path(), (&passcode("wrong"), &new), KdfCost::floor()).await;
    assert!(matches!(wrong, Err(VaultError::WrongPasscode)));
    change(folder.path(), (&old, &new), KdfCost::floor()).await.unwrap();
    assert!(matches!(Vault::unlock(folder.path(), &old).await, Err(VaultError::WrongPasscode)));
    let vault = Vault::unlock(folder.path(), &new).await.unwrap();
    assert_eq!(values(&vault).await.unwrap(), [b"kept"]);
}

#[tokio::test]
async fn a_cost_below_the_floor_is_refused_when_making_and_when_opening() {
    let floor = KdfCost::floor();
    let cheap = [
        KdfCost { memory_kib: floor.memory_kib - 1, ..floor },
        KdfCost { time: floor.time - 1, ..floor },
        KdfCost { lanes: 0, ..floor },
        KdfCost { memory_kib: u32::MAX, ..floor },
    ];
    let (folder, vault) = fresh().await;
    let path = folder.path().join("vault.header");
    let header = Header::decode(&fs::read(&path).unwrap()).unwrap();
    for cost in cheap {
        let elsewhere = tempfile::tempdir().unwrap();
        let made = Vault::create(elsewhere.path(), &passcode("right"), &SystemEntropy, cost).await;
        assert!(matches!(made, Err(VaultError::CostOutOfBounds)));
        assert_eq!(presence(elsewhere.path()).unwrap(), Presence::Missing);
        let changed = change(folder.path(), (&passcode("right"), &passcode("x")), cost).await;
        assert!(matches!(changed, Err(VaultError::CostOutOfBounds)));
    }
    vault.close().await.unwrap();
    let good = fs::read(&path).unwrap();
    let of_cost = |cost| {
        let sealing = Sealing { cost, ..header.sealing.clone() };
        Header { sealing, keyring: header.keyring }
    };
    for cost in cheap {
        fs::write(&path, of_cost(cost).encode()).unwrap();
        let opened = Vault::unlock(folder.path(), &passcode("right")).await;
        assert!(matches!(opened, Err(VaultError::CostOutOfBounds)), "{cost:?}");
    }
    // A changed cost above the floor gives another key.
    let dearer = KdfCost { time: 3, ..floor };
    fs::write(&path, of_cost(dearer).encode()).unwrap();
    assert!(matches!(Vault::unlock(folder.path(), &passcode("right")).await, Err(VaultError::WrongPasscode)));
    // Control.
    fs::write(&path, good).unwrap();
    Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
}

#[tokio::test]
async fn missing_damaged_and_newer_files_are_told_apart() {
    let (folder, vault) = fresh().await;
    vault.close().await.unwrap();
    let open = async || Vault::unlock(folder.path(), &passcode("right")).await;
    for (file, what) in [("vault.header", "header"), ("vault.keyring", "keyring"), ("vault.db", "database")] {
        let path = folder.path().join(file);
        let good = fs::read(&path).unwrap();
        for place in [40, 70] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&path, &bad).unwrap();
            let outcome = open().await.err();
            assert!(
                matches!(outcome, Some(VaultError::Corrupt { file }) if file == what),
                "{file} at {place}: {outcome:?}"
            );
        }
        fs::write(&path, &good[..good.len() / 2]).unwrap();
        assert!(matches!(open().await, Err(VaultError::Corrupt { .. })), "{file} cut short");
        fs::write(&path, &good).unwrap();
    }
    let path = folder.path().join("vault.header");
    let good = fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer[17] = 9;
    fs::write(&path, newer).unwrap();
    assert!(matches!(open().await, Err(VaultError::NewerVersion { found: 9, known: 3 })));
    let mut older = good.clone();
    older[17] = 1;
    fs::write(&path, older).unwrap();
    assert!(matches!(open().await, Err(VaultError::OlderVersion { found: 1 })));
    fs::write(&path, good).unwrap();
    let vault = open().await.unwrap();
    let statement = "PRAGMA user_version = 99";
    vault
        .transact::<_, VaultError, _>("newer", |tx| {
            Box::pin(async move {
                sqlx::raw_sql(statement).execute(tx.connection()).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    vault.close().await.unwrap();
    assert!(matches!(open().await, Err(VaultError::NewerVersion { found: 99, .. })));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Vault::unlock(empty.path(), &passcode("right")).await, Err(VaultError::Missing)));
    assert!(matches!(
        Vault::unlock(&empty.path().join("nowhere"), &passcode("right")).await,
        Err(VaultError::Missing)
    ));
}

#[tokio::test]
async fn a_changed_page_is_found_when_the_vault_is_opened() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", &[7; 9000]).await.unwrap();
    vault.close().await.unwrap();
    let path = folder.path().join("vault.db");
    let good = fs::read(&path).unwrap();
    for page in 1..good.len() / 4096 {
        let mut bad = good.clone();
        bad[page * 4096 + 100] ^= 1;
        fs::write(&path, &bad).unwrap();
        let opened = Vault::unlock(folder.path(), &passcode("right")).await;
        assert!(matches!(opened, Err(VaultError::Corrupt { file: "database" })), "page {page}: {opened:?}");
        for log in ["vault.db-wal", "vault.db-shm"] {
            drop(fs::remove_file(folder.path().join(log)));
        }
    }
    fs::write(&path, &good).unwrap();
    let vault = Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
    assert!(values(&vault).await.unwrap() == [[7; 9000]], "control");
}

/// P6. SQLCipher takes such a file for a database that is yet to be written.
#[tokio::test]
async fn a_database_cut_to_less_than_a_page_is_damaged_and_no_new_one() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", b"kept").await.unwrap();
    vault.close().await.unwrap();
    let path = folder.path().join("vault.db");
    let good = fs::read(&path).unwrap();
    let open = async |length: usize| {
        fs::write(&path, &good[..length]).unwrap();
        Vault::unlock(folder.path(), &passcode("right")).await
    };
    for length in [0, 1, 15, 16, 17, 4095] {
        let opened = open(length).await;
        assert!(matches!(opened, Err(VaultError::Corrupt { file: "database" })), "{length}: {opened:?}");
        assert_eq!(fs::read(&path).unwrap(), good[..length], "nothing is written over it");
    }
    let vault = open(good.len()).await.unwrap();
    assert_eq!(values(&vault).await.unwrap(), [b"kept"], "control");
    vault.close().await.unwrap();
    in_place::arm("mutant.short_is_new");
    for length in [0, 1] {
        let vault = open(length).await.unwrap();
        assert!(values(&vault).await.unwrap().is_empty(), "the guard taken away");
        vault.close().await.unwrap();
    }
    in_place::disarm("mutant.short_is_new");
}

/// SQLCipher alone gives zeros for such a page and no error.
#[tokio::test]
async fn a_page_that_changes_under_an_open_vault_fails_the_transaction() {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", &[7; 9000]).await.unwrap();
    vault.close().await.unwrap();
    let path = folder.path().join("vault.db");
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    let mut found = 0;
    for page in 1..pages {
        let good = fs::read(&path).unwrap();
        let vault = Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
        let mut bad = good.clone();
        bad[usize::try_from(page).unwrap() * 4096 + 100] ^= 1;
        fs::write(&path, &bad).unwrap();
        match values(&vault).await {
            Ok(values) => assert!(values == [[7; 9000]], "page {page} was not read"),
            Err(_) => found += 1,
        }
        drop(vault.close().await);
        fs::write(&path, &good).unwrap();
        for log in ["vault.db-wal", "vault.db-shm"] {
            drop(fs::remove_file(folder.path().join(log)));
        }
    }
    assert!(found >= 3, "the value's own pages: {found}");
}

#[tokio::test]
async fn a_vault_is_not_made_over_another() {
    let (folder, vault) = fresh().await;
    vault.close().await.unwrap();
    assert!(matches!(create(folder.path()).await, Err(VaultError::Exists)));
    Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
}

#[test]
fn a_passcode_has_bounds_and_is_never_shown() {
    assert!(matches!(Passcode::new(String::new()), Err(VaultError::PasscodeLength)));
    assert!(matches!(Passcode::new("x".repeat(1025)), Err(VaultError::PasscodeLength)));
    assert_eq!(format!("{:?}", passcode("secret")), "Passcode(…)");
}

#[tokio::test]
async fn two_vaults_of_one_passcode_share_no_key() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (seed, folder) in (1..).zip(&folders) {
        let entropy = SeededEntropy::new(seed);
        let vault =
            Vault::create(folder.path(), &passcode("right"), &entropy, KdfCost::floor()).await.unwrap();
        vault.close().await.unwrap();
    }
    for file in ["vault.keyring", "vault.header"] {
        fs::copy(folders[0].path().join(file), folders[1].path().join(file)).unwrap();
    }
    let mixed = Vault::unlock(folders[1].path(), &passcode("right")).await;
    assert!(matches!(mixed, Err(VaultError::Corrupt { file: "database" })), "{mixed:?}");
}

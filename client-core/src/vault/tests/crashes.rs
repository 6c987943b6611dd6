//! Crashes while a vault is made or its passcode changes: every prefix of the writes is tried.

use std::fs;

use super::{change, create, fresh, passcode, put, values};
use crate::vault::{KdfCost, Presence, Vault, VaultError, presence};

#[tokio::test]
async fn an_interrupted_creation_is_seen_and_made_anew() {
    let (complete, vault) = fresh().await;
    put(&vault, b"k", b"v").await.unwrap();
    vault.close().await.unwrap();
    let order = ["vault.keyring.writing", "vault.keyring", "vault.db", "vault.header.writing"];
    for written in 1..=order.len() {
        let folder = tempfile::tempdir().unwrap();
        for file in &order[..written] {
            let source = complete.path().join(file.trim_end_matches(".writing"));
            fs::copy(source, folder.path().join(file)).unwrap();
        }
        assert_eq!(presence(folder.path()).unwrap(), Presence::Unfinished);
        let opened = Vault::unlock(folder.path(), &passcode("right")).await;
        assert!(matches!(opened, Err(VaultError::Unfinished)), "{written} files: {opened:?}");
        let vault = create(folder.path()).await.unwrap();
        assert!(values(&vault).await.unwrap().is_empty());
        put(&vault, b"k", b"new").await.unwrap();
        vault.close().await.unwrap();
        let vault = Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
        assert_eq!(values(&vault).await.unwrap(), [b"new"]);
        assert_eq!(presence(folder.path()).unwrap(), Presence::Present);
    }
}

#[tokio::test]
async fn after_a_crash_in_a_passcode_change_exactly_one_passcode_opens() {
    let (before, vault) = fresh().await;
    put(&vault, b"k", b"v").await.unwrap();
    vault.close().await.unwrap();
    let after = copy(&before);
    change(after.path(), (&passcode("right"), &passcode("newer")), KdfCost::floor()).await.unwrap();
    // The states between: the new keyring beside the old one, then the new header, then all in place.
    for (new_header, opens, refused) in [(false, "right", "newer"), (true, "newer", "right")] {
        let crashed = copy(&before);
        fs::copy(after.path().join("vault.keyring"), crashed.path().join("vault.keyring.next")).unwrap();
        if new_header {
            fs::copy(after.path().join("vault.header"), crashed.path().join("vault.header")).unwrap();
        }
        let other = Vault::unlock(crashed.path(), &passcode(refused)).await;
        assert!(matches!(other, Err(VaultError::WrongPasscode)), "{other:?}");
        let vault = Vault::unlock(crashed.path(), &passcode(opens)).await.unwrap();
        assert_eq!(values(&vault).await.unwrap(), [b"v"]);
        vault.close().await.unwrap();
        // And it can be changed again.
        change(crashed.path(), (&passcode(opens), &passcode("third")), KdfCost::floor()).await.unwrap();
        Vault::unlock(crashed.path(), &passcode("third")).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_committed_survives_a_process_that_dies() {
    let (live, vault) = fresh().await;
    put(&vault, b"k", b"committed").await.unwrap();
    // The files as a killed process leaves them: nothing closed, nothing checkpointed.
    let dead = copy(&live);
    let revived = Vault::unlock(dead.path(), &passcode("right")).await.unwrap();
    assert_eq!(values(&revived).await.unwrap(), [b"committed"]);
}

fn copy(from: &tempfile::TempDir) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

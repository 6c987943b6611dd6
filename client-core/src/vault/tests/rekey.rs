//! Fresh keys for a vault that is sealed with its relay for the first time: what was sealed before opens nothing that comes later.

use std::{fs, path::Path};

use tempfile::TempDir;
use wardline_identity::SystemEntropy;
use wardline_proto::in_place::{arm, disarm};

use super::{fresh, passcode, put, values};
use crate::vault::{KdfCost, SealedVault, Sealing, Unsealed, Vault, VaultError};

/// A closed vault with one value.
async fn closed() -> TempDir {
    let (folder, vault) = fresh().await;
    put(&vault, b"k", b"kept").await.unwrap();
    vault.close().await.unwrap();
    folder
}

/// Copies it under fresh keys.
async fn rekey(folder: &Path) -> Unsealed {
    let sealed = SealedVault::read(folder).unwrap();
    let key = sealed.sealing().stretch(&passcode("right")).await.unwrap().alone();
    sealed.unseal(&key).unwrap().rekey(&SystemEntropy).await.unwrap()
}

/// Puts the fresh keys in force, under another passcode.
async fn seal(unsealed: &Unsealed) {
    let sealing = Sealing::fresh(KdfCost::floor(), &SystemEntropy).unwrap();
    let key = sealing.stretch(&passcode("newer")).await.unwrap().alone();
    unsealed.seal_anew(sealing, &key, &SystemEntropy).unwrap();
}

/// Whether header and keyring of before open the database of after.
async fn opens_with_the_files_of_before(guard: &'static str) -> Result<Vec<Vec<u8>>, VaultError> {
    let folder = closed().await;
    let files = ["vault.header", "vault.keyring"].map(|name| folder.path().join(name));
    let before = files.clone().map(|file| fs::read(file).unwrap());
    arm(guard);
    let unsealed = rekey(folder.path()).await;
    disarm(guard);
    seal(&unsealed).await;
    let vault = unsealed.open().await.unwrap();
    put(&vault, b"l", b"came after").await.unwrap();
    assert_eq!(values(&vault).await.unwrap().len(), 2, "the control: its own keys open it");
    vault.close().await.unwrap();
    assert!(!folder.path().join("vault.db.next").exists());
    for (file, bytes) in files.iter().zip(before) {
        fs::write(file, bytes).unwrap();
    }
    let vault = Vault::unlock(folder.path(), &passcode("right")).await?;
    values(&vault).await
}

/// P6: an image of the disk from before the pair was made is worth nothing later, whatever is guessed.
#[tokio::test]
async fn what_was_sealed_under_the_passcode_alone_opens_nothing_that_came_after() {
    let opened = opens_with_the_files_of_before("").await;
    assert!(matches!(opened, Err(VaultError::Corrupt { file: "database" })), "{opened:?}");
    let opened = opens_with_the_files_of_before("mutant.key_kept").await.unwrap();
    assert!(opened.contains(&b"came after".to_vec()), "the guard taken away");
}

/// P10: a crash before the header is in force leaves the old keys, one after it the new ones; nothing is lost.
#[tokio::test]
async fn a_crash_on_the_way_leaves_a_vault_that_opens_with_exactly_one_of_the_two() {
    // The copy is there, and maybe not whole.
    for cut in [false, true] {
        let folder = closed().await;
        drop(rekey(folder.path()).await);
        let next = folder.path().join("vault.db.next");
        assert!(next.exists());
        if cut {
            let half = fs::metadata(&next).unwrap().len() / 2;
            fs::File::options().write(true).open(&next).unwrap().set_len(half).unwrap();
        }
        let vault = Vault::unlock(folder.path(), &passcode("right")).await.unwrap();
        assert_eq!(values(&vault).await.unwrap(), [b"kept"]);
        assert!(!next.exists(), "cleared");
    }
    // The header is in force, the copy not in its place.
    let folder = closed().await;
    seal(&rekey(folder.path()).await).await;
    let old = Vault::unlock(folder.path(), &passcode("right")).await;
    assert!(matches!(old, Err(VaultError::WrongPasscode)), "{old:?}");
    let vault = Vault::unlock(folder.path(), &passcode("newer")).await.unwrap();
    assert_eq!(values(&vault).await.unwrap(), [b"kept"]);
    vault.close().await.unwrap();
    let vault = Vault::unlock(folder.path(), &passcode("newer")).await.unwrap();
    assert_eq!(values(&vault).await.unwrap(), [b"kept"]);
}

//! Crashes and failed transactions: the disk has the state before or after a step, never between.

use wardline_proto::{Epoch, Suite};

use super::ward::{Ward, picture, renewal};
use crate::mls::tests::ward::{CONVERSATION, passcode};
use crate::mls::{MlsStore, Processed};
use crate::vault::mls_rows::Scope;
use crate::vault::{Vault, VaultError};

#[tokio::test]
async fn a_crash_between_staging_and_merging_keeps_the_pending_commit() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::MlKem768X25519).await;
    let commit = doctor.stage(renewal()).await.commit;
    nurse.merge(&commit).await;
    // Merged in memory only, then the process dies.
    doctor.group.as_mut().unwrap().merge_pending(&doctor.store).unwrap();
    assert_eq!(doctor.group().epoch(), Epoch::new(2));
    doctor.reload().await;
    assert_eq!(doctor.group().epoch(), Epoch::new(1));
    assert!(doctor.group().pending_commit());
    // The relay names the winner: ours. Merged again, it follows.
    assert!(matches!(doctor.process(&commit), Ok(Processed::Own)));
    doctor.group.as_mut().unwrap().merge_pending(&doctor.store).unwrap();
    doctor.keep().await;
    let note = nurse.post(b"after the crash").await;
    assert_eq!(doctor.read(&note).await.unwrap().2, b"after the crash");
}

#[tokio::test]
async fn anothers_winning_commit_drops_the_pending_one() {
    let Ward { mut doctor, mut nurse, mut porter, .. } = Ward::new(Suite::X25519).await;
    doctor.stage(renewal()).await;
    let winner = nurse.commit(renewal()).await.commit;
    doctor.merge(&winner).await;
    porter.merge(&winner).await;
    assert!(!doctor.group().pending_commit());
    let again = doctor.commit(renewal()).await.commit;
    porter.merge(&again).await;
    nurse.merge(&again).await;
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_disk_and_reloaded_group_as_they_were() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    let note = doctor.post(b"to be read twice").await;
    let before = picture(nurse.group());
    assert!(matches!(nurse.process(&note), Ok(Processed::Message { .. })));
    assert!(nurse.store.is_changed());
    let failed = nurse
        .store
        .transact::<(), _, _>(&nurse.vault, "fails", |_| Box::pin(async { Err(VaultError::Full) }))
        .await;
    assert!(matches!(failed, Err(VaultError::Full)));
    assert!(!nurse.store.is_changed(), "the store is back at what the vault has");
    nurse.group = crate::mls::group::load(&nurse.store, CONVERSATION).unwrap();
    assert_eq!(before, picture(nurse.group()));
    // The message, which was not stored, opens again; the control is that once stored it does not.
    assert_eq!(nurse.read(&note).await.unwrap().2, b"to be read twice");
    assert!(nurse.process(&note).is_err());
}

#[tokio::test]
async fn a_merge_that_is_not_written_can_be_done_again() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::MlKem768X25519).await;
    let commit = doctor.commit(renewal()).await.commit;
    let staged = nurse.staged(&commit);
    nurse.group.as_mut().unwrap().merge_staged(&nurse.store, staged).unwrap();
    nurse.store.roll_back();
    nurse.reload().await;
    assert_eq!(nurse.group().epoch(), Epoch::new(1));
    nurse.merge(&commit).await;
    let note = doctor.post(b"followed").await;
    assert_eq!(nurse.read(&note).await.unwrap().2, b"followed");
}

#[tokio::test]
async fn a_closed_vault_opens_again_with_the_same_groups() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::MlKem768X25519).await;
    let before = picture(nurse.group());
    nurse.vault.close().await.unwrap();
    nurse.vault = Vault::unlock(&nurse.path(), &passcode()).await.unwrap();
    nurse.reload().await;
    assert_eq!(before, picture(nurse.group()));
    let note = doctor.post(b"good morning").await;
    assert_eq!(nurse.read(&note).await.unwrap().2, b"good morning");
}

#[tokio::test]
async fn rows_that_were_not_loaded_are_not_taken_for_missing() {
    let Ward { doctor, .. } = Ward::new(Suite::X25519).await;
    let empty = MlsStore::new();
    assert!(crate::mls::group::load(&empty, CONVERSATION).is_err());
    empty.load(&doctor.vault, Scope::Conversation(CONVERSATION)).await.unwrap();
    assert!(crate::mls::group::load(&empty, CONVERSATION).unwrap().is_some(), "control");
}

#[tokio::test]
async fn no_resumption_psk_is_ever_stored() {
    let Ward { mut doctor, .. } = Ward::new(Suite::X25519).await;
    for _ in 0..3 {
        doctor.commit(renewal()).await;
    }
    let kept = doctor.store.resumption_row_for_tests(CONVERSATION);
    assert!(kept.len() < 64, "{} bytes", kept.len());
}

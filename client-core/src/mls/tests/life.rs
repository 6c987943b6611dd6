//! The life of a conversation as it should go, with both suites.

use wardline_proto::{Epoch, Suite};

use super::ward::{CONVERSATION, Ward, adding, judge_leaf, position, removing, renewal, settings};
use crate::mls::{MlsError, Processed, group, inspect};

#[tokio::test]
async fn three_devices_talk_change_settings_and_part_in_both_suites() {
    for suite in Suite::ALL {
        let Ward { hospital, mut doctor, mut nurse, mut porter } = Ward::new(suite).await;
        assert_eq!(doctor.group().suite(), suite);
        for leaf in nurse.group().roster() {
            judge_leaf(&hospital, &leaf).unwrap();
        }
        // Messages both ways, with their authenticated data.
        let note = doctor.encrypt(b"life 300", b"bed 4 moved");
        doctor.keep().await;
        assert_eq!(inspect::header(&note).unwrap().kind, inspect::Kind::Application);
        for reader in [&mut nurse, &mut porter] {
            let (sender, aad, text) = reader.read(&note).await.unwrap();
            assert_eq!(sender.certificate_der, doctor.der);
            assert_eq!(
                (aad.as_slice(), text.as_slice()),
                (b"life 300".as_slice(), b"bed 4 moved".as_slice())
            );
        }
        let answer = porter.post(b"on my way").await;
        assert_eq!(doctor.read(&answer).await.unwrap().2, b"on my way");
        nurse.read(&answer).await.unwrap();
        // Settings change.
        let renamed = settings("Bed 5", 2);
        let commit = nurse
            .commit(crate::mls::CommitPlan { settings: Some(renamed.clone()), ..renewal() })
            .await
            .commit;
        assert_eq!(inspect::header(&commit).unwrap().kind, inspect::Kind::Commit);
        for other in [&mut doctor, &mut porter] {
            let report = other.merge(&commit).await;
            assert!(report.settings_changed);
            assert_eq!(report.settings_after.as_ref(), Some(&renamed));
            assert_eq!(report.sender.certificate_der, nurse.der);
            assert_eq!(report.updated.unwrap().certificate_der, nurse.der);
            assert_eq!(other.group().settings(), renamed);
        }
        // The porter goes.
        let gone = porter.group().own_index();
        let commit = doctor.commit(removing(vec![gone])).await.commit;
        let report = nurse.merge(&commit).await;
        assert_eq!(report.removes.len(), 1);
        assert_eq!(report.removes[0].certificate_der, porter.der);
        assert!(!report.settings_changed);
        let report = porter.merge(&commit).await;
        assert!(report.self_removed);
        assert!(!porter.group().is_active());
        assert_eq!(doctor.group().roster(), nurse.group().roster());
        assert_eq!(doctor.group().epoch(), Epoch::new(3));
        let note = nurse.post(b"two of us").await;
        assert_eq!(doctor.read(&note).await.unwrap().2, b"two of us");
    }
}

#[tokio::test]
async fn a_joiner_sees_members_settings_adder_and_the_place_in_the_log() {
    let Ward { hospital, mut doctor, mut nurse, porter } = Ward::new(Suite::MlKem768X25519).await;
    let mut locum = hospital.device("locum-d").await;
    let plan = adding(vec![locum.verified(Suite::MlKem768X25519).await]);
    let messages = nurse.commit(crate::mls::CommitPlan { position: position(41), ..plan }).await;
    doctor.merge(&messages.commit).await;
    let view = locum.join(&messages.welcome.unwrap()).await;
    assert_eq!(view.conversation, CONVERSATION);
    assert_eq!(view.position, position(41));
    assert_eq!(view.settings, settings("Bed 4", 1));
    assert_eq!(view.adder.certificate_der, nurse.der);
    assert_eq!(view.members, locum.group().roster());
    assert_eq!(view.members, doctor.group().roster());
    assert_eq!(view.own_index, 3);
    assert_eq!(view.members.len(), 4);
    drop(porter);
}

#[tokio::test]
async fn a_commit_can_remove_and_add_the_same_device_and_fills_the_gap() {
    let Ward { mut doctor, mut nurse, mut porter, .. } = Ward::new(Suite::X25519).await;
    let anew = nurse.verified(Suite::X25519).await;
    let plan = crate::mls::CommitPlan { removes: vec![nurse.group().own_index()], ..adding(vec![anew]) };
    let messages = doctor.commit(plan).await;
    let report = porter.merge(&messages.commit).await;
    assert_eq!((report.adds.len(), report.removes.len()), (1, 1));
    assert_eq!(report.adds[0].index, 1, "the leftmost empty leaf");
    // The nurse deletes the old group and joins anew, in one unit of work.
    nurse.group.take().unwrap().delete(&nurse.store).unwrap();
    nurse.join(&messages.welcome.unwrap()).await;
    let note = nurse.post(b"back").await;
    assert_eq!(porter.read(&note).await.unwrap().2, b"back");
}

#[tokio::test]
async fn own_entries_come_back_as_own() {
    let Ward { mut doctor, .. } = Ward::new(Suite::X25519).await;
    let note = doctor.post(b"mine").await;
    assert!(matches!(doctor.process(&note), Ok(Processed::Own)));
    let commit = doctor.stage(renewal()).await.commit;
    assert!(matches!(doctor.process(&commit), Ok(Processed::Own)));
    assert!(doctor.group().pending_commit());
}

#[tokio::test]
async fn texts_of_one_to_a_hundred_bytes_look_alike() {
    let Ward { mut doctor, .. } = Ward::new(Suite::X25519).await;
    let lengths: Vec<usize> =
        [1, 50, 100].iter().map(|length| doctor.encrypt(b"aad", &vec![b'x'; *length]).len()).collect();
    assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{lengths:?}");
    assert!(doctor.encrypt(b"aad", &[b'x'; 400]).len() > lengths[0], "control: a longer text shows");
}

#[tokio::test]
async fn deleting_a_group_leaves_no_row_of_it() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::MlKem768X25519).await;
    let commit = doctor.commit(removing(vec![nurse.group().own_index()])).await.commit;
    nurse.merge(&commit).await;
    assert!(nurse.rows().await > 0, "control: the removed device still has rows");
    nurse.group.take().unwrap().delete(&nurse.store).unwrap();
    nurse.keep().await;
    assert_eq!(nurse.rows().await, 0);
    assert!(group::load(&nurse.store, CONVERSATION).unwrap().is_none());
    assert!(doctor.rows().await > 0);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let Ward { hospital, mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    let own = doctor.group().own_index();
    assert!(matches!(doctor.try_stage(removing(vec![own])), Err(MlsError::PlanRefused)));
    assert!(matches!(doctor.try_stage(removing(vec![77])), Err(MlsError::NoSuchLeaf(77))));
    // A member again: its signature key is in the tree.
    let again = nurse.verified(Suite::X25519).await;
    assert!(matches!(doctor.try_stage(adding(vec![again])), Err(MlsError::PlanRefused)));
    // A package of another suite.
    let mut locum = hospital.device("locum-d").await;
    let other = locum.verified(Suite::MlKem768X25519).await;
    assert!(matches!(doctor.try_stage(adding(vec![other])), Err(MlsError::PlanRefused)));
    // Another key than the leaf's.
    let identity = crate::mls::Identity { key: &nurse.key, certificate_der: &nurse.der };
    let foreign = doctor.group.as_mut().unwrap().encrypt(&doctor.store, &identity, b"", b"x");
    assert!(matches!(foreign, Err(MlsError::IdentityMismatch)));
    assert!(matches!(
        doctor.group.as_mut().unwrap().merge_pending(&doctor.store),
        Err(MlsError::NoCommitPending)
    ));
    assert!(!doctor.store.is_changed());
    doctor.stage(renewal()).await;
    assert!(matches!(doctor.try_stage(renewal()), Err(MlsError::CommitPending)));
    // Control: with the pending one given up, a commit can be made.
    doctor.group.as_mut().unwrap().clear_pending(&doctor.store).unwrap();
    doctor.keep().await;
    doctor.stage(renewal()).await;
}

#[test]
fn groups_stores_and_vaults_can_live_in_tasks() {
    fn send<T: Send>() {}
    fn shared<T: Send + Sync>() {}
    send::<crate::mls::Group>();
    send::<crate::mls::StagedCommit>();
    shared::<crate::mls::MlsStore>();
    shared::<crate::vault::Vault>();
    send::<crate::vault::Transaction<'_>>();
}

#[tokio::test]
async fn a_unit_of_work_runs_in_a_spawned_task() {
    let Ward { mut doctor, .. } = Ward::new(Suite::X25519).await;
    let written = tokio::spawn(async move {
        doctor.encrypt(b"aad", b"text");
        let borrowed = String::from("borrowed");
        let length = doctor
            .store
            .transact::<_, crate::vault::VaultError, _>(&doctor.vault, "task", |_| {
                let borrowed = &borrowed;
                Box::pin(async move { Ok(borrowed.len()) })
            })
            .await
            .unwrap();
        (length, doctor.store.is_changed())
    });
    assert_eq!(written.await.unwrap(), (8, false));
}

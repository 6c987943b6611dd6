//! What attackers try, each with its control.

use wardline_proto::{ConversationId, Suite};

use super::ward::{Device, Hospital, Ward, adding, judge_leaf, removing, renewal};
use crate::mls::{JoinError, Leaf, MlsError, Processed, key_package};

#[tokio::test]
async fn a_removed_member_cannot_open_what_comes_after() {
    for suite in Suite::ALL {
        let Ward { mut doctor, mut nurse, porter, .. } = Ward::new(suite).await;
        // The thief copied the porter's vault before the removal and knows the passcode.
        let mut stolen = porter.stolen_copy().await;
        let commit = doctor.commit(removing(vec![porter.group().own_index()])).await.commit;
        nurse.merge(&commit).await;
        let note = doctor.post(b"without the porter").await;

        let group = stolen.group.as_mut().unwrap();
        assert!(matches!(group.process(&stolen.store, &note), Err(MlsError::EpochAhead { .. })));
        // The commit shows only that he is out; merged, nothing opens.
        match group.process(&stolen.store, &commit).unwrap() {
            Processed::Commit(staged) => {
                assert!(staged.self_removed);
                group.merge_staged(&stolen.store, *staged).unwrap();
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(group.process(&stolen.store, &note), Err(MlsError::NotActive)));
        // Control: a member opens it.
        assert_eq!(nurse.read(&note).await.unwrap().2, b"without the porter");
    }
}

#[tokio::test]
async fn a_joiner_cannot_open_what_came_before() {
    let Ward { hospital, mut doctor, mut nurse, .. } = Ward::new(Suite::MlKem768X25519).await;
    let before = doctor.post(b"before the locum").await;
    let mut locum = hospital.device("locum-d").await;
    let messages = doctor.commit(adding(vec![locum.verified(Suite::MlKem768X25519).await])).await;
    locum.join(&messages.welcome.unwrap()).await;
    assert!(matches!(locum.process(&before), Err(MlsError::EpochPast { .. })));
    // Even with a header that says otherwise.
    let mut renumbered = before.clone();
    let epoch = renumbered.windows(8).position(|bytes| bytes == 1_u64.to_be_bytes()).unwrap();
    renumbered[epoch + 7] = 2;
    assert!(matches!(locum.process(&renumbered), Err(MlsError::CannotOpen)));
    // Control: a member of the time opens it.
    assert_eq!(nurse.read(&before).await.unwrap().2, b"before the locum");
}

#[tokio::test]
async fn a_vault_copied_after_the_epoch_opens_nothing_of_it() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    let note = doctor.post(b"old").await;
    nurse.read(&note).await.unwrap();
    let mut same_epoch = nurse.stolen_copy().await;
    assert!(
        matches!(
            same_epoch.group.as_mut().unwrap().process(&same_epoch.store, &note),
            Err(MlsError::CannotOpen)
        ),
        "a key that was used is gone"
    );
    let unread = doctor.post(b"unread").await;
    let mut before = nurse.stolen_copy().await;
    let commit = doctor.commit(renewal()).await.commit;
    nurse.merge(&commit).await;
    let mut after = nurse.stolen_copy().await;
    let opened = after.group.as_mut().unwrap().process(&after.store, &unread);
    assert!(matches!(opened, Err(MlsError::EpochPast { .. })));
    // Control: the copy from before the commit has the key.
    assert!(matches!(
        before.group.as_mut().unwrap().process(&before.store, &unread),
        Ok(Processed::Message { .. })
    ));
}

#[tokio::test]
async fn a_replayed_changed_or_misaddressed_message_does_not_open() {
    let Ward { mut doctor, mut nurse, mut porter, .. } = Ward::new(Suite::X25519).await;
    let note = doctor.post(b"once").await;
    let mut changed = note.clone();
    let last = changed.len() - 3;
    changed[last] ^= 1;
    assert!(matches!(nurse.process(&changed), Err(MlsError::CannotOpen)));
    let at = note.windows(8).position(|bytes| bytes == b"life 300").unwrap();
    let mut longer_life = note.clone();
    longer_life[at + 5] = b'9';
    assert!(matches!(nurse.process(&longer_life), Err(MlsError::CannotOpen)));
    let mut elsewhere = note.clone();
    let id = elsewhere.windows(16).position(|bytes| bytes == [7; 16]).unwrap();
    elsewhere[id..id + 16].copy_from_slice(ConversationId::from_bytes([8; 16]).as_bytes());
    assert!(matches!(nurse.process(&elsewhere), Err(MlsError::OtherConversation)));
    assert!(!nurse.store.is_changed(), "what does not open changes nothing");
    // Control: the true one opens, once.
    assert_eq!(nurse.read(&note).await.unwrap().2, b"once");
    assert!(matches!(nurse.process(&note), Err(MlsError::CannotOpen)));
    assert_eq!(porter.read(&note).await.unwrap().2, b"once");
}

#[tokio::test]
async fn a_message_that_was_passed_over_is_gone() {
    let Ward { mut doctor, mut nurse, mut porter, .. } = Ward::new(Suite::X25519).await;
    let first = doctor.post(b"first").await;
    let second = doctor.post(b"second").await;
    nurse.read(&second).await.unwrap();
    assert!(matches!(nurse.process(&first), Err(MlsError::CannotOpen)));
    // Control: in order both open.
    porter.read(&first).await.unwrap();
    porter.read(&second).await.unwrap();
}

/// A leaf whose certificate is another's, garbage, or of another hospital reaches the judge, who refuses it.
#[tokio::test]
async fn bad_certificates_reach_the_judge_of_a_commit_and_of_a_welcome() {
    for trick in [Trick::AnothersCertificate, Trick::Garbage, Trick::Empty, Trick::AnotherHospital] {
        let Ward { hospital, mut doctor, mut nurse, mut porter } = Ward::new(Suite::X25519).await;
        let mut impostor = impostor(&hospital, &doctor, trick).await;
        let bytes = impostor.package(Suite::X25519, false).await;
        let parsed = key_package::parse_and_verify(&bytes).unwrap();
        assert!(judge_leaf(&hospital, &parsed.leaf).is_err(), "{trick:?}");
        assert!(parsed.clone().verified(&doctor.certificate).is_err(), "{trick:?}");
        // The nurse's client was changed and adds it all the same, together with an honest locum.
        let mut locum = hospital.device("locum-d").await;
        let adds = vec![parsed.unchecked(), locum.verified(Suite::X25519).await];
        let messages = nurse.commit(adding(adds)).await;
        let staged = doctor.staged(&messages.commit);
        let judged: Vec<bool> = staged.adds.iter().map(|leaf| judge_leaf(&hospital, leaf).is_ok()).collect();
        assert_eq!(judged, [false, true], "{trick:?}");
        assert_eq!(staged.adds[0].signature_key, *impostor.key.public().as_bytes());
        // A joiner sees it too, refuses, and keeps its package.
        let everybody = |members: &[Leaf]| members.iter().all(|leaf| judge_leaf(&hospital, leaf).is_ok());
        let welcome = messages.welcome.unwrap();
        let refused =
            locum.try_join(&welcome, |view| if everybody(&view.members) { Ok(()) } else { Err(()) });
        assert!(matches!(refused, Err(JoinError::Refused(()))), "{trick:?}");
        assert_eq!(key_package::references(&locum.store).unwrap().len(), 1);
        // Control: the others' leaves pass, and after the correction the roster does.
        doctor.group.as_mut().unwrap().merge_staged(&doctor.store, staged).unwrap();
        doctor.keep().await;
        porter.merge(&messages.commit).await;
        let bad: Vec<u32> = doctor
            .group()
            .roster()
            .iter()
            .filter(|leaf| judge_leaf(&hospital, leaf).is_err())
            .map(|leaf| leaf.index)
            .collect();
        assert_eq!(bad.len(), 1, "{trick:?}");
        let correction = doctor.commit(removing(bad)).await.commit;
        porter.merge(&correction).await;
        assert!(everybody(&porter.group().roster()), "{trick:?}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Trick {
    AnothersCertificate,
    Garbage,
    Empty,
    AnotherHospital,
}

async fn impostor(hospital: &Hospital, victim: &Device, trick: Trick) -> Device {
    let mut device = hospital.device("impostor-x").await;
    device.der = match trick {
        Trick::AnothersCertificate => victim.der.clone(),
        Trick::Garbage => b"\x01\x02\x03".to_vec(),
        Trick::Empty => Vec::new(),
        Trick::AnotherHospital => Hospital::new(99).certify("impostor-x", &device.key).der().to_vec(),
    };
    device
}

#[tokio::test]
async fn a_member_who_changes_their_certificate_in_a_commit_is_reported() {
    let Ward { hospital, mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    // The nurse's changed client puts the doctor's certificate into its own leaf.
    let commit = nurse.commit_with_certificate(&doctor.der.clone());
    let staged = doctor.staged(&commit);
    let updated = staged.updated.clone().unwrap();
    assert_eq!(updated.index, nurse.group().own_index());
    assert_eq!(updated.certificate_der, doctor.der);
    assert!(matches!(judge_leaf(&hospital, &updated), Err(MlsError::CertificateMismatch)));
    assert!(judge_leaf(&hospital, &staged.sender).is_ok(), "control: the leaf before was in order");
    assert_eq!(staged.roster_after.iter().filter(|leaf| judge_leaf(&hospital, leaf).is_err()).count(), 1);
}

#[tokio::test]
async fn a_forged_own_entry_is_not_opened_and_changes_nothing() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    // What a forger would send: bytes that say they are ours. The client compares them with its outbox.
    let own = doctor.post(b"mine").await;
    let before = super::ward::picture(doctor.group());
    assert!(matches!(doctor.process(&own), Ok(Processed::Own)));
    assert!(!doctor.store.is_changed());
    assert_eq!(before, super::ward::picture(doctor.group()));
    nurse.read(&own).await.unwrap();
}

#[tokio::test]
async fn what_is_no_private_message_is_refused_before_mls_sees_it() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    let package = nurse.package(Suite::X25519, false).await;
    for bytes in [b"".as_slice(), b"\x00", b"\x00\x01\x00\x01", &package] {
        assert!(matches!(doctor.process(bytes), Err(MlsError::Malformed)));
    }
    let note = nurse.post(b"x").await;
    let trailing = [note.as_slice(), &[0]].concat();
    assert!(matches!(doctor.process(&trailing), Err(MlsError::Malformed)));
    let proposal = nurse.proposal_alone();
    assert!(matches!(doctor.process(&proposal), Err(MlsError::Malformed)));
    assert!(doctor.process(&note).is_ok(), "control");
}

#[tokio::test]
async fn settings_that_do_not_read_and_external_senders_are_reported() {
    let Ward { mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    let commit = nurse.commit_with_bad_context();
    let staged = doctor.staged(&commit);
    assert!(staged.settings_changed);
    assert!(!staged.context_is_ours);
    assert_eq!(staged.settings_after, None);
}

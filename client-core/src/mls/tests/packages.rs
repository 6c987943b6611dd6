//! KeyPackages: one-time and last-resort, and what a refused Welcome costs.

use wardline_proto::Suite;

use super::ward::{Hospital, Ward, adding, judge_leaf};
use crate::mls::{JoinError, MlsError, key_package};

#[tokio::test]
async fn a_one_time_package_serves_once_and_a_last_resort_package_until_deleted() {
    for (last_resort, left) in [(false, 0), (true, 1)] {
        let hospital = Hospital::new(2);
        let mut doctor = hospital.device("doctor-a").await;
        let mut nurse = hospital.device("nurse-b").await;
        doctor.create(Suite::MlKem768X25519).await;
        let bytes = nurse.package(Suite::MlKem768X25519, last_resort).await;
        let parsed = key_package::parse_and_verify(&bytes).unwrap();
        assert_eq!((parsed.suite, parsed.last_resort), (Suite::MlKem768X25519, last_resort));
        let reference = parsed.reference.clone();
        assert_eq!(key_package::references(&nurse.store).unwrap().concat(), reference);
        let welcome = doctor.commit(adding(vec![parsed.verified(&nurse.certificate).unwrap()])).await.welcome;
        nurse.join(&welcome.unwrap()).await;
        assert_eq!(key_package::references(&nurse.store).unwrap().len(), left);
        key_package::delete(&nurse.store, &reference).unwrap();
        nurse.keep().await;
        assert!(key_package::references(&nurse.store).unwrap().is_empty());
        let note = doctor.post(b"welcome").await;
        assert_eq!(nurse.read(&note).await.unwrap().2, b"welcome");
    }
}

#[tokio::test]
async fn a_refused_welcome_leaves_the_package_usable() {
    let hospital = Hospital::new(3);
    let mut doctor = hospital.device("doctor-a").await;
    let mut nurse = hospital.device("nurse-b").await;
    doctor.create(Suite::X25519).await;
    let package = nurse.verified(Suite::X25519).await;
    let welcome = doctor.commit(adding(vec![package])).await.welcome.unwrap();

    let refused =
        nurse.try_join(&welcome, |view| if view.members.len() == 2 { Err("not them") } else { Ok(()) });
    assert!(matches!(refused, Err(JoinError::Refused("not them"))));
    assert!(!nurse.store.is_changed());
    nurse.keep().await;

    // A Welcome that breaks halfway costs nothing either: its group information does not open.
    let mut broken = welcome.clone();
    *broken.last_mut().unwrap() ^= 1;
    let outcome = nurse.try_join(&broken, |_| Ok::<(), ()>(()));
    assert!(matches!(outcome, Err(JoinError::Mls(MlsError::WelcomeInvalid))), "{outcome:?}");
    assert!(!nurse.store.is_changed());
    nurse.keep().await;

    // Control: the same package still opens the true one.
    nurse.join(&welcome).await;
    assert!(key_package::references(&nurse.store).unwrap().is_empty());
    // And not twice.
    nurse.group.take().unwrap().delete(&nurse.store).unwrap();
    nurse.keep().await;
    let twice = nurse.try_join(&welcome, |_| Ok::<(), ()>(()));
    assert!(matches!(twice, Err(JoinError::Mls(MlsError::NoKeyPackage))), "{twice:?}");
}

#[tokio::test]
async fn a_welcome_for_others_is_not_ours() {
    let Ward { hospital, mut doctor, mut nurse, .. } = Ward::new(Suite::X25519).await;
    let mut locum = hospital.device("locum-d").await;
    let mut stranger = hospital.device("stranger-e").await;
    stranger.package(Suite::X25519, false).await;
    let messages = doctor.commit(adding(vec![locum.verified(Suite::X25519).await])).await;
    let outcome = stranger.try_join(&messages.welcome.unwrap(), |_| Ok::<(), ()>(()));
    assert!(matches!(outcome, Err(JoinError::Mls(MlsError::NoKeyPackage))));
    nurse.merge(&messages.commit).await;
}

#[tokio::test]
async fn a_package_is_bound_to_the_certificate_of_its_device() {
    let hospital = Hospital::new(4);
    let mut nurse = hospital.device("nurse-b").await;
    let porter = hospital.device("porter-c").await;
    let bytes = nurse.package(Suite::X25519, false).await;
    let parsed = key_package::parse_and_verify(&bytes).unwrap();
    judge_leaf(&hospital, &parsed.leaf).unwrap();
    assert!(matches!(parsed.clone().verified(&porter.certificate), Err(MlsError::CertificateMismatch)));
    parsed.verified(&nurse.certificate).unwrap();
}

#[tokio::test]
async fn a_changed_or_foreign_package_is_refused() {
    let hospital = Hospital::new(5);
    let mut nurse = hospital.device("nurse-b").await;
    let bytes = nurse.package(Suite::X25519, false).await;
    for place in [40, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(key_package::parse_and_verify(&changed).is_err(), "byte {place}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(key_package::parse_and_verify(&longer), Err(MlsError::Malformed)));
    assert!(matches!(key_package::parse_and_verify(b"not MLS"), Err(MlsError::Malformed)));
    key_package::parse_and_verify(&bytes).unwrap();
}

//! KeyPackages: one-time and last-resort, and what a refused Welcome costs.

use tls_codec::{Serialize as _, VLBytes};
use wardline_identity::SigningKey;
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

#[tokio::test]
async fn a_package_with_keys_of_another_length_is_refused() {
    let hospital = Hospital::new(6);
    let mut nurse = hospital.device("nurse-b").await;
    for (suite, length) in [(Suite::MlKem768X25519, 1_216), (Suite::X25519, 32)] {
        let bytes = nurse.package(suite, false).await;
        let parse = |keys| key_package::parse_and_verify(&resized(&nurse.key, &bytes, keys));
        parse([length, length]).unwrap();
        for other in [0, 1, 31, 33, length - 1, length + 1, 1_184, 8_000] {
            for keys in [[other, length], [length, other]] {
                assert!(matches!(parse(keys), Err(MlsError::KeyPackageInvalid)), "{keys:?}");
            }
        }
    }
}

/// The same one-time package with an init key and a leaf encryption key of these lengths, signed anew by its own
/// key.
fn resized(key: &SigningKey, package: &[u8], [init_key, encryption_key]: [usize; 2]) -> Vec<u8> {
    let vector = |bytes: &[u8]| VLBytes::new(bytes.to_vec()).tls_serialize_detached().unwrap();
    let sign = |label: &str, content: &[u8]| {
        let labelled = [vector(format!("MLS 1.0 {label}").as_bytes()), vector(content)].concat();
        vector(&key.sign_raw(&labelled))
    };
    // MLSMessage { mls10, mls_key_package } KeyPackage { mls10, suite, init_key, leaf_node, [], signature }
    let (head, rest) = package.split_at(8);
    let rest = behind_vector(behind_vector(rest));
    // The leaf's signature, no extensions, the package's signature.
    let inside = &rest[..rest.len() - 2 * SIGNATURE_VECTOR - 1];
    let node = [vector(&vec![9; encryption_key]), inside.to_vec()].concat();
    let node = [node.clone(), sign("LeafNodeTBS", &node)].concat();
    let body = [head[4..].to_vec(), vector(&vec![8; init_key]), node, vec![0]].concat();
    [head[..4].to_vec(), body.clone(), sign("KeyPackageTBS", &body)].concat()
}

/// What follows an `opaque<V>` of up to 16 KiB.
fn behind_vector(bytes: &[u8]) -> &[u8] {
    let (header, length) = match bytes[0] >> 6 {
        0 => (1, usize::from(bytes[0])),
        _ => (2, usize::from(u16::from_be_bytes([bytes[0] & 0x3f, bytes[1]]))),
    };
    &bytes[header + length..]
}

/// An Ed25519 signature as `opaque<V>`.
const SIGNATURE_VECTOR: usize = 2 + 64;

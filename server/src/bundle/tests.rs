//! Bundles that are imported and bundles that are not.

use super::*;
use crate::founded::{Founded, Installation, NOON};
use crate::store::StoreError;
use crate::transport::Admission as _;
use wardline_identity::Role;

async fn import_into(founded: &Founded, store: &Store) -> Result<Imported, BundleError> {
    let keys = RelayKeys::read(&founded.data()).unwrap().unwrap();
    import(&founded.data(), &keys, store, &*founded.clock).await
}

async fn certificates(store: &Store) -> Vec<Vec<u8>> {
    let read = store.read("certificates", |tx| Box::pin(async move { tx.certificates().await }));
    read.await.map_err(|error: StoreError| error).unwrap()
}

async fn pin(store: &Store) -> Option<OrganisationPin> {
    let read = store.read("pin", |tx| Box::pin(async move { tx.pin().await }));
    read.await.map_err(|error: StoreError| error).unwrap()
}

async fn store(founded: &Founded) -> Store {
    Store::open(&founded.data().database()).await.unwrap()
}

#[tokio::test]
async fn a_bundle_makes_the_founder_a_known_device_and_can_come_again() {
    let founded = Founded::new();
    let store = store(&founded).await;
    import_into(&founded, &store).await.unwrap();
    import_into(&founded, &store).await.unwrap();
    assert_eq!(certificates(&store).await.len(), 1);
    let relay = founded.relay_over(store).await;
    let chain = [founded.founder.certificate.clone().into()];
    assert_eq!(relay.devices.admit(&chain).unwrap().device(), founded.founder.device);
}

#[tokio::test]
async fn the_first_root_is_the_only_one() {
    let founded = Founded::new();
    let store = store(&founded).await;
    import_into(&founded, &store).await.unwrap();
    let other = Founded::seeded(2);
    founded.write_bundle(&other.bundle(1));
    let refused = import_into(&founded, &store).await.unwrap_err();
    assert!(matches!(refused, BundleError::OtherRoot { .. }), "{refused}");
    assert_eq!(certificates(&store).await.len(), 1, "nothing was stored");
    founded.write_bundle(&founded.bundle(1));
    assert!(import_into(&founded, &store).await.is_ok(), "control");
}

#[tokio::test]
async fn a_struck_issuer_does_not_come_back_with_an_old_bundle() {
    let founded = Founded::new();
    let store = store(&founded).await;
    founded.write_bundle(&founded.bundle(3));
    import_into(&founded, &store).await.unwrap();
    founded.write_bundle(&founded.bundle(2));
    let imported = import_into(&founded, &store).await.unwrap();
    assert_eq!(imported.organisation.issuers_number(), 3, "the one in force stays");
    assert_eq!(pin(&store).await.unwrap().issuers_number, 3);
    founded.write_bundle(&founded.bundle(4));
    assert!(import_into(&founded, &store).await.is_ok(), "control");
}

#[tokio::test]
async fn a_bundle_for_another_relays_key_is_refused() {
    let (founded, other) = (Founded::new(), Founded::seeded(2));
    let store = store(&founded).await;
    // Certified by the right issuer, for the keys of another folder.
    std::fs::copy(founded.data().request(), founded.folder.path().join("kept")).unwrap();
    std::fs::copy(other.data().request(), founded.data().request()).unwrap();
    founded.write_bundle(&founded.bundle(1));
    let refused = import_into(&founded, &store).await.unwrap_err();
    assert!(matches!(refused, BundleError::RelayKey { which: "Ed25519" }), "{refused}");
    std::fs::copy(founded.folder.path().join("kept"), founded.data().request()).unwrap();
    founded.write_bundle(&founded.bundle(1));
    assert!(import_into(&founded, &store).await.is_ok(), "control");
}

#[tokio::test]
async fn every_part_of_a_bundle_is_checked() {
    let (founded, other) = (Founded::new(), Founded::seeded(2));
    let store = store(&founded).await;
    let (good, foreign) = (founded.bundle(1), other.bundle(1));
    let stranger = Installation::certified(&other.issuer, &other.entropy, "admin-a", Role::Administrator);
    let bad = [
        RelayBundle { organisation: None, ..good.clone() },
        RelayBundle { relay_certificate_ed25519: foreign.relay_certificate_ed25519.clone(), ..good.clone() },
        RelayBundle { relay_certificate_p256: foreign.relay_certificate_p256.clone(), ..good.clone() },
        RelayBundle { relay_certificate_p256: good.relay_certificate_ed25519.clone(), ..good.clone() },
        RelayBundle { relay_issuer: foreign.relay_issuer.clone(), ..good.clone() },
        RelayBundle { founder_certificate: stranger.certificate.into(), ..good.clone() },
        RelayBundle { founder_certificate: good.relay_certificate_ed25519.clone(), ..good.clone() },
    ];
    for bundle in bad {
        founded.write_bundle(&bundle);
        assert!(import_into(&founded, &store).await.is_err());
        assert_eq!(pin(&store).await, None, "nothing was stored");
    }
    crate::data_dir::write_public(&founded.data().bundle(), b"not a bundle").unwrap();
    assert!(matches!(import_into(&founded, &store).await, Err(BundleError::Malformed)));
    founded.write_bundle(&good);
    assert!(import_into(&founded, &store).await.is_ok(), "control");
}

#[tokio::test]
async fn a_lapsed_relay_certificate_is_told_apart() {
    let founded = Founded::new();
    let store = store(&founded).await;
    founded.clock.set(NOON.plus_seconds(400 * 86_400));
    let refused = import_into(&founded, &store).await.unwrap_err();
    assert!(
        matches!(
            &refused,
            BundleError::RelayCertificate {
                source: CertificateError::Expired { .. } | CertificateError::IssuerNotInForce,
                ..
            }
        ),
        "{refused}"
    );
    std::fs::remove_file(founded.data().bundle()).unwrap();
    assert!(matches!(import_into(&founded, &store).await, Err(BundleError::Missing)));
}

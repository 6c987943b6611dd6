//! Who has a certificate that a strike did not keep comes in nowhere, also by a commit that was made before.

use wardline_identity::{DateCheck, DisplayName, Strike};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::organisation_service_server::OrganisationService as _;

use super::*;
use crate::founded::{from_stranger, reason};
use crate::service::organisation::Issuing;

/// When the nurse's certificate is no longer good, which the strike of its issuer did not keep, as it did the doctor's.
#[derive(Clone, Copy, PartialEq)]
enum Struck {
    Never,
    Before,
    BeforeARestart,
    /// And she has another by then, of an issuer that is not struck.
    WithAnother,
}

/// What becomes of the commit that lets the nurse in.
async fn let_in(struck: Struck) -> Result<(), String> {
    let mut ward = Ward::open().await;
    let organisation = ward.founded.organisation();
    for device in [&ward.doctor, &ward.nurse] {
        let certificate = organisation.verify_device(&device.certificate, DateCheck::Skip).unwrap();
        let (known, now) = (certificate.clone(), ward.founded.clock_now());
        let write = ward.relay.store.write("device", move |tx| {
            Box::pin(async move {
                crate::domain::organisation::OrganisationStorage::keep_device(tx, &certificate, now).await
            })
        });
        write.await.map_err(|error: StoreError| error).unwrap();
        ward.relay.devices.insert(known);
    }
    let reference: [u8; 32] = ward.nurses_package().await.as_ref().try_into().unwrap();
    let declaration = declares(&[ward.nurse.device], &[ward.doctor.device, ward.nurse.device]);
    let mut request = committing(&ward.doctor, 0, declaration);
    request.welcome = craft::welcome(Suite::X25519.code(), &[reference]).into();
    let label = DisplayName::parse("Second").unwrap();
    let second =
        ward.founded.root.found_issuer(&label, &ward.founded.entropy, ward.founded.clock_now()).unwrap();
    if struck != Struck::Never {
        let founded = &ward.founded;
        let certificate = founded.issuer.certificate_der().to_vec();
        let leaves = ward.relay.identity.leaves();
        let kept = leaves.iter().map(|leaf| Digest::of(leaf)).chain([Digest::of(&ward.doctor.certificate)]);
        let strike = Strike { certificate, kept: kept.collect(), since: None };
        let list = founded.root.sign_issuers(2, &[second.certificate_der()], (&[strike], None)).unwrap();
        let request = pb::PublishIssuersListRequest { list: Some(list), first_device: Bytes::new() };
        let issuing = Issuing::new(Arc::clone(&ward.relay));
        issuing.publish_issuers_list(from_stranger(request, [7; 32])).await.unwrap();
    }
    if struck == Struck::WithAnother {
        let organisation = ward.relay.organisation.now();
        let before = organisation.as_of(1).verify_device(&ward.nurse.certificate, DateCheck::Skip).unwrap();
        ward.founded.clock.advance_seconds(86_400);
        let (entropy, now) = (&ward.founded.entropy, ward.founded.clock_now());
        let key = ward.nurse.key.public().into();
        let after = second.certify_device(before.subject(), &key, entropy, now).unwrap();
        ward.relay.devices.insert(organisation.verify_device(&after, DateCheck::Skip).unwrap());
        assert!(!ward.relay.devices.is_device_struck(&ward.nurse.device));
    }
    if struck == Struck::BeforeARestart {
        ward.relay = ward.founded.relay_over(ward.relay.store.clone()).await;
        ward.calls = Conversations::new(Arc::clone(&ward.relay));
    }
    ward.commit(&ward.doctor, request).await.map(drop).map_err(|status| reason(&status))
}

#[tokio::test]
async fn a_commit_that_lets_in_a_certificate_that_was_not_kept_is_refused() {
    assert_eq!(let_in(Struck::Never).await, Ok(()), "the control");
    for struck in [Struck::Before, Struck::BeforeARestart, Struck::WithAnother] {
        assert_eq!(let_in(struck).await, Err("JOIN_STRUCK".to_owned()));
    }
    for (guard, struck) in [
        ("mutant.join_struck", Struck::Before),
        ("mutant.struck_forgotten", Struck::BeforeARestart),
        ("mutant.struck_by_device", Struck::WithAnother),
    ] {
        arm(guard);
        let taken = let_in(struck).await;
        disarm(guard);
        assert_eq!(taken, Ok(()), "{guard}: the guard taken away");
    }
}

#[tokio::test]
async fn a_commit_that_names_a_list_of_issuers_above_the_relays_is_refused() {
    let ward = Ward::open().await;
    let data =
        |issuers_list_number| pb::CommitData { issuers_list_number, ..declares(&[], &[ward.doctor.device]) };
    let above = ward.commit(&ward.doctor, committing(&ward.doctor, 0, data(2))).await;
    assert_eq!(reason(&above.unwrap_err()), "DECLARATION_MISMATCH");
    assert!(ward.commit(&ward.doctor, committing(&ward.doctor, 0, data(1))).await.is_ok(), "the control");
}

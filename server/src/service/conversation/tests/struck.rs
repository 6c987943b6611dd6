//! Who has a certificate that a strike did not keep comes in nowhere, also by a commit that was made before.

use wardline_identity::{DateCheck, DisplayName, Strike};
use wardline_proto::in_place::{arm, disarm};

use super::*;
use crate::founded::reason;

/// What becomes of the commit that lets the nurse in; `struck`: her certificate's issuer was struck since it was made, and only the
/// doctor's is kept.
async fn let_in(struck: bool) -> Result<(), String> {
    let ward = Ward::open().await;
    let organisation = ward.founded.organisation();
    for device in [&ward.doctor, &ward.nurse] {
        let certificate = organisation.verify_device(&device.certificate, DateCheck::Skip).unwrap();
        ward.relay.devices.insert(certificate);
    }
    let reference: [u8; 32] = ward.nurses_package().await.as_ref().try_into().unwrap();
    let declaration = declares(&[ward.nurse.device], &[ward.doctor.device, ward.nurse.device]);
    let mut request = committing(&ward.doctor, 0, declaration);
    request.welcome = craft::welcome(Suite::X25519.code(), &[reference]).into();
    if struck {
        let (founded, label) = (&ward.founded, DisplayName::parse("Second").unwrap());
        let second = founded.root.found_issuer(&label, &founded.entropy, founded.clock_now()).unwrap();
        let certificate = founded.issuer.certificate_der().to_vec();
        let kept = [Digest::of(&ward.doctor.certificate)].into();
        let strike = Strike { certificate, kept, since: None };
        let issuers = [second.certificate_der()];
        let list = founded.root.sign_issuers(2, &issuers, (&[strike], None)).unwrap();
        ward.relay.devices.strike(&organisation.succeeded_by(&list).unwrap().unwrap());
    }
    ward.commit(&ward.doctor, request).await.map(drop).map_err(|status| reason(&status))
}

#[tokio::test]
async fn a_commit_that_lets_in_a_certificate_that_was_not_kept_is_refused() {
    assert_eq!(let_in(false).await, Ok(()), "the control");
    assert_eq!(let_in(true).await, Err("JOIN_STRUCK".to_owned()));
    arm("mutant.join_struck");
    let taken = let_in(true).await;
    disarm("mutant.join_struck");
    assert_eq!(taken, Ok(()), "the guard taken away");
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

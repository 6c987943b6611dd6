//! While whoever holds the root signs a strike, nobody is certified.

use wardline_proto::in_place::{arm, disarm};

use super::*;

#[tokio::test]
async fn a_certificate_waits_while_the_relay_stands_still() {
    for (guard, waits) in [("", true), ("mutant.never_still", false)] {
        let scene = Scene::new().await;
        let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
        let claim = scene.claim(&invited, &phone, HERE);
        scene.enrol_with(&invited, claim.clone(), HERE, 0).await.unwrap();
        let certificate = scene.founded.certify(&invited.record, &claim);
        scene.relay.still.begin();
        arm(guard);
        let issue = scene.issue(&invited, certificate.clone());
        let issued = tokio::time::timeout(Duration::from_millis(300), issue).await;
        disarm(guard);
        assert_eq!((issued.is_err(), scene.admits(&certificate)), (waits, !waits), "{guard}");
        scene.relay.still.end();
        scene.issue(&invited, certificate.clone()).await.expect("it goes on then");
        assert!(scene.admits(&certificate));
    }
}

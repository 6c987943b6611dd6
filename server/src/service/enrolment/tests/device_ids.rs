//! A device id is certified by one enrolment, ever.

use super::*;

#[tokio::test]
async fn a_device_id_that_was_certified_is_never_claimed_again_not_even_by_its_own_person() {
    let scene = Scene::new().await;
    let (first, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let claim = scene.claim(&first, &phone, HERE);
    scene.enrol_with(&first, claim.clone(), HERE, 0).await.unwrap();
    scene.issue(&first, scene.founded.certify(&first.record, &claim)).await.unwrap();
    for user in ["doctor-a", "nurse-b"] {
        let invited = scene.invited(user).await;
        let copy = Claimant { device: phone.device, ..scene.founded.claimant() };
        let answer = scene.enrol(&invited, &copy, ELSEWHERE).await;
        assert_eq!(refused(answer), (Code::InvalidArgument, "FIELD_INVALID".to_owned()), "{user}");
        assert_eq!(scene.waiting(0).await.enrolments, [], "nothing waits");
        let fresh = scene.founded.claimant();
        assert!(scene.enrol(&invited, &fresh, ELSEWHERE).await.is_ok(), "control: it is not spent");
        scene.refuse(&invited, "enough").await.unwrap();
    }
    assert!(scene.enrol(&first, &phone, ELSEWHERE).await.is_ok(), "control: its own enrolment is answered");
}

#[tokio::test]
async fn of_two_that_wait_with_one_device_id_the_second_is_refused_and_holds_nobody_up() {
    let scene = Scene::new().await;
    for user in ["doctor-a", "nurse-b"] {
        let (first, second) = (scene.invited("doctor-a").await, scene.invited(user).await);
        let phone = scene.founded.claimant();
        let copy = Claimant { device: phone.device, ..scene.founded.claimant() };
        let (claim, copied) = (scene.claim(&first, &phone, HERE), scene.claim(&second, &copy, ELSEWHERE));
        scene.enrol_with(&first, claim.clone(), HERE, 0).await.unwrap();
        scene.enrol_with(&second, copied.clone(), ELSEWHERE, 0).await.unwrap();
        let certificate = scene.founded.certify(&first.record, &claim);
        scene.issue(&first, certificate.clone()).await.unwrap();

        let stolen = scene.founded.certify(&second.record, &copied);
        let answer = scene.issue(&second, stolen.clone()).await;
        assert_eq!(refused(answer), (Code::InvalidArgument, "CERTIFICATE_MISMATCH".to_owned()), "{user}");
        assert!(!scene.admits(&stolen), "{user}");
        assert_eq!(scene.waiting(0).await.enrolments, [], "it waits no more");
        let told = scene.enrol(&second, &copy, ELSEWHERE).await.unwrap();
        assert_eq!(told.state(), EnrolmentState::Refused, "{user}");
        assert!(told.refusal.contains("new invitation"), "{}", told.refusal);

        scene.issue(&first, certificate.clone()).await.unwrap();
        assert!(
            scene.admits(&certificate),
            "control: the first one has what it asked for, and may repeat it"
        );
    }
}

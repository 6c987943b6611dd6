//! Claims about what goes on at a relay while its issuers' list changes: what is on its way is stored before or judged again, and while
//! the root signs a strike nothing moves that it names.

use std::time::Duration;

use super::*;

/// A device waits for its certificate; what an issuer hands in for it.
async fn claimed(scene: &Scene) -> pb::IssueCertificateRequest {
    let request = invited(scene, true).await;
    let registrar = Registrar::new(Arc::clone(&scene.relay));
    let ask = pb::ListEnrolmentsRequest { wait_seconds: 0, look_only: false };
    let listed = registrar.list_enrolments(from_device(ask, &scene.founded, &scene.founded.founder));
    let record = listed.await.unwrap().into_inner().enrolments.remove(0);
    let certificate = scene.founded.certify(&record.record.unwrap(), &record.claim.unwrap());
    pb::IssueCertificateRequest {
        invitation_id: request.invitation_id.clone(),
        certificate: certificate.into(),
    }
}

/// The disk takes nothing until what is given back is rung.
async fn busy(scene: &Scene) -> oneshot::Sender<()> {
    let (release, released) = oneshot::channel::<()>();
    let (begun, began) = oneshot::channel();
    let store = scene.relay.store.clone();
    tokio::spawn(async move {
        let write = store.write("busy", move |_| {
            Box::pin(async move {
                begun.send(()).unwrap();
                drop(released.await);
                Ok::<_, StoreError>(())
            })
        });
        write.await
    });
    began.await.unwrap();
    release
}

/// What becomes of a certificate by an issuer who is struck while the certificate is on its way to the disk.
async fn issued_meanwhile() -> (Result<(), Refusal>, Result<(), String>) {
    let scene = Scene::new().await;
    let message = claimed(&scene).await;
    let certificate = message.certificate.to_vec();
    let release = busy(&scene).await;
    let kept = scene.kept(&[&scene.founded.founder.certificate]);
    let strike = scene.strike(2, &kept);
    let (strikes, issues) = (scene.publish(&strike), async {
        tokio::task::yield_now().await;
        let by = from_device(message, &scene.founded, &scene.founded.founder);
        let registrar = Registrar::new(Arc::clone(&scene.relay));
        let issued = registrar.issue_certificate(by);
        let released = async {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            release.send(()).unwrap();
        };
        tokio::join!(issued, released).0.map(|_| ()).map_err(|status| reason(&status))
    });
    let (struck, issued) = tokio::join!(strikes, issues);
    struck.unwrap();
    let admitted = scene.relay.devices.admit(&[certificate.into()]).map(|_| ());
    (admitted, issued)
}

#[tokio::test]
async fn what_is_judged_by_a_list_is_stored_before_the_next_is_in_force_or_judged_again() {
    let (admitted, issued) = issued_meanwhile().await;
    assert!(admitted.is_err() && issued.is_err(), "{issued:?}");
    // The refusal of the waiting request would stop it as well.
    arm("mutant.issuers_unsteady");
    arm("mutant.struck_invites");
    let (admitted, issued) = issued_meanwhile().await;
    disarm("mutant.issuers_unsteady");
    disarm("mutant.struck_invites");
    assert_eq!((admitted, issued), (Ok(()), Ok(())), "the guard taken away");
}

/// Whoever has the lost issuer's key signs the list in force again, between what the root has read and its strike; `still`: the root
/// has asked for stillness. Whether the strike is taken, and what becomes of that list.
async fn signed_in_a_loop(still: bool, guard: &'static str) -> (Result<(), String>, Result<(), String>) {
    let scene = Scene::new().await;
    lost_issuer_signs(&scene).await;
    scene.founded.clock.advance_seconds(1);
    let calls = Issuing::new(Arc::clone(&scene.relay));
    let proof = Some(scene.founded.root.prove(&HERE));
    let ask = pb::GetIssuersListRequest { proof, keep_still: still };
    arm(guard);
    calls.get_issuers_list(from_stranger(ask, HERE)).await.unwrap();
    let strike = scene.strike(2, &scene.kept(&[&scene.founded.founder.certificate]));
    let register = RevocationRegister::restore(scene.relay.revocations.head().unwrap(), []);
    let at = scene.founded.clock_now().plus_seconds(120);
    let again = register.sign_again(&scene.founded.issuer, &scene.relay.organisation.now(), at);
    let request = pb::PublishRevocationListRequest { list: again, acts: Vec::new() };
    let by = from_device(request, &scene.founded, &scene.founded.founder);
    let revocation = Revocation::new(Arc::clone(&scene.relay));
    let strikes = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        scene.publish(&strike).await
    };
    let (signed, struck) = tokio::join!(revocation.publish_revocation_list(by), strikes);
    disarm(guard);
    let why = |status: Status| reason(&status);
    (struck.map_err(why), signed.map(drop).map_err(why))
}

#[tokio::test]
async fn nothing_is_signed_between_the_reading_of_the_root_and_its_strike() {
    let struck = (Ok(()), Err("STATEMENT_INVALID".to_owned()));
    assert_eq!(signed_in_a_loop(true, "").await, struck, "it is judged by the strike");
    let starved = (Err("LIST_CONFLICT".to_owned()), Ok(()));
    assert_eq!(signed_in_a_loop(false, "").await, starved, "the control: nobody has asked for it");
    assert_eq!(signed_in_a_loop(true, "mutant.never_still").await, starved, "the guard taken away");
}

#[tokio::test]
async fn only_whoever_proves_that_they_hold_the_root_has_the_relay_stand_still() {
    let scene = Scene::new().await;
    let calls = Issuing::new(Arc::clone(&scene.relay));
    let proof = Some(Founded::seeded(2).root.prove(&HERE));
    let ask = pb::GetIssuersListRequest { proof, keep_still: true };
    calls.get_issuers_list(from_stranger(ask, HERE)).await.unwrap_err();
    let soon = Duration::from_secs(2);
    tokio::time::timeout(soon, lost_issuer_signs(&scene)).await.expect("nothing waits");
}

/// Whether the root is shown what is in force while a certificate that was judged before is on its way to the disk still.
async fn shown_meanwhile(guard: &'static str) -> bool {
    let scene = Scene::new().await;
    let message = claimed(&scene).await;
    let release = busy(&scene).await;
    let registrar = Registrar::new(Arc::clone(&scene.relay));
    let issues = registrar.issue_certificate(from_device(message, &scene.founded, &scene.founded.founder));
    let calls = Issuing::new(Arc::clone(&scene.relay));
    let proof = Some(scene.founded.root.prove(&HERE));
    let ask = from_stranger(pb::GetIssuersListRequest { proof, keep_still: true }, HERE);
    let asks = async {
        // It has begun.
        tokio::time::sleep(Duration::from_millis(100)).await;
        arm(guard);
        let mut asked = std::pin::pin!(calls.get_issuers_list(ask));
        let early = tokio::time::timeout(Duration::from_millis(300), asked.as_mut()).await;
        disarm(guard);
        release.send(()).unwrap();
        if early.is_err() {
            asked.await.unwrap();
        }
        early.is_ok()
    };
    let (issued, early) = tokio::join!(issues, asks);
    issued.unwrap();
    early
}

#[tokio::test]
async fn what_had_begun_before_the_relay_stood_still_is_in_what_the_root_is_shown() {
    assert!(!shown_meanwhile("").await);
    assert!(shown_meanwhile("mutant.shown_before_written").await, "the guard taken away");
}

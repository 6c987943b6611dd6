//! An enrolment from invitation to certificate, and each way it is refused, over a real database.

mod device_ids;
mod stillness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::{Code, Status};
use wardline_identity::{Invitation, Role};
use wardline_proto::relay::enrolment_service_server::EnrolmentService as _;
use wardline_proto::relay::registrar_service_server::RegistrarService as _;
use wardline_proto::relay::{
    CancelInvitationRequest, EnrolRequest, EnrolResponse, EnrolmentState, GetInvitationRequest,
    IssueCertificateRequest, ListEnrolmentsRequest, ListEnrolmentsResponse, PublishInvitationRequest,
    RefuseEnrolmentRequest, SignedStatement,
};

use super::Enrolment;
use crate::founded::{Claimant, Founded, Installation, from_device, from_stranger, greeting, reason};
use crate::service::registrar::Registrar;
use crate::state::Relay;
use crate::transport::Admission as _;

/// The connections of two devices.
const HERE: [u8; 32] = [7; 32];
const ELSEWHERE: [u8; 32] = [8; 32];

struct Scene {
    founded: Founded,
    relay: Arc<Relay>,
    enrolment: Enrolment,
    registrar: Registrar,
}

/// An invitation that is published.
struct Invited {
    invitation: Invitation,
    record: SignedStatement,
}

impl Scene {
    async fn new() -> Self {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let (enrolment, registrar) = (Enrolment::new(relay.clone()), Registrar::new(relay.clone()));
        Self { founded, relay, enrolment, registrar }
    }

    async fn invited(&self, user: &str) -> Invited {
        let (invitation, record) = self.founded.invite(user);
        self.publish(&record).await.unwrap();
        Invited { invitation, record }
    }

    async fn publish(&self, record: &SignedStatement) -> Result<(), Status> {
        let message = PublishInvitationRequest { record: Some(record.clone()) };
        self.registrar.publish_invitation(self.office(message)).await.map(|_| ())
    }

    async fn enrol(
        &self,
        invited: &Invited,
        device: &Claimant,
        exporter: [u8; 32],
    ) -> Result<EnrolResponse, Status> {
        let claim = self.claim(invited, device, exporter);
        self.enrol_with(invited, claim, exporter, 0).await
    }

    async fn enrol_with(
        &self,
        invited: &Invited,
        claim: SignedStatement,
        exporter: [u8; 32],
        wait_seconds: u32,
    ) -> Result<EnrolResponse, Status> {
        let invitation_id = invited.invitation.id().to_wire();
        let message = EnrolRequest { greeting: greeting(), invitation_id, claim: Some(claim), wait_seconds };
        self.enrolment.enrol(from_stranger(message, exporter)).await.map(tonic::Response::into_inner)
    }

    fn claim(&self, invited: &Invited, device: &Claimant, exporter: [u8; 32]) -> SignedStatement {
        self.founded.claim(&invited.invitation, &invited.record, device, exporter)
    }

    async fn waiting(&self, wait_seconds: u32) -> ListEnrolmentsResponse {
        let request = self.office(ListEnrolmentsRequest { wait_seconds, look_only: false });
        self.registrar.list_enrolments(request).await.unwrap().into_inner()
    }

    async fn issue(&self, invited: &Invited, certificate: Vec<u8>) -> Result<(), Status> {
        let invitation_id = invited.invitation.id().to_wire();
        let message = IssueCertificateRequest { invitation_id, certificate: certificate.into() };
        self.registrar.issue_certificate(self.office(message)).await.map(|_| ())
    }

    async fn refuse(&self, invited: &Invited, why: &str) -> Result<(), Status> {
        let invitation_id = invited.invitation.id().to_wire();
        let message = RefuseEnrolmentRequest { invitation_id, reason: why.to_owned() };
        self.registrar.refuse_enrolment(self.office(message)).await.map(|_| ())
    }

    async fn cancel(&self, invited: &Invited) -> Result<(), Status> {
        let message = CancelInvitationRequest { invitation_id: invited.invitation.id().to_wire() };
        self.registrar.cancel_invitation(self.office(message)).await.map(|_| ())
    }

    /// From the founding administrator's device.
    fn office<T>(&self, message: T) -> tonic::Request<T> {
        from_device(message, &self.founded, &self.founded.founder)
    }

    fn admits(&self, certificate: &[u8]) -> bool {
        self.relay.devices.admit(&[certificate.to_vec().into()]).is_ok()
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status))
}

fn spent() -> (Code, String) {
    (Code::FailedPrecondition, "INVITATION_SPENT".to_owned())
}

#[tokio::test]
async fn an_invited_device_gets_its_certificate_and_is_let_in() {
    let scene = Scene::new().await;
    let invited = scene.invited("doctor-a").await;
    let message =
        GetInvitationRequest { greeting: greeting(), invitation_id: invited.invitation.id().to_wire() };
    let shown = scene.enrolment.get_invitation(from_stranger(message, HERE)).await.unwrap().into_inner();
    assert_eq!(shown.record.as_ref(), Some(&invited.record));
    assert_eq!(shown.organisation.unwrap().root_certificate, scene.founded.root.certificate_der());

    let phone = scene.founded.claimant();
    let answer = scene.enrol(&invited, &phone, HERE).await.unwrap();
    assert_eq!(answer.state(), EnrolmentState::Waiting);

    let waiting = scene.waiting(0).await.enrolments;
    assert_eq!(waiting.len(), 1);
    let (record, claim) = (waiting[0].record.clone().unwrap(), waiting[0].claim.clone().unwrap());
    let certificate = scene.founded.certify(&record, &claim);
    assert!(!scene.admits(&certificate), "not before it was handed in");
    scene.issue(&invited, certificate.clone()).await.unwrap();
    assert!(scene.admits(&certificate));
    assert_eq!(scene.waiting(0).await.enrolments, []);

    // On another connection, after the invitation's end.
    scene.founded.clock.advance_seconds(2 * 86_400);
    let answer = scene.enrol(&invited, &phone, ELSEWHERE).await.unwrap();
    assert_eq!(
        (answer.state(), answer.certificate.as_ref()),
        (EnrolmentState::Issued, certificate.as_slice())
    );
    let greeting = answer.greeting.unwrap();
    let relay =
        scene.founded.organisation().verify_relay(&greeting.relay_certificate, scene.founded.clock_now());
    let label = wardline_identity::StatementLabel::RelayTime;
    relay.unwrap().verify_statement(label, &greeting.time.unwrap()).unwrap();
}

#[tokio::test]
async fn everything_is_still_there_after_a_restart() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let claim = scene.claim(&invited, &phone, HERE);
    scene.enrol_with(&invited, claim.clone(), HERE, 0).await.unwrap();
    let certificate = scene.founded.certify(&invited.record, &claim);
    scene.issue(&invited, certificate.clone()).await.unwrap();

    scene.relay.store.close().await;
    let relay = scene.founded.relay().await;
    assert!(relay.devices.admit(&[certificate.clone().into()]).is_ok());
    let enrolment = Enrolment::new(relay);
    let scene = Scene { enrolment, ..scene };
    let answer = scene.enrol(&invited, &phone, HERE).await.unwrap();
    assert_eq!(answer.certificate, certificate);
}

#[tokio::test]
async fn a_waiting_device_hears_of_its_certificate_at_once() {
    let scene = Arc::new(Scene::new().await);
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let claim = scene.claim(&invited, &phone, HERE);
    let certificate = scene.founded.certify(&invited.record, &claim);
    let begun = Instant::now();
    let judge = async {
        let waiting = scene.waiting(30).await;
        assert_eq!(waiting.enrolments.len(), 1, "the registrar is woken by the claim");
        scene.issue(&invited, certificate.clone()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(scene.enrol_with(&invited, claim, HERE, 30), judge);
    assert_eq!(answer.unwrap().state(), EnrolmentState::Issued);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_device_that_hears_of_its_certificate_is_let_in_though_nobody_told_the_doors() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let claim = scene.claim(&invited, &phone, HERE);
    scene.enrol_with(&invited, claim.clone(), HERE, 0).await.unwrap();
    let certificate = scene.founded.certify(&invited.record, &claim);
    // On disk, as between the issuer's commit and what follows it.
    let (id, now) = (invited.invitation.id(), scene.founded.clock_now());
    let issued = scene.founded.organisation();
    let issued = issued.verify_device(&certificate, wardline_identity::DateCheck::Skip).unwrap();
    let by = scene.founded.founder.device;
    let write = scene.relay.store.write("issue", move |tx| {
        Box::pin(async move { crate::domain::organisation::issue(tx, id, &issued, by, now).await })
    });
    write.await.unwrap();
    assert!(!scene.admits(&certificate), "the control: nobody has told them");
    let answer = scene.enrol(&invited, &phone, HERE).await.unwrap();
    assert_eq!(answer.state(), EnrolmentState::Issued);
    assert!(scene.admits(&certificate));
}

#[tokio::test]
async fn a_cut_wait_leaves_the_claim_and_nothing_else() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let claim = scene.claim(&invited, &phone, HERE);
    let wait = scene.enrol_with(&invited, claim, HERE, 30);
    assert!(tokio::time::timeout(Duration::from_millis(300), wait).await.is_err());
    assert_eq!(scene.waiting(0).await.enrolments.len(), 1);
    assert_eq!(scene.enrol(&invited, &phone, HERE).await.unwrap().state(), EnrolmentState::Waiting);
}

#[tokio::test]
async fn a_claim_from_another_connection_is_refused() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let overheard = scene.claim(&invited, &phone, HERE);
    let answer = scene.enrol_with(&invited, overheard.clone(), ELSEWHERE, 0).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "STATEMENT_INVALID".to_owned()));
    assert_eq!(scene.waiting(0).await.enrolments, [], "nothing stored");
    assert!(scene.enrol_with(&invited, overheard, HERE, 0).await.is_ok(), "control");
}

#[tokio::test]
async fn a_claim_with_another_invitations_key_is_refused() {
    let scene = Scene::new().await;
    let (invited, other) = (scene.invited("doctor-a").await, scene.invited("nurse-b").await);
    let phone = scene.founded.claimant();
    let stranger = Invited { invitation: other.invitation.clone(), record: other.record.clone() };
    let claim = scene.claim(&stranger, &phone, HERE);
    let answer = scene.enrol_with(&invited, claim.clone(), HERE, 0).await;
    assert_eq!(refused(answer), (Code::InvalidArgument, "STATEMENT_INVALID".to_owned()));
    assert!(scene.enrol_with(&other, claim, HERE, 0).await.is_ok(), "control");
}

#[tokio::test]
async fn a_second_device_finds_the_invitation_spent() {
    let scene = Scene::new().await;
    let (invited, phone, thief) =
        (scene.invited("doctor-a").await, scene.founded.claimant(), scene.founded.claimant());
    scene.enrol(&invited, &phone, HERE).await.unwrap();
    let same_id = Claimant { device: phone.device, ..thief.clone() };
    let same_key = Claimant { key: phone.key.clone(), ..thief.clone() };
    for other in [thief, same_id, same_key] {
        assert_eq!(refused(scene.enrol(&invited, &other, ELSEWHERE).await), spent());
    }
    assert!(scene.enrol(&invited, &phone, ELSEWHERE).await.is_ok(), "control");
}

#[tokio::test]
async fn an_expired_invitation_takes_no_first_claim() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    scene.founded.clock.advance_seconds(86_400);
    let expired = (Code::FailedPrecondition, "INVITATION_EXPIRED".to_owned());
    assert_eq!(refused(scene.enrol(&invited, &phone, HERE).await), expired);
    assert_eq!(refused(scene.publish(&scene.founded.expired_record()).await), expired);
    let message =
        GetInvitationRequest { greeting: greeting(), invitation_id: invited.invitation.id().to_wire() };
    assert_eq!(refused(scene.enrolment.get_invitation(from_stranger(message, HERE)).await), expired);
}

#[tokio::test]
async fn a_cancelled_invitation_opens_nothing() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    scene.cancel(&invited).await.unwrap();
    scene.cancel(&invited).await.unwrap();
    let answer = scene.enrol(&invited, &phone, HERE).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "INVITATION_CANCELLED".to_owned()));

    let used = scene.invited("nurse-b").await;
    scene.enrol(&used, &phone, HERE).await.unwrap();
    assert_eq!(refused(scene.cancel(&used).await), spent());
}

#[tokio::test]
async fn an_unknown_invitation_and_an_unknown_version_are_told() {
    let scene = Scene::new().await;
    let (invitation, record) = scene.founded.invite("doctor-a");
    let (unpublished, phone) = (Invited { invitation, record }, scene.founded.claimant());
    let answer = scene.enrol(&unpublished, &phone, HERE).await;
    assert_eq!(refused(answer), (Code::NotFound, "INVITATION_UNKNOWN".to_owned()));

    let mut message = GetInvitationRequest { greeting: greeting(), invitation_id: vec![0; 16].into() };
    message.greeting.as_mut().unwrap().versions =
        Some(wardline_proto::relay::VersionRange { lowest: 9, highest: 9 });
    let answer = scene.enrolment.get_invitation(from_stranger(message, HERE)).await;
    assert_eq!(refused(answer), (Code::FailedPrecondition, "UPGRADE_REQUIRED".to_owned()));
}

#[tokio::test]
async fn malformed_fields_are_named() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let claim = Some(scene.claim(&invited, &phone, HERE));
    let id = invited.invitation.id().to_wire();
    let good = EnrolRequest { greeting: greeting(), invitation_id: id.clone(), claim, wait_seconds: 0 };
    let short = EnrolRequest { invitation_id: id.slice(1..), ..good.clone() };
    let silent = EnrolRequest { greeting: None, ..good.clone() };
    let unsigned = EnrolRequest { claim: None, ..good.clone() };
    let patient = EnrolRequest { wait_seconds: 31, ..good.clone() };
    for bad in [short, silent, unsigned, patient] {
        let answer = scene.enrolment.enrol(from_stranger(bad, HERE)).await;
        assert_eq!(refused(answer), (Code::InvalidArgument, "FIELD_INVALID".to_owned()));
    }
    assert!(scene.enrolment.enrol(from_stranger(good, HERE)).await.is_ok(), "control");
}

#[tokio::test]
async fn a_record_that_no_issuer_of_ours_signed_is_not_published() {
    let scene = Scene::new().await;
    let foreign = Founded::seeded(2).invite("doctor-a").1;
    assert_eq!(
        refused(scene.publish(&foreign).await),
        (Code::InvalidArgument, "STATEMENT_INVALID".to_owned())
    );
    let (_, mut changed) = scene.founded.invite("doctor-a");
    let honest = changed.clone();
    changed.body = [changed.body.as_ref(), &[0x08, 0x01]].concat().into();
    assert_eq!(
        refused(scene.publish(&changed).await),
        (Code::InvalidArgument, "STATEMENT_INVALID".to_owned())
    );
    scene.publish(&honest).await.unwrap();
    scene.publish(&honest).await.unwrap();
}

#[tokio::test]
async fn a_certificate_must_say_what_record_and_claim_say() {
    let scene = Scene::new().await;
    let (invited, other) = (scene.invited("doctor-a").await, scene.invited("nurse-b").await);
    let (phone, tablet) = (scene.founded.claimant(), scene.founded.claimant());
    let (claim, others) = (scene.claim(&invited, &phone, HERE), scene.claim(&other, &tablet, HERE));
    scene.enrol_with(&invited, claim.clone(), HERE, 0).await.unwrap();
    scene.enrol_with(&other, others.clone(), HERE, 0).await.unwrap();

    let foreign = Founded::seeded(2);
    let elsewhere = Installation::certified(&foreign.issuer, &foreign.entropy, "doctor-a", Role::Clinician);
    let someone = scene.founded.certify(&other.record, &others);
    for wrong in [someone.clone(), elsewhere.certificate, b"no certificate".to_vec()] {
        let answer = scene.issue(&invited, wrong.clone()).await;
        assert_eq!(refused(answer), (Code::InvalidArgument, "CERTIFICATE_MISMATCH".to_owned()));
        assert!(!scene.admits(&wrong));
    }
    let right = scene.founded.certify(&invited.record, &claim);
    scene.issue(&invited, right.clone()).await.unwrap();
    scene.issue(&invited, right.clone()).await.unwrap();
    let again = scene.founded.certify(&invited.record, &claim);
    assert_ne!(again, right);
    assert_eq!(refused(scene.issue(&invited, again).await), (Code::NotFound, "ENROLMENT_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn a_refused_device_hears_the_reason_and_cannot_be_certified_after() {
    let scene = Scene::new().await;
    let (invited, phone) = (scene.invited("doctor-a").await, scene.founded.claimant());
    let unknown = (Code::NotFound, "ENROLMENT_UNKNOWN".to_owned());
    assert_eq!(refused(scene.refuse(&invited, "nobody asked").await), unknown);
    let claim = scene.claim(&invited, &phone, HERE);
    scene.enrol_with(&invited, claim.clone(), HERE, 0).await.unwrap();
    scene.refuse(&invited, "not your phone").await.unwrap();
    let answer = scene.enrol(&invited, &phone, HERE).await.unwrap();
    assert_eq!((answer.state(), answer.refusal.as_str()), (EnrolmentState::Refused, "not your phone"));
    let certificate = scene.founded.certify(&invited.record, &claim);
    assert_eq!(refused(scene.issue(&invited, certificate).await), unknown);
    let long = "x".repeat(257);
    assert_eq!(refused(scene.refuse(&invited, &long).await).1, "FIELD_INVALID");
}

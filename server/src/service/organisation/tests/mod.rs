//! A new issuers' list at the relay: what counts from its answer on, and what no list can do.

mod stillness;
mod struck_vault;

use std::sync::Arc;

use tokio::sync::oneshot;
use tonic::{Code, Status};
use wardline_identity::{
    DateCheck, DisplayName, HoldStatement, IssuerAuthority, RecordAct, RecordEntry, RevocationKind,
    RevocationReason, RevocationRegister, Role, StandingList, Strike,
};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::directory_service_server::DirectoryService as _;
use wardline_proto::relay::enrolment_service_server::EnrolmentService as _;
use wardline_proto::relay::organisation_service_server::OrganisationService as _;
use wardline_proto::relay::registrar_service_server::RegistrarService as _;
use wardline_proto::relay::revocation_service_server::RevocationService as _;
use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{Digest, UtcMillis};

use super::Issuing;
use crate::domain::organisation::{OrganisationStorage as _, OrganisationView as _};
use crate::domain::record::RecordView as _;
use crate::founded::{Founded, Installation, from_device, from_stranger, greeting, reason};
use crate::service::directory::Directory;
use crate::service::enrolment::Enrolment;
use crate::service::registrar::Registrar;
use crate::service::revocation::Revocation;
use crate::state::Relay;
use crate::store::StoreError;
use crate::transport::{Admission as _, Refusal, enter_for_tests};

const HERE: [u8; 32] = [7; 32];

/// A relay, and the issuer that is to take the place of the first.
struct Scene {
    founded: Founded,
    relay: Arc<Relay>,
    second: IssuerAuthority,
}

impl Scene {
    async fn new() -> Self {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let label = DisplayName::parse("Second").unwrap();
        let second = founded.root.found_issuer(&label, &founded.entropy, founded.clock_now()).unwrap();
        Self { founded, relay, second }
    }

    /// The relay's leaves, and whatever else is to stay good.
    fn kept(&self, more: &[&[u8]]) -> Vec<Digest> {
        let leaves = self.relay.identity.leaves().into_iter().map(|leaf| Digest::of(&leaf));
        leaves.chain(more.iter().map(|der| Digest::of(der))).collect()
    }

    /// The list with this number by which the first issuer is struck and keeps these, and the relay's revocation list stands.
    fn strike(&self, number: u64, kept: &[Digest]) -> SignedStatement {
        let list = self.relay.revocations.head();
        self.strike_on(number, kept, list.as_ref().map(StandingList::from))
    }

    /// The same on top of this revocation list.
    fn strike_on(&self, number: u64, kept: &[Digest], standing: Option<StandingList>) -> SignedStatement {
        let certificate = self.founded.issuer.certificate_der().to_vec();
        let strike = Strike { certificate, kept: kept.iter().copied().collect(), since: None };
        let issuers = [self.second.certificate_der()];
        self.founded.root.sign_issuers(number, &issuers, (&[strike], standing)).unwrap()
    }

    /// The list with this number that has both.
    fn both(&self, number: u64) -> SignedStatement {
        let issuers = [self.founded.issuer.certificate_der(), self.second.certificate_der()];
        self.founded.root.sign_issuers_list(number, &issuers).unwrap()
    }

    async fn publish(&self, list: &SignedStatement) -> Result<(), Status> {
        self.publish_with(list, &[]).await
    }

    async fn publish_with(&self, list: &SignedStatement, first: &[u8]) -> Result<(), Status> {
        let first_device = first.to_vec().into();
        let request = pb::PublishIssuersListRequest { list: Some(list.clone()), first_device };
        let issuing = Issuing::new(Arc::clone(&self.relay));
        issuing.publish_issuers_list(from_stranger(request, HERE)).await.map(|_| ())
    }

    /// A device that is known here.
    async fn device(&self, issuer: &IssuerAuthority, user: &str, role: Role) -> Installation {
        let device = Installation::certified(issuer, &self.founded.entropy, user, role);
        let organisation = self.relay.organisation.now();
        let certificate = organisation.verify_device(&device.certificate, DateCheck::Skip).unwrap();
        let (known, now) = (certificate.clone(), self.founded.clock_now());
        let write = self
            .relay
            .store
            .write("device", move |tx| Box::pin(async move { tx.keep_device(&certificate, now).await }));
        write.await.map_err(|error: StoreError| error).unwrap();
        self.relay.devices.insert(known);
        device
    }

    fn admit(&self, device: &Installation) -> Result<(), Refusal> {
        self.relay.devices.admit(&[device.certificate.clone().into()]).map(|_| ())
    }

    async fn calls(&self, device: &Installation) -> Result<u64, Status> {
        let request = from_device(pb::GetOrganisationRequest {}, &self.founded, device);
        let answer = Directory::new(Arc::clone(&self.relay)).get_organisation(request).await?;
        let list = answer.into_inner().organisation.unwrap().issuers.unwrap();
        Ok(<pb::IssuersList as prost::Message>::decode(list.body).unwrap().number)
    }

    async fn acts(&self) -> Vec<RecordAct> {
        let read = self
            .relay
            .store
            .read("record", |tx| Box::pin(async move { tx.record_entries(0, None, 100, usize::MAX).await }));
        let entries = read.await.map_err(|error: StoreError| error).unwrap();
        entries.iter().map(|entry| RecordEntry::read(&entry.entry).unwrap().act).collect()
    }

    async fn pinned(&self) -> u64 {
        let read = self.relay.store.read("pin", |tx| Box::pin(async move { tx.pin().await }));
        read.await.map_err(|error: StoreError| error).unwrap().unwrap().issuers_number
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), reason(&status))
}

fn struck() -> (Code, String) {
    (Code::Unauthenticated, "CERTIFICATE_STRUCK".to_owned())
}

fn conflict() -> (Code, String) {
    (Code::Aborted, "ISSUERS_CONFLICT".to_owned())
}

#[tokio::test]
async fn devices_whose_certificate_is_not_kept_are_cut_at_once_and_the_others_go_on() {
    let scene = Scene::new().await;
    let kept = scene.device(&scene.founded.issuer, "doctor-a", Role::Clinician).await;
    let other = scene.device(&scene.founded.issuer, "doctor-b", Role::Clinician).await;
    let live = [&kept, &other].map(|one| enter_for_tests(&scene.relay.connections, one.device));
    assert!(
        scene.calls(&other).await.is_ok() && scene.admit(&other).is_ok(),
        "the control: before the strike"
    );

    let list = scene.strike(2, &scene.kept(&[&kept.certificate]));
    scene.publish(&list).await.unwrap();
    assert_eq!(scene.calls(&kept).await.unwrap(), 2);
    assert_eq!(scene.admit(&kept), Ok(()));
    assert!(!live[0].1.is_cancelled() && live[1].1.is_cancelled());
    assert_eq!(refused(scene.calls(&other).await), struck());
    assert_eq!(scene.admit(&other), Err(Refusal::CertificateStruck));
    // A call that had begun before comes to the writer after it.
    let write = crate::service::write::for_device(
        &scene.relay,
        other.device,
        "late",
        |_, now| Box::pin(async move { Ok::<UtcMillis, StoreError>(now) }),
        |_| (),
    );
    assert_eq!(refused(write.await), struck());
    assert_eq!(scene.publish(&list).await.ok(), Some(()), "the same again is the same");
    let taken =
        scene.acts().await.iter().filter(|act| matches!(act, RecordAct::IssuersListTaken { .. })).count();
    assert_eq!(taken, 2, "the first one and this, each once");
}

#[tokio::test]
async fn with_the_guard_taken_away_a_certificate_that_was_not_kept_goes_on() {
    let scene = Scene::new().await;
    let other = scene.device(&scene.founded.issuer, "doctor-b", Role::Clinician).await;
    let live = enter_for_tests(&scene.relay.connections, other.device);
    arm("mutant.struck_stay");
    scene.publish(&scene.strike(2, &scene.kept(&[]))).await.unwrap();
    disarm("mutant.struck_stay");
    assert!(!live.1.is_cancelled() && scene.admit(&other).is_ok() && scene.calls(&other).await.is_ok());
}

#[tokio::test]
async fn a_list_goes_on_from_the_one_in_force_or_is_refused_with_its_number() {
    let scene = Scene::new().await;
    let first = scene.relay.organisation.now().issuers_statement().clone();
    for skipped in [scene.both(3), scene.both(9)] {
        assert_eq!(refused(scene.publish(&skipped).await), conflict());
    }
    scene.publish(&scene.both(2)).await.unwrap();
    assert_eq!(refused(scene.publish(&first).await), conflict(), "an older one");
    let other = scene.strike(2, &scene.kept(&[]));
    assert_eq!(refused(scene.publish(&other).await), conflict(), "another under its number");
    assert_eq!(scene.pinned().await, 2);
    arm("mutant.issuers_skip");
    let taken = scene.publish(&scene.both(9)).await;
    disarm("mutant.issuers_skip");
    assert!(taken.is_ok(), "the guard taken away: what was signed in between is forgotten");
}

#[tokio::test]
async fn only_the_root_signs_a_list_and_who_was_struck_stays_so() {
    let scene = Scene::new().await;
    let statement = (Code::InvalidArgument, "STATEMENT_INVALID".to_owned());
    let other = Founded::seeded(2);
    let foreign = other.root.sign_issuers_list(2, &[other.issuer.certificate_der()]).unwrap();
    assert_eq!(refused(scene.publish(&foreign).await), statement);
    scene.publish(&scene.strike(2, &scene.kept(&[]))).await.unwrap();
    assert_eq!(refused(scene.publish(&scene.both(3)).await), statement);
    arm("mutant.struck_comes_back");
    let back = scene.publish(&scene.both(3)).await;
    disarm("mutant.struck_comes_back");
    assert!(back.is_ok(), "the guard taken away");
}

#[tokio::test]
async fn a_list_by_which_the_relay_itself_is_not_believed_is_refused() {
    let scene = Scene::new().await;
    let leaves = scene.kept(&[]);
    for kept in [&[][..], &leaves[..1], &leaves[1..]] {
        let (code, reason) = refused(scene.publish(&scene.strike(2, kept)).await);
        assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "FIELD_INVALID"));
    }
    assert_eq!(scene.pinned().await, 1, "nothing was stored");
    scene.publish(&scene.strike(2, &leaves)).await.unwrap();
    let again = Scene::new().await;
    arm("mutant.relay_struck");
    let taken = again.publish(&again.strike(2, &[])).await;
    disarm("mutant.relay_struck");
    assert!(taken.is_ok(), "the guard taken away");
}

/// What a lost issuer does before it is struck: the first revocation list, or the one in force signed again.
async fn lost_issuer_signs(scene: &Scene) {
    let (founded, relay) = (&scene.founded, &scene.relay);
    let mut request = founded.first_list(scene.founded.claimant().device, RevocationKind::Revoked);
    if let Some(list) = relay.revocations.head() {
        let register = RevocationRegister::restore(list, []);
        let (organisation, at) = (relay.organisation.now(), founded.clock_now().plus_seconds(60));
        request.list = register.sign_again(&founded.issuer, &organisation, at);
        request.acts.clear();
    }
    let by = from_device(request, founded, &founded.founder);
    Revocation::new(Arc::clone(relay)).publish_revocation_list(by).await.unwrap();
}

/// Whether who comes new takes in the relay's revocation list, and somebody can sign on top of it.
fn goes_on(scene: &Scene) -> bool {
    let organisation = scene.relay.organisation.now();
    organisation.verify_revocation_list(&scene.relay.revocations.list().unwrap(), DateCheck::Skip).is_ok()
}

#[tokio::test]
async fn a_strike_leaves_the_revocation_list_standing_that_is_in_force_or_is_refused() {
    let scene = Scene::new().await;
    let other = (Code::Aborted, "LIST_CONFLICT".to_owned());
    let kept = scene.kept(&[&scene.founded.founder.certificate]);
    // What is signed between the reading and the strike, for the first time or again.
    for _ in 0..2 {
        let strike = scene.strike(2, &kept);
        lost_issuer_signs(&scene).await;
        assert_eq!(refused(scene.publish(&strike).await), other);
        assert_eq!(scene.pinned().await, 1, "nothing was stored");
    }
    scene.publish(&scene.strike(2, &kept)).await.unwrap();
    assert!(goes_on(&scene), "it is named");
    // Nor does a later list forget it that strikes nobody.
    let struck = Strike::from(&scene.relay.organisation.now().struck()[0]);
    let later = |standing| {
        let issuers = [scene.second.certificate_der()];
        scene.founded.root.sign_issuers(3, &issuers, (std::slice::from_ref(&struck), standing)).unwrap()
    };
    assert_eq!(refused(scene.publish(&later(None)).await), other);
    scene.publish(&later(scene.relay.organisation.now().standing())).await.unwrap();
    assert!(goes_on(&scene));

    let orphaned = Scene::new().await;
    let strike = orphaned.strike(2, &orphaned.kept(&[]));
    lost_issuer_signs(&orphaned).await;
    arm("mutant.strike_orphans");
    orphaned.publish(&strike).await.unwrap();
    disarm("mutant.strike_orphans");
    assert!(!goes_on(&orphaned), "the guard taken away: nobody can be revoked any more");
}

/// A device puts another of its person on hold, and its issuer is struck; `kept`: it stays good. Whether the other gets in then, and
/// what becomes of the next revocation list.
async fn held_by(kept: bool, guard: &'static str) -> (bool, Result<(), String>) {
    let scene = Scene::new().await;
    let (founded, relay) = (&scene.founded, &scene.relay);
    let phone = scene.device(&founded.issuer, "doctor-a", Role::Clinician).await;
    let tablet = scene.device(&founded.issuer, "doctor-a", Role::Clinician).await;
    let second = scene.second_on_list().await;
    let office = scene.device(&second, "admin-b", Role::Administrator).await;
    let said = HoldStatement {
        organisation: founded.organisation().id().clone(),
        devices: vec![tablet.device],
        reason: RevocationReason::Lost,
        signed_at: founded.clock_now(),
    };
    let signer = founded.organisation().verify_device(&phone.certificate, DateCheck::Skip).unwrap();
    let request = pb::HoldDevicesRequest { statement: Some(said.sign(&phone.key, &signer)) };
    let calls = Revocation::new(Arc::clone(relay));
    calls.hold_devices(from_device(request, founded, &phone)).await.unwrap();
    assert!(scene.admit(&tablet).is_err(), "the control: before the strike");
    let mut stay = vec![tablet.certificate.as_slice()];
    stay.extend(kept.then_some(phone.certificate.as_slice()));
    arm(guard);
    scene.publish(&scene.strike(3, &scene.kept(&stay))).await.unwrap();
    disarm(guard);
    let register = RevocationRegister::new(founded.organisation().id());
    let signed = register.sign_next(&second, &relay.organisation.now(), &[], founded.clock_now()).unwrap();
    let request = pb::PublishRevocationListRequest { list: Some(signed), acts: Vec::new() };
    let published = calls.publish_revocation_list(from_device_of(&scene, request, &office)).await;
    // The same after a restart.
    let restarted = founded.relay_over(relay.store.clone()).await;
    let again = restarted.devices.admit(&[tablet.certificate.clone().into()]).is_ok();
    assert_eq!(scene.admit(&tablet).is_ok(), again);
    (again, published.map(drop).map_err(|status| reason(&status)))
}

#[tokio::test]
async fn a_hold_whose_signer_is_no_longer_good_ends_with_the_strike_and_lists_go_on() {
    assert_eq!(held_by(false, "").await, (true, Ok(())));
    let stands = (false, Err("HOLDS_PENDING".to_owned()));
    assert_eq!(held_by(true, "").await, stands, "the control: its signer is kept");
    assert_eq!(held_by(false, "mutant.struck_holds").await, stands, "the guard taken away: for ever");
}

/// Two devices put a third of their person on hold, and the strike keeps the second's certificate only: whether the third gets in, now
/// and after a restart.
async fn held_by_two(guard: &'static str) -> (bool, bool) {
    let scene = Scene::new().await;
    let (founded, relay) = (&scene.founded, &scene.relay);
    let [phone, laptop, tablet] = [
        scene.device(&founded.issuer, "doctor-a", Role::Clinician).await,
        scene.device(&founded.issuer, "doctor-a", Role::Clinician).await,
        scene.device(&founded.issuer, "doctor-a", Role::Clinician).await,
    ];
    arm(guard);
    for by in [&phone, &laptop] {
        founded.clock.advance_seconds(1);
        let said = HoldStatement {
            organisation: founded.organisation().id().clone(),
            devices: vec![tablet.device],
            reason: RevocationReason::Lost,
            signed_at: founded.clock_now(),
        };
        let signer = founded.organisation().verify_device(&by.certificate, DateCheck::Skip).unwrap();
        let request = pb::HoldDevicesRequest { statement: Some(said.sign(&by.key, &signer)) };
        Revocation::new(Arc::clone(relay)).hold_devices(from_device(request, founded, by)).await.unwrap();
    }
    disarm(guard);
    assert!(scene.admit(&tablet).is_err(), "the control: before the strike");
    let stay = [laptop.certificate.as_slice(), tablet.certificate.as_slice()];
    scene.publish(&scene.strike(2, &scene.kept(&stay))).await.unwrap();
    let restarted = founded.relay_over(relay.store.clone()).await;
    assert_eq!(restarted.revocations.holds_digest(), relay.revocations.holds_digest());
    let again = restarted.devices.admit(&[tablet.certificate.clone().into()]).is_ok();
    (scene.admit(&tablet).is_ok(), again)
}

#[tokio::test]
async fn a_second_hold_stands_in_for_one_that_ends_with_the_strike_of_its_signers_issuer() {
    assert_eq!(held_by_two("").await, (false, false));
    assert_eq!(held_by_two("mutant.second_hold_dropped").await, (true, true), "the guard taken away");
}

#[tokio::test]
async fn nothing_else_that_a_struck_issuer_signed_counts() {
    let scene = Scene::new().await;
    let (founded, relay) = (&scene.founded, &scene.relay);
    let list = founded.first_list(scene.founded.claimant().device, RevocationKind::Revoked);
    let (invitation, record) = founded.invite("doctor-c");
    let second = scene.second_on_list().await;
    let office = scene.device(&second, "admin-b", Role::Administrator).await;
    scene.publish(&scene.strike(3, &scene.kept(&[]))).await.unwrap();

    let by_office = |request| from_device_of(&scene, request, &office);
    let revoked = Revocation::new(Arc::clone(relay)).publish_revocation_list(by_office(list.clone())).await;
    assert_eq!(refused(revoked).1, "STATEMENT_INVALID");
    let publish = pb::PublishInvitationRequest { record: Some(record) };
    let registrar = Registrar::new(Arc::clone(relay));
    let invited = registrar.publish_invitation(from_device_of(&scene, publish.clone(), &office)).await;
    assert_eq!(refused(invited).1, "STATEMENT_INVALID");
    let _ = invitation;

    // The control: the same before a strike.
    let before = Scene::new().await;
    let founder = &before.founded.founder;
    let registrar = Registrar::new(Arc::clone(&before.relay));
    let (_, record) = before.founded.invite("doctor-c");
    let publish = pb::PublishInvitationRequest { record: Some(record) };
    assert!(registrar.publish_invitation(from_device(publish, &before.founded, founder)).await.is_ok());
    let list = before.founded.first_list(before.founded.claimant().device, RevocationKind::Revoked);
    let calls = Revocation::new(Arc::clone(&before.relay));
    assert!(calls.publish_revocation_list(from_device(list, &before.founded, founder)).await.is_ok());
}

impl Scene {
    /// The second issuer, once it is on list 2.
    async fn second_on_list(&self) -> IssuerAuthority {
        self.publish(&self.both(2)).await.unwrap();
        IssuerAuthority::new(self.second.key().clone(), self.second.certificate_der()).unwrap()
    }
}

/// A request of a device that the second issuer certified.
fn from_device_of<T>(scene: &Scene, message: T, device: &Installation) -> tonic::Request<T> {
    let mut request = from_device(message, &scene.founded, &scene.founded.founder);
    let organisation = scene.relay.organisation.now();
    let certificate = organisation.verify_device(&device.certificate, DateCheck::Skip).unwrap();
    let peer = request.extensions_mut().get_mut::<crate::transport::Peer>().unwrap();
    peer.door = crate::transport::Door::Device(Arc::new(certificate));
    request
}

/// Invites, and has a device claim it if asked to.
async fn invited(scene: &Scene, claims: bool) -> pb::EnrolRequest {
    let (invitation, record) = scene.founded.invite("doctor-d");
    let publish = pb::PublishInvitationRequest { record: Some(record.clone()) };
    let by = from_device(publish, &scene.founded, &scene.founded.founder);
    Registrar::new(Arc::clone(&scene.relay)).publish_invitation(by).await.unwrap();
    let claim = scene.founded.claim(&invitation, &record, &scene.founded.claimant(), HERE);
    let invitation_id = invitation.id().to_wire();
    let request =
        pb::EnrolRequest { greeting: greeting(), invitation_id, claim: Some(claim), wait_seconds: 0 };
    if claims {
        enrol(scene, &request).await.unwrap();
    }
    request
}

async fn enrol(scene: &Scene, request: &pb::EnrolRequest) -> Result<pb::EnrolResponse, Status> {
    let calls = Enrolment::new(Arc::clone(&scene.relay));
    calls.enrol(from_stranger(request.clone(), HERE)).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn open_invitations_of_a_struck_issuer_are_withdrawn_and_their_waiting_requests_refused() {
    for guarded in [true, false] {
        let scene = Scene::new().await;
        let (open, waits) = (invited(&scene, false).await, invited(&scene, true).await);
        if !guarded {
            arm("mutant.struck_invites");
        }
        scene.publish(&scene.strike(2, &scene.kept(&[&scene.founded.founder.certificate]))).await.unwrap();
        disarm("mutant.struck_invites");
        let acts = scene.acts().await;
        let withdrawn = |act: &&RecordAct| matches!(act, RecordAct::InvitationWithdrawn { by: None, .. });
        let turned_down = |act: &&RecordAct| matches!(act, RecordAct::EnrolmentRefused { by: None, .. });
        let found = (acts.iter().filter(withdrawn).count(), acts.iter().filter(turned_down).count());
        assert_eq!(found, if guarded { (1, 1) } else { (0, 0) });
        assert_eq!(refused(enrol(&scene, &open).await).1, "INVITATION_CANCELLED");
        assert_eq!(refused(enrol(&scene, &waits).await).1, "INVITATION_CANCELLED");
    }
}

#[tokio::test]
async fn the_first_device_of_a_restored_administrator_is_let_in_with_the_list() {
    let scene = Scene::new().await;
    let entropy = &scene.founded.entropy;
    let certified = |issuer, role| Installation::certified(issuer, entropy, "admin-b", role);
    let administrator = certified(&scene.second, Role::Administrator);
    let list = scene.strike(2, &scene.kept(&[&scene.founded.founder.certificate]));
    let mismatch = (Code::InvalidArgument, "CERTIFICATE_MISMATCH".to_owned());
    for wrong in
        [certified(&scene.second, Role::Clinician), certified(&scene.founded.issuer, Role::Administrator)]
    {
        assert_eq!(refused(scene.publish_with(&list, &wrong.certificate).await), mismatch);
    }
    assert_eq!(refused(scene.publish_with(&list, b"no certificate").await), mismatch);
    let taken = certified_as(&scene, scene.founded.founder.device);
    let used = refused(scene.publish_with(&list, &taken).await);
    assert_eq!(used, (Code::InvalidArgument, "FIELD_INVALID".to_owned()), "an id that was certified before");
    assert_eq!(scene.pinned().await, 1, "nothing was stored");

    scene.publish_with(&list, &administrator.certificate).await.unwrap();
    assert_eq!(scene.admit(&administrator), Ok(()));
    let acts = scene.acts().await;
    let on_record = |act: &RecordAct| matches!(act, RecordAct::DeviceCertified { device, .. } if *device == administrator.device);
    assert!(acts.iter().any(on_record));
}

/// An administrator's certificate by the second issuer, for this device id.
fn certified_as(scene: &Scene, device: wardline_proto::DeviceId) -> Vec<u8> {
    let subject = wardline_identity::DeviceSubject {
        organisation: scene.second.organisation().clone(),
        user: wardline_identity::UserId::parse("admin-b").unwrap(),
        device,
        display_name: DisplayName::parse("Admin B").unwrap(),
        device_name: wardline_identity::DeviceName::parse("laptop").unwrap(),
        role: Role::Administrator,
    };
    let key = wardline_identity::SigningKey::generate(&scene.founded.entropy).unwrap();
    let (entropy, now) = (&scene.founded.entropy, scene.founded.clock_now());
    scene.second.certify_device(&subject, &key.public().into(), entropy, now).unwrap()
}

#[tokio::test]
async fn the_list_is_shown_to_whoever_proves_that_they_hold_the_root_and_to_nobody_else() {
    let scene = Scene::new().await;
    let calls = Issuing::new(Arc::clone(&scene.relay));
    let ask = |proof: SignedStatement| {
        calls.get_issuers_list(from_stranger(
            pb::GetIssuersListRequest { proof: Some(proof), keep_still: false },
            HERE,
        ))
    };
    let shown = ask(scene.founded.root.prove(&HERE)).await.unwrap().into_inner();
    assert_eq!(shown.organisation.unwrap(), scene.relay.organisation.now().to_wire());
    assert_eq!(shown.relay_certificates, scene.relay.identity.leaves());
    let statement = (Code::InvalidArgument, "STATEMENT_INVALID".to_owned());
    assert_eq!(refused(ask(scene.founded.root.prove(&[8; 32])).await), statement, "another connection's");
    assert_eq!(refused(ask(Founded::seeded(2).root.prove(&HERE)).await), statement, "another root's");
    assert_eq!(refused(ask(SignedStatement::default()).await), statement);
}

#[tokio::test]
async fn a_restarted_relay_goes_by_the_list_that_came_by_the_call_and_not_by_its_bundle() {
    let scene = Scene::new().await;
    let other = scene.device(&scene.founded.issuer, "doctor-b", Role::Clinician).await;
    // Also where the founder of the bundle is not kept.
    scene.publish(&scene.strike(2, &scene.kept(&[]))).await.unwrap();
    let restarted = scene.founded.relay_over(scene.relay.store.clone()).await;
    assert_eq!(restarted.organisation.now().issuers_number(), 2);
    let again = restarted.devices.admit(&[other.certificate.clone().into()]);
    assert_eq!(again.map(|_| ()), Err(Refusal::CertificateStruck));
    let founder = restarted.devices.admit(&[scene.founded.founder.certificate.clone().into()]);
    assert_eq!(founder.map(|_| ()), Err(Refusal::CertificateStruck));
}

//! Who is shown which devices and removals, and what else ends with a device.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Request, Status};
use wardline_identity::{
    ACTS_MAX, DateCheck, RevocationAct, RevocationAnswer, RevocationKind, RevocationReason,
    RevocationRegister, Role,
};
use wardline_proto::DeviceId;
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::enrolment_service_server::EnrolmentService as _;
use wardline_proto::relay::registrar_service_server::RegistrarService as _;
use wardline_proto::relay::revocation_service_server::RevocationService as _;
use wardline_proto::relay::{
    EnrolRequest, EnrolmentState, GetRemovalsRequest, ListDevicesRequest, ListDevicesResponse,
    PublishInvitationRequest, PublishRevocationListRequest,
};

use super::Revocation;
use crate::founded::{Founded, Installation, from_device, from_stranger, greeting, reason};
use crate::service::enrolment::Enrolment;
use crate::service::registrar::Registrar;
use crate::state::Relay;
use crate::store::StoreError;
use crate::transport::{Admission as _, Refusal, enter_for_tests};

pub(super) struct Office {
    pub(super) founded: Founded,
    pub(super) relay: Arc<Relay>,
    pub(super) calls: Revocation,
}

impl Office {
    pub(super) async fn open() -> Self {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let calls = Revocation::new(Arc::clone(&relay));
        Self { founded, relay, calls }
    }

    pub(super) fn from<T>(&self, by: &Installation, message: T) -> Request<T> {
        from_device(message, &self.founded, by)
    }

    /// Another device that the relay knows, on disk and at its doors.
    pub(super) async fn join(&self, user: &str, role: Role) -> Installation {
        let one = self.founded.certify_later_as(user, role);
        let organisation = self.founded.organisation();
        let certificate = organisation.verify_device(&one.certificate, DateCheck::Skip).unwrap();
        let (device, user, digest) = (one.device, certificate.user().clone(), certificate.fingerprint());
        let known = self.relay.store.write("know", move |tx| {
            Box::pin(async move { tx.enrol_for_tests(device, &user, &digest).await })
        });
        known.await.map_err(|error: StoreError| error).unwrap();
        self.relay.devices.insert(certificate);
        one
    }

    /// Publishes a first list with one act.
    async fn does(&self, device: DeviceId, kind: RevocationKind) {
        let request = self.founded.first_list(device, kind);
        self.calls.publish_revocation_list(self.from(&self.founded.founder, request)).await.unwrap();
    }

    pub(super) async fn list(&self, by: &Installation, user: &str) -> Result<ListDevicesResponse, Status> {
        let request = ListDevicesRequest { user_id: user.to_owned(), ..ListDevicesRequest::default() };
        self.calls.list_devices(self.from(by, request)).await.map(tonic::Response::into_inner)
    }
}

fn certificates(listed: &ListDevicesResponse) -> Vec<&[u8]> {
    listed.devices.iter().map(|one| one.certificate.as_ref()).collect()
}

#[tokio::test]
async fn who_looks_after_devices_sees_all_and_others_their_own_persons() {
    let office = Office::open().await;
    let doctors =
        [office.join("doctor-a", Role::Clinician).await, office.join("doctor-a", Role::Clinician).await];
    let night = office.join("night-desk", Role::Responder).await;
    let machine = office.join("registrar", Role::Registrar).await;
    let all = [&office.founded.founder, &doctors[0], &doctors[1], &night, &machine];
    let ordered = |which: &[&Installation]| {
        let mut which: Vec<_> = which.iter().map(|one| (one.device, one.certificate.clone())).collect();
        which.sort();
        which.into_iter().map(|(_, certificate)| certificate).collect::<Vec<_>>()
    };
    for by in [&office.founded.founder, &night, &machine] {
        assert_eq!(certificates(&office.list(by, "").await.unwrap()), ordered(&all));
        let one = office.list(by, "doctor-a").await.unwrap();
        assert_eq!(certificates(&one), ordered(&[&doctors[0], &doctors[1]]));
    }
    for user in ["", "doctor-a"] {
        let own = office.list(&doctors[0], user).await.unwrap();
        assert_eq!(certificates(&own), ordered(&[&doctors[0], &doctors[1]]), "{user:?}");
    }
    let removals = async |by: &Installation, of: DeviceId| {
        let request = GetRemovalsRequest { device_id: of.to_wire() };
        office.calls.get_removals(office.from(by, request)).await.map(drop)
    };
    removals(&doctors[0], doctors[1].device).await.expect("the same person's");
    for by in [&office.founded.founder, &night, &machine] {
        removals(by, doctors[0].device).await.unwrap();
    }
    let nobodys = DeviceId::from_bytes([9; 16]);
    for refused in [
        office.list(&doctors[0], "night-desk").await.map(drop),
        office.list(&doctors[0], "nobody").await.map(drop),
        removals(&doctors[0], night.device).await,
        removals(&doctors[0], nobodys).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "ROLE_REQUIRED"));
    }
    arm("mutant.others_devices");
    let seen = (office.list(&doctors[0], "night-desk").await, removals(&doctors[0], night.device).await);
    disarm("mutant.others_devices");
    assert!(seen.0.is_ok() && seen.1.is_ok(), "the guard taken away");
    assert_eq!(office.list(&night, "No User").await.unwrap_err().code(), Code::InvalidArgument);
    let list = ListDevicesRequest { after_device_id: vec![1; 15].into(), ..ListDevicesRequest::default() };
    let refused = office.calls.list_devices(office.from(&night, list)).await.unwrap_err();
    assert_eq!(reason(&refused), "FIELD_INVALID");
    let stranger = office.calls.list_devices(from_stranger(ListDevicesRequest::default(), [0; 32])).await;
    assert_eq!(reason(&stranger.unwrap_err()), "CERTIFICATE_REQUIRED");
}

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended_and_lapsed_and_revoked_ones_are_in_them() {
    let office = Office::open().await;
    let phone = office.join("doctor-a", Role::Clinician).await;
    office.does(phone.device, RevocationKind::Revoked).await;
    for number in 0..600 {
        office.join(&format!("user-{number}"), Role::Clinician).await;
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), bytes::Bytes::new(), 0);
    loop {
        let request = ListDevicesRequest { after_device_id: after.clone(), ..ListDevicesRequest::default() };
        let page = office.calls.list_devices(office.from(&office.founded.founder, request)).await;
        let page = page.unwrap().into_inner();
        let organisation = office.founded.organisation();
        for listed in &page.devices {
            let certificate = organisation.verify_device(&listed.certificate, DateCheck::Skip).unwrap();
            seen.push(certificate.device());
        }
        pages += 1;
        if !page.more {
            break;
        }
        after = seen.last().unwrap().to_wire();
    }
    assert_eq!((pages, seen.len()), (2, 602));
    assert!(seen.is_sorted_by(|one, next| one < next), "each once");
    assert!(seen.contains(&phone.device), "the revoked one too");
}

#[tokio::test]
async fn a_device_is_shown_as_connected_while_it_is() {
    let office = Office::open().await;
    let phone = office.join("doctor-a", Role::Clinician).await;
    let connected = enter_for_tests(&office.relay.connections, phone.device);
    let shown = office.list(&phone, "").await.unwrap().devices;
    assert!((shown[0].connected, shown[0].conversations, shown[0].last_seen_at) == (true, 0, None));
    drop(connected);
    assert!(!office.list(&phone, "").await.unwrap().devices[0].connected);
}

#[tokio::test]
async fn the_door_is_shut_to_who_is_out_and_says_why() {
    let office = Office::open().await;
    let phone = office.join("doctor-a", Role::Clinician).await;
    let chain = [rustls::pki_types::CertificateDer::from(phone.certificate.clone())];
    office.relay.devices.admit(&chain).expect("the control: before");
    office.does(phone.device, RevocationKind::Held).await;
    let since = office.founded.clock_now();
    let refused = Refusal::DeviceRevoked { reason: RevocationReason::Lost, since };
    assert_eq!(office.relay.devices.admit(&chain).unwrap_err(), refused);
    arm("mutant.admit_revoked");
    let admitted = office.relay.devices.admit(&chain);
    disarm("mutant.admit_revoked");
    assert!(admitted.is_ok(), "the guard taken away");
    // A hold ends as a revocation, which began then.
    office.founded.clock.advance_seconds(8 * 86_400);
    let since = since.plus_seconds(7 * 86_400);
    let refused = Refusal::DeviceRevoked { reason: RevocationReason::Lost, since };
    assert_eq!(office.relay.devices.admit(&chain).unwrap_err(), refused);
    assert!(matches!(office.relay.devices.admit(&[]), Err(Refusal::CertificateInvalid)));
}

#[tokio::test]
async fn an_enrolment_that_waits_with_a_revoked_id_is_over_at_once() {
    let office = Office::open().await;
    let founded = &office.founded;
    let (invitation, record) = founded.invite("doctor-a");
    let registrar = Registrar::new(Arc::clone(&office.relay));
    let publish = PublishInvitationRequest { record: Some(record.clone()) };
    registrar.publish_invitation(office.from(&founded.founder, publish)).await.unwrap();
    let claimant = founded.claimant();
    let request = |wait_seconds| EnrolRequest {
        greeting: greeting(),
        invitation_id: invitation.id().to_wire(),
        claim: Some(founded.claim(&invitation, &record, &claimant, [7; 32])),
        wait_seconds,
    };
    let enrolment = Enrolment::new(Arc::clone(&office.relay));
    let waiting = enrolment.enrol(from_stranger(request(0), [7; 32])).await.unwrap().into_inner();
    assert_eq!(waiting.state(), EnrolmentState::Waiting, "the control");
    let waits = enrolment.enrol(from_stranger(request(30), [7; 32]));
    let revoke = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        office.does(claimant.device, RevocationKind::Revoked).await;
    };
    let soon = tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(waits, revoke) }).await;
    let answer = soon.expect("at once").0.unwrap().into_inner();
    assert_eq!(answer.state(), EnrolmentState::Refused);
    assert!(answer.refusal.contains("revoked"), "{}", answer.refusal);
}

#[tokio::test]
async fn the_longest_list_is_answered_with_a_statement_that_verifies_and_a_longer_one_is_refused() {
    let office = Office::open().await;
    let (founded, organisation) = (&office.founded, office.founded.organisation());
    let (now, issuer) = (founded.clock_now(), *founded.issuer.certificate().fingerprint());
    let act = |number: usize| RevocationAct {
        device: DeviceId::from_bytes((number as u128 + 1).to_be_bytes()),
        kind: RevocationKind::Revoked,
        reason: RevocationReason::Lost,
        at: now,
        issuer,
    };
    let published = async |count: usize| {
        let acts: Vec<_> = (0..count).map(act).collect();
        let register = RevocationRegister::new(organisation.id());
        let signed = register.sign_next(&founded.issuer, &organisation, &acts, now).unwrap();
        let list = organisation.verify_revocation_list(&signed, DateCheck::Skip).unwrap();
        let wire = acts.iter().map(RevocationAct::to_wire).collect();
        let request = PublishRevocationListRequest { list: Some(signed), acts: wire };
        let response =
            office.calls.publish_revocation_list(office.from(&founded.founder, request)).await?.into_inner();
        Ok::<_, Status>(RevocationAnswer::verify(&organisation, &list, &acts, &response, now).unwrap())
    };
    let refused = published(ACTS_MAX + 1).await.unwrap_err();
    assert_eq!(reason(&refused), "FIELD_INVALID");
    let answer = published(ACTS_MAX).await.unwrap();
    assert_eq!(answer.devices().len(), ACTS_MAX);
}

/// A list that is signed so many seconds ahead of the relay's clock, or with an act that is; what it is refused for.
async fn ahead(list: u64, act: u64) -> Option<String> {
    let office = Office::open().await;
    let (founded, organisation) = (&office.founded, office.founded.organisation());
    let (now, issuer) = (founded.clock_now(), *founded.issuer.certificate().fingerprint());
    let act = RevocationAct {
        device: founded.founder.device,
        kind: RevocationKind::Held,
        reason: RevocationReason::Lost,
        at: now.plus_seconds(act),
        issuer,
    };
    let register = RevocationRegister::new(organisation.id());
    let signed = register.sign_next(&founded.issuer, &organisation, &[act], now.plus_seconds(list)).unwrap();
    let request = PublishRevocationListRequest { list: Some(signed), acts: vec![act.to_wire()] };
    let answer = office.calls.publish_revocation_list(office.from(&founded.founder, request)).await;
    answer.err().map(|status| reason(&status))
}

#[tokio::test]
async fn a_wrong_clock_keeps_no_device_from_being_revoked_unless_it_is_days_ahead() {
    let hours = |hours: u64| hours * 3_600;
    for (list, act) in [(0, 0), (hours(1), hours(1)), (hours(23), 0)] {
        assert_eq!(ahead(list, act).await, None);
    }
    for (list, act) in [(hours(25), 0), (0, hours(25))] {
        assert_eq!(ahead(list, act).await.as_deref(), Some("FIELD_INVALID"));
    }
}

//! Who may use the registrar's calls, and what they list.

use tonic::{Code, Status};
use wardline_identity::Role;
use wardline_proto::relay::registrar_service_server::RegistrarService as _;
use wardline_proto::relay::{
    CancelInvitationRequest, InvitationState, IssueCertificateRequest, ListEnrolmentsRequest,
    ListInvitationsRequest, PublishInvitationRequest, RefuseEnrolmentRequest, RequestIssuerRequest,
    SignedStatement,
};
use wardline_proto::{DeviceId, InvitationId, UtcMillis};

use super::Registrar;
use crate::domain::organisation::{
    INVITATIONS_MAX, NewClaim, NewInvitation, OrganisationStorage as _, WAITING_MAX,
};
use crate::founded::{Founded, Installation, from_device, from_stranger, reason};
use crate::state::Relay;
use crate::store::StoreError;

/// Every call of the service, made with `request`.
macro_rules! every_call {
    ($registrar:expr, $request:expr) => {{
        let (registrar, request) = (&$registrar, $request);
        [
            registrar.publish_invitation(request!(request, PublishInvitationRequest)).await.map(drop),
            registrar.list_invitations(request!(request, ListInvitationsRequest)).await.map(drop),
            registrar.cancel_invitation(request!(request, CancelInvitationRequest)).await.map(drop),
            registrar.list_enrolments(request!(request, ListEnrolmentsRequest)).await.map(drop),
            registrar.issue_certificate(request!(request, IssueCertificateRequest)).await.map(drop),
            registrar.refuse_enrolment(request!(request, RefuseEnrolmentRequest)).await.map(drop),
            registrar.request_issuer(request!(request, RequestIssuerRequest)).await.map(drop),
        ]
    }};
}

macro_rules! request {
    ($make:expr, $message:ident) => {
        $make.through($message::default())
    };
}

enum Caller<'a> {
    Stranger,
    Device(&'a Founded, &'a Installation),
}

impl Caller<'_> {
    fn through<T>(&self, message: T) -> tonic::Request<T> {
        match self {
            Self::Stranger => from_stranger(message, [0; 32]),
            Self::Device(founded, installation) => from_device(message, founded, installation),
        }
    }
}

#[tokio::test]
async fn only_issuers_machines_may_call_here() {
    let founded = Founded::new();
    let registrar = Registrar::new(founded.relay().await);
    let is = |answers: [Result<(), Status>; 7], expected: (Code, &str)| {
        for status in answers.map(Result::unwrap_err) {
            assert_eq!((status.code(), reason(&status).as_str()), expected);
        }
    };
    is(every_call!(registrar, Caller::Stranger), (Code::Unauthenticated, "CERTIFICATE_REQUIRED"));
    for role in [Role::Clinician, Role::Responder, Role::Service] {
        let device = Installation::certified(&founded.issuer, &founded.entropy, "someone", role);
        let answers = every_call!(registrar, Caller::Device(&founded, &device));
        is(answers, (Code::PermissionDenied, "ROLE_REQUIRED"));
    }
    for role in [Role::Administrator, Role::Registrar] {
        let device = Installation::certified(&founded.issuer, &founded.entropy, "office", role);
        let request = from_device(ListInvitationsRequest {}, &founded, &device);
        assert!(registrar.list_invitations(request).await.is_ok(), "control");
    }
}

#[tokio::test]
async fn invitations_are_listed_newest_first_with_their_fate_for_90_days() {
    let founded = Founded::new();
    let registrar = Registrar::new(founded.relay().await);
    let office = Caller::Device(&founded, &founded.founder);
    let mut published = Vec::new();
    for user in ["doctor-a", "nurse-b"] {
        let (invitation, record) = founded.invite(user);
        let message = PublishInvitationRequest { record: Some(record.clone()) };
        let answer = registrar.publish_invitation(office.through(message)).await.unwrap();
        assert_eq!(answer.into_inner().registrar_seen_at, None, "nobody asked for enrolments yet");
        published.push((invitation.id().to_wire(), record));
        founded.clock.advance_seconds(1);
    }
    let cancel = CancelInvitationRequest { invitation_id: published[0].0.clone() };
    registrar.cancel_invitation(office.through(cancel)).await.unwrap();

    let list = || registrar.list_invitations(office.through(ListInvitationsRequest {}));
    let listed = list().await.unwrap().into_inner().invitations;
    let fates: Vec<_> =
        listed.iter().map(|listed| (listed.record.clone().unwrap(), listed.state())).collect();
    let expected = [
        (published[1].1.clone(), InvitationState::Open),
        (published[0].1.clone(), InvitationState::Cancelled),
    ];
    assert_eq!(fates, expected);

    registrar.list_enrolments(office.through(ListEnrolmentsRequest::default())).await.unwrap();
    // Whoever only looks is told when that was, and changes nothing.
    let asked_at = Some(founded.clock_now().into());
    founded.clock.advance_seconds(1);
    for _ in 0..2 {
        let look = ListEnrolmentsRequest { wait_seconds: 0, look_only: true };
        let looked = registrar.list_enrolments(office.through(look)).await.unwrap().into_inner();
        assert_eq!(looked.registrar_seen_at, asked_at);
    }
    let message = PublishInvitationRequest { record: Some(published[1].1.clone()) };
    let seen = registrar.publish_invitation(office.through(message)).await.unwrap().into_inner();
    assert_eq!(seen.registrar_seen_at, asked_at);

    // Devices live 90 days as well: a fresh one asks.
    founded.clock.advance_seconds(60 * 86_400);
    let fresh = founded.certify_later_as("admin-a", Role::Administrator);
    founded.clock.advance_seconds(31 * 86_400);
    let request = from_device(ListInvitationsRequest {}, &founded, &fresh);
    assert_eq!(registrar.list_invitations(request).await.unwrap().into_inner().invitations, []);
}

#[tokio::test]
async fn the_relay_takes_no_more_invitations_than_it_lists() {
    let founded = Founded::new();
    let relay = founded.relay().await;
    let now = founded.clock_now();
    relay.store.fill_invitations(INVITATIONS_MAX - 1, now).await;
    let registrar = Registrar::new(relay);
    let office = Caller::Device(&founded, &founded.founder);
    let publish = |user| {
        let message = PublishInvitationRequest { record: Some(founded.invite(user).1) };
        registrar.publish_invitation(office.through(message))
    };
    publish("doctor-a").await.unwrap();
    let full = publish("nurse-b").await.unwrap_err();
    assert_eq!((full.code(), reason(&full).as_str()), (Code::ResourceExhausted, "LIMIT_REACHED"));
    let listed = registrar.list_invitations(office.through(ListInvitationsRequest {})).await.unwrap();
    assert_eq!(listed.into_inner().invitations.len(), INVITATIONS_MAX);
}

#[tokio::test]
async fn what_nobody_can_judge_any_more_is_left_out_and_stands_in_nobodys_way() {
    let founded = Founded::new();
    let relay = founded.relay().await;
    let now = founded.clock_now();
    // Records of an issuer that is none any more: more than one answer lists, all before the honest one.
    let struck = Founded::seeded(2);
    for place in 0..=WAITING_MAX {
        let (invitation, record) = struck.invite("doctor-a");
        waits(&relay, invitation.id(), record, now.plus_seconds(place as u64)).await;
    }
    let (invitation, record) = founded.invite("nurse-b");
    waits(&relay, invitation.id(), record.clone(), now.plus_seconds(1_000)).await;

    let registrar = Registrar::new(relay);
    let office = Caller::Device(&founded, &founded.founder);
    let listed = registrar.list_enrolments(office.through(ListEnrolmentsRequest::default())).await.unwrap();
    let listed: Vec<_> = listed.into_inner().enrolments.into_iter().filter_map(|one| one.record).collect();
    assert_eq!(listed, [record]);
}

/// An enrolment that waits, as it was stored before its issuer was struck.
async fn waits(relay: &Relay, id: InvitationId, record: SignedStatement, claimed_at: UtcMillis) {
    let invitation = NewInvitation { id, record };
    let claim = NewClaim {
        device: DeviceId::from_bytes(*id.as_bytes()),
        key: vec![1],
        statement: SignedStatement::default(),
    };
    let write = relay.store.write("waits", move |tx| {
        Box::pin(async move {
            tx.open_invitation(&invitation, claimed_at).await?;
            tx.keep_claim(id, &claim, claimed_at).await
        })
    });
    write.await.map_err(|error: StoreError| error).unwrap();
}

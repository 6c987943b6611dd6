//! What members are asked for over their streams, and what becomes of a log that cannot be followed.

use tokio_util::sync::CancellationToken;
use wardline_proto::UtcMillis;
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::membership_service_server::MembershipService as _;
use wardline_proto::relay::membership_task::Task;
use wardline_proto::relay::registrar_service_server::RegistrarService as _;

use super::*;
use crate::run::ask_until;
use crate::service::membership::Memberships;
use crate::service::registrar::Registrar;

/// A ward whose relay asks, and what its members say.
pub(super) struct Asking {
    pub(super) ward: Ward,
    memberships: Memberships,
    stopping: CancellationToken,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

impl Asking {
    /// With the doctor and the nurse in one conversation.
    pub(super) async fn begin() -> Self {
        let ward = Ward::open().await;
        ward.add_nurse().await;
        let stopping = CancellationToken::new();
        tokio::spawn(ask_until(Arc::clone(&ward.relay), stopping.clone()));
        let memberships = Memberships::new(Arc::clone(&ward.relay));
        Self { ward, memberships, stopping }
    }

    /// A stream that has come to where the log is.
    pub(super) async fn stream(&self, device: &Installation, number: u64) -> EventStream {
        let cursor = pb::Cursor { conversation_id: WARD.to_wire(), number, epoch: 0 };
        self.ack(device, number).await;
        let mut stream = self.ward.subscribe(device, vec![cursor]).await.unwrap();
        up_to_now(&mut stream).await;
        stream
    }

    pub(super) async fn ack(&self, device: &Installation, number: u64) {
        let cursor = pb::Cursor { conversation_id: WARD.to_wire(), number, epoch: 0 };
        let request = self.ward.from(device, pb::AckRequest { cursors: vec![cursor] });
        self.ward.calls.ack(request).await.unwrap();
    }

    async fn ask(&self, device: &Installation, request: pb::AskMembersRequest) -> Result<(), Status> {
        self.memberships.ask_members(self.ward.from(device, request)).await.map(drop)
    }

    pub(super) async fn report(
        &self,
        device: &Installation,
        statement: pb::SignedStatement,
    ) -> Result<(), Status> {
        let request = pb::ReportOutOfStepRequest { statement: Some(statement) };
        self.memberships.report_out_of_step(self.ward.from(device, request)).await.map(drop)
    }

    fn now(&self) -> Option<prost_types::Timestamp> {
        Some(self.ward.founded.clock_now().into())
    }

    fn leaving(&self, device: &Installation, user: &str) -> pb::AskMembersRequest {
        let leave = pb::Leave {
            conversation_id: WARD.to_wire(),
            user_id: user.to_owned(),
            left_at: self.now(),
            seen_number: 9,
        };
        let signed = sign_statement(&device.key, StatementLabel::Leave, &leave, Some(&device.certificate));
        pb::AskMembersRequest {
            conversation_ids: vec![WARD.to_wire()],
            ground: Some(pb::ask_members_request::Ground::Leave(signed)),
        }
    }

    pub(super) fn stuck(&self, device: &Installation, number: u64, commit: &[u8]) -> pb::SignedStatement {
        let said = pb::OutOfStep {
            conversation_id: WARD.to_wire(),
            number,
            commit_sha256: Digest::of(commit).to_wire(),
            said_at: self.now(),
        };
        sign_statement(&device.key, StatementLabel::OutOfStep, &said, Some(&device.certificate))
    }

    /// The doctor's commit that changes nobody, as entry 2.
    async fn doctors_commit(&self) -> Bytes {
        let data = declares(&[], &[self.ward.doctor.device, self.ward.nurse.device]);
        let request = committing(&self.ward.doctor, 1, data);
        assert_eq!(self.ward.commit(&self.ward.doctor, request.clone()).await.unwrap().number, 2);
        request.commit
    }
}

/// The next event that is not about packages.
pub(super) async fn event(stream: &mut EventStream) -> Event {
    loop {
        match next(stream).await {
            Event::KeyPackagesLow(_) => {}
            other => return other,
        }
    }
}

/// Nothing comes for a moment.
pub(super) async fn silence(stream: &mut EventStream) {
    let event = tokio::time::timeout(std::time::Duration::from_millis(300), event(stream)).await;
    assert!(event.is_err(), "{event:?}");
}

/// The doctor leaves before the nurse has said that she has what let her in. Whether she is asked as soon as she says it.
async fn asked_once_it_is_in() -> bool {
    let asking = Asking::begin().await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    let cursor = pb::Cursor { conversation_id: WARD.to_wire(), number: 1, epoch: 0 };
    let mut stream = asking.ward.subscribe(nurse, vec![cursor]).await.unwrap();
    up_to_now(&mut stream).await;
    asking.ask(doctor, asking.leaving(doctor, "doctor-a")).await.unwrap();
    silence(&mut stream).await;
    asking.ack(nurse, 1).await;
    let asked = tokio::time::timeout(std::time::Duration::from_secs(1), event(&mut stream)).await;
    matches!(asked, Ok(Event::Task(_)))
}

#[tokio::test]
async fn who_has_just_come_in_is_asked_as_soon_as_she_says_that_she_is_in() {
    assert!(asked_once_it_is_in().await);
    arm("mutant.unheard_acks");
    let asked = asked_once_it_is_in().await;
    disarm("mutant.unheard_acks");
    assert!(!asked, "the guard taken away: not before something else happens");
}

#[tokio::test]
async fn a_member_is_asked_to_let_go_who_left_as_soon_as_it_is_said() {
    let asking = Asking::begin().await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    let mut stream = asking.stream(doctor, 1).await;
    let leaving = asking.leaving(nurse, "nurse-b");
    asking.ask(nurse, leaving.clone()).await.unwrap();
    let Event::Task(task) = event(&mut stream).await else { panic!("a task") };
    let Some(pb::ask_members_request::Ground::Leave(said)) = leaving.ground.clone() else {
        panic!("a leave")
    };
    assert_eq!(task.task, Some(Task::LetGo(said)), "as it was signed");
    assert_eq!((&task.conversation_id, task.task_id.len()), (&WARD.to_wire(), 16));
    assert!((1..=2_000).contains(&task.lease_ms));
    asking.ask(nurse, leaving).await.unwrap();
    silence(&mut stream).await;
}

#[tokio::test]
async fn one_who_connects_later_is_asked_after_everything_that_was_there() {
    let asking = Asking::begin().await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    asking.ask(nurse, asking.leaving(nurse, "nurse-b")).await.unwrap();
    asking.ack(doctor, 1).await;
    let mut stream = asking.ward.subscribe(doctor, vec![]).await.unwrap();
    let before = up_to_now(&mut stream).await;
    assert_eq!(before, ["greeting"], "nothing is asked before it has caught up");
    assert!(matches!(event(&mut stream).await, Event::Task(_)));
}

#[tokio::test]
async fn a_statement_of_another_or_of_another_kind_is_no_ground() {
    let asking = Asking::begin().await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    let refused = async |device, request| reason(&asking.ask(device, request).await.unwrap_err());
    let leaving = asking.leaving(nurse, "nurse-b");
    assert_eq!(refused(doctor, leaving.clone()).await, "STATEMENT_INVALID", "the nurse's, by the doctor");
    assert_eq!(refused(nurse, asking.leaving(nurse, "doctor-a")).await, "STATEMENT_INVALID");
    let Some(pb::ask_members_request::Ground::Leave(said)) = leaving.ground.clone() else {
        panic!("a leave")
    };
    let as_approval = pb::AskMembersRequest {
        ground: Some(pb::ask_members_request::Ground::Approval(said)),
        ..leaving.clone()
    };
    assert_eq!(refused(nurse, as_approval).await, "STATEMENT_INVALID");
    let none = pb::AskMembersRequest { ground: None, ..leaving.clone() };
    assert_eq!(refused(nurse, none).await, "FIELD_INVALID");
    let nowhere = pb::AskMembersRequest { conversation_ids: vec![], ..leaving.clone() };
    assert_eq!(refused(nurse, nowhere).await, "FIELD_INVALID");
    let commit = asking.doctors_commit().await;
    let report = async |device, said| reason(&asking.report(device, said).await.unwrap_err());
    assert_eq!(report(doctor, asking.stuck(nurse, 2, &commit)).await, "STATEMENT_INVALID");
    assert_eq!(report(nurse, asking.stuck(nurse, 2, b"other bytes")).await, "ENTRY_MISMATCH");
    assert_eq!(report(nurse, asking.stuck(nurse, 0, &commit)).await, "STATEMENT_INVALID");
    assert!(asking.report(nurse, asking.stuck(nurse, 2, &commit)).await.is_ok(), "the control");
    assert!(asking.ask(nurse, leaving).await.is_ok(), "the control");
}

#[tokio::test]
async fn one_who_merged_a_commit_is_asked_to_add_anew_who_cannot_follow_it() {
    let asking = Asking::begin().await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    let commit = asking.doctors_commit().await;
    let mut doctors = asking.stream(doctor, 2).await;
    let mut nurses = asking.stream(nurse, 1).await;
    let said = asking.stuck(nurse, 2, &commit);
    asking.report(nurse, said.clone()).await.unwrap();
    asking.ward.founded.clock.advance_seconds(1);
    let Event::Task(task) = event(&mut doctors).await else { panic!("a task") };
    assert_eq!(task.task, Some(Task::AddAnew(pb::AddAnew { reports: vec![said] })));
    silence(&mut nurses).await;
}

#[tokio::test]
async fn a_log_that_nobody_mends_is_closed_and_goes_on_elsewhere() {
    let asking = Asking::begin().await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    let commit = asking.doctors_commit().await;
    let (mut doctors, mut nurses) = (asking.stream(doctor, 2).await, asking.stream(nurse, 1).await);
    let said = asking.stuck(nurse, 2, &commit);
    asking.report(nurse, said.clone()).await.unwrap();
    asking.ward.founded.clock.advance_seconds(1);
    assert!(matches!(event(&mut doctors).await, Event::Task(_)));
    asking.ward.founded.clock.advance_seconds(10);
    asking.ward.relay.tasks.owed(WARD);
    let expected = pb::Closed {
        conversation_id: WARD.to_wire(),
        number: 2,
        head: 2,
        reports: vec![said.clone()],
        successor_id: Bytes::new(),
    };
    assert_eq!(event(&mut doctors).await, Event::Closed(expected.clone()));
    assert_eq!(event(&mut nurses).await, Event::Closed(expected.clone()));
    let Event::Task(task) = event(&mut nurses).await else { panic!("a task for who holds the epoch before") };
    assert_eq!(task.task, Some(Task::Succeed(pb::Succeed { number: 2, reports: vec![said] })));
    assert_eq!(reason(&asking.ward.send(doctor, honest(1, 2)).await.unwrap_err()), "CONVERSATION_CLOSED");

    // The nurse makes it.
    let id = ConversationId::from_bytes([8; 16]);
    let make = |id: ConversationId| pb::CreateConversationRequest {
        conversation_id: id.to_wire(),
        cipher_suite: Suite::X25519.code().into(),
        predecessor: Some(pb::Predecessor { conversation_id: WARD.to_wire(), number: 2 }),
    };
    asking.ward.calls.create_conversation(asking.ward.from(nurse, make(id))).await.unwrap();
    let goes_on = pb::Closed { successor_id: id.to_wire(), ..expected };
    assert_eq!(event(&mut doctors).await, Event::Closed(goes_on.clone()));
    let other = make(ConversationId::from_bytes([9; 16]));
    let second = asking.ward.calls.create_conversation(asking.ward.from(doctor, other)).await.unwrap_err();
    assert_eq!(reason(&second), "SUCCESSOR_EXISTS");
    let closed = asking.ward.send(doctor, honest(1, 2)).await.unwrap_err();
    use tonic_types::StatusExt as _;
    let details = closed.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["successor"], id.to_string());

    // One who comes later is told again; its maker is not.
    let mut doctors = asking.ward.subscribe(doctor, vec![]).await.unwrap();
    assert_eq!(up_to_now(&mut doctors).await, ["greeting", "closed 2"]);
    let mut nurses = asking.ward.subscribe(nurse, vec![]).await.unwrap();
    assert_eq!(up_to_now(&mut nurses).await, ["greeting", "entry 2"]);
}

/// The nurse's new device, certified in place of the one she lost.
async fn replaced(asking: &Asking) -> (Installation, pb::SignedStatement) {
    let founded = &asking.ward.founded;
    let (invitation, record) = founded.invite_replacing("nurse-b", asking.ward.nurse.device);
    let registrar = Registrar::new(Arc::clone(&asking.ward.relay));
    let office = &founded.founder;
    let publish = pb::PublishInvitationRequest { record: Some(record.clone()) };
    registrar.publish_invitation(asking.ward.from(office, publish)).await.unwrap();
    let claimant = founded.claimant();
    let claim = founded.claim(&invitation, &record, &claimant, [7; 32]);
    let request = pb::EnrolRequest {
        greeting: greeting(),
        invitation_id: invitation.id().to_wire(),
        claim: Some(claim.clone()),
        wait_seconds: 0,
    };
    let enrolment = crate::service::enrolment::Enrolment::new(Arc::clone(&asking.ward.relay));
    use wardline_proto::relay::enrolment_service_server::EnrolmentService as _;
    enrolment.enrol(crate::founded::from_stranger(request, [7; 32])).await.unwrap();
    let certificate = founded.certify(&record, &claim);
    let request = pb::IssueCertificateRequest {
        invitation_id: invitation.id().to_wire(),
        certificate: certificate.clone().into(),
    };
    registrar.issue_certificate(asking.ward.from(office, request)).await.unwrap();
    (Installation { key: claimant.key, certificate, device: claimant.device }, record)
}

#[tokio::test]
async fn members_are_told_of_a_new_device_in_place_of_a_lost_one_until_it_is_in() {
    let asking = Asking::begin().await;
    asking.ward.know(&asking.ward.doctor, "doctor-a").await;
    asking.ward.know(&asking.ward.nurse, "nurse-b").await;
    let (doctor, nurse) = (&asking.ward.doctor, &asking.ward.nurse);
    let mut stream = asking.stream(doctor, 1).await;
    let mut lost = asking.stream(nurse, 1).await;
    let (new, record) = replaced(&asking).await;
    let expected = pb::ReplacementWaits {
        conversation_ids: vec![WARD.to_wire()],
        certificate: new.certificate.clone().into(),
        record: Some(record),
        enrolled_at: Some(UtcMillis::from(&asking.now().unwrap()).into()),
    };
    assert_eq!(event(&mut stream).await, Event::Replacement(expected.clone()));
    silence(&mut lost).await;
    let mut stream = asking.stream(doctor, 1).await;
    assert_eq!(event(&mut stream).await, Event::Replacement(expected), "and at the next stream");

    // The doctor confirms it: then the doctor is asked, as the only one who can be.
    let said = pb::Confirmation {
        device_id: new.device.to_wire(),
        certificate_sha256: Digest::of(&new.certificate).to_wire(),
        replaces_device_id: nurse.device.to_wire(),
        confirmed_at: asking.now(),
        invitation: None,
    };
    let label = StatementLabel::Confirmation;
    let said = sign_statement(&doctor.key, label, &said, Some(&doctor.certificate));
    let request = pb::AskMembersRequest {
        conversation_ids: vec![WARD.to_wire()],
        ground: Some(pb::ask_members_request::Ground::Confirmation(said.clone())),
    };
    asking.ask(doctor, request).await.unwrap();
    let Event::Task(task) = event(&mut stream).await else { panic!("a task") };
    assert_eq!(task.task, Some(Task::LetBack(said)));
    silence(&mut lost).await;

    // The lost one goes: nothing waits any more.
    let mut data = declares(&[], &[doctor.device]);
    data.leaves = vec![nurse.device.to_wire()];
    asking.ward.commit(doctor, committing(doctor, 1, data)).await.unwrap();
    let mut stream = asking.stream(doctor, 2).await;
    match event(&mut stream).await {
        // It is still to be let back.
        Event::Task(task) => assert!(matches!(task.task, Some(Task::LetBack(_)))),
        other => panic!("{other:?}"),
    }
    silence(&mut stream).await;
}

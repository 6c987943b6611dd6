//! What a revocation does to the calls, streams and connections of a device, and to those who are in a conversation with it.

use tonic_types::StatusExt as _;
use wardline_identity::{
    DateCheck, HoldAnswer, HoldStatement, RevocationAct, RevocationAnswer, RevocationKind, RevocationReason,
    RevocationRegister,
};
use wardline_proto::UtcMillis;
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::membership_task::Task;
use wardline_proto::relay::revocation_service_server::RevocationService as _;

use super::owed::{Asking, event, silence};
use super::*;
use crate::service::revocation::Revocation;
use crate::transport::enter_for_tests;

/// The administrator, with a register of their own.
struct Office<'a> {
    ward: &'a Ward,
    calls: Revocation,
    register: RevocationRegister,
}

impl<'a> Office<'a> {
    fn new(ward: &'a Ward) -> Self {
        let register = RevocationRegister::new(ward.founded.organisation().id());
        Self { ward, calls: Revocation::new(Arc::clone(&ward.relay)), register }
    }

    fn act(&self, device: &Installation, kind: RevocationKind) -> RevocationAct {
        RevocationAct {
            device: device.device,
            kind,
            reason: RevocationReason::Stolen,
            at: self.ward.founded.clock_now(),
            issuer: *self.ward.founded.issuer.certificate().fingerprint(),
        }
    }

    fn list(&self, acts: &[RevocationAct]) -> pb::PublishRevocationListRequest {
        let (founded, now) = (&self.ward.founded, self.ward.founded.clock_now());
        let list = self.register.sign_next(&founded.issuer, &founded.organisation(), acts, now).unwrap();
        let acts = acts.iter().map(RevocationAct::to_wire).collect();
        pb::PublishRevocationListRequest { list: Some(list), acts }
    }

    /// Puts a list in force, brought by the founder's device; its answer is checked as a client does.
    async fn revokes(&mut self, acts: &[RevocationAct]) -> RevocationAnswer {
        let request = self.list(acts);
        let signed = request.list.clone().unwrap();
        let by = self.ward.from(&self.ward.founded.founder, request);
        let answer = self.calls.publish_revocation_list(by).await.unwrap().into_inner();
        let organisation = self.ward.founded.organisation();
        let list = organisation.verify_revocation_list(&signed, DateCheck::Skip).unwrap();
        let answer = RevocationAnswer::verify(&organisation, &list, acts, &answer, DateCheck::Skip).unwrap();
        self.register.adopt(list, acts).unwrap();
        answer
    }

    async fn removals(&self, of: &Installation) -> Vec<pb::Removal> {
        let request = pb::GetRemovalsRequest { device_id: of.device.to_wire() };
        let by = self.ward.from(&self.ward.founded.founder, request);
        self.calls.get_removals(by).await.unwrap().into_inner().removals
    }

    async fn gets(&self, by: &Installation) -> pb::GetRevocationListResponse {
        let request = self.ward.from(by, pb::GetRevocationListRequest::default());
        self.calls.get_revocation_list(request).await.unwrap().into_inner()
    }
}

const REVOKED: RevocationKind = RevocationKind::Revoked;

/// Refused as one who is out, with why and since when.
fn is_out(refused: &Status) -> bool {
    let details = refused.get_error_details();
    let info = details.error_info().unwrap();
    info.reason == "DEVICE_REVOKED"
        && info.metadata["reason"] == "stolen"
        && info.metadata.contains_key("since_ms")
}

fn opening(id: u8) -> pb::CreateConversationRequest {
    pb::CreateConversationRequest {
        conversation_id: vec![id; 16].into(),
        cipher_suite: Suite::X25519.code().into(),
        predecessor: None,
    }
}

#[tokio::test]
async fn from_the_answer_on_a_device_gets_nothing_and_members_are_asked_to_remove_it() {
    let asking = Asking::begin().await;
    let (ward, doctor, nurse) = (&asking.ward, &asking.ward.doctor, &asking.ward.nurse);
    let (mut doctors, mut nurses) = (asking.stream(doctor, 1).await, asking.stream(nurse, 1).await);
    let (_phone, lost) = enter_for_tests(&ward.relay.connections, nurse.device);
    let (_laptop, kept) = enter_for_tests(&ward.relay.connections, doctor.device);
    let mut office = Office::new(ward);

    let answer = office.revokes(&[office.act(nurse, REVOKED)]).await;
    assert_eq!((answer.number(), answer.in_force_at()), (1, ward.founded.clock_now()));
    assert_eq!(answer.devices()[0].conversations, [WARD]);

    // 1. The device.
    assert!(lost.is_cancelled() && !kept.is_cancelled());
    let end = tokio::time::timeout(std::time::Duration::from_secs(1), nurses.next()).await.unwrap();
    assert!(is_out(&end.unwrap().unwrap_err()));
    for refused in [
        ward.send(nurse, honest(1, 1)).await.map(drop),
        ward.calls.create_conversation(ward.from(nurse, opening(9))).await.map(drop),
        ward.subscribe(nurse, vec![]).await.map(drop),
        office.calls.get_revocation_list(ward.from(nurse, Default::default())).await.map(drop),
    ] {
        assert!(is_out(&refused.unwrap_err()));
    }

    // 2. Everybody else.
    let Event::RevocationList(list) = event(&mut doctors).await else { panic!("the list") };
    assert_eq!(Some(&list), office.register.list().map(|list| list.statement()));
    let Event::Task(task) = event(&mut doctors).await else { panic!("a task") };
    let expected = pb::RemoveRevoked { device_ids: vec![nurse.device.to_wire()], list_number: 1 };
    assert_eq!(task.task, Some(Task::RemoveRevoked(expected)));
    assert_eq!(reason(&ward.send(doctor, honest(2, 1)).await.unwrap_err()), "REVOCATION_PENDING");
    let open = office.removals(nurse).await;
    assert_eq!((open.len(), open[0].list_number, open[0].closure.clone()), (1, 1, None));
    assert_eq!(open[0].conversation_id, WARD.to_wire());

    // 3. The removal.
    let mut data = declares(&[], &[doctor.device]);
    data.leaves = vec![nurse.device.to_wire()];
    let commit = committing(doctor, 1, data);
    ward.commit(doctor, commit.clone()).await.unwrap();
    let closure = office.removals(nurse).await[0].closure.clone().unwrap();
    assert_eq!((closure.number, closure.epoch, closure.conversation_id), (2, 1, WARD.to_wire()));
    assert_eq!(
        (closure.author, closure.commit_sha256),
        (commit.author, Digest::of(&commit.commit).to_wire())
    );
    ward.send(doctor, honest(3, 2)).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(event(&mut doctors).await, Event::Entry(_)));
    }
    silence(&mut doctors).await;
}

#[tokio::test]
async fn when_there_are_more_to_remove_a_member_is_asked_anew() {
    let asking = Asking::begin().await;
    let (ward, doctor, nurse) = (&asking.ward, &asking.ward.doctor, &asking.ward.nurse);
    let locum = ward.founded.certify_later("locum-c");
    let reference: [u8; 32] = ward.package_of(&locum, 2).await.as_ref().try_into().unwrap();
    let mut data = declares(&[locum.device], &[doctor.device, nurse.device, locum.device]);
    data.seen_number = 1;
    let mut request = committing(doctor, 1, data);
    request.welcome = craft::welcome(Suite::X25519.code(), &[reference]).into();
    ward.commit(doctor, request).await.unwrap();
    let mut doctors = asking.stream(doctor, 2).await;
    let mut office = Office::new(ward);
    let mut expected = Vec::new();
    for (device, number) in [(nurse, 1), (&locum, 2)] {
        office.revokes(&[office.act(device, REVOKED)]).await;
        expected.push(device.device.to_wire());
        expected.sort_unstable();
        assert!(matches!(event(&mut doctors).await, Event::RevocationList(_)));
        let Event::Task(task) = event(&mut doctors).await else { panic!("a task") };
        let all = pb::RemoveRevoked { device_ids: expected.clone(), list_number: number };
        assert_eq!(task.task, Some(Task::RemoveRevoked(all)));
    }
}

/// What a call of the nurse's comes to that waits for the writer behind the list that revokes her.
async fn called_before() -> Result<(), Status> {
    let ward = Ward::open().await;
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let store = ward.relay.store.clone();
    let busy = tokio::spawn(async move {
        let wait = store.write("busy", move |_| {
            Box::pin(async move {
                drop(released.await);
                Ok::<_, StoreError>(())
            })
        });
        wait.await
    });
    tokio::task::yield_now().await;
    let mut office = Office::new(&ward);
    let acts = [office.act(&ward.nurse, REVOKED)];
    let call = async {
        tokio::task::yield_now().await;
        ward.calls.create_conversation(ward.from(&ward.nurse, opening(9))).await.map(drop)
    };
    let release = async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
    };
    let (_, called, ()) = tokio::join!(office.revokes(&acts), call, release);
    busy.await.unwrap().unwrap();
    called
}

#[tokio::test]
async fn a_call_that_began_before_the_list_and_comes_to_the_writer_after_it_does_nothing() {
    assert!(is_out(&called_before().await.unwrap_err()));
    arm("mutant.written_after");
    let called = called_before().await;
    disarm("mutant.written_after");
    assert!(called.is_ok(), "the guard taken away: {called:?}");
}

/// Whether a connection of a device that is being revoked stays, among those that it opens all the while.
async fn stays_connected() -> bool {
    let ward = Ward::new().await;
    let relay = &ward.relay;
    let nurse = ward.founded.organisation().verify_device(&ward.nurse.certificate, DateCheck::Skip).unwrap();
    relay.devices.insert(nurse);
    let (devices, connections) = (Arc::clone(&relay.devices), relay.connections.clone());
    let (certificate, device) = (ward.nurse.certificate.clone(), ward.nurse.device);
    let dialling = std::thread::spawn(move || {
        use crate::transport::Admission as _;
        let chain = [rustls::pki_types::CertificateDer::from(certificate)];
        let mut entered = Vec::new();
        // As the doors do: look, enter, look again.
        while devices.admit(&chain).is_ok() {
            let place = enter_for_tests(&connections, device);
            if devices.admit(&chain).is_ok() {
                entered.push(place);
            }
            if entered.len() > 4 {
                entered.remove(0);
            }
        }
        entered
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let mut office = Office::new(&ward);
    office.revokes(&[office.act(&ward.nurse, REVOKED)]).await;
    let entered = tokio::task::spawn_blocking(|| dialling.join().unwrap()).await.unwrap();
    assert!(!entered.is_empty(), "the control: it got in before");
    entered.iter().any(|(_, cut)| !cut.is_cancelled())
}

#[tokio::test]
async fn no_connection_that_comes_while_its_device_is_revoked_stays() {
    assert!(!stays_connected().await);
    arm("mutant.cut_first");
    let stays = stays_connected().await;
    disarm("mutant.cut_first");
    assert!(stays, "cut before it was marked");
}

#[tokio::test]
async fn any_device_brings_a_list_and_one_that_does_not_go_on_from_the_relays_changes_nothing() {
    let ward = Ward::open().await;
    let locum = ward.founded.certify_later("locum-c");
    let (office, other) = (Office::new(&ward), Office::new(&ward));
    let publish = async |by: &Installation, request| {
        office.calls.publish_revocation_list(ward.from(by, request)).await.map(tonic::Response::into_inner)
    };
    let first = office.list(&[office.act(&locum, REVOKED)]);
    let answer = publish(&ward.doctor, first.clone()).await.unwrap();
    ward.founded.clock.advance_seconds(600);
    assert_eq!(publish(&ward.nurse, first).await.unwrap(), answer, "the same, whoever asks and when");
    let fork = publish(&ward.doctor, other.list(&[other.act(&ward.nurse, REVOKED)])).await.unwrap_err();
    let details = fork.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((fork.code(), info.reason.as_str()), (Code::Aborted, "LIST_CONFLICT"));
    assert_eq!((info.metadata["number"].as_str(), info.metadata["acts"].as_str()), ("1", "1"));
    ward.send(&ward.nurse, honest(1, 0)).await.expect_err("she is in no conversation");
    assert!(office.gets(&ward.nurse).await.list.is_some(), "she is in force");

    // Not an issuer's, or of the day after tomorrow.
    let mut forged = other.list(&[]);
    let list = forged.list.as_mut().unwrap();
    list.signature = vec![7; 64].into();
    assert_eq!(reason(&publish(&ward.doctor, forged).await.unwrap_err()), "STATEMENT_INVALID");
    let later = ward.founded.clock_now().plus_seconds(2 * 86_400);
    let act = RevocationAct { at: later, ..other.act(&ward.nurse, RevocationKind::Held) };
    assert_eq!(reason(&publish(&ward.doctor, other.list(&[act])).await.unwrap_err()), "FIELD_INVALID");
    let mut many = other.list(&[]);
    many.acts = vec![act.to_wire(); 1_001];
    assert_eq!(reason(&publish(&ward.doctor, many).await.unwrap_err()), "FIELD_INVALID");
}

#[tokio::test]
async fn a_relay_that_hides_its_list_or_shows_the_one_before_can_be_played() {
    let ward = Ward::open().await;
    let locum = ward.founded.certify_later("locum-c");
    let mut office = Office::new(&ward);
    office.revokes(&[office.act(&locum, REVOKED)]).await;
    let first = office.gets(&ward.doctor).await;
    assert_eq!((first.list.is_some(), first.acts.len()), (true, 1), "the control");
    arm("relay.list_hidden");
    let hidden = office.gets(&ward.doctor).await;
    let number = ward.relay.revocations.number();
    disarm("relay.list_hidden");
    assert_eq!((hidden.list, hidden.acts.len(), number), (None, 0, 0));
    arm("relay.list_old");
    office.revokes(&[office.act(&ward.nurse, REVOKED)]).await;
    disarm("relay.list_old");
    assert_eq!(office.gets(&ward.doctor).await, first);
    assert_eq!(ward.relay.revocations.number(), 1);
}

/// The doctor, whom the list names as a responder, puts the nurse's device on hold.
async fn held_by_statement(ward: &Ward, office: &mut Office<'_>) -> (UtcMillis, pb::HoldGround) {
    let organisation = ward.founded.organisation();
    let certificate =
        |of: &Installation| organisation.verify_device(&of.certificate, DateCheck::Skip).unwrap();
    for device in [&ward.doctor, &ward.nurse] {
        ward.relay.devices.insert(certificate(device));
    }
    let (now, responders) = (ward.founded.clock_now(), [UserId::parse("doctor-a").unwrap()]);
    let next = (&[][..], &responders[..]);
    let list = office.register.sign_next_with(&ward.founded.issuer, &organisation, next, now).unwrap();
    let publish = pb::PublishRevocationListRequest { list: Some(list.clone()), acts: Vec::new() };
    office.calls.publish_revocation_list(ward.from(&ward.founded.founder, publish)).await.unwrap();
    let list = organisation.verify_revocation_list(&list, DateCheck::Skip).unwrap();
    office.register.adopt(list, &[]).unwrap();
    let said = |reason| HoldStatement {
        organisation: organisation.id().clone(),
        devices: vec![ward.nurse.device],
        reason,
        signed_at: now,
    };
    let doctor = certificate(&ward.doctor);
    let statement = said(RevocationReason::Stolen).sign(&ward.doctor.key, &doctor);
    let request = pb::HoldDevicesRequest { statement: Some(statement.clone()) };
    let response = office.calls.hold_devices(ward.from(&ward.doctor, request)).await.unwrap().into_inner();
    let answer = HoldAnswer::verify(&organisation, &statement, &response, DateCheck::Skip).unwrap();
    assert_eq!(answer.devices()[0].conversations, [WARD]);
    let signer_certificate = Bytes::copy_from_slice(&ward.doctor.certificate);
    (now, pb::HoldGround { statement: Some(statement), signer_certificate })
}

#[tokio::test]
async fn by_a_hold_a_device_is_fenced_and_removed_and_the_next_list_tells_of_it() {
    let asking = Asking::begin().await;
    let (ward, doctor, nurse) = (&asking.ward, &asking.ward.doctor, &asking.ward.nurse);
    let mut office = Office::new(ward);
    let (mut doctors, mut nurses) = (asking.stream(doctor, 1).await, asking.stream(nurse, 1).await);
    let (now, ground) = held_by_statement(ward, &mut office).await;
    // 1. Its stream ends; the others are told, and asked.
    let heard = async |stream: &mut EventStream| loop {
        match tokio::time::timeout(std::time::Duration::from_secs(1), stream.next()).await.unwrap().unwrap() {
            Ok(_) => {}
            Err(end) => return end,
        }
    };
    assert!(is_out(&heard(&mut nurses).await));
    let mut told = false;
    let task = loop {
        match event(&mut doctors).await {
            Event::Task(task) => break task,
            Event::Holds(holds) => told |= holds.holds_sha256 == ward.relay.revocations.holds_digest(),
            _ => {}
        }
    };
    assert!(told && matches!(task.task, Some(Task::RemoveRevoked(_))));
    assert_eq!(reason(&ward.send(doctor, honest(2, 1)).await.unwrap_err()), "REVOCATION_PENDING");
    assert_eq!(office.removals(nurse).await[0].list_number, 2, "of the list that will name it");

    // 2. It goes by the statement that the relay took, and by no other.
    let removal = |hold: pb::HoldGround| {
        let mut data = declares(&[], &[doctor.device]);
        data.leaves = vec![nurse.device.to_wire()];
        data.grounds = vec![pb::RemovalGround { ground: Some(pb::removal_ground::Ground::Hold(hold)) }];
        committing(doctor, 1, data)
    };
    let mut unknown: pb::HoldStatement =
        prost::Message::decode(ground.statement.clone().unwrap().body).unwrap();
    unknown.reason = RevocationReason::Other.number();
    let unknown = sign_statement(&doctor.key, StatementLabel::Hold, &unknown, Some(&doctor.certificate));
    let unknown = pb::HoldGround { statement: Some(unknown), ..ground.clone() };
    let text = pb::HoldGround { signer_certificate: b"the patient in bed 4"[..].into(), ..ground.clone() };
    for refused in [unknown.clone(), text] {
        let refused = ward.commit(doctor, removal(refused)).await.unwrap_err();
        assert_eq!(reason(&refused), "DECLARATION_MISMATCH");
    }
    ward.commit(doctor, removal(ground)).await.unwrap();
    ward.send(doctor, honest(3, 2)).await.expect("they talk on");

    // 3. The list that takes it up stands for the conversation that it has left by then.
    let issuer = *ward.founded.issuer.certificate().fingerprint();
    let act = RevocationAct { at: now, issuer, ..office.act(nurse, RevocationKind::Held) };
    let request = {
        let organisation = ward.founded.organisation();
        let list = office.register.sign_next(&ward.founded.issuer, &organisation, &[act], now).unwrap();
        pb::PublishRevocationListRequest { list: Some(list), acts: vec![act.to_wire()] }
    };
    let response = office.calls.publish_revocation_list(ward.from(&ward.founded.founder, request)).await;
    assert_eq!(response.unwrap().into_inner().devices[0].conversation_ids, [WARD.to_wire()]);
    let closed = office.removals(nurse).await;
    assert_eq!((closed.len(), closed[0].closure.is_some()), (1, true), "and owes nothing more");
}

#[tokio::test]
async fn without_the_look_at_what_was_taken_any_statement_would_ride_in_a_commit() {
    let asking = Asking::begin().await;
    let (ward, doctor, nurse) = (&asking.ward, &asking.ward.doctor, &asking.ward.nurse);
    let said = HoldStatement {
        organisation: ward.founded.organisation().id().clone(),
        devices: vec![nurse.device],
        reason: RevocationReason::Lost,
        signed_at: ward.founded.clock_now(),
    };
    let certificate =
        ward.founded.organisation().verify_device(&doctor.certificate, DateCheck::Skip).unwrap();
    let ground = pb::HoldGround {
        statement: Some(said.sign(&doctor.key, &certificate)),
        signer_certificate: Bytes::copy_from_slice(&doctor.certificate),
    };
    let mut data = declares(&[], &[doctor.device]);
    data.leaves = vec![nurse.device.to_wire()];
    data.grounds = vec![pb::RemovalGround { ground: Some(pb::removal_ground::Ground::Hold(ground)) }];
    let commit = committing(doctor, 1, data);
    assert_eq!(reason(&ward.commit(doctor, commit.clone()).await.unwrap_err()), "DECLARATION_MISMATCH");
    arm("mutant.any_hold_rides");
    let taken = ward.commit(doctor, commit).await;
    disarm("mutant.any_hold_rides");
    assert!(taken.is_ok(), "the guard taken away");
}

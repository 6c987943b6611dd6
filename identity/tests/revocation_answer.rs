//! The relay's word that a list is in force: by its own key, about that list, naming those acts and conversations.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod hospital;

use hospital::{DAY, Hospital, NOW, later};
use prost::Message as _;
use wardline_identity::*;
use wardline_proto::{ConversationId, DeviceId, Digest, relay as pb};

/// A list that holds one device and revokes another, and what the relay answers.
struct Scene {
    hospital: Hospital,
    list: RevocationList,
    acts: [RevocationAct; 2],
    relay: SigningKey,
    certificate: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let hospital = Hospital::found(1);
        let issuer = *hospital.issuer.certificate().fingerprint();
        let act = |number, kind| {
            let (device, reason) = (DeviceId::from_bytes([number; 16]), RevocationReason::Lost);
            RevocationAct { device, kind, reason, at: NOW, issuer }
        };
        let acts = [act(1, RevocationKind::Held), act(2, RevocationKind::Revoked)];
        let register = RevocationRegister::new(hospital.organisation.id());
        let signed = register.sign_next(&hospital.issuer, &hospital.organisation, &acts, NOW).unwrap();
        let list = hospital.organisation.verify_revocation_list(&signed, NOW).unwrap();
        let (relay, certificate) = hospital.relay();
        Self { hospital, list, acts, relay, certificate }
    }

    /// What is said of some acts, each device in two conversations.
    fn said(&self, acts: &[RevocationAct]) -> pb::RevocationAnswer {
        let revoked = |act: &RevocationAct| pb::RevokedDevice {
            device_id: act.device.to_wire(),
            kind: act.kind.number(),
            conversations: 2,
            conversations_sha256: Digest::of(&[[7; 16], [8; 16]].concat()).to_wire(),
        };
        pb::RevocationAnswer {
            number: self.list.number(),
            chain_hash: self.list.chain().to_wire(),
            in_force_at: Some(later(1).into()),
            devices: acts.iter().map(revoked).collect(),
        }
    }

    fn sign(&self, key: &SigningKey, said: &pb::RevocationAnswer) -> pb::PublishRevocationListResponse {
        let beside = |device: &pb::RevokedDevice| pb::DeviceConversations {
            device_id: device.device_id.clone(),
            conversation_ids: [[7; 16], [8; 16]].map(|id| id.to_vec().into()).to_vec(),
        };
        let label = StatementLabel::RevocationAnswer;
        pb::PublishRevocationListResponse {
            answer: Some(sign_statement(key, label, said, Some(&self.certificate))),
            relay_certificate: self.certificate.clone().into(),
            devices: said.devices.iter().map(beside).collect(),
        }
    }

    fn answer(&self) -> pb::PublishRevocationListResponse {
        self.sign(&self.relay, &self.said(&self.acts))
    }

    fn verify(
        &self,
        response: &pb::PublishRevocationListResponse,
    ) -> Result<RevocationAnswer, RevocationError> {
        RevocationAnswer::verify(&self.hospital.organisation, &self.list, &self.acts, response, NOW)
    }
}

#[test]
fn an_honest_answer_names_the_instant_and_the_conversations() {
    let scene = Scene::new();
    let answer = scene.verify(&scene.answer()).unwrap();
    assert_eq!((answer.number(), answer.in_force_at()), (1, later(1)));
    assert_eq!(answer.chain(), scene.list.chain());
    let named: Vec<_> = answer.devices().iter().map(|one| (one.device, one.kind)).collect();
    assert_eq!(named, scene.acts.map(|act| (act.device, act.kind)));
    let conversations = [[7; 16], [8; 16]].map(ConversationId::from_bytes);
    assert!(answer.devices().iter().all(|one| one.conversations == conversations));
    // A relay that had the first act names the second.
    let second = scene.sign(&scene.relay, &scene.said(&scene.acts[1..]));
    assert_eq!(scene.verify(&second).unwrap().devices().len(), 1);
}

#[test]
fn only_a_relay_of_the_organisation_in_force_can_say_so() {
    let scene = Scene::new();
    let (device, _) = scene.hospital.device();
    let others = scene.sign(&device, &scene.said(&scene.acts));
    assert!(matches!(scene.verify(&others), Err(RevocationError::Statement(_))));
    let unsigned = pb::PublishRevocationListResponse { answer: None, ..scene.answer() };
    assert_eq!(scene.verify(&unsigned), Err(RevocationError::Field { field: "answer" }));
    // A device's certificate is no relay's, another hospital's relay is not ours, and ours has its time.
    let (key, certificate) = scene.hospital.device();
    let as_device = Scene { relay: key, certificate, ..Scene::new() };
    assert!(scene.verify(&as_device.answer()).is_err());
    let elsewhere = Hospital::named("Elsewhere", 2).relay();
    let foreign = Scene { relay: elsewhere.0, certificate: elsewhere.1, ..Scene::new() };
    assert!(scene.verify(&foreign.answer()).is_err());
    let late = later(4_000 * DAY);
    let organisation = &scene.hospital.organisation;
    assert!(RevocationAnswer::verify(organisation, &scene.list, &scene.acts, &scene.answer(), late).is_err());
}

#[test]
fn an_answer_about_anything_else_is_refused() {
    let scene = Scene::new();
    type Change = fn(&mut pb::RevocationAnswer);
    let changes: [(&str, Change); 7] = [
        ("answer's list", |said| said.number += 1),
        ("answer's list", |said| said.chain_hash = Digest::of(b"another").to_wire()),
        ("instant", |said| said.in_force_at = None),
        ("answer's devices", |said| said.devices.swap(0, 1)),
        ("answer's devices", |said| said.devices[1].kind = RevocationKind::Held.number()),
        ("answer's devices", |said| said.devices.push(said.devices[1].clone())),
        ("answer's conversations", |said| said.devices[0].conversations = 1),
    ];
    for (field, change) in changes {
        let mut said = scene.said(&scene.acts);
        change(&mut said);
        let outcome = scene.verify(&scene.sign(&scene.relay, &said));
        assert_eq!(outcome, Err(RevocationError::Field { field }), "{said:?}");
    }
    // What comes beside is not signed: it must be what the signature stands for.
    type Beside = fn(&mut pb::PublishRevocationListResponse);
    let beside: [Beside; 4] = [
        |response| drop(response.devices.pop()),
        |response| response.devices[0].conversation_ids.swap(0, 1),
        |response| drop(response.devices[0].conversation_ids.pop()),
        |response| response.devices[0].conversation_ids[0] = vec![6; 16].into(),
    ];
    for change in beside {
        let mut response = scene.answer();
        change(&mut response);
        let outcome = scene.verify(&response);
        assert_eq!(outcome, Err(RevocationError::Field { field: "answer's conversations" }), "{response:?}");
    }
    let mut bent = scene.answer();
    let statement = bent.answer.as_mut().unwrap();
    statement.body = [&statement.body[..], &[0]].concat().into();
    assert!(matches!(scene.verify(&bent), Err(RevocationError::Statement(_))), "control: signed bytes only");
    assert!(pb::RevocationAnswer::decode(scene.answer().answer.unwrap().body).is_ok());
}

#[test]
fn an_answer_about_as_many_acts_as_a_list_adds_fits_a_statement_and_one_about_more_does_not() {
    let answer = |acts: usize| {
        let scene = Scene::new();
        let act = scene.acts[1];
        let said = pb::RevocationAnswer { number: u64::MAX, ..scene.said(&vec![act; acts]) };
        // As long as it can be: each device in more conversations than there are.
        let longest = |device| pb::RevokedDevice { conversations: u32::MAX, ..device };
        let devices = said.devices.iter().cloned().map(longest).collect();
        let said = pb::RevocationAnswer { devices, ..said };
        scene.verify(&scene.sign(&scene.relay, &said))
    };
    // It gets as far as what it is about.
    assert_eq!(answer(ACTS_MAX), Err(RevocationError::Field { field: "answer's list" }));
    let long = answer(ACTS_MAX + 200);
    let too_long = matches!(long, Err(RevocationError::Statement(StatementError::TooLong { .. })));
    assert!(too_long, "the control: {long:?}");
}

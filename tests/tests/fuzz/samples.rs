//! Makes the samples in `tests/corpora`, on request only:
//! `WARDLINE_FUZZ_SAMPLES=1 cargo test -p wardline-tests --test fuzz samples`; those of some targets with their names in place of
//! the 1, commas between them.
//!
//! Everything in them is real: made by the product's own code for the organisation of [`crate::world`]. They are kept
//! because KeyPackages and what is encrypted cannot be made twice alike; make them anew when a test says that a sample
//! is refused.

use std::fs;

use prost::Message;
use wardline_client_core::vault::fuzzing;
use wardline_identity::{
    Checkpoint, DateCheck, DeviceKey, DeviceSubject, Invitation, InvitationLink, P256SigningKey, RecordAct,
    RecordEntry, RevocationRegister, Role, SeededEntropy, SigningKey, StandingList, StatementLabel, Strike,
    certificate_request, claim_statement, sign_statement,
};
use wardline_proto::{
    ConversationId, Digest, Suite,
    content::{self, Content, ConversationSettings, content::Body},
    relay::{self as pb, subscribe_response::Event},
};

use crate::{
    certificates::request_key,
    requests,
    resign::label_of,
    target::corpus,
    traffic,
    world::{NOW, WORLD, subject},
};

/// The key of the sample database.
pub(crate) const DATABASE_KEY: [u8; 32] = [8; 32];

/// The conversation that samples are of.
pub(crate) const CONVERSATION: ConversationId = ConversationId::from_bytes([7; 16]);

#[test]
fn samples_are_made_on_request() {
    if std::env::var_os("WARDLINE_FUZZ_SAMPLES").is_none() {
        return;
    }
    certificates();
    statements();
    records();
    invitations();
    contents();
    vault();
    requests::of_enrolment();
    requests::of_revocation();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for suite in Suite::ALL {
        runtime.block_on(traffic::of(suite));
    }
}

/// Puts a sample where its target finds it.
pub(crate) fn keep(target: &str, name: &str, bytes: &[u8]) {
    let wanted = std::env::var("WARDLINE_FUZZ_SAMPLES").unwrap_or_default();
    if wanted != "1" && !wanted.split(',').any(|one| one == target) {
        return;
    }
    fs::create_dir_all(corpus(target)).expect("a folder");
    fs::write(corpus(target).join(name), bytes).expect("a sample");
}

pub(crate) fn certify(subject: &DeviceSubject, key: &DeviceKey) -> Vec<u8> {
    let entropy = SeededEntropy::new(9);
    WORLD.issuer.certify_device(subject, key, &entropy, NOW).expect("a certificate")
}

fn certificates() {
    let p256 = P256SigningKey::generate(&SeededEntropy::new(6)).expect("a key");
    let service = subject("ehr", Role::Service, 6);
    let addresses = ["relay.example.org:443".to_owned(), "10.0.0.7:8443".to_owned()];
    let request = certificate_request(&request_key()).expect("a request");
    let relay = WORLD.issuer.certify_relay(&request, &addresses, &SeededEntropy::new(9), NOW);
    keep("certificate", "doctor", WORLD.doctor.certificate.der());
    keep("certificate", "office", WORLD.office.certificate.der());
    keep("certificate", "service-p256", &certify(&service, &p256.public()));
    keep("certificate", "relay", &relay.expect("a certificate"));
    keep("certificate_request", "ed25519", &request);
    keep("certificate_request", "p256", &p256.certificate_request().expect("a request"));
    keep("organisation", "one-issuer", &WORLD.wire.encode_to_vec());
    let entropy = SeededEntropy::new(10);
    let label = wardline_identity::DisplayName::parse("Registrar").expect("a name");
    let second =
        WORLD.root.certify_issuer(&request_key().public(), &label, &entropy, NOW).expect("an issuer");
    let issuers = [WORLD.issuer.certificate_der().to_vec(), second];
    let list = WORLD.root.sign_issuers_list(2, &issuers).expect("a list");
    let two = pb::Organisation { issuers: Some(list), ..WORLD.wire.clone() };
    keep("organisation", "two-issuers", &two.encode_to_vec());
    let struck = Strike {
        certificate: issuers[1].clone(),
        kept: (0..3_u8).map(|byte| Digest::of(&[byte])).collect(),
        since: Some(2),
    };
    let standing = Some(StandingList { number: 7, digest: Digest::of(b"a list") });
    let list = WORLD.root.sign_issuers(3, &issuers[..1], (&[struck], standing)).expect("a list");
    let one_struck = pb::Organisation { issuers: Some(list), ..WORLD.wire.clone() };
    keep("organisation", "one-struck", &one_struck.encode_to_vec());
}

pub(crate) fn by_doctor(label: StatementLabel, message: &impl Message) -> pb::SignedStatement {
    sign_statement(&WORLD.doctor.key, label, message, Some(WORLD.doctor.certificate.der()))
}

pub(crate) fn digest(byte: u8) -> bytes::Bytes {
    Digest::of(&[byte]).to_wire()
}

pub(crate) fn leave() -> pb::SignedStatement {
    let user_id = "doctor-a".to_owned();
    let leave = pb::Leave {
        conversation_id: CONVERSATION.to_wire(),
        user_id,
        left_at: Some(NOW.into()),
        seen_number: 9,
    };
    by_doctor(StatementLabel::Leave, &leave)
}

pub(crate) fn out_of_step() -> pb::SignedStatement {
    let (conversation_id, commit_sha256) = (CONVERSATION.to_wire(), digest(1));
    let report = pb::OutOfStep { conversation_id, number: 7, commit_sha256, said_at: Some(NOW.into()) };
    by_doctor(StatementLabel::OutOfStep, &report)
}

pub(crate) fn approval() -> pb::SignedStatement {
    let device_id = WORLD.office.certificate.device().to_wire();
    let certificate_sha256 = WORLD.office.certificate.fingerprint().to_wire();
    let approval = pb::DeviceApproval { device_id, certificate_sha256, approved_at: Some(NOW.into()) };
    by_doctor(StatementLabel::DeviceApproval, &approval)
}

pub(crate) fn confirmation() -> pb::SignedStatement {
    let confirmation = pb::Confirmation {
        device_id: WORLD.office.certificate.device().to_wire(),
        certificate_sha256: WORLD.office.certificate.fingerprint().to_wire(),
        replaces_device_id: WORLD.doctor.certificate.device().to_wire(),
        confirmed_at: Some(NOW.into()),
        invitation: None,
    };
    by_doctor(StatementLabel::Confirmation, &confirmation)
}

/// The doctor puts a device that is nobody's on hold.
pub(crate) fn hold() -> pb::SignedStatement {
    let said = pb::HoldStatement {
        organisation_id: WORLD.organisation.id().to_string(),
        device_ids: vec![vec![21; 16].into()],
        reason: pb::RevocationReason::Lost.into(),
        signed_at: Some(NOW.into()),
    };
    by_doctor(StatementLabel::Hold, &said)
}

/// The doctor's words that ask for a key to be an issuer's: whether they may is not looked at where statements are read.
fn issuer_request() -> pb::SignedStatement {
    let said = pb::IssuerRequest {
        organisation_id: "st-example".to_owned(),
        user_id: "doctor-a".to_owned(),
        device_id: WORLD.doctor.certificate.device().to_wire(),
        certificate_request: certificate_request(&request_key()).expect("a request").into(),
        requested_at: Some(NOW.into()),
    };
    by_doctor(StatementLabel::IssuerRequest, &said)
}

pub(crate) fn hold_ground() -> pb::HoldGround {
    let signer_certificate = WORLD.doctor.certificate.der().to_vec().into();
    pb::HoldGround { statement: Some(hold()), signer_certificate }
}

fn hold_answer() -> pb::SignedStatement {
    let device = pb::HeldDevice {
        device_id: vec![21; 16].into(),
        kind: pb::RevocationKind::Held.into(),
        since: Some(NOW.into()),
        conversations: 1,
        conversations_sha256: digest(7),
    };
    let answer =
        pb::HoldAnswer { statement_sha256: digest(8), in_force_at: Some(NOW.into()), devices: vec![device] };
    by_doctor(StatementLabel::HoldAnswer, &answer)
}

fn relay_time() -> pb::SignedStatement {
    let time = pb::RelayTime { time: Some(NOW.into()), issuers_list_number: 1, ..pb::RelayTime::default() };
    by_doctor(StatementLabel::RelayTime, &time)
}

fn renewal() -> pb::SignedStatement {
    let doctor = &WORLD.doctor;
    let asked = wardline_identity::Renewal::ask(&doctor.key, &doctor.certificate, &request_key());
    asked.renewal.expect("a statement")
}

fn author() -> pb::SignedStatement {
    let (conversation_id, commit_sha256) = (CONVERSATION.to_wire(), digest(2));
    by_doctor(StatementLabel::CommitAuthor, &pb::CommitAuthor { conversation_id, epoch: 3, commit_sha256 })
}

fn removal() -> wardline_identity::RemovalConfirmation {
    let said = pb::RemovalConfirmation {
        conversation_id: CONVERSATION.to_wire(),
        number: 9,
        epoch: 3,
        commit_sha256: digest(2),
        device_ids: vec![WORLD.office.certificate.device().to_wire()],
        merged_at: Some(NOW.into()),
    };
    wardline_identity::RemovalConfirmation::read(&said.encode_to_vec()).expect("a confirmation")
}

/// The head of the record, and an entry of each form that holds others' statements or many fields.
fn records() {
    let head = Checkpoint::new(WORLD.organisation.id(), 1_234, Digest::from_bytes([3; 32]));
    keep("checkpoint", "head", &head.sign(&WORLD.doctor.key));
    let (device, conversation) = (WORLD.office.certificate.device(), CONVERSATION);
    let confirmation = removal();
    let statement = by_doctor(StatementLabel::RemovalConfirmation, &confirmation.to_wire());
    let certificate = bytes::Bytes::copy_from_slice(WORLD.doctor.certificate.der());
    let acts = [
        (
            "certified",
            RecordAct::DeviceCertified {
                device,
                user: WORLD.doctor.certificate.user().clone(),
                role: Role::Clinician,
                certificate: WORLD.doctor.certificate.fingerprint(),
                issuer: Digest::from_bytes([4; 32]),
                by: Some(device),
            },
        ),
        (
            "relay",
            RecordAct::RelayCertified {
                certificates: [Digest::from_bytes([5; 32]), Digest::from_bytes([6; 32])],
                issuer: Digest::from_bytes([4; 32]),
                by: device,
            },
        ),
        ("tried", RecordAct::VaultTried { device, tries: 10, closed: true }),
        (
            "list",
            RecordAct::ListInForce {
                list: by_doctor(StatementLabel::RevocationList, &list_head()),
                acts: Vec::new(),
                answer: by_doctor(StatementLabel::RevocationAnswer, &list_answer()),
                relay_certificate: certificate.clone(),
            },
        ),
        (
            "held",
            RecordAct::DevicesHeld {
                devices: vec![wardline_proto::DeviceId::from_bytes([21; 16])],
                statement: hold(),
                certificate: certificate.clone(),
                answer: hold_answer(),
                relay_certificate: certificate.clone(),
            },
        ),
        ("removal", RecordAct::RemovalClosed { device, conversation, list_number: 2, commit: None }),
        ("confirmed", RecordAct::RemovalConfirmed { confirmation, statement, certificate }),
    ];
    for (name, act) in acts {
        keep("record_entry", name, &RecordEntry { at: NOW, act }.encode());
    }
}

fn statements() {
    let all = [
        (
            StatementLabel::RemovalConfirmation,
            by_doctor(StatementLabel::RemovalConfirmation, &removal().to_wire()),
        ),
        (StatementLabel::Leave, leave()),
        (StatementLabel::OutOfStep, out_of_step()),
        (StatementLabel::DeviceApproval, approval()),
        (StatementLabel::Confirmation, confirmation()),
        (StatementLabel::RelayTime, relay_time()),
        (StatementLabel::IssuerRequest, issuer_request()),
        (StatementLabel::Hold, hold()),
        (StatementLabel::HoldAnswer, hold_answer()),
        (StatementLabel::CertificateRenewal, renewal()),
        (StatementLabel::CommitAuthor, author()),
        (StatementLabel::RevocationList, by_doctor(StatementLabel::RevocationList, &list_head())),
        (StatementLabel::RevocationAnswer, by_doctor(StatementLabel::RevocationAnswer, &list_answer())),
    ];
    for (label, statement) in all {
        let byte = (0..u8::MAX).find(|byte| label_of(*byte) == label).expect("a label");
        keep("statement", label.text(), &[&[byte][..], &statement.encode_to_vec()].concat());
    }
}

/// The sample invitation's record, which may replace a device.
fn record(replaces: bytes::Bytes) -> pb::SignedStatement {
    record_of(&WORLD.invitation, replaces)
}

/// The record of the invitation with this key.
pub(crate) fn record_of(key: &SigningKey, replaces: bytes::Bytes) -> pb::SignedStatement {
    let public = key.public();
    let record = pb::InvitationRecord {
        invitation_id: bytes::Bytes::copy_from_slice(&Digest::of(public.as_bytes()).as_bytes()[..16]),
        public_key: public.as_bytes().to_vec().into(),
        user_id: "nurse-b".to_owned(),
        display_name: "Name of nurse-b".to_owned(),
        role: Role::Clinician.into(),
        expires_at: Some(NOW.plus_seconds(3_600).into()),
        organisation_id: "st-example".to_owned(),
        replaces_device_id: replaces,
    };
    WORLD.issuer.sign(StatementLabel::InvitationRecord, &record)
}

fn invitations() {
    let replaced = WORLD.doctor.certificate.device().to_wire();
    for (name, replaces) in [("invited", bytes::Bytes::new()), ("replacing", replaced)] {
        let signed = record(replaces);
        let verified = WORLD.organisation.verify_invitation(&signed, DateCheck::At(NOW)).expect("a record");
        let request = certificate_request(&request_key()).expect("a request");
        let device = subject("nurse-b", Role::Clinician, 7);
        let link = link(&["relay.example.org:443".to_owned()]);
        let invitation = Invitation::from_link(&link);
        let claim =
            claim_statement(&invitation, &verified, &request, device.device, &device.device_name, &[3; 32]);
        let waiting = pb::WaitingEnrolment { record: Some(signed), claim: Some(claim.expect("a claim")) };
        keep("invitation", name, &waiting.encode_to_vec());
    }
    let two = ["relay.example.org:443".to_owned(), "[2001:db8::7]:8443".to_owned()];
    keep("invitation_link", "one", link(&two[..1]).encode().expect("a link").as_bytes());
    keep("invitation_link", "two", link(&two).encode().expect("a link").as_bytes());
}

fn link(addresses: &[String]) -> InvitationLink {
    link_of(&WORLD.invitation, addresses)
}

/// A link to the invitation with this key, put together as the product's is.
pub(crate) fn link_of(key: &SigningKey, addresses: &[String]) -> InvitationLink {
    let mut inside = vec![1];
    inside.extend_from_slice(WORLD.fingerprint().as_bytes());
    inside.extend_from_slice(&*key.seed());
    inside.extend_from_slice(addresses.join("\n").as_bytes());
    let sum = Digest::of(&[b"wardline link", &inside[..]].concat());
    inside.extend_from_slice(&sum.as_bytes()[..4]);
    let text = format!("wardline://enrol/{}", data_encoding::BASE32_NOPAD.encode(&inside));
    InvitationLink::parse(&text).expect("a link")
}

pub(crate) fn settings(predecessor: bool) -> ConversationSettings {
    let before = content::Predecessor { conversation_id: vec![6; 16], number: 8, head: 9 };
    ConversationSettings {
        name: "Ward 3".to_owned(),
        retention_seconds: 86_400,
        keepers: vec!["doctor-a".to_owned(), "nurse-b".to_owned()],
        number: 3,
        predecessor: predecessor.then_some(before),
    }
}

pub(crate) fn content(body: Body) -> Content {
    Content {
        message_id: vec![4; 16],
        seen_number: 12,
        seen_hash: vec![5; 32],
        revocation_list_number: 1,
        policy_number: 1,
        sent_at_ms: NOW.get(),
        body: Some(body),
        ..Content::default()
    }
}

fn contents() {
    let text = content::Text { text: "Bed 4 moved to bay 2 — Grüße".to_owned() };
    keep("content", "text", &content(Body::Text(text)).encode_to_vec());
    let recall = content::Recall { device_id: vec![7; 16], message_id: vec![8; 16] };
    keep("content", "recall", &content(Body::Recall(recall)).encode_to_vec());
    keep("content", "leave", &content(Body::Leave(leave().encode_to_vec())).encode_to_vec());
    keep("settings", "new", &settings(false).encode_to_vec());
    keep("settings", "successor", &settings(true).encode_to_vec());
    for (name, event) in events() {
        keep("event", name, &pb::SubscribeResponse { event: Some(event) }.encode_to_vec());
    }
}

fn between() -> pb::EntryLink {
    let message_sha256 = vec![5; 32].into();
    pb::EntryLink { kind: 2, life_seconds: 3_600, stamp_ms: NOW.get(), message_sha256 }
}

fn closed(conversation_id: &bytes::Bytes) -> Event {
    Event::Closed(pb::Closed {
        conversation_id: conversation_id.clone(),
        number: 7,
        head: 9,
        reports: vec![out_of_step()],
        successor_id: vec![6; 16].into(),
    })
}

fn waits(conversation_id: &bytes::Bytes) -> Event {
    Event::Replacement(pb::ReplacementWaits {
        conversation_ids: vec![conversation_id.clone()],
        certificate: WORLD.doctor.certificate.der().to_vec().into(),
        record: Some(record(bytes::Bytes::new())),
        enrolled_at: Some(NOW.into()),
    })
}

fn place(conversation_id: &bytes::Bytes) -> Event {
    let (conversation_id, chain_hash) = (conversation_id.clone(), vec![7; 32].into());
    Event::Place(pb::LogPlace { conversation_id, number: 1, chain_hash })
}

fn events() -> Vec<(&'static str, Event)> {
    let conversation_id = CONVERSATION.to_wire();
    let entry = pb::Entry {
        conversation_id: conversation_id.clone(),
        number: 7,
        kind: pb::EntryKind::Commit.into(),
        epoch: 3,
        stamp_ms: NOW.get(),
        message: vec![1; 64].into(),
        message_sha256: digest(3),
        sender_device_id: WORLD.doctor.certificate.device().to_wire(),
        author: Some(author()),
        ..pb::Entry::default()
    };
    let welcome = pb::WelcomeDelivery {
        conversation_id: conversation_id.clone(),
        number: 7,
        chain_hash: digest(4),
        welcome: vec![2; 64].into(),
        sender_device_id: entry.sender_device_id.clone(),
        stamp_ms: NOW.get(),
        between: vec![between()],
    };
    let greeting = pb::RelayGreeting {
        versions: Some(pb::VersionRange { lowest: 1, highest: 1 }),
        time: Some(relay_time()),
        relay_certificate: WORLD.office.certificate.der().to_vec().into(),
    };
    use pb::membership_task::Task;
    let task = |task| {
        let (task_id, lease_ms) = (vec![9; 16].into(), 2_000);
        Event::Task(pb::MembershipTask {
            conversation_id: conversation_id.clone(),
            task_id,
            lease_ms,
            task: Some(task),
        })
    };
    let removed = pb::Removed { conversation_id: conversation_id.clone(), number: 7 };
    let anew = pb::AddAnew { reports: vec![out_of_step()] };
    let succeed = pb::Succeed { number: 7, reports: vec![out_of_step()] };
    vec![
        ("add-anew", task(Task::AddAnew(anew))),
        ("add-device", task(Task::AddDevice(approval()))),
        ("let-back", task(Task::LetBack(confirmation()))),
        ("let-go", task(Task::LetGo(leave()))),
        ("remove-revoked", task(Task::RemoveRevoked(remove_revoked()))),
        ("renew", task(Task::Renew(pb::Renew {}))),
        ("succeed", task(Task::Succeed(succeed))),
        ("caught-up", Event::CaughtUp(pb::CaughtUp {})),
        ("closed", closed(&conversation_id)),
        ("entry", Event::Entry(entry)),
        ("greeting", Event::Greeting(greeting)),
        ("key-packages-low", Event::KeyPackagesLow(pb::KeyPackagesLow {})),
        ("place", place(&conversation_id)),
        ("removed", Event::Removed(removed)),
        ("replacement", waits(&conversation_id)),
        ("revocation-list", Event::RevocationList(revocation_list())),
        ("holds", Event::Holds(pb::HoldsPending { holds_sha256: digest(9) })),
        ("welcome", Event::Welcome(welcome)),
    ]
}

fn remove_revoked() -> pb::RemoveRevoked {
    pb::RemoveRevoked { device_ids: vec![vec![21; 16].into()], list_number: 1 }
}

fn list_head() -> pb::RevocationList {
    pb::RevocationList {
        number: 7,
        signed_at: Some(NOW.into()),
        life_seconds: 259_200,
        acts: 9,
        chain_hash: digest(5),
        issuers_list_number: 1,
        issuers_list_sha256: digest(6),
        policy: Some(pb::Policy {
            number: 2,
            life_seconds_max: 604_800,
            life_seconds_default: 86_400,
            text_bytes_max: 4_096,
            minimum_versions: vec![pb::MinimumVersion {
                software: "wardline".to_owned(),
                version: "0.1.0".to_owned(),
            }],
            auto_lock_seconds: 300,
            max_open_seconds: 28_800,
        }),
        ..pb::RevocationList::default()
    }
}

fn list_answer() -> pb::RevocationAnswer {
    let device = pb::RevokedDevice {
        device_id: vec![21; 16].into(),
        kind: pb::RevocationKind::Revoked.into(),
        conversations: 1,
        conversations_sha256: digest(7),
    };
    pb::RevocationAnswer {
        number: 7,
        chain_hash: digest(5),
        in_force_at: Some(NOW.into()),
        devices: vec![device],
    }
}

/// The first list, without any act.
fn revocation_list() -> pb::SignedStatement {
    let register = RevocationRegister::new(WORLD.organisation.id());
    register.sign_next(&WORLD.issuer, &WORLD.organisation, &[], NOW).expect("a list")
}

fn vault() {
    let header = fuzzing::plain_header();
    keep("vault_header", "floor", &header);
    keep("vault_header", "paired", &fuzzing::paired_header());
    let content = [&[0, 1][..], &[3; 32]].concat();
    let key = |of: &[u8], key: u8| [of, &[key; 32]].concat();
    let two = [key(&[0, 0, 3, 232], 1), key(&[0, 0, 7, 208], 2), vec![0, 0, 0, 1], key(&[5; 16], 3)].concat();
    keep("vault_periods", "two", &[&[0, 1, 0, 0, 0, 2][..], &two].concat());
    keep("vault_periods", "none", &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    keep("vault_keyring", "sealed", &fuzzing::sealed_keyring(&header, [4; 24], &content));
}

//! Makes the samples of the RPCs: requests which a fresh relay of the samples' organisation takes one after the other.

use prost::Message;
use wardline_identity::{
    Blinding, DateCheck, DeviceKey, ExporterCheck, Invitation, InvitationLink, IssuerRequest, Policy,
    RemovalConfirmation, RevocationAct, RevocationKind, RevocationReason, RevocationRegister, Role, Rules,
    SeededEntropy, SigningKey, StatementLabel, UnlockConfirmation, UnlockTry, certificate_request,
    claim_statement, sign_statement,
};
use wardline_proto::{DeviceId, Digest, EntryNumber, Epoch, PairId, Suite, TryId, relay as pb};

use crate::{
    certificates::request_key,
    house::EXPORTER,
    samples::{CONVERSATION, approval, by_doctor, certify, keep, leave, link_of, out_of_step, record_of},
    world::{NOW, WORLD, subject},
};

/// Keeps a request as a sample of its RPC.
fn request(call: &str, name: &str, request: &impl Message) {
    keep(&format!("rpc.{call}"), name, &request.encode_to_vec());
}

fn greeting() -> Option<pb::ClientGreeting> {
    Some(pb::ClientGreeting {
        versions: Some(pb::VersionRange { lowest: 1, highest: 1 }),
        software: "wardline/0.1.0".to_owned(),
        revocation_list_number: 0,
        issuers_list_number: 1,
    })
}

fn invitation_id(key: &SigningKey) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(&Digest::of(key.public().as_bytes()).as_bytes()[..16])
}

/// Enrolment, from the invitation to the certificate; and what an issuer's machine asks.
pub(crate) fn of_enrolment() {
    let (first, second) = (&WORLD.invitation, SigningKey::from_seed([14; 32]));
    let record = record_of(first, bytes::Bytes::new());
    request("PublishInvitation", "first", &pb::PublishInvitationRequest { record: Some(record.clone()) });
    let other = record_of(&second, bytes::Bytes::new());
    request("PublishInvitation", "second", &pb::PublishInvitationRequest { record: Some(other) });
    let id = invitation_id(first);
    let get = pb::GetInvitationRequest { greeting: greeting(), invitation_id: id.clone() };
    request("GetInvitation", "first", &get);
    let verified = WORLD.organisation.verify_invitation(&record, DateCheck::At(NOW)).expect("a record");
    let device = subject("nurse-b", Role::Clinician, 7);
    let link: InvitationLink = link_of(first, &["relay.example.org:443".to_owned()]);
    let csr = certificate_request(&request_key()).expect("a request");
    let claim = claim_statement(
        &Invitation::from_link(&link),
        &verified,
        &csr,
        device.device,
        &device.device_name,
        &EXPORTER,
    );
    let claim = claim.expect("a claim");
    assert!(verified.verify_claim(&claim, ExporterCheck::Equals(EXPORTER)).is_ok());
    let enrol = pb::EnrolRequest {
        greeting: greeting(),
        invitation_id: id.clone(),
        claim: Some(claim),
        wait_seconds: 0,
    };
    request("Enrol", "first", &enrol);
    let certificate = certify(&device, &DeviceKey::Ed25519(request_key().public())).into();
    let issue = pb::IssueCertificateRequest { invitation_id: id.clone(), certificate };
    request("IssueCertificate", "first", &issue);
    request("ListInvitations", "all", &pb::ListInvitationsRequest {});
    request("ListEnrolments", "now", &pb::ListEnrolmentsRequest { wait_seconds: 0, look_only: false });
    let cancel = pb::CancelInvitationRequest { invitation_id: invitation_id(&second) };
    request("CancelInvitation", "second", &cancel);
    let reason = "Not known here".to_owned();
    request("RefuseEnrolment", "first", &pb::RefuseEnrolmentRequest { invitation_id: id, reason });
    let doctor = &WORLD.doctor;
    let asked = wardline_identity::Renewal::ask(&doctor.key, &doctor.certificate, &request_key());
    request("RenewCertificate", "doctor", &pb::RenewCertificateRequest { request: Some(asked) });
    let subject = doctor.certificate.subject();
    let certificate = certify(subject, &DeviceKey::Ed25519(request_key().public())).into();
    request("IssueRenewal", "doctor", &pb::IssueRenewalRequest { certificate });
    of_vaults();
    let certificates = pb::IssueRelayCertificatesRequest {
        certificate_ed25519: WORLD.office.certificate.der().to_vec().into(),
        certificate_p256: WORLD.doctor.certificate.der().to_vec().into(),
        issuer: WORLD.issuer.certificate_der().to_vec().into(),
    };
    request("IssueRelayCertificates", "devices", &certificates);
    let office = (&WORLD.office.key, &WORLD.office.certificate);
    let asked = IssuerRequest::sign(&request_key(), office, NOW).expect("a request");
    request("RequestIssuer", "office", &pb::RequestIssuerRequest { request: Some(asked) });
    request("GetOrganisation", "all", &pb::GetOrganisationRequest {});
    of_issuers();
    let user_ids = vec!["office".to_owned(), "nurse-b".to_owned()];
    request("ListPeople", "two", &pb::ListPeopleRequest { user_ids });
}

/// A vault's pair, a try of its passcode, and that it is open.
fn of_vaults() {
    let (pair, by) = (PairId::from_bytes([7; 16]), TryId::from_bytes([8; 16]));
    let unlock_key = request_key();
    let made = pb::MakePairRequest {
        pair_id: pair.to_wire(),
        unlock_key: unlock_key.public().as_bytes().to_vec().into(),
    };
    request("MakePair", "doctor", &made);
    let blinding = Blinding::of(b"a passcode", &SeededEntropy::new(1)).expect("an element");
    let tried = UnlockTry { pair, id: by, blinded: *blinding.blinded() }.sign(&unlock_key, &EXPORTER);
    request("Evaluate", "doctor", &pb::EvaluateRequest { greeting: greeting(), r#try: Some(tried) });
    let doctor = &WORLD.doctor;
    let open = UnlockConfirmation { pair, by, generation: 1 };
    let confirmation = Some(open.sign((&doctor.key, &doctor.certificate), &EXPORTER));
    let period_ends_ms = vec![NOW.get() - NOW.get() % 60_000 + 60_000, NOW.get() - NOW.get() % 86_400_000];
    let periods = pb::GetPeriodSecretsRequest { period_ends_ms: period_ends_ms.clone() };
    request("GetPeriodSecrets", "doctor", &periods);
    request("ConfirmUnlock", "doctor", &pb::ConfirmUnlockRequest { confirmation, period_ends_ms });
}

/// Lists of revoked devices, of which nobody has one, and what administrators ask.
pub(crate) fn of_revocation() {
    let organisation = &WORLD.organisation;
    let mut register = RevocationRegister::new(organisation.id());
    let issuer = *WORLD.issuer.certificate().fingerprint();
    let act = |byte: u8, kind| {
        let (device, reason) = (DeviceId::from_bytes([byte; 16]), RevocationReason::Lost);
        RevocationAct { device, kind, reason, at: NOW, issuer }
    };
    for (name, acts) in [
        ("1-first", vec![act(21, RevocationKind::Revoked), act(22, RevocationKind::Held)]),
        ("2-next", vec![act(22, RevocationKind::Reinstated)]),
    ] {
        let list = register.sign_next(&WORLD.issuer, organisation, &acts, NOW).expect("a list");
        let wire = acts.iter().map(RevocationAct::to_wire).collect();
        let publish = pb::PublishRevocationListRequest { list: Some(list.clone()), acts: wire };
        request("PublishRevocationList", name, &publish);
        let list = organisation.verify_revocation_list(&list, DateCheck::At(NOW)).expect("a list");
        register.adopt(list, &acts).expect("it goes on");
    }
    let rules = Rules { life_seconds_max: 604_800, life_seconds_default: 86_400, ..Policy::UNSET.rules };
    let policy = Policy { number: 1, rules };
    let list = register.sign_next_policy(&WORLD.issuer, organisation, (&[], &policy), NOW).expect("a list");
    let publish = pb::PublishRevocationListRequest { list: Some(list), acts: Vec::new() };
    request("PublishRevocationList", "3-policy", &publish);
    // An own device, by the office: nobody has another there.
    let said = pb::HoldStatement {
        organisation_id: organisation.id().to_string(),
        device_ids: vec![WORLD.doctor.certificate.device().to_wire()],
        reason: pb::RevocationReason::Lost.into(),
        signed_at: Some(NOW.into()),
    };
    let (label, office) = (StatementLabel::Hold, &WORLD.office);
    let statement = Some(sign_statement(&office.key, label, &said, Some(office.certificate.der())));
    request("HoldDevices", "one", &pb::HoldDevicesRequest { statement });
    request("GetRevocationList", "all", &pb::GetRevocationListRequest { acts: 1 });
    let after_device_id = vec![1; 16].into();
    let list = pb::ListDevicesRequest { user_id: "doctor-a".to_owned(), after_device_id };
    request("ListDevices", "one", &list);
    let device_id = WORLD.doctor.certificate.device().to_wire();
    request("GetRemovals", "one", &pb::GetRemovalsRequest { device_id: device_id.clone() });
    // Of a conversation that there is not: what it says is read all the same.
    let said = RemovalConfirmation {
        log: CONVERSATION,
        number: EntryNumber::new(2),
        epoch: Epoch::new(1),
        sha256: Digest::of(b"a commit"),
        devices: vec![DeviceId::from_bytes([21; 16]), DeviceId::from_bytes([22; 16])],
        merged_at: NOW,
    };
    let (label, doctor) = (StatementLabel::RemovalConfirmation, &WORLD.doctor);
    let confirmation = sign_statement(&doctor.key, label, &said.to_wire(), Some(doctor.certificate.der()));
    request("ConfirmRemoval", "two", &pb::ConfirmRemovalRequest { confirmation: Some(confirmation) });
    request("GetRecord", "one", &pb::GetRecordRequest { from: 1, device_id });
    let proof = pb::GetRecordProofRequest { size: 2, goes_on_from: 1, numbers: vec![0, 1] };
    request("GetRecordProof", "both", &proof);
}

/// One conversation: what was made by MLS comes from its traffic.
pub(crate) fn of_conversation(suite: Suite, package: &[u8], commit: &[u8], welcome: &[u8], message: &[u8]) {
    let office = WORLD.office.certificate.device().to_wire();
    let code = suite.code();
    let name = format!("{code:04x}");
    let conversation_id = CONVERSATION.to_wire();
    let packages = pb::PublishKeyPackagesRequest { key_packages: vec![package.to_vec().into()] };
    request("PublishKeyPackages", &name, &packages);
    request("CountKeyPackages", "all", &pb::CountKeyPackagesRequest {});
    if suite != Suite::X25519 {
        return;
    }
    let request_id = vec![1; 16].into();
    let cipher_suite = code.into();
    let claim = pb::ClaimKeyPackagesRequest { request_id, device_ids: vec![office], cipher_suite };
    request("ClaimKeyPackages", &name, &claim);
    let (conversation, predecessor) = (conversation_id.clone(), None);
    let create = pb::CreateConversationRequest { conversation_id: conversation, cipher_suite, predecessor };
    request("CreateConversation", &name, &create);
    let predecessor = Some(pb::Predecessor { conversation_id: vec![6; 16].into(), number: 7 });
    let successor =
        pb::CreateConversationRequest { conversation_id: vec![8; 16].into(), cipher_suite, predecessor };
    request("CreateConversation", "successor", &successor);
    let said = pb::CommitAuthor {
        conversation_id: conversation_id.clone(),
        epoch: 0,
        commit_sha256: Digest::of(commit).to_wire(),
    };
    let commit = pb::CommitRequest {
        conversation_id: conversation_id.clone(),
        epoch: 0,
        commit: commit.to_vec().into(),
        author: Some(by_doctor(StatementLabel::CommitAuthor, &said)),
        welcome: welcome.to_vec().into(),
    };
    request("Commit", &name, &commit);
    let send = pb::SendRequest {
        conversation_id: conversation_id.clone(),
        client_message_id: vec![2; 16].into(),
        message: message.to_vec().into(),
    };
    request("Send", &name, &send);
    let cursor = pb::Cursor { conversation_id: conversation_id.clone(), number: 2, epoch: 1 };
    request("Ack", "one", &pb::AckRequest { cursors: vec![cursor.clone()] });
    request("Subscribe", "one", &pb::SubscribeRequest { greeting: greeting(), cursors: vec![cursor] });
    request(
        "GetWinner",
        "first",
        &pb::GetWinnerRequest { conversation_id: conversation_id.clone(), epoch: 0 },
    );
    request("ReportOutOfStep", "one", &pb::ReportOutOfStepRequest { statement: Some(out_of_step()) });
    let (conversation, commit_sha256) = (conversation_id.clone(), said.commit_sha256);
    let report =
        pb::OutOfStep { conversation_id: conversation, number: 1, commit_sha256, said_at: Some(NOW.into()) };
    let statement = Some(by_doctor(StatementLabel::OutOfStep, &report));
    request("ReportOutOfStep", "first-commit", &pb::ReportOutOfStepRequest { statement });
    use pb::ask_members_request::Ground;
    for (name, ground) in [("leave", Ground::Leave(leave())), ("approval", Ground::Approval(approval()))] {
        let conversation_ids = vec![conversation_id.clone()];
        request("AskMembers", name, &pb::AskMembersRequest { conversation_ids, ground: Some(ground) });
    }
}

/// The root's holder: what is in force, and a second list, by which nobody is struck and a device comes.
fn of_issuers() {
    let proof = Some(WORLD.root.prove(&EXPORTER));
    request("GetIssuersList", "root", &pb::GetIssuersListRequest { proof, keep_still: false });
    let first =
        certify(&subject("office-b", Role::Administrator, 15), &DeviceKey::Ed25519(request_key().public()));
    let list = WORLD.root.sign_issuers_list(2, &[WORLD.issuer.certificate_der()]).expect("a list");
    let publish = pb::PublishIssuersListRequest { list: Some(list), first_device: first.into() };
    request("PublishIssuersList", "second", &publish);
}

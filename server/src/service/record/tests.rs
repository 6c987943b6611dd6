//! Claims about the record through its service, over a real database: what is on it, who reads it, and that its proofs hold.

use std::sync::Arc;

use bytes::Bytes;
use tonic::{Code, Request, Status};
use wardline_identity::{
    Checkpoint, DateCheck, RecordAct, RecordEntry, RecordTree, RevocationKind, Role, verify_consistency,
    verify_inclusion,
};
use wardline_proto::in_place::{arm, disarm};
use wardline_proto::relay::enrolment_service_server::EnrolmentService as _;
use wardline_proto::relay::record_service_server::RecordService as _;
use wardline_proto::relay::registrar_service_server::RegistrarService as _;
use wardline_proto::relay::revocation_service_server::RevocationService as _;
use wardline_proto::relay::{self as pb, GetRecordProofRequest, GetRecordRequest};
use wardline_proto::{DeviceId, Digest, UtcMillis};

use super::Record;
use crate::founded::{Founded, Installation, from_device, from_stranger, greeting, reason};
use crate::service::enrolment::Enrolment;
use crate::service::registrar::Registrar;
use crate::service::revocation::Revocation;
use crate::state::Relay;
use crate::store::StoreError;

struct Archive {
    founded: Founded,
    relay: Arc<Relay>,
    calls: Record,
}

impl Archive {
    async fn open() -> Self {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let calls = Record::new(Arc::clone(&relay));
        Self { founded, relay, calls }
    }

    fn from<T>(&self, by: &Installation, message: T) -> Request<T> {
        from_device(message, &self.founded, by)
    }

    fn office<T>(&self, message: T) -> Request<T> {
        self.from(&self.founded.founder, message)
    }

    async fn page(&self, from: u64, of: Option<DeviceId>) -> pb::GetRecordResponse {
        let device_id = of.map(DeviceId::to_wire).unwrap_or_default();
        self.calls.get_record(self.office(GetRecordRequest { from, device_id })).await.unwrap().into_inner()
    }

    async fn acts(&self) -> Vec<RecordAct> {
        let page = self.page(0, None).await;
        page.entries.iter().map(|one| RecordEntry::read(&one.entry).unwrap().act).collect()
    }

    async fn words(&self) -> Vec<&'static str> {
        self.acts().await.iter().map(RecordAct::as_str).collect()
    }

    /// The head as a greeting shows it, under the relay's certificate.
    async fn head(&self) -> Checkpoint {
        let shown = crate::service::greeting::of(&self.relay).await.unwrap();
        let time = prost::Message::decode(shown.time.unwrap().body).map(|time: pb::RelayTime| time).unwrap();
        let organisation = self.founded.organisation();
        organisation.verify_checkpoint(&shown.relay_certificate, &time.record_head, DateCheck::Skip).unwrap()
    }

    async fn prove(
        &self,
        size: u64,
        goes_on_from: u64,
        numbers: &[u64],
    ) -> Result<pb::GetRecordProofResponse, Status> {
        let asked = GetRecordProofRequest { size, goes_on_from, numbers: numbers.to_vec() };
        self.calls.get_record_proof(self.office(asked)).await.map(tonic::Response::into_inner)
    }

    /// So many entries more.
    async fn append(&self, count: u64) {
        let write = self.relay.store.write("append", move |tx| {
            Box::pin(async move {
                for number in 0..count {
                    let by = DeviceId::from_bytes([u8::try_from(number % 3).unwrap(); 16]);
                    let invitation = wardline_proto::InvitationId::from_bytes([7; 16]);
                    let act = RecordAct::InvitationWithdrawn { invitation, by: Some(by) };
                    crate::domain::record::record(tx, UtcMillis::new(number), act).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        write.await.unwrap();
    }
}

fn digests(hashes: &[Bytes]) -> Vec<Digest> {
    hashes.iter().map(|hash| Digest::try_from(hash).unwrap()).collect()
}

/// What an office does in the next claim, after the bundle's two.
const DONE: [&str; 9] = [
    "issuers_list_taken",
    "device_certified",
    "invitation_published",
    "invitation_withdrawn",
    "invitation_published",
    "device_certified",
    "invitation_published",
    "enrolment_refused",
    "list_in_force",
];

#[tokio::test]
async fn every_act_of_an_office_is_on_the_record_once_in_the_order_it_was_done() {
    let archive = Archive::open().await;
    let founded = &archive.founded;
    assert_eq!(archive.words().await, ["issuers_list_taken", "device_certified"], "from the bundle");
    let registrar = Registrar::new(Arc::clone(&archive.relay));
    let enrolment = Enrolment::new(Arc::clone(&archive.relay));
    let publish = async |user: &str| {
        let (invitation, record) = founded.invite(user);
        for _ in 0..2 {
            let message = pb::PublishInvitationRequest { record: Some(record.clone()) };
            registrar.publish_invitation(archive.office(message)).await.unwrap();
        }
        (invitation, record)
    };
    let claims = async |invitation: &wardline_identity::Invitation, record: &pb::SignedStatement| {
        let claimant = founded.claimant();
        let claim = founded.claim(invitation, record, &claimant, [7; 32]);
        let request = pb::EnrolRequest {
            greeting: greeting(),
            invitation_id: invitation.id().to_wire(),
            claim: Some(claim.clone()),
            wait_seconds: 0,
        };
        enrolment.enrol(from_stranger(request, [7; 32])).await.unwrap();
        (claimant, claim)
    };
    // 1. Withdrawn.
    let (withdrawn, _) = publish("doctor-a").await;
    for _ in 0..2 {
        let message = pb::CancelInvitationRequest { invitation_id: withdrawn.id().to_wire() };
        registrar.cancel_invitation(archive.office(message)).await.unwrap();
    }
    // 2. Certified.
    let (invited, record) = publish("nurse-b").await;
    let (nurse, claim) = claims(&invited, &record).await;
    let certificate = founded.certify(&record, &claim);
    for _ in 0..2 {
        let message = pb::IssueCertificateRequest {
            invitation_id: invited.id().to_wire(),
            certificate: certificate.clone().into(),
        };
        registrar.issue_certificate(archive.office(message)).await.unwrap();
    }
    // 3. Refused.
    let (turned_down, record) = publish("doctor-c").await;
    let (doctor, _) = claims(&turned_down, &record).await;
    let message =
        pb::RefuseEnrolmentRequest { invitation_id: turned_down.id().to_wire(), reason: "who?".to_owned() };
    registrar.refuse_enrolment(archive.office(message)).await.unwrap();
    // 4. Revoked, said twice.
    let list = founded.first_list(nurse.device, RevocationKind::Revoked);
    let revocation = Revocation::new(Arc::clone(&archive.relay));
    for _ in 0..2 {
        revocation.publish_revocation_list(archive.office(list.clone())).await.unwrap();
    }

    let acts = archive.acts().await;
    assert!(acts.iter().map(RecordAct::as_str).eq(DONE), "{acts:?}");
    let by_office = Some(founded.founder.device);
    let RecordAct::DeviceCertified { device, by, certificate: digest, .. } = &acts[5] else { panic!() };
    assert_eq!((*device, *by, *digest), (nurse.device, by_office, Digest::of(&certificate)));
    let RecordAct::EnrolmentRefused { device, by, .. } = &acts[7] else { panic!() };
    assert_eq!((*device, *by), (doctor.device, by_office));
    let RecordAct::ListInForce { list: signed, acts: named, .. } = &acts[8] else { panic!() };
    assert_eq!((Some(signed), named[0].device), (list.list.as_ref(), nurse.device));
    // What names the nurse's device, and nothing else.
    let of_nurse = archive.page(0, Some(nurse.device)).await;
    let numbers: Vec<u64> = of_nurse.entries.iter().map(|one| one.number).collect();
    assert_eq!((numbers, of_nurse.more), (vec![5, 8], false));
}

#[tokio::test]
async fn a_relay_that_writes_no_entry_is_found_out() {
    let archive = Archive::open().await;
    let before = archive.words().await.len();
    arm("mutant.record_skips");
    let registrar = Registrar::new(Arc::clone(&archive.relay));
    let message = pb::PublishInvitationRequest { record: Some(archive.founded.invite("doctor-a").1) };
    registrar.publish_invitation(archive.office(message)).await.unwrap();
    disarm("mutant.record_skips");
    assert_eq!(archive.words().await.len(), before, "the guard taken away");
}

#[tokio::test]
async fn a_list_that_is_only_signed_again_and_a_bundle_that_is_known_add_nothing() {
    let archive = Archive::open().await;
    let founded = &archive.founded;
    let revocation = Revocation::new(Arc::clone(&archive.relay));
    let (organisation, now) = (founded.organisation(), founded.clock_now());
    let mut register = wardline_identity::RevocationRegister::new(organisation.id());
    let first = register.sign_next(&founded.issuer, &organisation, &[], now).unwrap();
    let publish =
        |list: pb::SignedStatement| pb::PublishRevocationListRequest { list: Some(list), acts: vec![] };
    revocation.publish_revocation_list(archive.office(publish(first.clone()))).await.unwrap();
    assert_eq!(archive.words().await.last(), Some(&"list_in_force"), "the control");
    register.adopt(organisation.verify_revocation_list(&first, DateCheck::Skip).unwrap(), &[]).unwrap();
    founded.clock.advance_seconds(3_600);
    let again = register.sign_again(&founded.issuer, &organisation, founded.clock_now()).unwrap();
    revocation.publish_revocation_list(archive.office(publish(again))).await.unwrap();
    assert_eq!(archive.words().await.len(), 3);
    archive.relay.store.close().await;
    let relay = founded.relay().await;
    let archive = Archive { founded: archive.founded, calls: Record::new(Arc::clone(&relay)), relay };
    assert_eq!(archive.words().await.len(), 3, "the same bundle at the next start");
    archive.relay.store.close().await;
    archive.founded.write_bundle(&archive.founded.bundle(2));
    let relay = archive.founded.relay().await;
    let archive = Archive { founded: archive.founded, calls: Record::new(Arc::clone(&relay)), relay };
    assert_eq!(archive.words().await.last(), Some(&"issuers_list_taken"), "another list of issuers");
}

#[tokio::test]
async fn all_proofs_hold_under_the_shown_heads_up_to_130_entries() {
    let archive = Archive::open().await;
    let mut heads: Vec<Checkpoint> = Vec::new();
    let mut tree = RecordTree::new();
    for size in 2..=130_u64 {
        let head = archive.head().await;
        for one in &archive.page(tree.size(), None).await.entries {
            tree.push(&one.entry);
        }
        assert_eq!((head.size(), *head.root()), (size, tree.root()), "made again from the entries");
        for before in &heads {
            let proof = archive.prove(size, before.size(), &[]).await.unwrap();
            verify_consistency(before, &head, &digests(&proof.consistency)).unwrap();
        }
        heads.push(head);
        archive.append(1).await;
    }
    // Of every size, from the record as it is now.
    let entries = archive.page(0, None).await.entries;
    for head in &heads {
        for some in (0..head.size()).collect::<Vec<_>>().chunks(100) {
            let proofs = archive.prove(head.size(), 0, some).await.unwrap();
            assert_eq!(proofs.inclusions.len(), some.len());
            for proof in &proofs.inclusions {
                let entry = &entries[usize::try_from(proof.number).unwrap()].entry;
                verify_inclusion(entry, proof.number, &digests(&proof.hashes), head).unwrap();
                let other = verify_inclusion(b"other", proof.number, &digests(&proof.hashes), head);
                assert!(other.is_err());
            }
        }
    }
}

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended() {
    let archive = Archive::open().await;
    archive.append(1_100).await;
    let (mut from, mut seen, mut pages) = (0, Vec::new(), 0);
    loop {
        let page = archive.page(from, None).await;
        assert!(page.entries.len() <= 500);
        seen.extend(page.entries.iter().map(|one| one.number));
        pages += 1;
        if !page.more {
            break;
        }
        from = seen.last().unwrap() + 1;
    }
    assert_eq!((pages, seen), (3, (0..1_102).collect::<Vec<u64>>()));
    let of_one = archive.page(0, Some(DeviceId::from_bytes([1; 16]))).await;
    assert_eq!((of_one.entries.len(), of_one.more), (367, false));
    let beyond = archive.page(5_000, None).await;
    assert_eq!((beyond.entries.len(), beyond.more), (0, false));
    // Few long entries fill a page too.
    let long = vec![pb::SignedStatement { body: vec![1; 60_000].into(), ..Default::default() }; 8];
    let write = archive.relay.store.write("long", move |tx| {
        Box::pin(async move {
            for _ in 0..5 {
                let (conversation, number) = (
                    wardline_proto::ConversationId::from_bytes([1; 16]),
                    wardline_proto::EntryNumber::new(1),
                );
                let act = RecordAct::LogClosed { conversation, number, reports: long.clone() };
                crate::domain::record::record(tx, UtcMillis::new(1), act).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    write.await.unwrap();
    let page = archive.page(1_102, None).await;
    assert_eq!((page.entries.len(), page.more), (2, true), "a mebibyte");
    assert_eq!(archive.page(1_106, None).await.entries.len(), 1);
}

#[tokio::test]
async fn entries_are_for_who_issues_and_proofs_for_every_device() {
    let archive = Archive::open().await;
    for role in [Role::Clinician, Role::Responder, Role::Service] {
        let device = archive.founded.certify_later_as("someone", role);
        let read = || archive.calls.get_record(archive.from(&device, GetRecordRequest::default()));
        let refused = read().await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "ROLE_REQUIRED"));
        arm("mutant.record_for_all");
        let seen = read().await;
        disarm("mutant.record_for_all");
        assert!(seen.is_ok(), "the guard taken away");
        let asked = GetRecordProofRequest { size: 2, goes_on_from: 1, numbers: vec![0] };
        archive.calls.get_record_proof(archive.from(&device, asked)).await.unwrap();
    }
    let registrar = archive.founded.certify_later_as("registrar", Role::Registrar);
    archive.calls.get_record(archive.from(&registrar, GetRecordRequest::default())).await.unwrap();
    let stranger = archive.calls.get_record(from_stranger(GetRecordRequest::default(), [0; 32])).await;
    assert_eq!(reason(&stranger.unwrap_err()), "CERTIFICATE_REQUIRED");
    let device_id = vec![1; 15].into();
    let bad = archive.calls.get_record(archive.office(GetRecordRequest { from: 0, device_id })).await;
    assert_eq!(reason(&bad.unwrap_err()), "FIELD_INVALID");
    for refused in [
        archive.prove(3, 0, &[]).await,
        archive.prove(u64::MAX, 1, &[]).await,
        archive.prove(2, 3, &[]).await,
        archive.prove(2, 0, &[2]).await,
        archive.prove(2, 0, &[0; 101]).await,
    ] {
        assert_eq!(reason(&refused.unwrap_err()), "FIELD_INVALID");
    }
    let same = archive.prove(2, 2, &[]).await.unwrap();
    assert!(same.consistency.is_empty() && archive.prove(0, 0, &[]).await.is_ok());
}

#[tokio::test]
async fn a_relay_that_rewrites_or_shortens_its_record_shows_a_head_that_does_not_go_on() {
    let archive = Archive::open().await;
    archive.append(5).await;
    let before = archive.head().await;
    arm("relay.record_shortened");
    let shorter = archive.head().await;
    disarm("relay.record_shortened");
    assert_eq!(shorter.size(), before.size() - 1);
    assert_eq!(archive.head().await, before, "the control");
    arm("relay.record_rewritten");
    let other = archive.head().await;
    disarm("relay.record_rewritten");
    assert_eq!(other.size(), before.size());
    assert_ne!(other.root(), before.root());
    archive.append(4).await;
    let after = archive.head().await;
    let proof = digests(&archive.prove(after.size(), before.size(), &[]).await.unwrap().consistency);
    assert!(verify_consistency(&before, &after, &proof).is_err());
    verify_consistency(&other, &after, &proof).expect("the control: it is a record of its own");
}

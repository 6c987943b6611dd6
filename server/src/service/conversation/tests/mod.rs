//! Claims about the calls as devices make them: certified peers, real statements, headers made by hand.

mod owed;
mod put_out;
mod refusals;
mod revoked;
mod streams;
mod struck;

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use prost::Message as _;
use tonic::{Code, Request, Status};
use wardline_identity::{Role, StatementLabel, UserId, sign_statement};
use wardline_proto::relay::conversation_service_server::ConversationService as _;
use wardline_proto::relay::key_package_service_server::KeyPackageService as _;
use wardline_proto::relay::subscribe_response::Event;
use wardline_proto::relay::{self as pb, authenticated_data::Kind};
use wardline_proto::{ChainHash, ConversationId, DeviceId, Digest, Suite, roster_digest};

use super::{Conversations, subscribe::EventStream};
use crate::founded::{Founded, Installation, from_device, greeting, reason};
use crate::mls::{craft, judge_key_package, real};
use crate::service::key_package::KeyPackages;
use crate::state::Relay;
use crate::store::StoreError;

const WARD: ConversationId = ConversationId::from_bytes([7; 16]);

struct Ward {
    founded: Founded,
    relay: Arc<Relay>,
    calls: Conversations,
    packages: KeyPackages,
    doctor: Installation,
    nurse: Installation,
}

impl Ward {
    async fn new() -> Self {
        let founded = Founded::new();
        let relay = founded.relay().await;
        let certified =
            |user| Installation::certified(&founded.issuer, &founded.entropy, user, Role::Clinician);
        let (doctor, nurse) = (certified("doctor-a"), certified("nurse-b"));
        let calls = Conversations::new(Arc::clone(&relay));
        let packages = KeyPackages::new(Arc::clone(&relay));
        Self { founded, relay, calls, packages, doctor, nurse }
    }

    /// With a conversation of the doctor's.
    async fn open() -> Self {
        let ward = Self::new().await;
        let request = pb::CreateConversationRequest {
            conversation_id: WARD.to_wire(),
            cipher_suite: Suite::X25519.code().into(),
            predecessor: None,
        };
        ward.calls.create_conversation(ward.from(&ward.doctor, request)).await.unwrap();
        ward
    }

    fn from<T>(&self, device: &Installation, message: T) -> Request<T> {
        from_device(message, &self.founded, device)
    }

    /// Has the relay know whose device it is, as enrolling does.
    async fn know(&self, installation: &Installation, user: &str) {
        let (device, user) = (installation.device, UserId::parse(user).unwrap());
        let certificate = Digest::of(&installation.certificate);
        let write = self.relay.store.write("know", move |tx| {
            Box::pin(async move { tx.enrol_for_tests(device, &user, &certificate).await })
        });
        let done: Result<(), StoreError> = write.await;
        done.unwrap();
    }

    async fn send(
        &self,
        device: &Installation,
        request: pb::SendRequest,
    ) -> Result<pb::SendResponse, Status> {
        self.calls.send(self.from(device, request)).await.map(tonic::Response::into_inner)
    }

    async fn commit(
        &self,
        device: &Installation,
        request: pb::CommitRequest,
    ) -> Result<pb::CommitResponse, Status> {
        self.calls.commit(self.from(device, request)).await.map(tonic::Response::into_inner)
    }

    async fn subscribe(
        &self,
        device: &Installation,
        cursors: Vec<pb::Cursor>,
    ) -> Result<EventStream, Status> {
        let request = pb::SubscribeRequest { greeting: greeting(), cursors };
        self.calls.subscribe(self.from(device, request)).await.map(tonic::Response::into_inner)
    }

    /// The nurse's package, published and claimed by the doctor: its reference.
    async fn nurses_package(&self) -> Bytes {
        self.package_of(&self.nurse, 1).await
    }

    /// The same of any device, with this request.
    async fn package_of(&self, owner: &Installation, request: u8) -> Bytes {
        let leaf = real::Leaf { key: &owner.key, certificate: &owner.certificate };
        let package = real::key_package(&leaf, Suite::X25519, false);
        let publish = pb::PublishKeyPackagesRequest { key_packages: vec![package.clone()] };
        self.packages.publish_key_packages(self.from(owner, publish)).await.unwrap();
        let request = pb::ClaimKeyPackagesRequest {
            request_id: Bytes::copy_from_slice(&[request; 16]),
            device_ids: vec![owner.device.to_wire()],
            cipher_suite: Suite::X25519.code().into(),
        };
        let claimed = self.packages.claim_key_packages(self.from(&self.doctor, request)).await.unwrap();
        assert_eq!(claimed.into_inner().key_packages[0].key_package, package);
        let key = owner.key.public();
        judge_key_package(&package, &owner.certificate, key.as_bytes()).unwrap().reference
    }

    /// The doctor adds the nurse.
    async fn add_nurse(&self) -> pb::CommitResponse {
        let reference: [u8; 32] = self.nurses_package().await.as_ref().try_into().unwrap();
        let declaration = declares(&[self.nurse.device], &[self.doctor.device, self.nurse.device]);
        let mut request = committing(&self.doctor, 0, declaration);
        request.welcome = craft::welcome(Suite::X25519.code(), &[reference]).into();
        self.commit(&self.doctor, request).await.unwrap()
    }
}

fn aad(kind: Kind) -> Vec<u8> {
    pb::AuthenticatedData { kind: Some(kind) }.encode_to_vec()
}

fn life(life_seconds: u32) -> Vec<u8> {
    aad(Kind::Message(pb::MessageData { life_seconds }))
}

fn message(id: u8, bytes: Vec<u8>) -> pb::SendRequest {
    pb::SendRequest {
        conversation_id: WARD.to_wire(),
        client_message_id: Bytes::copy_from_slice(&[id; 16]),
        message: bytes.into(),
    }
}

fn honest(id: u8, epoch: u64) -> pb::SendRequest {
    message(id, craft::application(WARD.as_bytes(), epoch, &life(3_600)))
}

fn declares(joins: &[DeviceId], roster: &[DeviceId]) -> pb::CommitData {
    pb::CommitData {
        joins: joins.iter().map(|device| device.to_wire()).collect(),
        roster_sha256: roster_digest(roster.iter().copied()).to_wire(),
        ..pb::CommitData::default()
    }
}

fn signed(author: &Installation, epoch: u64, commit: &[u8]) -> pb::SignedStatement {
    let statement = pb::CommitAuthor {
        conversation_id: WARD.to_wire(),
        epoch,
        commit_sha256: Digest::of(commit).to_wire(),
    };
    sign_statement(&author.key, StatementLabel::CommitAuthor, &statement, Some(&author.certificate))
}

fn with_commit(author: &Installation, epoch: u64, commit: Vec<u8>) -> pb::CommitRequest {
    pb::CommitRequest {
        conversation_id: WARD.to_wire(),
        epoch,
        author: Some(signed(author, epoch, &commit)),
        commit: commit.into(),
        welcome: Bytes::new(),
    }
}

fn committing(author: &Installation, epoch: u64, data: pb::CommitData) -> pb::CommitRequest {
    with_commit(author, epoch, craft::commit(WARD.as_bytes(), epoch, &aad(Kind::Commit(data))))
}

/// The next event; there is one.
async fn next(stream: &mut EventStream) -> Event {
    let next = tokio::time::timeout(std::time::Duration::from_secs(5), stream.next());
    next.await.unwrap().unwrap().unwrap().event.unwrap()
}

/// The next events in short, up to and with CaughtUp.
async fn up_to_now(stream: &mut EventStream) -> Vec<String> {
    let mut words = Vec::new();
    loop {
        match next(stream).await {
            Event::Greeting(_) => words.push("greeting".to_owned()),
            Event::Entry(entry) => words.push(format!("entry {}", entry.number)),
            Event::Welcome(welcome) => words.push(format!("welcome {}", welcome.number)),
            Event::Removed(removed) => words.push(format!("removed {}", removed.number)),
            Event::KeyPackagesLow(_) => words.push("low".to_owned()),
            Event::Task(_) => words.push("task".to_owned()),
            Event::Closed(closed) => words.push(format!("closed {}", closed.number)),
            Event::Place(place) => words.push(format!("place {}", place.number)),
            Event::Replacement(_) => words.push("replacement".to_owned()),
            Event::RevocationList(_) => words.push("list".to_owned()),
            Event::Holds(_) => words.push("holds".to_owned()),
            Event::IssuersList(_) => words.push("issuers".to_owned()),
            Event::CaughtUp(_) => return words,
        }
    }
}

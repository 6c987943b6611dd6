//! Claims about what conversations are owed, through a real database. Each device is its own person, unless it was
//! enrolled for one.

mod asked;
mod closed;
mod far_back;
mod newcomers;
mod out_and_in;
mod owed;
mod put_out;
mod split;
mod turns;

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use wardline_identity::UserId;
use wardline_proto::relay::{Confirmation, Leave, SignedStatement};
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, Suite};

use super::{
    Circle, Ground, MembershipError, MembershipStorage as _, MembershipView as _, NewSuccessor, OutOfStep,
    Request, Succeeded, Task, TaskKind, ask_members, candidates, close, report, succeed,
};
use crate::domain::conversation::{
    CommitOutcome, ConversationError, FeedEvent, FeedPosition, NewConversation,
};
use crate::domain::ward::{Says, WARD, Ward, device};
use crate::store::StoreError;

/// What a commit that goes well stands at.
async fn committed(ward: &Ward, sender: u8, epoch: u64, says: Says<'_>) -> u64 {
    match ward.commit(sender, epoch, says).await.unwrap() {
        CommitOutcome::Accepted { receipt, .. } => receipt.number.get(),
        CommitOutcome::Conflict { current } => panic!("the conversation is in epoch {current}"),
    }
}

/// A commit that changes nobody; its number.
async fn update(ward: &Ward, sender: u8, epoch: u64, roster: &[u8]) -> u64 {
    committed(ward, sender, epoch, Says { roster, ..Says::default() }).await
}

/// So many commits that change nobody, as fast as they are taken; the last one's number.
async fn updates(ward: &Ward, sender: u8, epoch: u64, roster: &[u8], count: u64) -> u64 {
    let mut last = 0;
    for more in 0..count {
        if more % 10 == 0 {
            ward.pass(60);
        }
        last = update(ward, sender, epoch + more, roster).await;
    }
    last
}

/// Who is asked for the successor.
async fn makers(ward: &Ward, number: u64, connected: &[u8]) -> Vec<DeviceId> {
    let kind = TaskKind::Succeed { number: EntryNumber::new(number) };
    let task = Task { conversation: WARD, kind, made_at: ward.now() };
    let mut makers = candidates(&circle(ward).await, &task, &devices(connected), ward.now());
    makers.sort_unstable();
    makers
}

async fn hears_of_the_end(ward: &Ward, who: u8) -> bool {
    let batch = ward.read(who, FeedPosition::after(EntryNumber::new(1)), 99).await;
    batch.events.iter().any(|event| matches!(event, FeedEvent::Closed(_)))
}

fn user(of: u8) -> UserId {
    UserId::parse(&format!("user-{of}")).unwrap()
}

/// The digest of the commit with this number.
async fn digest_of(ward: &Ward, number: u64) -> Digest {
    let read = ward.store.write("commit_at", move |tx| {
        Box::pin(async move { tx.commit_at(WARD, EntryNumber::new(number)).await })
    });
    let commit: Result<_, StoreError> = read.await;
    commit.unwrap().map_or(Digest::of(b"another"), |commit| commit.message_sha256)
}

/// A device says that it cannot follow a commit with this digest.
async fn says(ward: &Ward, who: u8, number: u64, commit_sha256: Digest) -> Result<bool, ConversationError> {
    let said = OutOfStep {
        conversation: WARD,
        device: device(who),
        user: user(who),
        number: EntryNumber::new(number),
        commit_sha256,
        statement: Bytes::copy_from_slice(&[who]),
    };
    let now = ward.now();
    ward.store.write("report", move |tx| Box::pin(async move { report(tx, &said, now).await })).await
}

/// A device says so honestly, as far as the commit goes.
async fn stuck(ward: &Ward, who: u8, number: u64) -> Result<bool, ConversationError> {
    says(ward, who, number, digest_of(ward, number).await).await
}

async fn ask(ward: &Ward, request: Request) -> Result<Vec<ConversationId>, MembershipError> {
    let now = ward.now();
    ward.store.write("ask", move |tx| Box::pin(async move { ask_members(tx, &request, now).await })).await
}

/// A request of a device for the one conversation.
fn request(who: u8, ground: Ground, statement: &[u8]) -> Request {
    Request {
        device: device(who),
        user: user(who),
        conversations: vec![WARD],
        ground,
        statement: Bytes::copy_from_slice(statement),
    }
}

fn leave_of(who: u8) -> Request {
    let leave = Leave { user_id: user(who).as_str().to_owned(), ..Leave::default() };
    let statement = SignedStatement { body: leave.encode_to_vec().into(), ..SignedStatement::default() };
    request(who, Ground::Leave { conversation: WARD, user: user(who) }, &statement.encode_to_vec())
}

/// What `confirmer` says about a new device.
fn confirmation_of(confirmer: u8, new: u8, replaces: u8) -> Request {
    let said = Confirmation { replaces_device_id: device(replaces).to_wire(), ..Confirmation::default() };
    let statement = SignedStatement { body: said.encode_to_vec().into(), ..SignedStatement::default() };
    let ground = Ground::Confirmation {
        device: device(new),
        certificate: certificate(new),
        replaces: device(replaces),
    };
    request(confirmer, ground, &statement.encode_to_vec())
}

fn certificate(of: u8) -> Digest {
    Digest::of(&[of])
}

/// Makes a device one of a user's, as enrolling does.
async fn enrolled(ward: &Ward, number: u8, owner: u8) {
    let (device, user) = (device(number), user(owner));
    let certificate = certificate(number);
    let write = ward.store.write("enrol", move |tx| {
        Box::pin(async move { tx.enrol_for_tests(device, &user, &certificate).await })
    });
    let done: Result<(), StoreError> = write.await;
    done.unwrap();
}

async fn tasks_of(ward: &Ward, conversation: ConversationId) -> Vec<Task> {
    let read = ward.store.read("tasks", move |tx| Box::pin(async move { tx.tasks(conversation).await }));
    let tasks: Result<_, StoreError> = read.await;
    tasks.unwrap()
}

async fn tasks(ward: &Ward) -> Vec<Task> {
    tasks_of(ward, WARD).await
}

async fn circle(ward: &Ward) -> Circle {
    let read = ward.store.read("circle", |tx| Box::pin(async move { tx.circle(WARD).await }));
    let circle: Result<_, StoreError> = read.await;
    circle.unwrap().unwrap()
}

/// Closes the log; whether it was closed now.
async fn shut(ward: &Ward, number: u64) -> bool {
    let now = ward.now();
    let write = ward.store.write("close", move |tx| {
        Box::pin(async move { close(tx, WARD, EntryNumber::new(number), now).await })
    });
    let closed: Result<bool, StoreError> = write.await;
    closed.unwrap()
}

fn conversation(number: u8) -> ConversationId {
    ConversationId::from_bytes([number; 16])
}

/// A device makes a successor with this id.
async fn follow(ward: &Ward, creator: u8, id: u8, number: u64) -> Result<Succeeded, ConversationError> {
    let new = NewConversation {
        id: conversation(id),
        suite: Suite::X25519,
        creator: device(creator),
        created_at: ward.now(),
        predecessor: Some(WARD),
    };
    let successor = NewSuccessor { new, predecessor: WARD, number: EntryNumber::new(number) };
    let now = ward.now();
    ward.store.write("succeed", move |tx| Box::pin(async move { succeed(tx, &successor, now).await })).await
}

/// Puts a device inside the fence.
async fn fence(ward: &Ward, who: u8) {
    let device = device(who);
    let write =
        ward.store.write("fence", move |tx| Box::pin(async move { tx.fence_for_tests(WARD, device).await }));
    let done: Result<(), StoreError> = write.await;
    done.unwrap();
}

fn devices(numbers: &[u8]) -> BTreeSet<DeviceId> {
    numbers.iter().map(|number| device(*number)).collect()
}

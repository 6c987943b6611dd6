//! For tests: a ward's devices over a real database, calling the rules directly. Devices, ids and packages are
//! numbers; time stands still until it is moved.

use std::cell::Cell;

use bytes::Bytes;
use prost::Message as _;
use tempfile::TempDir;
use wardline_identity::Policy;
use wardline_proto::relay::{CommitData, RemovalGround, removal_ground::Ground};
use wardline_proto::{
    ClientMessageId, ConversationId, DeviceId, Digest, EntryNumber, Epoch, Suite, UtcMillis, roster_digest,
};

use super::conversation::{
    self as rules, Budget, ByIssuers, Commit, CommitDeclaration, CommitOutcome, ConversationError,
    ConversationView as _, Created, CursorMove, Delivery, FeedBatch, FeedPosition, Message, NewConversation,
    Receipt, Stay, WelcomeOffer,
};
use super::key_package::{self, Claim, ClaimOutcome, KeyPackageError, Package, Publication};
use crate::store::{Store, StoreError};

/// 2026-11-21T19:18:28.123Z.
pub(crate) const EVENING: UtcMillis = UtcMillis::new(1_795_288_708_123);

/// The conversation.
pub(crate) const WARD: ConversationId = ConversationId::from_bytes([0xaa; 16]);

pub(crate) struct Ward {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    now: Cell<UtcMillis>,
    fresh: Cell<u64>,
}

pub(crate) fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

pub(crate) fn message_id(number: u64) -> ClientMessageId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ClientMessageId::from_bytes(bytes)
}

/// What a commit says: who comes, who goes, who is in then.
#[derive(Clone, Copy, Default)]
pub(crate) struct Says<'a> {
    pub(crate) joins: &'a [u8],
    pub(crate) leaves: &'a [u8],
    pub(crate) roster: &'a [u8],
    /// The last entry its author processed.
    pub(crate) seen: u64,
    /// The list it was judged by.
    pub(crate) list: u64,
    /// The list by which the first leaves.
    pub(crate) by_list: Option<u64>,
}

fn by_list(number: u64) -> RemovalGround {
    RemovalGround { ground: Some(Ground::RevocationListNumber(number)) }
}

impl Ward {
    /// Without a conversation.
    pub(crate) async fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("relay.sqlite")).await.unwrap();
        Self { folder, store, now: Cell::new(EVENING), fresh: Cell::new(0) }
    }

    /// With a conversation of these devices, the first of which made it; entry 1 let the others in.
    pub(crate) async fn with(devices: &[u8]) -> Self {
        let ward = Self::empty().await;
        ward.create(devices[0]).await.unwrap();
        if devices.len() > 1 {
            let says = Says { joins: &devices[1..], roster: devices, ..Says::default() };
            ward.commit(devices[0], 0, says).await.unwrap();
            ward.pass(60);
        }
        ward
    }

    /// The same database, as another process would find it.
    pub(crate) async fn reopened(self) -> Self {
        let Self { folder, store, now, fresh } = self;
        drop(store);
        let store = Store::open(&folder.path().join("relay.sqlite")).await.unwrap();
        Self { folder, store, now, fresh }
    }

    pub(crate) fn now(&self) -> UtcMillis {
        self.now.get()
    }

    /// As when somebody sets the clock back.
    pub(crate) fn set_back(&self, seconds: u64) {
        self.now.set(UtcMillis::new(self.now.get().get() - seconds * 1000));
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.now.set(self.now.get().plus_seconds(seconds));
    }

    fn fresh(&self) -> u64 {
        self.fresh.set(self.fresh.get() + 1);
        self.fresh.get()
    }

    pub(crate) async fn create(&self, creator: u8) -> Result<Created, ConversationError> {
        let new = NewConversation {
            id: WARD,
            suite: Suite::X25519,
            creator: device(creator),
            created_at: self.now(),
            predecessor: None,
        };
        self.store.write("create", move |tx| Box::pin(async move { rules::create(tx, &new).await })).await
    }

    /// A message as `send` would make it in `epoch`.
    pub(crate) fn message(&self, sender: u8, id: u64, epoch: u64) -> Message {
        let body = Bytes::from(format!("message {} of {sender}", self.fresh()));
        Message {
            conversation: WARD,
            sender: device(sender),
            id: message_id(id),
            epoch: Epoch::new(epoch),
            life_seconds: 3_600,
            sha256: Digest::of(&body),
            body,
        }
    }

    pub(crate) async fn send(&self, message: Message) -> Result<Receipt, ConversationError> {
        self.send_under(Policy::UNSET, message).await
    }

    pub(crate) async fn send_under(
        &self,
        policy: Policy,
        message: Message,
    ) -> Result<Receipt, ConversationError> {
        let now = self.now();
        let write = self
            .store
            .write("send", move |tx| Box::pin(async move { rules::send(tx, &message, &policy, now).await }));
        write.await.map(|sent| sent.receipt)
    }

    /// A fresh message.
    pub(crate) async fn post(&self, sender: u8, epoch: u64) -> Result<Receipt, ConversationError> {
        self.send(self.message(sender, 1_000_000 + self.fresh(), epoch)).await
    }

    /// Publishes a one-time package of each device and claims them all for `claimer`.
    pub(crate) async fn claimed(&self, claimer: u8, devices: &[u8]) -> Vec<Bytes> {
        for number in devices {
            self.publish(*number, 1, 0).await.unwrap();
        }
        let outcome = self.claim(claimer, self.fresh(), devices).await.unwrap();
        outcome.handouts.into_iter().map(|handout| handout.reference).collect()
    }

    pub(crate) fn commit_of(&self, sender: u8, epoch: u64, says: Says<'_>, references: Vec<Bytes>) -> Commit {
        let wire = |list: &[u8]| list.iter().map(|number| device(*number).to_wire()).collect();
        let data = CommitData {
            joins: wire(says.joins),
            leaves: wire(says.leaves),
            roster_sha256: roster_digest(says.roster.iter().map(|number| device(*number))).to_wire(),
            seen_number: says.seen,
            policy_number: self.fresh(),
            revocation_list_number: says.list,
            grounds: says.by_list.map(by_list).into_iter().collect(),
            ..CommitData::default()
        };
        let body = Bytes::from(data.encode_to_vec());
        let welcome = (!references.is_empty()).then(|| WelcomeOffer {
            bytes: Bytes::from_static(b"welcome"),
            cipher_suite: Suite::X25519.code(),
            references,
        });
        Commit {
            conversation: WARD,
            epoch: Epoch::new(epoch),
            sender: device(sender),
            sha256: Digest::of(&body),
            body,
            author: Bytes::from_static(b""),
            declaration: CommitDeclaration::parse(&data).unwrap(),
            welcome,
            issuers: ByIssuers::default(),
        }
    }

    pub(crate) async fn hand_in(&self, commit: Commit) -> Result<CommitOutcome, ConversationError> {
        let now = self.now();
        self.store
            .write("commit", move |tx| Box::pin(async move { rules::commit(tx, &commit, now).await }))
            .await
    }

    /// An honest commit with what it needs.
    pub(crate) async fn commit(
        &self,
        sender: u8,
        epoch: u64,
        says: Says<'_>,
    ) -> Result<CommitOutcome, ConversationError> {
        let references = self.claimed(sender, says.joins).await;
        self.hand_in(self.commit_of(sender, epoch, says, references)).await
    }

    /// A commit that changes nobody.
    pub(crate) async fn update(
        &self,
        sender: u8,
        epoch: u64,
        roster: &[u8],
    ) -> Result<CommitOutcome, ConversationError> {
        self.commit(sender, epoch, Says { roster, ..Says::default() }).await
    }

    pub(crate) async fn ack(&self, reader: u8, number: u64) -> Result<(), ConversationError> {
        let moves = [CursorMove { conversation: WARD, number: EntryNumber::new(number) }];
        let reader = device(reader);
        self.store.write("ack", move |tx| Box::pin(async move { rules::ack(tx, reader, &moves).await })).await
    }

    pub(crate) async fn stays(&self, of: u8) -> Vec<Stay> {
        let read =
            self.store.read("stays", move |tx| Box::pin(async move { tx.stays(WARD, device(of)).await }));
        let stays: Result<_, StoreError> = read.await;
        stays.unwrap()
    }

    /// The Welcome of the commit with this number.
    pub(crate) async fn delivery(&self, number: u64) -> Option<Delivery> {
        let number = EntryNumber::new(number);
        let read =
            self.store.read("delivery", move |tx| Box::pin(async move { tx.delivery(WARD, number).await }));
        let delivery: Result<_, StoreError> = read.await;
        delivery.unwrap()
    }

    /// What `reader` would be sent behind `position`, at most so many entries at once.
    pub(crate) async fn read(&self, reader: u8, position: FeedPosition, entries: u32) -> FeedBatch {
        let budget = Budget { entries, bytes: 1 << 20, now: self.now() };
        let reader = device(reader);
        let read =
            self.store.read("feed", move |tx| Box::pin(rules::read_feed(tx, reader, WARD, position, budget)));
        read.await.unwrap()
    }

    pub(crate) fn package(&self, last_resort: bool) -> Package {
        let bytes = Bytes::from(self.fresh().to_be_bytes().to_vec());
        let reference = Digest::of(&bytes).to_wire();
        Package { reference, suite: Suite::X25519, last_resort, bytes }
    }

    pub(crate) async fn publish_these(
        &self,
        owner: u8,
        packages: Vec<Package>,
    ) -> Result<(), KeyPackageError> {
        let publication = Publication {
            device: device(owner),
            lapses_at: EVENING.plus_seconds(90 * 86_400),
            published_at: self.now(),
            packages,
        };
        self.store
            .write("publish", move |tx| Box::pin(async move { key_package::publish(tx, &publication).await }))
            .await
    }

    pub(crate) async fn publish(
        &self,
        owner: u8,
        one_time: usize,
        last_resort: usize,
    ) -> Result<(), KeyPackageError> {
        let kinds = std::iter::repeat_n(false, one_time).chain(std::iter::repeat_n(true, last_resort));
        self.publish_these(owner, kinds.map(|kind| self.package(kind)).collect()).await
    }

    pub(crate) async fn claim(
        &self,
        claimer: u8,
        request: u64,
        devices: &[u8],
    ) -> Result<ClaimOutcome, KeyPackageError> {
        let claim = Claim {
            claimer: device(claimer),
            request: *message_id(request).as_bytes(),
            devices: devices.iter().map(|number| device(*number)).collect(),
            suite: Suite::X25519,
        };
        let now = self.now();
        self.store
            .write("claim", move |tx| Box::pin(async move { key_package::claim(tx, &claim, now).await }))
            .await
    }
}

//! Devices with real vaults and real groups, and a log that numbers what they say: what a relay does for them, by hand.

use std::collections::HashMap;

use tempfile::TempDir;
use wardline_identity::{StatementLabel, SystemEntropy, sign_statement};
use wardline_proto::{
    ChainHash, ChainLink, ClientMessageId, ConversationId, Digest, EntryNumber, Suite, UtcMillis,
    relay::{CommitAuthor, Entry, EntryKind, SignedStatement, WelcomeDelivery},
};

use crate::{
    conversation::{
        Change, Core, Sealed, Staged, create, created, join, random, read, receive,
        receive::{Effect, decode},
        seal, stage,
    },
    mls::{VerifiedKeyPackage, key_package},
    vault::{
        mls_rows::Scope,
        tables::{
            conversations::{self, ConversationRow},
            outbox::{self, OutboxKind, OutboxRow},
            pending_commits::{self, PendingCommit},
        },
    },
};

pub(crate) const NOW: UtcMillis = UtcMillis::new(1_800_000_000_000);
/// Long enough for everything here.
const LIFE: u32 = 86_400;

/// A device.
pub(crate) struct Phone {
    pub core: Core,
    /// How far it has each log.
    read: HashMap<ConversationId, usize>,
    home: TempDir,
}

/// A log.
pub(crate) struct Log {
    pub conversation: ConversationId,
    pub entries: Vec<Entry>,
}

impl Phone {
    /// One that has read nothing.
    pub(super) fn new(core: Core, home: TempDir) -> Self {
        Self { core, read: HashMap::new(), home }
    }

    /// What a session is made of, and the home that has to stay as long.
    pub(crate) fn taken_apart(self) -> (Core, TempDir) {
        (self.core, self.home)
    }

    pub(crate) async fn row(&self, conversation: &ConversationId) -> ConversationRow {
        let mut tx = self.core.vault.begin("row").await.unwrap();
        conversations::load(&mut tx, conversation).await.unwrap().unwrap()
    }

    pub(crate) async fn outbox(&self) -> Vec<OutboxRow> {
        let mut tx = self.core.vault.begin("outbox").await.unwrap();
        outbox::list(&mut tx).await.unwrap()
    }

    /// What people see: "kind number text".
    pub(crate) async fn reads(&self, conversation: &ConversationId) -> Vec<String> {
        let mut tx = self.core.vault.begin("newest").await.unwrap();
        let mut row = conversations::load(&mut tx, conversation).await.unwrap().unwrap();
        while let Some(successor) = row.line.successor {
            row = conversations::load(&mut tx, &successor).await.unwrap().unwrap();
        }
        tx.commit().await.unwrap();
        let messages = read(&self.core, &row, Some(EntryNumber::ZERO), false).await.unwrap();
        messages.iter().map(|one| format!("{} {} {}", one.kind, one.number, one.text)).collect()
    }

    /// The texts that people see.
    pub(crate) async fn texts(&self, conversation: &ConversationId) -> Vec<String> {
        let lines = self.reads(conversation).await;
        let texts = lines.iter().filter_map(|line| line.strip_prefix("text "));
        texts.filter_map(|line| line.split_once(' ')).map(|(_, text)| text.to_owned()).collect()
    }

    /// Queues a text.
    pub(crate) async fn say(&self, conversation: &ConversationId, text: &str) -> ClientMessageId {
        self.say_for(conversation, text, LIFE).await
    }

    /// Queues a text that is to live for so long.
    pub(crate) async fn say_for(
        &self,
        conversation: &ConversationId,
        text: &str,
        life_seconds: u32,
    ) -> ClientMessageId {
        let message = ClientMessageId::from_bytes(random(&SystemEntropy).unwrap());
        let row = OutboxRow {
            message,
            inner: None,
            conversation: *conversation,
            kind: OutboxKind::Text,
            body: text.as_bytes().to_vec(),
            created: self.core.clock.now(),
            life_seconds,
            expires: None,
            sealed: None,
            accepted: None,
            refusal: None,
        };
        let mut tx = self.core.vault.begin("say").await.unwrap();
        outbox::insert(&mut tx, &row).await.unwrap();
        tx.commit().await.unwrap();
        message
    }

    /// A package by which it can be added.
    pub(crate) async fn package(&self) -> (VerifiedKeyPackage, wardline_identity::DeviceCertificate) {
        let (core, certificate) = (&self.core, self.core.device.certificate.clone());
        core.store.load(&core.vault, Scope::Device).await.unwrap();
        let made =
            key_package::generate(&core.store, &core.device.newest().identity(), Suite::X25519, 1, false)
                .unwrap();
        let tx = core.vault.begin("package").await.unwrap();
        Core::finish(&core.store, tx).await.unwrap();
        core.store.forget(Scope::Device);
        (key_package::parse_and_verify(&made[0]).unwrap().verified(&certificate).unwrap(), certificate)
    }

    /// Stages a commit.
    pub(crate) async fn stages(&mut self, conversation: &ConversationId, change: Change) -> PendingCommit {
        self.core.load_group(conversation).await.unwrap();
        let epoch = self.core.groups[conversation].epoch();
        match stage(&mut self.core, (*conversation, epoch), 1, change).await.unwrap() {
            Staged::Ready(pending) => pending,
            _ => panic!("it is staged"),
        }
    }

    /// The commit under way becomes noise that its author signed.
    pub(crate) async fn makes_worthless(&self, mut pending: PendingCommit) -> PendingCommit {
        pending.commit.iter_mut().rev().take(64).for_each(|byte| *byte ^= 0x5a);
        pending.sha256 = Digest::of(&pending.commit);
        pending.welcome = None;
        let said = CommitAuthor {
            conversation_id: pending.conversation.to_wire(),
            epoch: pending.epoch.get(),
            commit_sha256: pending.sha256.to_wire(),
        };
        let device = &self.core.device;
        let signed =
            sign_statement(&device.key, StatementLabel::CommitAuthor, &said, Some(device.certificate.der()));
        pending.author = crate::conversation::encode(&signed);
        let mut tx = self.core.vault.begin("worthless").await.unwrap();
        pending_commits::delete(&mut tx, &pending.conversation).await.unwrap();
        pending_commits::insert(&mut tx, &pending).await.unwrap();
        tx.commit().await.unwrap();
        pending
    }
}

impl Log {
    /// A conversation of `first` with everybody else, at entry 1.
    pub(crate) async fn begin(first: &mut Phone, others: &mut [&mut Phone]) -> Self {
        let (conversation, _) = create(&mut first.core, "Ward 4", Vec::new(), Suite::X25519).await.unwrap();
        created(&mut first.core, &conversation).await.unwrap();
        let mut log = Self::of(conversation);
        log.add(first, others).await;
        log
    }

    pub(crate) fn of(conversation: ConversationId) -> Self {
        Self { conversation, entries: Vec::new() }
    }

    /// `by` adds these; everybody takes it in.
    pub(crate) async fn add(&mut self, by: &mut Phone, others: &mut [&mut Phone]) {
        let mut adds = Vec::new();
        for other in others.iter() {
            adds.push(other.package().await);
        }
        let pending = by.stages(&self.conversation, Change { adds, ..Change::default() }).await;
        let welcome = pending.welcome.clone().unwrap();
        self.commit(by, pending);
        self.deliver(by).await;
        for other in others.iter_mut() {
            self.welcome(other, &welcome).await;
        }
    }

    /// Joins by a Welcome for the last entry; answers whether it was used.
    pub(crate) async fn welcome(&self, phone: &mut Phone, welcome: &[u8]) -> bool {
        let used = self.opens(phone, welcome).await;
        if used {
            self.deliver(phone).await;
        }
        used
    }

    /// The same, and the entry is still to come.
    pub(crate) async fn opens(&self, phone: &mut Phone, welcome: &[u8]) -> bool {
        let used = !join(&mut phone.core, &self.delivery(welcome)).await.unwrap().is_empty();
        if used {
            phone.read.insert(self.conversation, self.entries.len() - 1);
        }
        used
    }

    pub(crate) fn delivery(&self, welcome: &[u8]) -> WelcomeDelivery {
        let last = self.entries.last().unwrap();
        WelcomeDelivery {
            conversation_id: self.conversation.to_wire(),
            number: last.number,
            chain_hash: self.chain().digest().to_wire(),
            welcome: welcome.to_vec().into(),
            sender_device_id: last.sender_device_id.clone(),
            stamp_ms: last.stamp_ms,
            between: Vec::new(),
        }
    }

    /// The log up to an entry.
    pub(crate) fn upto(&self, number: u64) -> Self {
        let entries = self.entries.iter().filter(|entry| entry.number <= number).cloned();
        Self { conversation: self.conversation, entries: entries.collect() }
    }

    pub(crate) fn chain(&self) -> ChainHash {
        self.entries.iter().fold(ChainHash::genesis(&self.conversation), |chain, entry| {
            chain.append(&ChainLink {
                number: EntryNumber::new(entry.number),
                kind: entry.kind.to_be_bytes()[3],
                life_seconds: entry.life_seconds,
                stamp: UtcMillis::new(entry.stamp_ms),
                message: Digest::try_from(&entry.message_sha256).unwrap(),
            })
        })
    }

    /// A device gets everything from this entry on next.
    pub(crate) fn rewind(phone: &mut Phone, conversation: &ConversationId, number: u64) {
        phone.read.insert(*conversation, usize::try_from(number).unwrap() - 1);
    }

    pub(crate) fn head(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Appends a commit.
    pub(crate) fn commit(&mut self, by: &Phone, pending: PendingCommit) {
        let author: SignedStatement = decode(&pending.author).unwrap();
        self.append(by, EntryKind::Commit, pending.epoch.get(), pending.commit, |entry| {
            entry.author = Some(author);
        });
    }

    fn append(
        &mut self,
        by: &Phone,
        kind: EntryKind,
        epoch: u64,
        message: Vec<u8>,
        more: impl FnOnce(&mut Entry),
    ) {
        let mut entry = Entry {
            conversation_id: self.conversation.to_wire(),
            number: self.head() + 1,
            kind: kind.into(),
            epoch,
            stamp_ms: by.core.clock.now().get(),
            message_sha256: Digest::of(&message).to_wire(),
            message: message.into(),
            sender_device_id: by.core.device.id().to_wire(),
            ..Entry::default()
        };
        more(&mut entry);
        self.entries.push(entry);
    }

    /// Takes everything that a device has queued for this log.
    pub(crate) async fn take(&mut self, by: &mut Phone) {
        for row in by.outbox().await {
            if row.conversation != self.conversation || row.accepted.is_some() {
                continue;
            }
            let Sealed::Ready { ciphertext } = seal(&mut by.core, &row).await.unwrap() else { continue };
            let epoch = by.core.groups[&self.conversation].epoch().get();
            self.append(by, EntryKind::Message, epoch, ciphertext, |entry| {
                entry.client_message_id = row.message.to_wire();
                entry.life_seconds = row.life_seconds;
            });
            self.deliver(by).await;
        }
    }

    /// A device says something, and everybody hears it.
    pub(crate) async fn talk(&mut self, by: &mut Phone, text: &str, others: &mut [&mut Phone]) {
        by.say(&self.conversation, text).await;
        self.take(by).await;
        for other in others.iter_mut() {
            self.deliver(other).await;
        }
    }

    /// Everything that a device has not got yet.
    pub(crate) async fn deliver(&self, phone: &mut Phone) -> Vec<Effect> {
        self.deliver_altered(phone, |_| {}).await
    }

    /// The same, with what was lost or changed on the way.
    pub(crate) async fn deliver_altered(&self, phone: &mut Phone, alter: impl Fn(&mut Entry)) -> Vec<Effect> {
        let mut effects = Vec::new();
        loop {
            let from = phone.read.get(&self.conversation).copied().unwrap_or(0);
            let Some(entry) = self.entries.get(from) else { return effects };
            let mut entry = entry.clone();
            if entry.sender_device_id != phone.core.device.id().to_wire() {
                entry.client_message_id.clear();
            }
            alter(&mut entry);
            let step = receive(&mut phone.core, &entry).await.unwrap();
            // What is asked for once more comes once more.
            if !step.contains(&Effect::Again(self.conversation)) {
                phone.read.insert(self.conversation, from + 1);
            }
            effects.extend(step);
        }
    }
}

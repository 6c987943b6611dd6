//! What a client makes of whatever a relay sends it: a real client over a real vault, in a conversation with a member
//! whose keys are known, so that what that member could write is tried too, well encrypted.
//!
//! Nothing may panic, the vault must go on opening and listing, and a stream that the client ended in error must have
//! left every conversation's log as it was.

use std::{cell::RefCell, path::Path, sync::Arc};

use prost::Message as _;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wardline_client_core::{
    api::{Answer, Client, Command, Enrolment, Options, Reach, enrol},
    mls::{CommitPlan, Group, Identity, LogPosition, MlsStore, group, key_package},
    vault::{KdfCost, Passcode, Vault, mls_rows::Scope},
};
use wardline_identity::{DateCheck, ManualClock, SeededEntropy, StatementLabel};
use wardline_proto::{
    ChainHash, ChainLink, Digest, EntryNumber, Suite,
    content::{Content, Text, content::Body},
    relay::{self as pb, subscribe_response::Event},
    roster_digest,
};

use crate::{
    samples::{CONVERSATION, by_doctor, leave, link_of, settings},
    script::{Script, greeting},
    target::{Input, Target, fuzz_answers, samples},
    tree::Format,
    world::{NOW, WORLD},
};

/// After so many inputs the vault is as it was at first.
const FRESH: usize = 25;

struct Scene {
    runtime: Runtime,
    script: Script,
    /// The vault after the client joined.
    template: TempDir,
    /// The client, its home, how many inputs it has seen, and the log as it was shown last.
    now: Option<(Client, TempDir, usize, String)>,
}

thread_local! {
    static SCENE: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

fn passcode() -> Passcode {
    Passcode::new("a passcode".to_owned()).expect("a passcode")
}

fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    folder.expect("a folder")
}

fn said(event: Event) -> pb::SubscribeResponse {
    pb::SubscribeResponse { event: Some(event) }
}

async fn open(home: &Path, script: &Script) -> Client {
    let options = Options {
        clock: Arc::new(ManualClock::new(NOW)),
        entropy: Arc::new(SeededEntropy::new(41)),
        connector: Some(Arc::new(script.clone())),
        stranger: Some(Arc::new(script.clone())),
        ..Options::default()
    };
    Client::open(home, &passcode(), options).await.expect("the vault opens")
}

/// The log as the client shows it; what it noted against the relay is beside the log.
async fn shown(client: &Client) -> String {
    let listed = client.execute(Command::ConversationList, Reach::Offline).await;
    assert!(listed.is_ok(), "{listed:?}");
    let conversation = CONVERSATION.to_string();
    let read = Command::Read { conversation, since: None, new: false };
    match client.execute(read, Reach::Offline).await {
        Ok(Answer::Messages(messages)) => format!("{:?}", messages.messages),
        other => panic!("the conversation cannot be read: {other:?}"),
    }
}

impl Scene {
    /// Enrols, publishes, is added by the doctor, reads a message; gives what the relay may say next.
    fn new() -> (Self, Vec<Vec<u8>>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (script, template) = (Script::default(), in_memory());
        let samples = runtime.block_on(async {
            let invitation = link_of(&WORLD.invitation, &["relay.example.org:443".to_owned()]);
            let enrolment = Enrolment {
                home: template.path(),
                passcode: &passcode(),
                cost: KdfCost::floor(),
                invitation: &invitation.encode().expect("a link"),
                device_name: "phone",
                clock: Arc::new(ManualClock::new(NOW)),
                entropy: Arc::new(SeededEntropy::new(42)),
                connector: Some(Arc::new(script.clone())),
            };
            enrol(&enrolment, &mut |_| {}).await.expect("a certificate");
            let client = open(template.path(), &script).await;
            script.say(vec![said(Event::Greeting(greeting()))]);
            let relay = Arc::new(script.clone());
            client.follow_once(relay.clone()).await.expect("it publishes");
            let mut doctor = Doctor::new(&script.package()).await;
            script.say(vec![said(Event::Greeting(greeting())), doctor.welcome(), doctor.first()]);
            client.follow_once(relay.clone()).await.expect("it joins");
            script.say(vec![said(Event::Greeting(greeting())), doctor.second()]);
            client.follow_once(relay).await.expect("it reads");
            assert!(shown(&client).await.contains("Bed 4"), "the control: it is shown");
            client.close().await.expect("it closes");
            doctor.next()
        });
        (Self { runtime, script, template, now: None }, samples)
    }

    fn fresh(&mut self) {
        if let Some((client, _, _, _)) = self.now.take() {
            self.runtime.block_on(client.close()).expect("it closes");
        }
        let home = in_memory();
        for file in std::fs::read_dir(self.template.path()).expect("a folder") {
            let file = file.expect("a file");
            std::fs::copy(file.path(), home.path().join(file.file_name())).expect("a copy");
        }
        let (client, log) = self.runtime.block_on(async {
            let client = open(home.path(), &self.script).await;
            let log = shown(&client).await;
            (client, log)
        });
        self.now = Some((client, home, 0, log));
    }

    /// Whether the client took it.
    fn take(&mut self, event: pb::SubscribeResponse) -> bool {
        if self.now.as_ref().is_none_or(|(_, _, seen, _)| *seen >= FRESH) {
            self.fresh();
        }
        let (client, _, seen, log) = self.now.as_mut().expect("a client");
        *seen += 1;
        self.script.say(vec![event]);
        let relay = Arc::new(self.script.clone());
        self.runtime.block_on(async {
            let outcome = client.follow_once(relay).await;
            let after = shown(client).await;
            if let Err(failure) = &outcome {
                assert_eq!(after, *log, "refused ({failure}), and the log is another");
            }
            *log = after;
            outcome.is_ok()
        })
    }
}

/// The member whose keys are known; its MLS state is in memory only.
struct Doctor {
    _vault: TempDir,
    store: MlsStore,
    group: Group,
    commit: Vec<u8>,
    welcome: Vec<u8>,
    /// The log's hash after the commit.
    chain: ChainHash,
}

fn identity() -> Identity<'static> {
    Identity { key: &WORLD.doctor.key, certificate_der: WORLD.doctor.certificate.der() }
}

impl Doctor {
    async fn new(package: &[u8]) -> Self {
        let (folder, store) = (in_memory(), MlsStore::new());
        let vault =
            Vault::create(folder.path(), &passcode(), &SeededEntropy::new(43), KdfCost::floor()).await;
        let vault = vault.expect("a vault");
        for scope in [Scope::Device, Scope::Conversation(CONVERSATION)] {
            store.load(&vault, scope).await.expect("rows");
        }
        let package = key_package::parse_and_verify(package).expect("a package");
        let nurse = WORLD.organisation.verify_device(&package.leaf.certificate_der, DateCheck::Skip);
        let nurse = nurse.expect("a certificate");
        let mut devices = [nurse.device(), WORLD.doctor.certificate.device()];
        devices.sort_unstable();
        let data = pb::CommitData {
            joins: vec![nurse.device().to_wire()],
            roster_sha256: roster_digest(devices).to_wire(),
            seen_hash: ChainHash::genesis(&CONVERSATION).digest().to_wire(),
            ..pb::CommitData::default()
        };
        let kind = Some(pb::authenticated_data::Kind::Commit(data));
        let mut group = group::create(&store, &identity(), Suite::X25519, CONVERSATION, &settings(false))
            .expect("a group");
        let position =
            LogPosition { number: EntryNumber::ZERO, chain_hash: ChainHash::genesis(&CONVERSATION) };
        let plan = CommitPlan {
            adds: vec![package.verified(&nurse).expect("its own")],
            removes: Vec::new(),
            settings: None,
            aad: pb::AuthenticatedData { kind }.encode_to_vec(),
            position,
            certificate: None,
        };
        let messages = group.commit(&store, &identity(), plan).expect("a commit");
        group.merge_pending(&store).expect("merged");
        let link = ChainLink {
            number: EntryNumber::new(1),
            kind: 1,
            life_seconds: 0,
            stamp: NOW,
            message: Digest::of(&messages.commit),
        };
        let chain = position.chain_hash.append(&link);
        let welcome = messages.welcome.expect("a Welcome");
        Self { _vault: folder, store, group, commit: messages.commit, welcome, chain }
    }

    fn welcome(&self) -> pb::SubscribeResponse {
        said(Event::Welcome(pb::WelcomeDelivery {
            conversation_id: CONVERSATION.to_wire(),
            number: 1,
            chain_hash: self.chain.digest().to_wire(),
            welcome: self.welcome.clone().into(),
            sender_device_id: WORLD.doctor.certificate.device().to_wire(),
            stamp_ms: NOW.get(),
            between: Vec::new(),
        }))
    }

    /// An entry of the doctor's.
    fn entry(&self, number: u64, epoch: u64, kind: pb::EntryKind, message: Vec<u8>) -> pb::SubscribeResponse {
        let (commit_sha256, commit) = (Digest::of(&message).to_wire(), kind == pb::EntryKind::Commit);
        let said_by = pb::CommitAuthor { conversation_id: CONVERSATION.to_wire(), epoch, commit_sha256 };
        said(Event::Entry(pb::Entry {
            conversation_id: CONVERSATION.to_wire(),
            number,
            kind: kind.into(),
            epoch,
            life_seconds: if commit { 0 } else { 3_600 },
            stamp_ms: NOW.get(),
            message_sha256: Digest::of(&message).to_wire(),
            message: message.into(),
            sender_device_id: WORLD.doctor.certificate.device().to_wire(),
            author: commit.then(|| by_doctor(StatementLabel::CommitAuthor, &said_by)),
            client_message_id: bytes::Bytes::new(),
        }))
    }

    fn first(&self) -> pb::SubscribeResponse {
        self.entry(1, 0, pb::EntryKind::Commit, self.commit.clone())
    }

    fn second(&mut self) -> pb::SubscribeResponse {
        let body = Some(Body::Text(Text { text: "Bed 4".to_owned() }));
        let seen_hash = self.chain.digest().as_bytes().to_vec();
        let content =
            Content { message_id: vec![4; 16], seen_number: 1, seen_hash, body, ..Content::default() };
        let message = self.message(&content.encode_to_vec());
        self.entry(2, 1, pb::EntryKind::Message, message)
    }

    fn message(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let kind = Some(pb::authenticated_data::Kind::Message(pb::MessageData { life_seconds: 3_600 }));
        let data = pb::AuthenticatedData { kind }.encode_to_vec();
        self.group.encrypt(&self.store, &identity(), &data, plaintext).expect("a message")
    }

    /// A commit of the epoch that changes nothing but the doctor's own leaf, with this authenticated data; not merged.
    fn renewal(&mut self, aad: Vec<u8>, renamed: bool) -> Vec<u8> {
        let position = LogPosition { number: EntryNumber::new(2), chain_hash: self.chain };
        let settings = renamed.then(|| {
            let before = settings(false);
            wardline_proto::content::ConversationSettings {
                number: before.number + 1,
                name: "W".into(),
                ..before
            }
        });
        let plan =
            CommitPlan { adds: Vec::new(), removes: Vec::new(), settings, aad, position, certificate: None };
        let commit = self.group.commit(&self.store, &identity(), plan).expect("a commit").commit;
        self.group.clear_pending(&self.store).expect("cleared");
        commit
    }

    /// What may come as the third entry, and whatever else a relay may say.
    fn next(&mut self) -> Vec<Vec<u8>> {
        let mut all = samples("event");
        for content in samples("content").into_iter().chain(odd_contents()) {
            let message = self.message(&content);
            all.push(self.entry(3, 1, pb::EntryKind::Message, message).encode_to_vec());
        }
        for data in samples("authenticated_data") {
            let (plain, renamed) = (self.renewal(data.clone(), false), self.renewal(data, true));
            for commit in [plain, renamed] {
                all.push(self.entry(3, 1, pb::EntryKind::Commit, commit).encode_to_vec());
            }
        }
        let gone = self.entry(3, 1, pb::EntryKind::Message, Vec::new());
        all.extend([self.welcome().encode_to_vec(), gone.encode_to_vec()]);
        all.push(said(Event::Greeting(greeting())).encode_to_vec());
        all
    }
}

fn text(text: &str) -> Vec<u8> {
    let body = Some(Body::Text(Text { text: text.to_owned() }));
    Content { message_id: vec![4; 16], seen_number: 1, body, ..Content::default() }.encode_to_vec()
}

/// What a member's own client would never write.
fn odd_contents() -> Vec<Vec<u8>> {
    let with = |seen_number, seen_hash: Vec<u8>, body| {
        Content { message_id: vec![9; 3], seen_number, seen_hash, body, ..Content::default() }.encode_to_vec()
    };
    vec![
        Vec::new(),
        vec![0xff; 40],
        text(""),
        text(&"\u{202e}\u{0}\u{7}".repeat(50)),
        text(&"x".repeat(65_537)),
        with(u64::MAX, vec![1; 32], None),
        with(1, vec![1; 32], Some(Body::Text(Text { text: "Other log".to_owned() }))),
        with(2, vec![1; 31], Some(Body::Leave(vec![1; 9]))),
        with(1, Vec::new(), Some(Body::Leave(leave().encode_to_vec()))),
    ]
}

fn taken(input: &Input) -> bool {
    let Ok(event) = pb::SubscribeResponse::decode(input.bytes.as_slice()) else { return false };
    SCENE.with_borrow_mut(|scene| scene.as_mut().expect("a scene").take(event))
}

/// An entry whose digest is that of its bytes again.
fn mend_digest(bytes: &mut Vec<u8>, _: u64) -> bool {
    let Ok(mut response) = pb::SubscribeResponse::decode(bytes.as_slice()) else { return false };
    let Some(Event::Entry(entry)) = &mut response.event else { return false };
    entry.message_sha256 = Digest::of(&entry.message).to_wire();
    *bytes = response.encode_to_vec();
    true
}

#[test]
fn a_client_takes_whatever_a_relay_sends() {
    let (scene, samples) = Scene::new();
    SCENE.set(Some(scene));
    let target = Target {
        name: "client",
        format: Format::Protobuf(0),
        sign: Some(mend_digest),
        inputs: 300,
        at_most: 20_000,
        // Of this thread; the vault has its own. Reopening it takes what a passcode costs.
        memory: (24 << 20, 512),
        check: taken,
    };
    fuzz_answers(&target, samples);
    SCENE.set(None);
}

//! A removal record proves what was signed and nothing else: also a relay that signs whatever it likes cannot make one up.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on has failed

mod hospital;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use hospital::{DAY, Hospital, NOW, later};
use prost::Message as _;
use sha2::Sha256;
use wardline_identity::*;
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis,
    relay::{self as pb, SignedStatement},
};

/// A device that was put on hold while it was in three conversations, and then revoked: it is out of the first by a commit that
/// somebody else confirms, of the second by one that nobody does, and still in the third.
struct Scene {
    hospital: Hospital,
    relay: (SigningKey, Vec<u8>),
    device: Vec<u8>,
    author: (SigningKey, Vec<u8>),
    second: (SigningKey, Vec<u8>),
    before: [Digest; 2],
    /// The conversations that the second list finds it in.
    again: &'static [ConversationId],
    entries: Vec<RecordEntry>,
}

const fn conversation(number: u8) -> ConversationId {
    ConversationId::from_bytes([number; 16])
}

const OPEN: [ConversationId; 3] = [conversation(7), conversation(8), conversation(9)];

fn commit(number: u64) -> (EntryNumber, Epoch, Digest) {
    (EntryNumber::new(number), Epoch::new(number - 1), Digest::of(&number.to_be_bytes()))
}

fn signed(by: &(SigningKey, Vec<u8>), label: StatementLabel, said: &impl prost::Message) -> SignedStatement {
    sign_statement(&by.0, label, said, Some(&by.1))
}

impl Scene {
    fn new() -> Self {
        Self::found_in(&OPEN[1..])
    }

    fn found_in(again: &'static [ConversationId]) -> Self {
        let hospital = Hospital::found(1);
        let relay = hospital.relay();
        let (_, device) = hospital.device();
        let (author, second) = (hospital.device(), hospital.device());
        let mut scene = Self {
            hospital,
            relay,
            device,
            author,
            second,
            before: [Digest::of(b""); 2],
            again,
            entries: Vec::new(),
        };
        let mut register = RevocationRegister::new(scene.hospital.organisation.id());
        let held = scene.in_force(&mut register, RevocationKind::Held, &OPEN, 1);
        let revoked = scene.in_force(&mut register, RevocationKind::Revoked, again, 4);
        let first = *register_acts(&held);
        scene.before = [
            chain_of(scene.hospital.organisation.id(), &[]),
            chain_of(scene.hospital.organisation.id(), &[first]),
        ];
        let closed = |at, conversation, number| scene.closed(at, conversation, number);
        let another =
            RecordAct::IssuersListTaken { list: scene.hospital.organisation.to_wire().issuers.unwrap() };
        scene.entries = vec![
            RecordEntry { at: NOW, act: another.clone() },
            held,
            closed(later(2), OPEN[0], 12),
            scene.confirmed(later(3), OPEN[0], 12),
            revoked,
            RecordEntry { at: later(4), act: another },
            closed(later(5), OPEN[1], 31),
        ];
        scene
    }

    fn gone(&self) -> DeviceId {
        self.hospital.verify(&self.device).unwrap().device()
    }

    fn in_force(
        &self,
        register: &mut RevocationRegister,
        kind: RevocationKind,
        conversations: &[ConversationId],
        seconds: u64,
    ) -> RecordEntry {
        let (hospital, at) = (&self.hospital, later(seconds));
        let issuer = *hospital.issuer.certificate().fingerprint();
        let reason = RevocationReason::Lost;
        let act = RevocationAct { device: self.gone(), kind, reason, at, issuer };
        let list = register.sign_next(&hospital.issuer, &hospital.organisation, &[act], at).unwrap();
        register.adopt(hospital.organisation.verify_revocation_list(&list, at).unwrap(), &[act]).unwrap();
        let ids: Vec<u8> = conversations.iter().flat_map(|id| *id.as_bytes()).collect();
        let named = pb::RevokedDevice {
            device_id: act.device.to_wire(),
            kind: kind.number(),
            conversations: conversations.len() as u32,
            conversations_sha256: Digest::of(&ids).to_wire(),
        };
        let answer = pb::RevocationAnswer {
            number: register.number(),
            chain_hash: register.list().unwrap().chain().to_wire(),
            in_force_at: Some(at.into()),
            devices: vec![named],
        };
        let answer = signed(&self.relay, StatementLabel::RevocationAnswer, &answer);
        let relay_certificate = self.relay.1.clone().into();
        RecordEntry { at, act: RecordAct::ListInForce { list, acts: vec![act], answer, relay_certificate } }
    }

    fn closed(&self, at: UtcMillis, conversation: ConversationId, number: u64) -> RecordEntry {
        let (number, epoch, sha256) = commit(number);
        let said = pb::CommitAuthor {
            conversation_id: conversation.to_wire(),
            epoch: epoch.get(),
            commit_sha256: sha256.to_wire(),
        };
        let commit = ClosingCommit {
            log: conversation,
            number,
            epoch,
            sha256,
            author: signed(&self.author, StatementLabel::CommitAuthor, &said),
            author_certificate: self.author.1.clone().into(),
        };
        let (device, commit) = (self.gone(), Some(commit));
        RecordEntry { at, act: RecordAct::RemovalClosed { device, conversation, list_number: 1, commit } }
    }

    fn confirmation(&self, log: ConversationId, number: u64) -> RemovalConfirmation {
        let (number, epoch, sha256) = commit(number);
        let devices = vec![self.gone()];
        RemovalConfirmation { log, number, epoch, sha256, devices, merged_at: later(3) }
    }

    fn confirmed(&self, at: UtcMillis, log: ConversationId, number: u64) -> RecordEntry {
        self.confirmed_by(&self.second, self.confirmation(log, number), at)
    }

    fn confirmed_by(
        &self,
        by: &(SigningKey, Vec<u8>),
        confirmation: RemovalConfirmation,
        at: UtcMillis,
    ) -> RecordEntry {
        let statement = signed(by, StatementLabel::RemovalConfirmation, &confirmation.to_wire());
        let certificate = by.1.clone().into();
        RecordEntry { at, act: RecordAct::RemovalConfirmed { confirmation, statement, certificate } }
    }

    /// The record, as a relay gives it that has these entries.
    fn record(&self) -> RemovalRecord {
        let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let bytes: Vec<Vec<u8>> = self.entries.iter().map(|entry| entry.encode().to_vec()).collect();
        bytes.iter().for_each(|entry| tree.push(entry.clone()));
        let root = Digest::try_from(tree.root().as_bytes().as_slice()).unwrap();
        let organisation = &self.hospital.organisation;
        let head = Checkpoint::new(organisation.id(), bytes.len() as u64, root);
        let wanted = |entry: &RecordEntry| {
            !matches!(entry.act, RecordAct::IssuersListTaken { .. } | RecordAct::DeviceCertified { .. })
        };
        let proven = self.entries.iter().enumerate().filter(|(_, entry)| wanted(entry)).map(|(number, _)| {
            let proof = tree.prove_inclusion(number);
            let proof = proof.as_bytes().chunks(32).map(|hash| Digest::try_from(hash).unwrap()).collect();
            ProvenEntry { number: number as u64, entry: bytes[number].clone(), proof }
        });
        let list = |before: &Digest, conversations: &[ConversationId]| NamingList {
            chain_before: before.as_bytes().to_vec(),
            conversations: vec![conversations.to_vec()],
        };
        RemovalRecord {
            root: organisation.root_der().to_vec(),
            issuers: organisation.to_wire().issuers.unwrap(),
            device: self.device.clone(),
            checkpoint: head.sign(&self.relay.0).to_vec(),
            relay: self.relay.1.clone(),
            lists: vec![list(&self.before[0], &OPEN), list(&self.before[1], self.again)],
            entries: proven.collect(),
        }
    }

    fn check(&self, record: &RemovalRecord) -> Result<ProvenRecord, RemovalRecordError> {
        record.verify(&self.hospital.organisation.root_fingerprint())
    }
}

fn register_acts(entry: &RecordEntry) -> &RevocationAct {
    let RecordAct::ListInForce { acts, .. } = &entry.act else { panic!("a list") };
    &acts[0]
}

#[test]
fn it_proves_the_instant_and_for_each_conversation_who_signed_what() {
    let scene = Scene::new();
    let proven = scene.check(&scene.record()).unwrap();
    assert_eq!((proven.device.device(), proven.size), (scene.gone(), 7));
    let acts: Vec<_> = proven.acts.iter().map(|act| (act.list, act.kind, act.in_force_at)).collect();
    assert_eq!(acts, [(1, RevocationKind::Held, later(1)), (2, RevocationKind::Revoked, later(4))]);
    assert_eq!(proven.acts[0].conversations, OPEN);
    let [first, second, third] = proven.removals.as_slice() else { panic!("{:?}", proven.removals) };
    let out = |removal: &ProvenRemoval| match &removal.outcome {
        Outcome::Out(commit) => {
            let confirmed = commit.confirmed.as_ref().map(|word| word.by.device());
            (commit.at, commit.number.get(), commit.author.device(), confirmed)
        }
        other => panic!("{other:?}"),
    };
    let device = |der: &[u8]| scene.hospital.verify(der).unwrap().device();
    let (author, confirmer) = (device(&scene.author.1), device(&scene.second.1));
    assert_eq!(out(first), (later(2), 12, author, Some(confirmer)));
    assert_eq!(out(second), (later(5), 31, author, None));
    assert_eq!(third.outcome, Outcome::Open);
    let since = proven.removals.iter().map(|removal| removal.in_force_at).collect::<Vec<_>>();
    assert_eq!(since, [later(1); 3], "from the list that named it first");
}

/// A device that is named again, and comes out of a closed log by the first commit of what goes on from it.
#[test]
fn a_confirmation_that_comes_late_is_of_the_commit_that_it_names_and_spoils_nothing() {
    let mut scene = Scene::found_in(&OPEN);
    let late = scene.entries.remove(3);
    scene.entries.push(RecordEntry { at: later(6), ..late });
    let RecordAct::RemovalClosed { commit: Some(first), .. } = scene.closed(later(5), conversation(1), 1).act
    else {
        panic!("a commit")
    };
    let RecordAct::RemovalClosed { commit, .. } = &mut scene.entries[5].act else { panic!("a removal") };
    *commit = Some(first);
    let proven = scene.check(&scene.record()).unwrap();
    let found: Vec<_> =
        proven.removals.iter().map(|one| (one.conversation, one.list, &one.outcome)).collect();
    let [
        (a, 1, Outcome::Out(before)),
        (b, 2, Outcome::Open),
        (c, 1, Outcome::Out(on)),
        (d, 1, Outcome::Open),
    ] = found.as_slice()
    else {
        panic!("{found:?}")
    };
    assert_eq!((*a, *b, *c, *d), (OPEN[0], OPEN[0], OPEN[1], OPEN[2]));
    assert_eq!((before.number.get(), before.confirmed.is_some()), (12, true));
    assert_eq!((on.log, on.confirmed.is_some()), (conversation(1), false));
}

#[test]
fn certificates_that_have_ended_since_prove_what_they_proved_then() {
    let mut scene = Scene::new();
    let proven = scene.check(&scene.record()).unwrap();
    assert!(proven.device.check_dates(later(100 * DAY)).is_err());
    // What is signed after a certificate has ended counts for nothing.
    scene.entries[3].at = later(100 * DAY);
    let wrong = scene.check(&scene.record());
    let what = "it is signed by no device of the organisation";
    assert_eq!(wrong, Err(RemovalRecordError::Entry { number: 3, what }));
}

/// What a relay makes up, with entries and a checkpoint of its own.
type MadeUp = fn(&mut Scene);

fn commit_of(scene: &mut Scene) -> &mut ClosingCommit {
    match &mut scene.entries[2].act {
        RecordAct::RemovalClosed { commit: Some(commit), .. } => commit,
        other => panic!("{other:?}"),
    }
}

const MADE_UP: &[(&str, u64, MadeUp)] = &[
    ("its author signed for another commit", 2, |scene| commit_of(scene).sha256 = Digest::of(b"another")),
    ("its author signed for another commit", 2, |scene| commit_of(scene).epoch = Epoch::new(77)),
    ("its commit is in another conversation", 2, |scene| {
        // One that was made, and signed for, where it is.
        let RecordAct::RemovalClosed { commit, .. } = scene.closed(later(2), OPEN[1], 12).act else {
            panic!()
        };
        *commit_of(scene) = commit.unwrap();
    }),
    ("its author signed for another commit", 2, |scene| {
        let commit = commit_of(scene);
        (commit.log, commit.number, commit.epoch) = (conversation(1), EntryNumber::new(1), Epoch::ZERO);
    }),
    ("its author's signature does not verify", 2, |scene| {
        let said = pb::CommitAuthor::decode(commit_of(scene).author.body.clone()).unwrap();
        let forged = (scene.relay.0.clone(), scene.author.1.clone());
        commit_of(scene).author = signed(&forged, StatementLabel::CommitAuthor, &said);
    }),
    ("it is signed by no device of the organisation", 2, |scene| {
        let other = Hospital::found(2).device();
        commit_of(scene).author_certificate = other.1.into();
    }),
    ("it is signed by the device that it is about", 2, |scene| {
        let device = scene.device.clone();
        commit_of(scene).author_certificate = device.into();
    }),
    ("it closes what is not open", 4, |scene| {
        let again = scene.entries[2].clone();
        scene.entries.insert(4, again);
    }),
    ("it is about a conversation that the relay's answer does not stand for", 2, |scene| {
        scene.entries[2] = scene.closed(later(2), conversation(1), 12);
    }),
    ("its author confirms it", 3, |scene| {
        scene.entries[3] = scene.confirmed_by(&scene.author, scene.confirmation(OPEN[0], 12), later(3));
    }),
    ("it is signed by the device that it is about", 3, |scene| {
        let itself = (scene.relay.0.clone(), scene.device.clone());
        scene.entries[3] = scene.confirmed_by(&itself, scene.confirmation(OPEN[0], 12), later(3));
    }),
    ("its confirmation's signature does not verify", 3, |scene| {
        let forged = (scene.relay.0.clone(), scene.second.1.clone());
        scene.entries[3] = scene.confirmed_by(&forged, scene.confirmation(OPEN[0], 12), later(3));
    }),
    ("its confirmation is about other devices", 3, |scene| {
        let devices = vec![DeviceId::from_bytes([9; 16])];
        let said = RemovalConfirmation { devices, ..scene.confirmation(OPEN[0], 12) };
        scene.entries[3] = scene.confirmed_by(&scene.second, said, later(3));
    }),
    ("it confirms another commit", 3, |scene| {
        scene.entries[3] = scene.confirmed_by(&scene.second, scene.confirmation(OPEN[0], 13), later(3));
    }),
    ("its acts are not those that the issuer signed", 1, |scene| {
        let RecordAct::ListInForce { acts, .. } = &mut scene.entries[1].act else { panic!("a list") };
        acts[0].kind = RevocationKind::Revoked;
    }),
    ("its acts are not those that the issuer signed", 1, |scene| scene.before[0] = Digest::of(b"before")),
    ("its list is not signed by an issuer of the organisation", 1, |scene| {
        let RecordAct::ListInForce { list, .. } = &mut scene.entries[1].act else { panic!("a list") };
        list.signature = vec![1; 64].into();
    }),
    ("the answer is not signed by a relay of the organisation", 1, |scene| {
        let RecordAct::ListInForce { answer, .. } = &mut scene.entries[1].act else { panic!("a list") };
        answer.signature = vec![1; 64].into();
    }),
    ("the relay's answer is to another list", 1, |scene| {
        let RecordAct::ListInForce { answer: of_second, .. } = scene.entries[4].act.clone() else {
            panic!("a list")
        };
        let RecordAct::ListInForce { answer, .. } = &mut scene.entries[1].act else { panic!("a list") };
        *answer = of_second;
    }),
];

#[test]
fn a_relay_makes_none_up() {
    for (number, (what, entry, make_up)) in MADE_UP.iter().enumerate() {
        let mut scene = Scene::new();
        assert!(scene.check(&scene.record()).is_ok(), "the control");
        make_up(&mut scene);
        let outcome = scene.check(&scene.record());
        assert_eq!(outcome, Err(RemovalRecordError::Entry { number: *entry, what }), "row {number}");
    }
}

#[test]
fn whoever_has_it_changes_nothing_beside_the_entries() {
    type Change = fn(&mut RemovalRecord);
    let changes: &[(&str, Change)] = &[
        ("a proof", |record| record.entries[1].proof[0] = Digest::of(b"another")),
        ("a proof less", |record| record.entries[1].proof.truncate(1)),
        ("a number", |record| record.entries[1].number = 5),
        ("an order", |record| record.entries.swap(0, 1)),
        ("an entry twice", |record| record.entries.push(record.entries[4].clone())),
        ("no entries", |record| record.entries.clear()),
        ("only what came of it", |record| {
            record.entries.drain(..1);
            record.lists.drain(..1);
        }),
        ("a conversation less", |record| record.lists[0].conversations[0].truncate(2)),
        ("a conversation more", |record| record.lists[1].conversations[0].push(conversation(10))),
        ("other conversations", |record| record.lists[0].conversations[0][2] = conversation(10)),
        ("conversations twice", |record| record.lists[0].conversations.push(OPEN.to_vec())),
        ("no conversations", |record| record.lists[0].conversations.clear()),
        ("a list more", |record| record.lists.push(record.lists[0].clone())),
        ("a list less", |record| record.lists.truncate(1)),
        ("the checkpoint's end", |record| record.checkpoint.truncate(record.checkpoint.len() - 1)),
        ("the issuers' list", |record| record.issuers.signature = vec![1; 64].into()),
        ("another device", |record| record.device = Hospital::found(1).device().1),
        ("a device of others", |record| record.device = Hospital::found(2).device().1),
        ("another relay", |record| record.relay = Hospital::found(2).relay().1),
        ("a device for a relay", |record| record.relay = record.device.clone()),
        ("another root", |record| record.root = Hospital::found(2).organisation.root_der().to_vec()),
    ];
    let scene = Scene::new();
    for (what, change) in changes {
        let mut record = scene.record();
        assert!(scene.check(&record).is_ok(), "the control");
        change(&mut record);
        assert!(scene.check(&record).is_err(), "{what}");
    }
    let other = Hospital::found(2).organisation.root_fingerprint();
    let actual = scene.hospital.organisation.root_fingerprint();
    assert_eq!(scene.record().verify(&other), Err(RemovalRecordError::OtherRoot { actual }));
}

#[test]
fn of_one_instant_a_list_comes_before_what_came_of_it() {
    let mut scene = Scene::new();
    // All in it are revoked by it: it ends in the transaction of the list, before which the entry may stand.
    let RecordAct::RemovalClosed { device, conversation, .. } = scene.closed(later(1), OPEN[0], 12).act
    else {
        panic!("a removal")
    };
    let act = RecordAct::RemovalClosed { device, conversation, list_number: 1, commit: None };
    scene.entries.splice(2..4, []);
    scene.entries.insert(1, RecordEntry { at: later(1), act });
    let proven = scene.check(&scene.record()).unwrap();
    assert_eq!(proven.removals[0].outcome, Outcome::Ended { at: later(1) });
}

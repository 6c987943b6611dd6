//! Claims about the relay's record as a device knows it: it only ever grows. Real vaults, signed heads and RFC 6962 proofs by
//! another implementation; each lie has its control, and is passed over where the guard is taken away.

use std::sync::Arc;

use bytes::Bytes;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use wardline_identity::{Checkpoint, SigningKey};
use wardline_proto::{
    DeviceId, Digest, in_place,
    relay::{GetRecordProofRequest, GetRecordProofResponse, RelayGreeting},
};

use super::{
    Session, open, record,
    refused_test::{Answers, session},
    revocation::adopt,
};
use crate::{
    conversation::broken_test::{house::House, lists::Lists},
    relay::Relay,
    vault::tables::relay_faults::{self, RelayFaultKind},
};

type Tree = MemoryBackedTree<Sha256, Vec<u8>>;

/// A relay with a record.
struct Keeper {
    house: House,
    key: SigningKey,
    certificate: Vec<u8>,
}

fn tree(entries: impl Iterator<Item = String>) -> Tree {
    let mut tree = Tree::new();
    entries.for_each(|entry| tree.push(entry.into_bytes()));
    tree
}

/// So many entries as they were.
fn honest(size: u64) -> Tree {
    tree((0..size).map(|number| format!("entry {number}")))
}

/// The same with the second one changed, and all hashes made anew.
fn rewritten(size: u64) -> Tree {
    tree((0..size).map(|number| format!("entry {}", if number == 1 { 77 } else { number })))
}

impl Keeper {
    fn new() -> Self {
        let house = House::found();
        let (key, certificate) = house.relay();
        Self { house, key, certificate }
    }

    fn head(&self, tree: &Tree) -> Bytes {
        let root = Digest::try_from(tree.root().as_bytes().as_slice()).unwrap();
        Checkpoint::new(self.house.organisation().id(), tree.len(), root).sign(&self.key)
    }

    fn greeting(&self) -> RelayGreeting {
        RelayGreeting { relay_certificate: self.certificate.clone().into(), ..RelayGreeting::default() }
    }

    /// A device that knows this head, over a connection to a relay that proves what it can from this record.
    async fn device(&self, known: &Tree, proves: Tree) -> (Session, Arc<dyn Relay>, tempfile::TempDir) {
        let proofs = move |request: &GetRecordProofRequest| proof(&proves, request);
        let answers = Arc::new(Answers { proofs: Box::new(proofs), ..Answers::yes() });
        let (session, relay, home) = session(self.house.phone("doctor-a").await, &answers);
        record::greeted(&session, &self.greeting(), &self.head(known)).await.unwrap();
        (session, relay, home)
    }
}

fn proof(tree: &Tree, request: &GetRecordProofRequest) -> Option<GetRecordProofResponse> {
    if request.size > tree.len() {
        return None;
    }
    // The proof is from the tree as it was with that size.
    let mut then = Tree::new();
    (0..usize::try_from(request.size).unwrap())
        .for_each(|number| then.push(tree.get(number).unwrap().clone()));
    let proof = then.prove_consistency(usize::try_from(request.size - request.goes_on_from).unwrap());
    let consistency = proof.as_bytes().chunks(32).map(Bytes::copy_from_slice).collect();
    Some(GetRecordProofResponse { consistency, ..GetRecordProofResponse::default() })
}

/// What is proven beside the talk, for as long as there is something.
async fn proven(session: &Session, relay: &Arc<dyn Relay>) {
    tokio::select! {
        biased;
        ended = record::prove(session, relay) => ended.unwrap(),
        () = session.proven() => {}
    }
}

async fn known_size(session: &Session) -> u64 {
    record::known(&*session.core().await).await.unwrap().map_or(0, |known| known.size)
}

async fn caught(session: &Session) -> Vec<(RelayFaultKind, u64)> {
    let core = session.core().await;
    let mut tx = core.vault.begin("caught").await.unwrap();
    let found = relay_faults::of_all(&mut tx).await.unwrap();
    for fault in &found {
        let evidence: serde_json::Value = serde_json::from_str(&fault.evidence).unwrap();
        assert!(evidence["head_before"].as_str().unwrap().starts_with("wardline.st-example/record\n"));
    }
    found.into_iter().map(|fault| (fault.kind, fault.number)).collect()
}

/// A device that knows five entries is greeted with another head, by a relay that can prove what it has. What it knows then, and
/// what the relay was caught doing.
async fn greeted(guard: &'static str, head: Option<Tree>, proves: Tree) -> (u64, Vec<(RelayFaultKind, u64)>) {
    let keeper = Keeper::new();
    let (session, relay, _home) = keeper.device(&honest(5), proves).await;
    assert_eq!(known_size(&session).await, 5, "the first is believed");
    in_place::arm(guard);
    let note = head.map(|head| keeper.head(&head)).unwrap_or_default();
    record::greeted(&session, &keeper.greeting(), &note).await.unwrap();
    proven(&session, &relay).await;
    in_place::disarm(guard);
    (known_size(&session).await, caught(&session).await)
}

#[tokio::test]
async fn a_record_that_grows_is_followed_and_named_by_the_next_list_also_after_a_restart() {
    let keeper = Keeper::new();
    let (session, relay, _home) = keeper.device(&honest(5), honest(9)).await;
    for size in [5, 6, 9, 9] {
        record::greeted(&session, &keeper.greeting(), &keeper.head(&honest(size))).await.unwrap();
        proven(&session, &relay).await;
        assert_eq!((known_size(&session).await, caught(&session).await), (size, Vec::new()));
    }
    let core = session.core().await;
    let (stored, _) = open::revocations(&core.vault, &core.device).await.unwrap();
    assert_eq!(stored, core.revocations, "as the vault has it");
    let house = &keeper.house;
    let mut lists = Lists::none(house);
    lists.name_record(&keeper.head(&honest(9)));
    lists.revoke(house, &[DeviceId::from_bytes([7; 16])]);
    let list = wardline_identity::RevocationList::stored(lists.signed()).unwrap();
    assert_eq!(list.record_head(), keeper.head(&honest(9)).as_ref());
}

#[tokio::test]
async fn a_record_that_is_rewritten_or_shortened_is_shown_with_both_heads_and_what_was_known_stays() {
    use RelayFaultKind::{RecordForked, RecordShortened};
    // Head, what the relay can prove, and what it is caught doing.
    let lies: [(Option<Tree>, Tree, RelayFaultKind); 6] = [
        (Some(rewritten(5)), rewritten(5), RecordForked),
        (Some(rewritten(9)), rewritten(9), RecordForked),
        (Some(honest(9)), rewritten(9), RecordForked),
        (Some(honest(4)), honest(4), RecordShortened),
        (None, honest(5), RecordShortened),
        (Some(honest(9)), honest(7), RecordShortened),
    ];
    for (number, (head, proves, kind)) in lies.into_iter().enumerate() {
        let (known, caught) = greeted("", head, proves).await;
        assert_eq!((known, caught), (5, vec![(kind, 5)]), "lie {number}");
    }
    assert_eq!(greeted("", Some(honest(9)), honest(9)).await, (9, Vec::new()), "the control");
    // The guards taken away.
    assert_eq!(greeted("mutant.any_record", Some(rewritten(5)), rewritten(5)).await, (5, Vec::new()));
    assert_eq!(greeted("mutant.any_record", Some(honest(4)), honest(4)).await, (4, Vec::new()));
    assert_eq!(greeted("mutant.any_record_proof", Some(rewritten(9)), rewritten(9)).await, (9, Vec::new()));
}

#[tokio::test]
async fn a_head_that_the_relay_did_not_sign_is_none() {
    let keeper = Keeper::new();
    let (session, ..) = keeper.device(&honest(5), honest(9)).await;
    let (stranger, _) = keeper.house.relay();
    let other = Keeper { key: stranger, house: House::found(), certificate: keeper.certificate.clone() };
    let note = other.head(&honest(9));
    record::greeted(&session, &keeper.greeting(), &note).await.unwrap();
    assert_eq!(known_size(&session).await, 5);
    assert_eq!(caught(&session).await, [(RelayFaultKind::RecordForked, 5)]);
}

/// A relay is caught once, and greets in the same way again. How often it was told, with what was known kept or not.
async fn after_a_restart(guard: &'static str) -> Vec<(RelayFaultKind, u64)> {
    let keeper = Keeper::new();
    in_place::arm(guard);
    let (session, ..) = keeper.device(&honest(5), honest(9)).await;
    in_place::disarm(guard);
    record::greeted(&session, &keeper.greeting(), &keeper.head(&honest(3))).await.unwrap();
    caught(&session).await
}

#[tokio::test]
async fn what_is_known_is_kept() {
    assert_eq!(after_a_restart("").await, [(RelayFaultKind::RecordShortened, 5)]);
    assert!(after_a_restart("mutant.record_unkept").await.is_empty(), "the guard taken away");
}

/// A device that knows five entries takes in a list that names this head.
async fn listed(head: Tree, proves: Tree) -> (u64, Vec<(RelayFaultKind, u64)>) {
    let keeper = Keeper::new();
    let (session, relay, _home) = keeper.device(&honest(5), proves).await;
    let mut lists = Lists::none(&keeper.house);
    lists.name_record(&keeper.head(&head));
    lists.revoke(&keeper.house, &[DeviceId::from_bytes([7; 16])]);
    let acts = lists.after(0).acts;
    let acts: Vec<_> = acts.iter().map(|act| wardline_identity::RevocationAct::read(act).unwrap()).collect();
    adopt(&session, lists.signed(), &acts).await.unwrap();
    proven(&session, &relay).await;
    (known_size(&session).await, caught(&session).await)
}

#[tokio::test]
async fn what_the_signer_of_a_list_knew_of_the_record_is_held_against_it() {
    use RelayFaultKind::{RecordForked, RecordShortened};
    for (size, known) in [(3, 5), (5, 5), (8, 8)] {
        assert_eq!(listed(honest(size), honest(8)).await, (known, Vec::new()), "the control: {size}");
        assert_eq!(listed(rewritten(size), honest(8)).await, (5, vec![(RecordForked, 5)]), "another: {size}");
    }
    let hidden = listed(honest(8), honest(5)).await;
    assert_eq!(hidden, (5, vec![(RecordShortened, 5)]), "the relay hides what the signer saw");
}

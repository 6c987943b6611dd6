//! Trees and proofs against another implementation of RFC 6962, notes against what C2SP says, and entries against damage.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, Epoch, InvitationId, UtcMillis, relay as pb,
};

use super::*;
use crate::{
    OrganisationId, RecordError, RevocationAct, RevocationKind, RevocationReason, Role, SigningKey, UserId,
};

fn organisation() -> OrganisationId {
    OrganisationId::parse("st-mary").unwrap()
}

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

fn at(size: u64, tree: &RecordTree) -> Checkpoint {
    assert_eq!(tree.size(), size);
    Checkpoint::new(&organisation(), size, tree.root())
}

fn hashes(proof: &[u8]) -> Vec<Digest> {
    proof.chunks(32).map(|hash| Digest::try_from(hash).unwrap()).collect()
}

#[test]
fn the_tree_and_all_its_proofs_are_those_of_rfc_6962_up_to_130_entries() {
    let mut ours = RecordTree::new();
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let mut heads = vec![at(0, &ours)];
    assert_eq!(ours.root(), Digest::of(b""), "the empty tree");
    let (mut inclusions, mut consistencies) = (0, 0);
    for size in 1..=130_u64 {
        let completed = ours.push(&entry(size - 1));
        assert_eq!(completed[0], record_leaf(&entry(size - 1)));
        assert_eq!(completed.len() as u32, size.trailing_zeros() + 1, "of 1, 2, 4 … entries");
        theirs.push(entry(size - 1));
        assert_eq!(ours.root().as_bytes().as_slice(), theirs.root().as_bytes().as_slice(), "{size}");
        let head = at(size, &ours);
        for number in 0..size {
            let proof = hashes(theirs.prove_inclusion(number as usize).as_bytes());
            verify_inclusion(&entry(number), number, &proof, &head).unwrap();
            let other = verify_inclusion(&entry(number + 1), number, &proof, &head);
            assert_eq!(other, Err(RecordError::Inclusion));
            inclusions += 1;
        }
        for (older, before) in heads.iter().enumerate().skip(1) {
            let proof = hashes(theirs.prove_consistency(size as usize - older).as_bytes());
            verify_consistency(before, &head, &proof).unwrap();
            consistencies += 1;
        }
        verify_consistency(&heads[0], &head, &[]).unwrap();
        verify_consistency(&head, &head, &[]).unwrap();
        heads.push(head);
    }
    assert_eq!((inclusions, consistencies), (130 * 131 / 2, 129 * 130 / 2));
}

#[test]
fn a_record_that_does_not_go_on_is_refused_whatever_is_offered_as_proof() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let (mut tree, mut other) = (RecordTree::new(), RecordTree::new());
    let mut old = (at(0, &tree), at(0, &other));
    for number in 0..13 {
        tree.push(&entry(number));
        other.push(&entry(if number == 3 { 99 } else { number }));
        theirs.push(entry(number));
        if number == 6 {
            old = (at(7, &tree), at(7, &other));
        }
    }
    let head = at(13, &tree);
    let proof = hashes(theirs.prove_consistency(6).as_bytes());
    verify_consistency(&old.0, &head, &proof).expect("the control");
    let refused = |older: &Checkpoint, newer: &Checkpoint, proof: &[Digest]| {
        assert_eq!(verify_consistency(older, newer, proof), Err(RecordError::Consistency));
    };
    refused(&old.1, &head, &proof);
    refused(&old.0, &at(13, &other), &proof);
    refused(&head, &old.0, &proof);
    refused(&old.0, &head, &proof[1..]);
    refused(&old.0, &head, &[]);
    refused(&old.0, &old.1, &[]);
    for place in 0..proof.len() {
        let mut changed = proof.clone();
        changed[place] = Digest::of(b"other");
        refused(&old.0, &head, &changed);
    }
    let elsewhere = OrganisationId::parse("st-john").unwrap();
    refused(&Checkpoint::new(&elsewhere, 7, *old.0.root()), &head, &proof);
    for size in [8, u64::MAX, 1 << 63, (1 << 48) + 1] {
        refused(&Checkpoint::new(&organisation(), size, *old.0.root()), &head, &proof);
        refused(&old.0, &Checkpoint::new(&organisation(), size, *head.root()), &proof);
        let huge = Checkpoint::new(&organisation(), size, *head.root());
        let path = hashes(theirs.prove_inclusion(3).as_bytes());
        assert_eq!(verify_inclusion(&entry(3), 3, &path, &huge), Err(RecordError::Inclusion), "{size}");
        assert_eq!(verify_inclusion(&entry(3), size - 1, &path, &huge), Err(RecordError::Inclusion));
    }
    refused(&Checkpoint::new(&organisation(), 0, Digest::of(b"x")), &head, &[]);
}

#[test]
fn a_tree_goes_on_from_its_complete_subtrees() {
    let mut whole = RecordTree::new();
    let mut complete: Vec<(u32, Digest)> = Vec::new();
    for number in 0..40 {
        for (level, hash) in (0..).zip(whole.push(&entry(number))) {
            complete.retain(|(have, _)| level == 0 || *have >= level);
            complete.push((level, hash));
            complete.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
            complete.dedup_by_key(|(level, _)| *level);
        }
        let wanted = (0..64).rev().filter(|level| whole.size() >> level & 1 == 1);
        assert!(wanted.eq(complete.iter().map(|(level, _)| *level)), "one for each bit of {number}");
        let hashes = complete.iter().map(|(_, hash)| *hash).collect();
        assert_eq!(RecordTree::restore(whole.size(), hashes), Some(whole.clone()));
    }
    assert_eq!(RecordTree::restore(3, vec![Digest::of(b"")]), None);
}

#[test]
fn a_note_is_that_of_c2sp_to_the_byte() {
    let key = SigningKey::from_seed([1; 32]);
    let head = Checkpoint::new(&organisation(), 7, Digest::of(b""));
    let note = head.sign(&key);
    let text = "wardline.st-mary/record\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let lines = std::str::from_utf8(&note).unwrap();
    let line = lines.strip_prefix(text).unwrap().strip_prefix("\n\u{2014} wardline.st-mary/record ").unwrap();
    let bytes = data_encoding::BASE64.decode(line.strip_suffix('\n').unwrap().as_bytes()).unwrap();
    assert_eq!(bytes.len(), 4 + 64);
    let id = [b"wardline.st-mary/record\n\x01".as_slice(), key.public().as_bytes()].concat();
    assert_eq!(bytes[..4], Digest::of(&id).as_bytes()[..4]);
    key.public().verify_raw(text.as_bytes(), &bytes[4..]).unwrap();
    assert!(note.len() < 256, "{} bytes", note.len());
    assert_eq!(Checkpoint::verify(&note, &organisation(), &key.public()), Ok(head));
}

#[test]
fn a_note_that_was_changed_or_is_anothers_is_refused() {
    let key = SigningKey::from_seed([1; 32]);
    let head = Checkpoint::new(&organisation(), 7, Digest::of(b"root"));
    let note = head.sign(&key);
    let verify = |note: &[u8]| Checkpoint::verify(note, &organisation(), &key.public());
    for place in 0..note.len() {
        for other in [note[place] ^ 1, note[place] ^ 0x40, b'\n', b' '] {
            let mut changed = note.to_vec();
            changed[place] = other;
            assert!(changed == *note || verify(&changed).is_err(), "byte {place}: {other}");
        }
        assert!(verify(&note[..place]).is_err(), "cut at {place}");
    }
    let elsewhere = OrganisationId::parse("st-john").unwrap();
    let foreign = Checkpoint::new(&elsewhere, 7, *head.root()).sign(&key);
    assert_eq!(verify(&foreign), Err(RecordError::Note { part: "origin" }));
    let other = SigningKey::from_seed([2; 32]);
    assert_eq!(verify(&head.sign(&other)), Err(RecordError::Unsigned));
    assert_eq!(Checkpoint::claimed(&head.sign(&other), &organisation()), Ok(head.clone()));
    let text = String::from_utf8(note.to_vec()).unwrap();
    for (instead, part) in
        [("\n07\n", "size"), ("\n+7\n", "size"), ("\n7\nx\n", "lines"), ("\n7\t\n", "text")]
    {
        let changed = text.replacen("\n7\n", instead, 1);
        assert_eq!(verify(changed.as_bytes()), Err(RecordError::Note { part }));
    }
}

#[test]
fn witnesses_may_sign_beside_the_relay() {
    let key = SigningKey::from_seed([1; 32]);
    let head = Checkpoint::new(&organisation(), 7, Digest::of(b"root"));
    let own = String::from_utf8(head.sign(&key).to_vec()).unwrap();
    let beside = own.replacen("\n\n", "\n\n\u{2014} witness.example AAAAAAECAwQ=\n", 1)
        + "\u{2014} other.example AQIDBAU=\n";
    assert_eq!(Checkpoint::verify(beside.as_bytes(), &organisation(), &key.public()), Ok(head));
    let long = own + &"\u{2014} witness.example AAAAAAECAwQ=\n".repeat(40);
    let refused = Checkpoint::verify(long.as_bytes(), &organisation(), &key.public());
    assert_eq!(refused, Err(RecordError::Note { part: "length" }));
}

#[test]
fn a_note_and_a_statement_never_pass_for_each_other() {
    for label in crate::StatementLabel::ALL {
        assert!(crate::statement::signing_input(*label, b"").starts_with(b"Wardline 1.0 "));
    }
    let head = Checkpoint::new(&organisation(), 7, Digest::of(b"root"));
    assert!(head.sign(&SigningKey::from_seed([1; 32])).starts_with(b"wardline."));
}

fn statement(body: &[u8]) -> pb::SignedStatement {
    let signer = Digest::of(b"x").to_wire();
    pb::SignedStatement { body: body.to_vec().into(), signer, signature: vec![7; 64].into() }
}

fn commit() -> ClosingCommit {
    ClosingCommit {
        log: ConversationId::from_bytes([3; 16]),
        number: EntryNumber::new(9),
        epoch: Epoch::new(8),
        sha256: Digest::of(b"x"),
        author: statement(b"author"),
        author_certificate: b"der".as_slice().into(),
    }
}

fn confirmation(devices: Vec<DeviceId>, (log, sha256): (ConversationId, Digest)) -> RemovalConfirmation {
    let (number, epoch, merged_at) = (EntryNumber::new(9), Epoch::new(8), UtcMillis::new(6));
    RemovalConfirmation { log, number, epoch, sha256, devices, merged_at }
}

/// One of each kind, every field of it filled.
fn entries() -> Vec<RecordEntry> {
    let (device, by) = (DeviceId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
    let (log, digest) = (ConversationId::from_bytes([3; 16]), Digest::of(b"x"));
    let invitation = InvitationId::from_bytes([4; 16]);
    let user = UserId::parse("doctor-a").unwrap();
    let act = RevocationAct {
        device,
        kind: RevocationKind::Revoked,
        reason: RevocationReason::Lost,
        at: UtcMillis::new(5),
        issuer: digest,
    };
    let confirmation = confirmation(vec![device, by], (log, digest));
    let body = prost::Message::encode_to_vec(&confirmation.to_wire());
    let acts = [
        RecordAct::IssuersListTaken { list: statement(b"issuers") },
        RecordAct::InvitationPublished {
            invitation,
            record: digest,
            user: user.clone(),
            role: Role::Clinician,
            issuer: digest,
            by,
            replaces: Some(device),
        },
        RecordAct::InvitationWithdrawn { invitation, by: Some(by) },
        RecordAct::DeviceCertified {
            device,
            user,
            role: Role::Registrar,
            certificate: digest,
            issuer: digest,
            by: Some(by),
        },
        RecordAct::EnrolmentRefused { invitation, device, by: None },
        RecordAct::ListInForce {
            list: statement(b"list"),
            acts: vec![act],
            answer: statement(b"answer"),
            relay_certificate: b"relay".as_slice().into(),
        },
        RecordAct::DevicesHeld {
            devices: vec![device],
            statement: statement(&prost::Message::encode_to_vec(&held(device))),
            certificate: b"der".as_slice().into(),
            answer: statement(b"answer"),
            relay_certificate: b"relay".as_slice().into(),
        },
        RecordAct::RelayCertified { certificates: [digest, Digest::of(b"p256")], issuer: digest, by },
        RecordAct::VaultTried { device, tries: 10, closed: true },
        RecordAct::RemovalClosed { device, conversation: log, list_number: 3, commit: Some(commit()) },
        RecordAct::RemovalClosed { device, conversation: log, list_number: 3, commit: None },
        RecordAct::RemovalConfirmed {
            confirmation,
            statement: statement(&body),
            certificate: b"der".as_slice().into(),
        },
        RecordAct::LogClosed {
            conversation: log,
            number: EntryNumber::new(4),
            reports: vec![statement(b"report")],
        },
        RecordAct::SuccessorNamed { conversation: log, successor: ConversationId::from_bytes([5; 16]), by },
    ];
    acts.into_iter().map(|act| RecordEntry { at: UtcMillis::new(1_000), act }).collect()
}

fn held(device: DeviceId) -> pb::HoldStatement {
    pb::HoldStatement {
        organisation_id: organisation().to_string(),
        device_ids: vec![device.to_wire()],
        reason: RevocationReason::Lost.number(),
        signed_at: Some(UtcMillis::new(1_000).into()),
    }
}

#[test]
fn an_entry_of_each_kind_is_read_as_it_was_written() {
    let mut words = std::collections::BTreeSet::new();
    for entry in entries() {
        let bytes = entry.encode();
        assert_eq!(RecordEntry::read(&bytes).as_ref(), Ok(&entry));
        words.insert(entry.act.as_str());
        let devices = entry.act.devices();
        assert!(devices.is_sorted_by(|one, next| one < next), "{devices:?}");
        // Cut anywhere: refused, or something else; never a panic.
        for end in 0..bytes.len() {
            assert_ne!(RecordEntry::read(&bytes[..end]).as_ref(), Ok(&entry));
        }
    }
    assert_eq!(words.len(), 13, "all kinds");
    assert_eq!(RecordEntry::read(b""), Err(RecordError::Field { field: "time" }));
    let unknown = pb::RecordEntry { at: Some(UtcMillis::new(1).into()), act: None };
    assert_eq!(RecordEntry::read(&prost::Message::encode_to_vec(&unknown)), Err(RecordError::Act));
}

#[test]
fn a_confirmation_names_devices_once_each_and_in_order() {
    let Some(RecordAct::RemovalConfirmed { confirmation, .. }) =
        entries().into_iter().map(|entry| entry.act).find(|act| act.as_str() == "removal_confirmed")
    else {
        panic!("there is one")
    };
    let read =
        |said: &pb::RemovalConfirmation| RemovalConfirmation::read(&prost::Message::encode_to_vec(said));
    let whole = confirmation.to_wire();
    assert_eq!(read(&whole), Ok(confirmation));
    let [one, two] = [whole.device_ids[0].clone(), whole.device_ids[1].clone()];
    let too_many = (0..501_u128).map(|id| DeviceId::from_bytes(id.to_be_bytes()).to_wire()).collect();
    for devices in [vec![], vec![two.clone(), one.clone()], vec![one.clone(), one.clone()], too_many] {
        let said = pb::RemovalConfirmation { device_ids: devices, ..whole.clone() };
        assert_eq!(read(&said), Err(RecordError::Field { field: "devices" }));
    }
    for (field, said) in [
        ("conversation", pb::RemovalConfirmation { conversation_id: vec![1; 15].into(), ..whole.clone() }),
        ("commit", pb::RemovalConfirmation { commit_sha256: vec![1; 31].into(), ..whole.clone() }),
        ("devices", pb::RemovalConfirmation { device_ids: vec![vec![1; 15].into()], ..whole.clone() }),
        ("time", pb::RemovalConfirmation { merged_at: None, ..whole.clone() }),
    ] {
        assert_eq!(read(&said), Err(RecordError::Field { field }));
    }
}

//! Claims about removals: each one that ends is on the record, and a second member confirms what a commit did.

use wardline_identity::{RecordAct, RecordEntry, RemovalConfirmation};
use wardline_proto::{EntryNumber, Epoch, UtcMillis};

use super::*;
use crate::domain::record::RecordView as _;
use crate::domain::revocation::{NewConfirmation, confirm};

/// What is on the record.
async fn recorded(ward: &Ward) -> Vec<RecordAct> {
    let read = ward
        .store
        .read("record", |tx| Box::pin(async move { tx.record_entries(0, None, 1_000, usize::MAX).await }));
    let entries: Result<Vec<_>, StoreError> = read.await;
    entries.unwrap().iter().map(|one| RecordEntry::read(&one.entry).unwrap().act).collect()
}

async fn closed(ward: &Ward) -> Vec<(DeviceId, u64, Option<u64>)> {
    let closed = |act| match act {
        RecordAct::RemovalClosed { device, list_number, commit, .. } => {
            Some((device, list_number, commit.map(|commit| commit.number.get())))
        }
        _ => None,
    };
    recorded(ward).await.into_iter().filter_map(closed).collect()
}

async fn says(ward: &Ward, by: u8, said: &RemovalConfirmation) -> Result<(), RevocationRefusal> {
    let body = prost::Message::encode_to_vec(&said.to_wire()).into();
    let (now, statement) = (ward.now(), SignedStatement { body, ..SignedStatement::default() });
    let new = NewConfirmation { by: device(by), said: said.clone(), statement, certificate: Bytes::new() };
    ward.store.write("confirm", move |tx| Box::pin(async move { confirm(tx, &new, now).await })).await
}

/// 4 is revoked and 1 has removed it, with entry 2; 2 and 3 are in.
async fn removed() -> (Ward, RemovalConfirmation) {
    let (ward, mut office) = (Ward::with(&[1, 2, 3, 4]).await, Office::open());
    office.publishes(&ward, &[office.act(4, REVOKED, &ward)]).await;
    ward.commit(1, 1, Says { leaves: &[4], roster: &[1, 2, 3], ..Says::default() }).await.unwrap();
    let closure = removals(&ward, 4).await[0].closure.clone().unwrap();
    let commit = closure.commit.unwrap();
    let said = RemovalConfirmation {
        log: WARD,
        number: commit.number,
        epoch: commit.epoch,
        sha256: commit.sha256,
        devices: vec![device(4)],
        merged_at: UtcMillis::new(1),
    };
    (ward, said)
}

async fn is_confirmed(ward: &Ward) -> bool {
    let closure = removals(ward, 4).await[0].closure.clone().unwrap();
    closure.commit.unwrap().confirmation.is_some()
}

#[tokio::test]
async fn a_removal_that_ends_by_a_commit_is_on_the_record_and_asked_of_a_second_member() {
    let (ward, said) = removed().await;
    assert_eq!(closed(&ward).await, [(device(4), 1, Some(2))]);
    let task = TaskKind::Confirm { number: EntryNumber::new(2), author: device(1) };
    assert_eq!(owed(&ward).await, [task]);
    assert!(!is_confirmed(&ward).await, "reported");
    says(&ward, 2, &said).await.unwrap();
    assert!(is_confirmed(&ward).await);
    assert_eq!(owed(&ward).await, []);
    // Again, and by another: nothing more.
    says(&ward, 2, &said).await.unwrap();
    says(&ward, 3, &said).await.unwrap();
    let words: Vec<_> = recorded(&ward).await.iter().map(RecordAct::as_str).collect();
    assert_eq!(words, ["list_in_force", "removal_closed", "removal_confirmed"]);
}

#[tokio::test]
async fn its_author_strangers_and_who_names_another_commit_confirm_nothing() {
    let (ward, said) = removed().await;
    ward.commit(1, 2, Says { joins: &[5], roster: &[1, 2, 3, 5], ..Says::default() }).await.unwrap();
    let other = |change: fn(&mut RemovalConfirmation)| {
        let mut other = said.clone();
        change(&mut other);
        other
    };
    let attacks = [
        ("mutant.confirm_by_author", 1, said.clone()),
        ("mutant.confirm_by_stranger", 9, said.clone()),
        ("mutant.confirm_by_stranger", 4, said.clone()),
        ("mutant.confirm_by_stranger", 5, said.clone()),
        ("mutant.confirm_of_another_commit", 2, other(|said| said.sha256 = wardline_proto::Digest::of(b"x"))),
        ("mutant.confirm_of_another_commit", 2, other(|said| said.epoch = Epoch::new(9))),
        ("mutant.confirm_of_another_commit", 2, other(|said| said.devices = vec![device(3)])),
    ];
    for (guard, by, said) in &attacks {
        let refused = says(&ward, *by, said).await;
        let right = match *guard {
            "mutant.confirm_by_author" => matches!(refused, Err(RevocationRefusal::OwnCommit)),
            "mutant.confirm_by_stranger" => matches!(refused, Err(RevocationRefusal::NotAMember)),
            _ => matches!(refused, Err(RevocationRefusal::OtherCommit)),
        };
        assert!(right, "{by}: {refused:?}");
    }
    let nothing = other(|said| said.number = EntryNumber::new(3));
    assert!(matches!(says(&ward, 2, &nothing).await, Err(RevocationRefusal::OtherCommit)));
    assert!(!is_confirmed(&ward).await);
    for (guard, by, said) in attacks {
        let (ward, _) = removed().await;
        if by == 5 {
            ward.commit(1, 2, Says { joins: &[5], roster: &[1, 2, 3, 5], ..Says::default() }).await.unwrap();
        }
        // The same commit in every ward but for what is wrong with it.
        let closure = removals(&ward, 4).await[0].closure.clone().unwrap().commit.unwrap();
        let wrong = guard == "mutant.confirm_of_another_commit";
        let said = if wrong { said } else { RemovalConfirmation { sha256: closure.sha256, ..said } };
        arm(guard);
        let taken = says(&ward, by, &said).await;
        disarm(guard);
        assert!(taken.is_ok() && is_confirmed(&ward).await, "the guard taken away: {guard} {by} {taken:?}");
    }
}

#[tokio::test]
async fn where_two_were_it_stays_reported() {
    let (ward, mut office) = (Ward::with(&[1, 4]).await, Office::open());
    office.publishes(&ward, &[office.act(4, REVOKED, &ward)]).await;
    ward.commit(1, 1, Says { leaves: &[4], roster: &[1], ..Says::default() }).await.unwrap();
    assert_eq!(closed(&ward).await, [(device(4), 1, Some(2))]);
    assert_eq!(owed(&ward).await, []);
}

#[tokio::test]
async fn a_removal_that_no_list_asked_for_is_nobodys_to_confirm() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    ward.commit(1, 1, Says { leaves: &[4], roster: &[1, 2, 3], ..Says::default() }).await.unwrap();
    assert!(owed(&ward).await.is_empty() && recorded(&ward).await.is_empty());
}

#[tokio::test]
async fn what_ends_without_a_commit_is_on_the_record_too() {
    let (ward, mut office) = (Ward::with(&[1, 2, 3]).await, Office::open());
    office.publishes(&ward, &[office.act(3, HELD, &ward)]).await;
    office.publishes(&ward, &[office.act(3, REINSTATED, &ward)]).await;
    assert_eq!(closed(&ward).await, [(device(3), 1, None)], "the hold ended first");
    let all = [1, 2, 3].map(|one| office.act(one, REVOKED, &ward));
    office.publishes(&ward, &all).await;
    let words: Vec<_> = recorded(&ward).await.iter().map(RecordAct::as_str).collect();
    let ended = ["log_closed", "removal_closed", "removal_closed", "removal_closed"];
    assert_eq!(words[3..], [&["list_in_force"][..], &ended].concat());
}

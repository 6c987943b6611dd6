//! What is owed by the clock.

use wardline_proto::in_place::{arm, disarm};

use super::*;

async fn owe(ward: &Ward) -> Vec<ConversationId> {
    let now = ward.now();
    let write = ward.store.write("owe", move |tx| Box::pin(async move { tx.owe_renewals(now, 10).await }));
    let owed: Result<_, StoreError> = write.await;
    owed.unwrap()
}

const DAY: u64 = 86_400;

#[tokio::test]
async fn an_epoch_with_a_message_in_it_lasts_a_day() {
    let ward = Ward::with(&[1, 2]).await;
    ward.pass(DAY - 120);
    ward.post(1, 1).await.unwrap();
    assert_eq!(owe(&ward).await, []);
    ward.pass(60);
    assert_eq!(owe(&ward).await, [WARD]);
    assert_eq!(tasks(&ward).await.len(), 1);
    assert_eq!(owe(&ward).await, [], "a task stands for it");
    update(&ward, 2, 1, &[1, 2]).await;
    assert_eq!(tasks(&ward).await, [], "any commit counts");
}

#[tokio::test]
async fn an_epoch_without_a_message_lasts_and_its_first_is_followed_at_once() {
    let ward = Ward::with(&[1, 2]).await;
    ward.pass(30 * DAY);
    assert_eq!(owe(&ward).await, []);
    ward.post(1, 1).await.unwrap();
    assert_eq!(owe(&ward).await, [WARD]);
    update(&ward, 1, 1, &[1, 2]).await;
    ward.pass(DAY);
    assert_eq!(owe(&ward).await, [], "the epoch after it has none");
    ward.post(1, 2).await.unwrap();
    assert_eq!(owe(&ward).await, [WARD]);
}

#[tokio::test]
async fn a_clock_that_was_ahead_puts_no_renewal_off() {
    let ward = Ward::with(&[1, 2]).await;
    ward.pass(400 * DAY);
    update(&ward, 1, 1, &[1, 2]).await;
    ward.post(1, 2).await.unwrap();
    ward.set_back(400 * DAY);
    assert_eq!(owe(&ward).await, [WARD]);
}

#[tokio::test]
async fn a_closed_log_is_owed_no_renewal() {
    let ward = Ward::with(&[1, 2]).await;
    let commit = update(&ward, 1, 1, &[1, 2]).await;
    ward.post(1, 2).await.unwrap();
    stuck(&ward, 2, commit).await.unwrap();
    assert!(shut(&ward, commit).await);
    ward.pass(2 * DAY);
    assert_eq!(owe(&ward).await, []);
}

#[tokio::test]
async fn what_nobody_does_is_given_up_and_what_is_broken_is_not() {
    let ward = Ward::with(&[1, 2, 3]).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3]).await;
    stuck(&ward, 2, commit).await.unwrap();
    ask(&ward, leave_of(3)).await.unwrap();
    let old = ward.now();
    let give_up =
        |old| ward.store.write("give_up", move |tx| Box::pin(async move { tx.give_up_tasks(old, 10).await }));
    let before: Result<u64, StoreError> = give_up(wardline_proto::UtcMillis::new(old.get() - 1)).await;
    assert_eq!(before.unwrap(), 0, "the control: not yet");
    let after: Result<u64, StoreError> = give_up(old).await;
    assert_eq!(after.unwrap(), 1);
    let left: Vec<_> = tasks(&ward).await.into_iter().map(|task| task.kind).collect();
    assert_eq!(left, [TaskKind::AddAnew { number: EntryNumber::new(commit) }]);
}

/// A device says that it cannot follow, by one of its keys and then by another. Whether that was new, and by which the members hear
/// it.
async fn said_by_both(guard: &'static str) -> (bool, Vec<u8>) {
    let ward = Ward::with(&[1, 2, 3]).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3]).await;
    let commit_sha256 = digest_of(&ward, commit).await;
    let by = |key: u8| {
        let signed = SignedStatement { signer: vec![key; 32].into(), ..SignedStatement::default() };
        OutOfStep {
            conversation: WARD,
            device: device(2),
            user: user(2),
            number: EntryNumber::new(commit),
            commit_sha256,
            statement: signed.encode_to_vec().into(),
        }
    };
    let now = ward.now();
    let say = |(said, now): (OutOfStep, wardline_proto::UtcMillis)| {
        ward.store.write("report", move |tx| Box::pin(async move { report(tx, &said, now).await }))
    };
    assert!(say((by(7), now)).await.unwrap());
    assert!(!say((by(7), now)).await.unwrap(), "known");
    arm(guard);
    let early = say((by(8), now)).await.unwrap();
    let new = early || say((by(8), now.plus_seconds(20))).await.unwrap();
    disarm(guard);
    assert_eq!(early, guard == "mutant.keys_at_once", "{guard}");
    let number = EntryNumber::new(commit);
    let heard = ward.store.read("reports", move |tx| Box::pin(async move { tx.reports(WARD, number).await }));
    let heard: Result<Vec<Bytes>, StoreError> = heard.await;
    let heard = heard.unwrap();
    assert_eq!((heard.len(), tasks(&ward).await.len()), (1, 1), "one word, one task");
    (new, SignedStatement::decode(heard[0].clone()).unwrap().signer.to_vec())
}

#[tokio::test]
async fn who_says_it_again_by_another_key_is_heard_by_that() {
    assert_eq!(said_by_both("").await, (true, vec![8; 32]));
    assert_eq!(said_by_both("mutant.first_key_only").await, (false, vec![7; 32]), "the guard taken away");
    // Who says it by both in turn, again and again, has everybody asked once in twenty seconds.
    assert_eq!(said_by_both("mutant.keys_at_once").await, (true, vec![8; 32]), "the guard taken away");
}

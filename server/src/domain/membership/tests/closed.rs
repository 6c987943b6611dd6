//! When a log is closed, what it refuses then, and who makes what goes on from it.

use std::time::Duration;

use wardline_proto::in_place::{arm, disarm};

use super::*;
use crate::domain::membership::{MENDING, MENDING_ALONE, Patience, patience};

/// A log of these devices with a commit by the first, which the others have as far as `merged` says.
async fn broken(all: &[u8], merged: &[u8], reporters: &[u8]) -> (Ward, u64) {
    let ward = Ward::with(all).await;
    let commit = update(&ward, all[0], 1, all).await;
    for who in merged {
        ward.ack(*who, commit).await.unwrap();
    }
    for who in reporters {
        stuck(&ward, *who, commit).await.unwrap();
    }
    (ward, commit)
}

async fn patience_of(ward: &Ward, number: u64, connected: &[u8]) -> Patience {
    patience(&circle(ward).await, EntryNumber::new(number), &devices(connected), ward.now())
}

#[tokio::test]
async fn one_report_never_closes_a_log_of_three_people() {
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2]).await;
    assert_eq!(patience_of(&ward, commit, &[]).await, Patience::Endless);
    assert!(!shut(&ward, commit).await);
    assert!(ward.post(1, 2).await.is_ok());
    stuck(&ward, 3, commit).await.unwrap();
    assert!(shut(&ward, commit).await, "the control: two people");
}

#[tokio::test]
async fn two_devices_of_one_person_are_one_word() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    enrolled(&ward, 2, 2).await;
    enrolled(&ward, 3, 2).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3, 4]).await;
    for who in [2, 3] {
        let digest = digest_of(&ward, commit).await;
        let said = OutOfStep {
            conversation: WARD,
            device: device(who),
            user: user(2),
            number: EntryNumber::new(commit),
            commit_sha256: digest,
            statement: Bytes::from_static(b"x"),
        };
        let now = ward.now();
        let write =
            ward.store.write("report", move |tx| Box::pin(async move { report(tx, &said, now).await }));
        assert!(write.await.unwrap());
    }
    assert_eq!(patience_of(&ward, commit, &[]).await, Patience::Endless);
    assert!(!shut(&ward, commit).await);
    arm("mutant.devices_for_people");
    let patience = patience_of(&ward, commit, &[]).await;
    disarm("mutant.devices_for_people");
    assert_eq!(patience, Patience::For(MENDING_ALONE), "the guard taken away");
    stuck(&ward, 4, commit).await.unwrap();
    assert!(shut(&ward, commit).await, "the control");
}

#[tokio::test]
async fn where_there_are_two_people_one_word_is_enough() {
    let (ward, commit) = broken(&[1, 2], &[1], &[2]).await;
    assert_eq!(patience_of(&ward, commit, &[1, 2]).await, Patience::For(MENDING));
    assert_eq!(patience_of(&ward, commit, &[2]).await, Patience::For(MENDING_ALONE), "its author is away");
    assert!(shut(&ward, commit).await);
}

#[tokio::test]
async fn whom_the_broken_commit_claims_to_let_in_is_not_one_more_person() {
    let ward = Ward::with(&[1, 2]).await;
    let says = Says { joins: &[3], roster: &[1, 2, 3], ..Says::default() };
    let commit = committed(&ward, 1, 1, says).await;
    stuck(&ward, 2, commit).await.unwrap();
    assert!(shut(&ward, commit).await);
    // The control: a third person who was in before.
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2]).await;
    assert!(!shut(&ward, commit).await);
}

/// 2 goes out of a log of three, before the commit that 3 cannot follow or after it and having followed it. Whether 3 alone
/// closes the log.
async fn closed_by_one(goes_before: bool) -> bool {
    let ward = Ward::with(&[1, 2, 3]).await;
    let goes = async |epoch| {
        committed(&ward, 1, epoch, Says { leaves: &[2], roster: &[1, 3], ..Says::default() }).await;
    };
    if goes_before {
        goes(1).await;
    }
    let roster: &[u8] = if goes_before { &[1, 3] } else { &[1, 2, 3] };
    let commit = update(&ward, 1, 1 + u64::from(goes_before), roster).await;
    if !goes_before {
        ward.ack(2, commit).await.unwrap();
        goes(2).await;
    }
    stuck(&ward, 3, commit).await.unwrap();
    shut(&ward, commit).await
}

#[tokio::test]
async fn one_word_closes_no_log_of_which_a_third_person_has_gone_since() {
    // Members count who was in before the commit, and would not believe it.
    assert!(!closed_by_one(false).await);
    assert!(closed_by_one(true).await, "the control: it was a log of two");
    arm("mutant.people_now");
    let closed = closed_by_one(false).await;
    disarm("mutant.people_now");
    assert!(closed, "the guard taken away");
}

#[tokio::test]
async fn one_persons_word_about_the_commit_that_let_her_in_closes_nothing() {
    let ward = Ward::with(&[1, 2, 3]).await;
    stuck(&ward, 2, 1).await.unwrap();
    assert!(!shut(&ward, 1).await);
    // The control: two people's.
    stuck(&ward, 3, 1).await.unwrap();
    assert!(shut(&ward, 1).await);
}

#[tokio::test]
async fn the_word_of_one_who_has_the_commit_closes_nothing() {
    let (ward, commit) = broken(&[1, 2, 3], &[1, 3], &[2, 3]).await;
    assert!(!shut(&ward, commit).await);
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2, 3]).await;
    assert!(shut(&ward, commit).await, "the control");
}

#[tokio::test]
async fn members_have_ten_seconds_while_one_who_merged_it_is_there_and_none_where_nobody_can() {
    let (ward, commit) = broken(&[1, 2, 3, 4], &[1, 4], &[2, 3]).await;
    assert_eq!(patience_of(&ward, commit, &[1, 2, 3, 4]).await, Patience::For(MENDING));
    assert_eq!(patience_of(&ward, commit, &[2, 3, 4]).await, Patience::For(MENDING));
    assert_eq!(patience_of(&ward, commit, &[2, 3]).await, Patience::For(MENDING_ALONE));
    stuck(&ward, 4, commit).await.unwrap();
    assert_eq!(
        patience_of(&ward, commit, &[1, 2, 3, 4]).await,
        Patience::For(Duration::ZERO),
        "all but its author"
    );
}

#[tokio::test]
async fn a_closed_log_takes_nothing_and_says_what_goes_on_from_it() {
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2, 3]).await;
    let sent = ward.message(1, 77, 2);
    ward.send(sent.clone()).await.unwrap();
    assert!(shut(&ward, commit).await);
    assert!(!shut(&ward, commit).await, "once");
    let closed = |result: Result<(), ConversationError>, expected: Option<u8>| {
        let expected = expected.map(conversation);
        assert!(
            matches!(result, Err(ConversationError::Closed { successor }) if successor == expected),
            "{result:?}"
        );
    };
    closed(ward.post(1, 2).await.map(drop), None);
    closed(ward.update(1, 2, &[1, 2, 3]).await.map(drop), None);
    closed(stuck(&ward, 1, commit).await.map(drop), None);
    let leave = ask(&ward, leave_of(2)).await;
    assert!(
        matches!(leave, Err(MembershipError::Conversation(ConversationError::Closed { .. }))),
        "{leave:?}"
    );
    assert!(ward.send(sent).await.is_ok(), "what it has taken it has");
    assert!(!stuck(&ward, 2, commit).await.unwrap(), "what was said is known");
    follow(&ward, 2, 5, commit).await.unwrap();
    closed(ward.post(1, 2).await.map(drop), Some(5));
    let ward = ward.reopened().await;
    closed(ward.update(1, 2, &[1, 2, 3]).await.map(drop), Some(5));
}

#[tokio::test]
async fn the_first_successor_counts_and_its_maker_may_ask_again() {
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2, 3]).await;
    shut(&ward, commit).await;
    let first = follow(&ward, 2, 5, commit).await.unwrap();
    assert!(first.created.fresh);
    assert!(!follow(&ward, 2, 5, commit).await.unwrap().created.fresh);
    for (who, id) in [(3, 6), (2, 6), (3, 5)] {
        let refused = follow(&ward, who, id, commit).await;
        match (id, refused) {
            (6, Err(ConversationError::SuccessorExists { successor })) => {
                assert_eq!(successor, conversation(5));
            }
            (5, Err(ConversationError::Exists)) => {}
            (_, other) => panic!("{who} {id}: {other:?}"),
        }
    }
    arm("mutant.second_successor");
    let second = follow(&ward, 3, 6, commit).await;
    disarm("mutant.second_successor");
    let gave_way = second.unwrap().gave_way;
    assert_eq!(
        gave_way,
        Some(conversation(5)),
        "the guard taken away: whoever comes last takes it from the first"
    );
}

#[tokio::test]
async fn a_successor_is_made_by_one_of_the_epoch_before_that_the_commit_did_not_put_out() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    // The commit puts 4 out and lets 5 in.
    let commit =
        committed(&ward, 1, 1, Says { joins: &[5], leaves: &[4], roster: &[1, 2, 3, 5], ..Says::default() })
            .await;
    stuck(&ward, 2, commit).await.unwrap();
    let early = follow(&ward, 2, 7, commit).await;
    assert!(matches!(early, Err(ConversationError::EntryMismatch)), "not closed: {early:?}");
    stuck(&ward, 3, commit).await.unwrap();
    shut(&ward, commit).await;
    for who in [4, 5, 9] {
        let refused = follow(&ward, who, 7, commit).await;
        assert!(matches!(refused, Err(ConversationError::NotAMember)), "{who}: {refused:?}");
    }
    let wrong = follow(&ward, 3, 7, commit + 1).await;
    assert!(matches!(wrong, Err(ConversationError::EntryMismatch)), "{wrong:?}");
    fence(&ward, 2).await;
    assert!(matches!(follow(&ward, 2, 7, commit).await, Err(ConversationError::RevocationPending)));
    assert!(follow(&ward, 3, 7, commit).await.is_ok(), "the control");
}

#[tokio::test]
async fn an_empty_successor_gives_way_after_ten_seconds_and_is_closed_itself() {
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2, 3]).await;
    shut(&ward, commit).await;
    follow(&ward, 2, 5, commit).await.unwrap();
    ward.pass(9);
    assert!(matches!(follow(&ward, 3, 6, commit).await, Err(ConversationError::SuccessorExists { .. })));
    assert_eq!(tasks(&ward).await.len(), 1, "it is still owed");
    ward.pass(1);
    let second = follow(&ward, 3, 6, commit).await.unwrap();
    assert_eq!(second.gave_way, Some(conversation(5)));
    let late = follow(&ward, 2, 5, commit).await;
    assert!(
        matches!(late, Err(ConversationError::SuccessorExists { successor }) if successor == conversation(6)),
        "{late:?}"
    );
    let now = ward.now();
    let commit_late = ward.commit_of(2, 0, Says { roster: &[2], ..Says::default() }, vec![]);
    let commit_late = crate::domain::conversation::Commit { conversation: conversation(5), ..commit_late };
    let write = ward.store.write("commit", move |tx| {
        Box::pin(async move { crate::domain::conversation::commit(tx, &commit_late, now).await })
    });
    let refused = write.await;
    assert!(
        matches!(refused, Err(ConversationError::Closed { successor }) if successor == Some(conversation(6))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_successor_that_somebody_was_let_into_stands() {
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2, 3]).await;
    shut(&ward, commit).await;
    follow(&ward, 2, 5, commit).await.unwrap();
    let references = ward.claimed(2, &[1, 3]).await;
    let joins = Says { joins: &[1, 3], roster: &[1, 2, 3], ..Says::default() };
    let first = ward.commit_of(2, 0, joins, references);
    let first = crate::domain::conversation::Commit { conversation: conversation(5), ..first };
    let now = ward.now();
    let write = ward.store.write("commit", move |tx| {
        Box::pin(async move { crate::domain::conversation::commit(tx, &first, now).await })
    });
    write.await.unwrap();
    assert_eq!(tasks(&ward).await, [], "nothing is owed any more");
    ward.pass(3_600);
    assert!(matches!(follow(&ward, 3, 6, commit).await, Err(ConversationError::SuccessorExists { .. })));
}

#[tokio::test]
async fn who_waits_to_be_let_in_waits_for_the_successor_and_all_else_ends_with_the_log() {
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2, 3]).await;
    for (number, owner) in [(1, 1), (4, 1)] {
        enrolled(&ward, number, owner).await;
    }
    let approval = Ground::Approval { device: device(4), certificate: certificate(4) };
    ask(&ward, request(1, approval.clone(), b"x")).await.unwrap();
    ask(&ward, leave_of(3)).await.unwrap();
    shut(&ward, commit).await;
    let kinds = |tasks: Vec<Task>| tasks.iter().map(|task| task.kind.number()).collect::<Vec<_>>();
    assert_eq!(kinds(tasks(&ward).await), [2, 6]);
    follow(&ward, 2, 5, commit).await.unwrap();
    assert_eq!(kinds(tasks(&ward).await), [6]);
    assert_eq!(kinds(tasks_of(&ward, conversation(5)).await), [2]);
    assert_eq!(ask(&ward, request(1, approval, b"x")).await.unwrap(), [], "it is said where it goes on");
}

/// What a device is told of the closed log behind entry `read`.
async fn told(ward: &Ward, who: u8, read: u64) -> Vec<String> {
    let batch = ward.read(who, FeedPosition::after(EntryNumber::new(read)), 99).await;
    let word = |event: &FeedEvent| match event {
        FeedEvent::Closed(closure) => {
            assert_eq!(closure.reports.len(), 2);
            format!("closed {} {} {}", closure.number, closure.head, closure.successor.is_some())
        }
        FeedEvent::Entry(entry) => entry.receipt.number.to_string(),
        FeedEvent::Welcome(_) => "welcome".to_owned(),
        FeedEvent::Removed(_) => "removed".to_owned(),
    };
    batch.events.iter().map(word).collect()
}

#[tokio::test]
async fn members_are_told_after_the_last_entry_until_they_are_in_the_successor() {
    let (ward, commit) = broken(&[1, 2, 3], &[1], &[2, 3]).await;
    ward.post(1, 2).await.unwrap();
    assert_eq!(told(&ward, 2, 1).await, ["2", "3"]);
    shut(&ward, commit).await;
    assert_eq!(told(&ward, 2, 1).await, ["2", "3", "closed 2 3 false"], "also one who cannot read on");
    assert_eq!(told(&ward, 1, 3).await, ["closed 2 3 false"]);
    let position = ward.read(1, FeedPosition::after(EntryNumber::new(3)), 9).await.position;
    assert_eq!(ward.read(1, position, 9).await.events, [], "once a stream");
    follow(&ward, 2, 5, commit).await.unwrap();
    assert_eq!(ward.read(1, position, 9).await.events.len(), 1, "and again when the successor is made");
    assert_eq!(told(&ward, 3, 3).await, ["closed 2 3 true"]);
    assert_eq!(told(&ward, 2, 3).await, [] as [&str; 0], "its maker is in it");
    ward.pass(90 * 86_400);
    assert_eq!(told(&ward, 3, 3).await, [] as [&str; 0], "not for ever");
}

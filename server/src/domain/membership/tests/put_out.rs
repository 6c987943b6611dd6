//! Whom the broken commit itself declares out: they are heard, told, and go on with the others; its author makes nothing of
//! it. And whoever was removed rightly closes nothing by saying the same.

use wardline_proto::in_place::{arm, disarm};

use super::*;
use crate::domain::conversation::{DeclarationFault, FeedEvent, FeedPosition};
use crate::domain::membership::{Patience, candidates, patience};

/// A log of these devices in which the first has declared the `out` out; its author has that commit.
async fn silenced(all: &[u8], out: &[u8]) -> (Ward, u64) {
    let ward = Ward::with(all).await;
    let roster: Vec<u8> = all.iter().copied().filter(|who| !out.contains(who)).collect();
    let commit = committed(&ward, all[0], 1, Says { leaves: out, roster: &roster, ..Says::default() }).await;
    ward.ack(all[0], commit).await.unwrap();
    (ward, commit)
}

async fn hears_of_the_end(ward: &Ward, who: u8) -> bool {
    let batch = ward.read(who, FeedPosition::after(EntryNumber::new(1)), 99).await;
    batch.events.iter().any(|event| matches!(event, FeedEvent::Closed(_)))
}

/// Who is asked for the successor.
async fn makers(ward: &Ward, number: u64, connected: &[u8]) -> Vec<DeviceId> {
    let kind = TaskKind::Succeed { number: EntryNumber::new(number) };
    let task = Task { conversation: WARD, kind, made_at: ward.now() };
    let mut makers = candidates(&circle(ward).await, &task, &devices(connected), ward.now());
    makers.sort_unstable();
    makers
}

#[tokio::test]
async fn who_declares_everybody_out_silences_nobody() {
    let (ward, commit) = silenced(&[1, 2, 3], &[2, 3]).await;
    assert!(stuck(&ward, 2, commit).await.unwrap());
    assert!(!shut(&ward, commit).await, "one word of three");
    assert!(stuck(&ward, 3, commit).await.unwrap());
    assert!(!stuck(&ward, 3, commit).await.unwrap(), "said before");
    assert!(shut(&ward, commit).await);
    for who in [2, 3] {
        assert!(hears_of_the_end(&ward, who).await, "{who} is told what goes on");
    }
    assert_eq!(makers(&ward, commit, &[1, 2, 3]).await, [device(2), device(3)]);
    assert!(matches!(follow(&ward, 1, 7, commit).await, Err(ConversationError::NotAMember)));
    assert!(follow(&ward, 2, 7, commit).await.is_ok());
}

#[tokio::test]
async fn a_relay_that_hears_members_only_is_silenced() {
    arm("mutant.put_out_silenced");
    let (ward, commit) = silenced(&[1, 2, 3], &[2, 3]).await;
    let silenced = stuck(&ward, 2, commit).await;
    disarm("mutant.put_out_silenced");
    assert!(matches!(silenced, Err(ConversationError::NotAMember)), "{silenced:?}");
}

#[tokio::test]
async fn who_could_not_follow_and_is_put_out_afterwards_is_heard_on() {
    let ward = Ward::with(&[1, 2, 3]).await;
    let broken = update(&ward, 1, 1, &[1, 2, 3]).await;
    ward.ack(1, broken).await.unwrap();
    stuck(&ward, 2, broken).await.unwrap();
    let out = committed(&ward, 1, 2, Says { leaves: &[2, 3], roster: &[1], ..Says::default() }).await;
    ward.ack(1, out).await.unwrap();
    assert_eq!(circle(&ward).await.reports.len(), 1, "what was said stands");
    assert!(!shut(&ward, broken).await, "one word of three");
    stuck(&ward, 3, broken).await.unwrap();
    assert!(shut(&ward, broken).await);
    assert!(hears_of_the_end(&ward, 2).await && hears_of_the_end(&ward, 3).await);
}

#[tokio::test]
async fn who_was_removed_rightly_closes_no_log_that_others_follow() {
    // 1 removes 4 and 5, who say that they cannot follow; 2 and 3 can.
    let (ward, commit) = silenced(&[1, 2, 3, 4, 5], &[4, 5]).await;
    for who in [2, 3] {
        ward.ack(who, commit).await.unwrap();
    }
    for who in [4, 5] {
        stuck(&ward, who, commit).await.unwrap();
    }
    assert_eq!(patience(&circle(&ward).await, EntryNumber::new(commit), &devices(&[])), Patience::Endless);
    assert!(!shut(&ward, commit).await);
    // With the next commit nothing is left of what they say.
    update(&ward, 2, 2, &[1, 2, 3]).await;
    assert_eq!(tasks(&ward).await, []);
    assert_eq!(circle(&ward).await.reports, []);
    // The control: where nobody but the author has followed it.
    let (ward, commit) = silenced(&[1, 2, 3, 4, 5], &[4, 5]).await;
    for who in [4, 5] {
        stuck(&ward, who, commit).await.unwrap();
    }
    assert!(shut(&ward, commit).await);
}

#[tokio::test]
async fn one_who_was_removed_later_does_not_bring_a_log_back_alone() {
    let ward = Ward::with(&[1, 2]).await;
    let commit = update(&ward, 1, 1, &[1, 2]).await;
    ward.ack(1, commit).await.unwrap();
    stuck(&ward, 2, commit).await.unwrap();
    committed(&ward, 1, 2, Says { leaves: &[2], roster: &[1], ..Says::default() }).await;
    assert!(!shut(&ward, commit).await);
    // The control: put out by the very commit.
    let (ward, commit) = silenced(&[1, 2], &[2]).await;
    stuck(&ward, 2, commit).await.unwrap();
    assert!(shut(&ward, commit).await);
}

#[tokio::test]
async fn who_is_out_says_so_within_a_month_and_of_that_commit_only() {
    let (ward, commit) = silenced(&[1, 2, 3], &[2, 3]).await;
    let later = update(&ward, 1, 2, &[1]).await;
    for number in [1, later] {
        let refused = stuck(&ward, 2, number).await;
        assert!(!matches!(refused, Ok(true)), "{number}: {refused:?}");
    }
    ward.pass(30 * 86_400 - 60);
    assert!(stuck(&ward, 2, commit).await.unwrap(), "the control");
    ward.pass(60);
    assert!(matches!(stuck(&ward, 3, commit).await, Err(ConversationError::NotAMember)));
}

#[tokio::test]
async fn who_broke_a_log_does_not_make_what_goes_on_from_it() {
    let broken = async || {
        let ward = Ward::with(&[1, 2, 3, 4]).await;
        // 4 is another device of the author's.
        for (number, owner) in [(1, 1), (4, 1), (2, 2), (3, 3)] {
            enrolled(&ward, number, owner).await;
        }
        let commit = update(&ward, 1, 1, &[1, 2, 3, 4]).await;
        ward.ack(1, commit).await.unwrap();
        for who in [2, 3] {
            stuck(&ward, who, commit).await.unwrap();
        }
        assert!(shut(&ward, commit).await);
        (ward, commit)
    };
    let (ward, commit) = broken().await;
    ward.ack(4, 1).await.unwrap();
    assert_eq!(makers(&ward, commit, &[1, 2, 3, 4]).await, [device(2), device(3)]);
    for who in [1, 4] {
        let refused = follow(&ward, who, 7, commit).await;
        assert!(matches!(refused, Err(ConversationError::NotAMember)), "{who}: {refused:?}");
    }
    assert!(follow(&ward, 3, 7, commit).await.is_ok(), "the control");
    // Without the guard.
    let (ward, commit) = broken().await;
    arm("mutant.breaker_succeeds");
    let made = follow(&ward, 1, 7, commit).await;
    disarm("mutant.breaker_succeeds");
    assert!(made.is_ok(), "{made:?}");
}

#[tokio::test]
async fn who_broke_a_log_makes_it_go_on_where_nobody_else_can() {
    let (ward, commit) = silenced(&[1, 2], &[2]).await;
    stuck(&ward, 2, commit).await.unwrap();
    assert!(shut(&ward, commit).await);
    fence(&ward, 2).await;
    assert_eq!(makers(&ward, commit, &[1, 2]).await, [] as [DeviceId; 0], "it is not asked");
    assert!(follow(&ward, 1, 7, commit).await.is_ok());
}

/// The first commit of a successor by 2, with these joins.
async fn first_commit(ward: &Ward, joins: &[u8]) -> Result<CommitOutcome, ConversationError> {
    use crate::domain::conversation::{Commit, commit};
    let roster: Vec<u8> = [&[2], joins].concat();
    let references = ward.claimed(2, joins).await;
    let first = ward.commit_of(2, 0, Says { joins, roster: &roster, ..Says::default() }, references);
    let first = Commit { conversation: conversation(7), ..first };
    let now = ward.now();
    ward.store.write("commit", move |tx| Box::pin(async move { commit(tx, &first, now).await })).await
}

#[tokio::test]
async fn a_successors_first_commit_lets_somebody_in_and_a_new_conversations_need_not() {
    let (ward, commit) = silenced(&[1, 2, 3], &[2, 3]).await;
    for who in [2, 3] {
        stuck(&ward, who, commit).await.unwrap();
    }
    shut(&ward, commit).await;
    follow(&ward, 2, 7, commit).await.unwrap();
    let empty = first_commit(&ward, &[]).await;
    assert!(
        matches!(empty, Err(ConversationError::Declaration(DeclarationFault::NobodyJoins))),
        "its maker would keep everybody out: {empty:?}"
    );
    assert!(first_commit(&ward, &[3]).await.is_ok());
    let alone = Ward::with(&[1]).await;
    assert!(alone.update(1, 0, &[1]).await.is_ok(), "the control");
}

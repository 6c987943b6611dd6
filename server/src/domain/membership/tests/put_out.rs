//! Whom the broken commit itself declares out: they are heard, told, and go on with the others; its author makes nothing of
//! it. And whoever was removed rightly closes nothing by saying the same.

use wardline_proto::in_place::{arm, disarm};

use super::*;
use crate::domain::conversation::DeclarationFault;
use crate::domain::membership::{Patience, patience};

/// A log of these devices in which the first has declared the `out` out; its author has that commit.
async fn silenced(all: &[u8], out: &[u8]) -> (Ward, u64) {
    let ward = Ward::with(all).await;
    let roster: Vec<u8> = all.iter().copied().filter(|who| !out.contains(who)).collect();
    let commit = committed(&ward, all[0], 1, Says { leaves: out, roster: &roster, ..Says::default() }).await;
    ward.ack(all[0], commit).await.unwrap();
    (ward, commit)
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
    let patience = patience(&circle(&ward).await, EntryNumber::new(commit), &devices(&[]), ward.now());
    assert_eq!(patience, Patience::Endless);
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

/// 1 removes 3 and 4, which 2 has followed or not; they say that they cannot. Whether that closes the log.
async fn closed_by_two(followed: bool) -> bool {
    let (ward, commit) = silenced(&[1, 2, 3, 4], &[3, 4]).await;
    if followed {
        ward.ack(2, commit).await.unwrap();
    }
    for who in [3, 4] {
        stuck(&ward, who, commit).await.unwrap();
    }
    shut(&ward, commit).await
}

#[tokio::test]
async fn two_who_were_removed_rightly_close_no_small_log_either() {
    assert!(!closed_by_two(true).await, "two followed it, its author with them");
    assert!(closed_by_two(false).await, "the control: nobody but its author has");
    arm("mutant.followers_unheard");
    let closed = closed_by_two(true).await;
    disarm("mutant.followers_unheard");
    assert!(closed, "the guard taken away");
}

#[tokio::test]
async fn who_breaks_a_log_and_has_an_accomplice_silences_no_greater_number() {
    let (ward, commit) = silenced(&[1, 2, 3, 4, 5], &[3, 4, 5]).await;
    ward.ack(2, commit).await.unwrap();
    for who in [3, 4] {
        stuck(&ward, who, commit).await.unwrap();
    }
    assert!(!shut(&ward, commit).await, "two and two");
    stuck(&ward, 5, commit).await.unwrap();
    assert!(shut(&ward, commit).await);
}

/// 1 puts 4 and 5 out and takes 2 and 3 out and in, who may say that they follow. Whether 4 and 5 close the log.
async fn closed_in_spite_of(they_follow: bool) -> bool {
    let (ward, commit) = silenced(&[1, 2, 3, 4, 5], &[4, 5]).await;
    let says = Says { joins: &[2, 3], leaves: &[2, 3], roster: &[1, 2, 3], seen: commit, ..Says::default() };
    let anew = committed(&ward, 1, 2, says).await;
    for who in [2, 3] {
        assert_eq!(ward.stays(who).await.last().unwrap().acked.get(), commit, "where it begins");
        if they_follow {
            ward.ack(who, anew).await.unwrap();
        }
    }
    for who in [4, 5] {
        stuck(&ward, who, commit).await.unwrap();
    }
    shut(&ward, commit).await
}

#[tokio::test]
async fn nobody_follows_by_anothers_word() {
    assert!(closed_in_spite_of(false).await);
    assert!(!closed_in_spite_of(true).await, "the control: they say so themselves");
}

/// 2 and 3 are out, and nobody has followed. 2 says so just in time, or after that; answers what the relay says.
async fn said_after_a_day(seconds: u64) -> Result<bool, ConversationError> {
    let (ward, commit) = silenced(&[1, 2, 3], &[2, 3]).await;
    ward.pass(86_400 - 1 + seconds);
    stuck(&ward, 2, commit).await
}

#[tokio::test]
async fn who_is_out_says_so_within_a_day_and_of_that_commit_only() {
    let (ward, commit) = silenced(&[1, 2, 3], &[2, 3]).await;
    let later = update(&ward, 1, 2, &[1]).await;
    for number in [1, later] {
        let refused = stuck(&ward, 2, number).await;
        assert!(!matches!(refused, Ok(true)), "{number}: {refused:?}");
    }
    assert!(stuck(&ward, 2, commit).await.unwrap(), "the control");
    assert!(said_after_a_day(0).await.unwrap());
    assert!(matches!(said_after_a_day(1).await, Err(ConversationError::NotAMember)));
    arm("mutant.put_out_heard_on");
    let heard = said_after_a_day(1).await;
    disarm("mutant.put_out_heard_on");
    assert!(heard.unwrap(), "the guard taken away");
}

/// 4, who is out, says so at once, and 3, who is in, a day later or not. Whether they close the log together.
async fn closed_together(after: u64) -> bool {
    let (ward, commit) = silenced(&[1, 2, 3, 4], &[4]).await;
    stuck(&ward, 4, commit).await.unwrap();
    ward.pass(after);
    stuck(&ward, 3, commit).await.unwrap();
    shut(&ward, commit).await
}

#[tokio::test]
async fn what_one_who_is_out_has_said_counts_for_a_day() {
    assert!(closed_together(60).await, "the control");
    assert!(!closed_together(86_400).await);
    arm("mutant.put_out_heard_on");
    let closed = closed_together(86_400).await;
    disarm("mutant.put_out_heard_on");
    assert!(closed, "the guard taken away");
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

//! Whom a commit let in: by its declaration, which is its author's word, they are nobody; by their own, they are people whose
//! log it is. One false report about the commit by which two became more closes nothing.

use wardline_proto::in_place::{arm, disarm};

use super::*;

const NEW: [u8; 3] = [3, 4, 5];

/// 2 lets 3, 4 and 5 into a log of these, and so many commits later the ones named have acknowledged it all.
async fn let_in(before: &[u8], more: u64, follow: &[u8]) -> (Ward, u64) {
    let ward = Ward::with(before).await;
    let roster: Vec<u8> = before.iter().copied().chain(NEW).collect();
    let says = Says { joins: &NEW, roster: &roster, seen: 1, ..Says::default() };
    let commit = committed(&ward, 2, 1, says).await;
    let last = updates(&ward, 2, 2, &roster, more).await.max(commit);
    for who in follow {
        ward.ack(*who, last).await.unwrap();
    }
    (ward, commit)
}

/// Whether the log is closed at the commit that let them in, by the word of these that they cannot follow it.
async fn closed_by((ward, commit): (Ward, u64), who: &[u8]) -> bool {
    for who in who {
        assert!(stuck(&ward, *who, commit).await.unwrap());
    }
    shut(&ward, commit).await
}

#[tokio::test]
async fn one_false_report_about_the_commit_that_let_others_in_closes_nothing() {
    for more in [0, 25] {
        assert!(!closed_by(let_in(&[1, 2], more, &[2, 3, 4, 5]).await, &[1]).await, "{more} later");
        // One who follows is enough: they are three people.
        assert!(!closed_by(let_in(&[1, 2], more, &[2, 4]).await, &[1]).await, "{more} later");
        arm("mutant.newcomers_unheard");
        let closed = closed_by(let_in(&[1, 2], more, &[2, 3, 4, 5]).await, &[1]).await;
        disarm("mutant.newcomers_unheard");
        assert!(closed, "{more} later, the guard taken away");
    }
}

#[tokio::test]
async fn an_author_raises_the_number_neither_by_whom_she_makes_up_nor_by_her_own_devices() {
    for more in [0, 25] {
        assert!(
            closed_by(let_in(&[1, 2], more, &[2]).await, &[1]).await,
            "{more} later: nobody else says so"
        );
    }
    let ward = Ward::with(&[1, 2]).await;
    for (number, owner) in [(1, 1), (2, 2), (3, 2), (4, 2), (5, 2)] {
        enrolled(&ward, number, owner).await;
    }
    let says = Says { joins: &NEW, roster: &[1, 2, 3, 4, 5], seen: 1, ..Says::default() };
    let commit = committed(&ward, 2, 1, says).await;
    for who in [2, 3, 4, 5] {
        ward.ack(who, commit).await.unwrap();
    }
    assert!(closed_by((ward, commit), &[1]).await, "two people");
}

#[tokio::test]
async fn two_close_no_log_from_which_those_let_in_have_long_gone_on() {
    let far = async |follow: &[u8]| closed_by(let_in(&[1, 2, 6], 25, follow).await, &[1, 6]).await;
    assert!(!far(&[2, 3, 4, 5]).await, "two of six people");
    assert!(far(&[2]).await, "the control: only its author has gone on");
    assert!(closed_by(let_in(&[1, 2, 6], 5, &[2, 3, 4, 5]).await, &[1, 6]).await, "the control: near");
    arm("mutant.newcomers_unheard");
    let without = far(&[2, 3, 4, 5]).await;
    disarm("mutant.newcomers_unheard");
    assert!(without, "the guard taken away");
}

#[tokio::test]
async fn those_let_in_are_heard_about_a_later_commit_like_anybody() {
    let (ward, _) = let_in(&[1, 2], 0, &[1, 2, 3, 4, 5]).await;
    let commit = update(&ward, 2, 2, &[1, 2, 3, 4, 5]).await;
    assert!(stuck(&ward, 3, commit).await.unwrap());
    assert!(!shut(&ward, commit).await, "one word of five");
    assert!(stuck(&ward, 4, commit).await.unwrap());
    assert!(shut(&ward, commit).await);
}

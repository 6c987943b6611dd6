//! A commit that takes everybody out *and in* by Welcomes that do not open: whoever cannot follow it was in before it, whatever
//! its declaration makes of their stays, and goes on without whoever made it.

use wardline_proto::in_place::{arm, disarm};

use super::*;

/// 1 takes 2 and 3 out and in; it has that commit, they cannot follow it. With `and_out` its next commit puts them out.
async fn taken_out_and_in(and_out: bool) -> (Ward, u64) {
    let ward = Ward::with(&[1, 2, 3]).await;
    for who in [2, 3] {
        ward.ack(who, 1).await.unwrap();
    }
    let says = Says { joins: &[2, 3], leaves: &[2, 3], roster: &[1, 2, 3], seen: 1, ..Says::default() };
    let commit = committed(&ward, 1, 1, says).await;
    if and_out {
        committed(&ward, 1, 2, Says { leaves: &[2, 3], roster: &[1], ..Says::default() }).await;
    }
    ward.ack(1, commit).await.unwrap();
    (ward, commit)
}

/// Who is asked for what goes on once 2 and 3 have closed the log, and whether its breaker may make it.
async fn goes_on(ward: &Ward, commit: u64) -> (Vec<DeviceId>, bool) {
    let asked = makers(ward, commit, &[1, 2, 3]).await;
    let breaker = follow(ward, 1, 7, commit).await;
    let refused = matches!(breaker, Err(ConversationError::NotAMember));
    assert!(refused || breaker.is_ok(), "{breaker:?}");
    (asked, !refused)
}

#[tokio::test]
async fn who_takes_everybody_out_and_in_makes_nothing_of_it() {
    let closed = async || {
        let (ward, commit) = taken_out_and_in(false).await;
        for who in [2, 3] {
            assert!(stuck(&ward, who, commit).await.unwrap());
        }
        assert!(shut(&ward, commit).await);
        (ward, commit)
    };
    let (ward, commit) = closed().await;
    assert_eq!(goes_on(&ward, commit).await, (vec![device(2), device(3)], false));
    assert!(follow(&ward, 2, 7, commit).await.is_ok());
    // Without the guard nobody but the breaker goes on from there.
    let (ward, commit) = closed().await;
    arm("mutant.last_stay_only");
    let alone = goes_on(&ward, commit).await;
    disarm("mutant.last_stay_only");
    assert_eq!(alone, (vec![], true));
}

#[tokio::test]
async fn who_is_taken_out_and_in_and_put_out_then_is_heard() {
    let (ward, commit) = taken_out_and_in(true).await;
    assert!(stuck(&ward, 2, commit).await.unwrap());
    update(&ward, 1, 3, &[1]).await;
    assert_eq!(circle(&ward).await.reports.len(), 1, "what was said stands");
    assert!(!shut(&ward, commit).await, "one word of three");
    assert!(stuck(&ward, 3, commit).await.unwrap());
    assert!(shut(&ward, commit).await);
    assert!(hears_of_the_end(&ward, 2).await && hears_of_the_end(&ward, 3).await);
    assert_eq!(goes_on(&ward, commit).await, (vec![device(2), device(3)], false));
    assert!(follow(&ward, 3, 7, commit).await.is_ok());
    // Without the guard they are out of step for ever.
    let (ward, commit) = taken_out_and_in(true).await;
    arm("mutant.last_stay_only");
    let silenced = stuck(&ward, 2, commit).await;
    disarm("mutant.last_stay_only");
    assert!(matches!(silenced, Err(ConversationError::NotAMember)), "{silenced:?}");
}

/// 1 takes 2 and 3 out and in, and then out and in again, at once or one after the other: by the relay's book they came in with
/// the last commit only.
async fn taken_twice(at_once: bool) -> (Ward, u64) {
    let (ward, first) = taken_out_and_in(!at_once).await;
    let leaves: &[u8] = if at_once { &[2, 3] } else { &[] };
    let epoch = if at_once { 2 } else { 3 };
    let says = Says { joins: &[2, 3], leaves, roster: &[1, 2, 3], seen: first, ..Says::default() };
    let last = committed(&ward, 1, epoch, says).await;
    ward.ack(1, last).await.unwrap();
    for who in [2, 3] {
        assert!(!stuck(&ward, who, first).await.unwrap(), "that is past");
        assert!(stuck(&ward, who, last).await.unwrap());
    }
    assert!(shut(&ward, last).await);
    (ward, last)
}

#[tokio::test]
async fn nobody_is_a_newcomer_for_having_been_taken_out_and_in_again() {
    for at_once in [true, false] {
        let (ward, last) = taken_twice(at_once).await;
        assert_eq!(goes_on(&ward, last).await, (vec![device(2), device(3)], false));
        assert!(follow(&ward, 3, 7, last).await.is_ok());
        let (ward, last) = taken_twice(at_once).await;
        arm("mutant.last_stay_only");
        let alone = goes_on(&ward, last).await;
        disarm("mutant.last_stay_only");
        assert_eq!(alone, (vec![], true), "the guard taken away");
    }
}

#[tokio::test]
async fn who_came_in_with_the_commit_was_not_in_before() {
    // The control: a newcomer, and one who had gone long before.
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    committed(&ward, 1, 1, Says { leaves: &[4], roster: &[1, 2, 3], ..Says::default() }).await;
    let says = Says { joins: &[4, 5], roster: &[1, 2, 3, 4, 5], seen: 2, ..Says::default() };
    let commit = committed(&ward, 1, 2, says).await;
    for who in [2, 3, 4, 5] {
        stuck(&ward, who, commit).await.unwrap();
    }
    assert!(shut(&ward, commit).await);
    assert_eq!(makers(&ward, commit, &[1, 2, 3, 4, 5]).await, [device(2), device(3)]);
    for who in [4, 5] {
        let refused = follow(&ward, who, 7, commit).await;
        assert!(matches!(refused, Err(ConversationError::NotAMember)), "{who}: {refused:?}");
    }
}

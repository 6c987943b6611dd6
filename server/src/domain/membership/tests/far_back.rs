//! A commit from which others have long gone on: whoever cannot follow it is added anew, and closes nothing. And whoever
//! breaks a log does not go on alone until it is too late to close it.

use wardline_proto::in_place::{arm, disarm};

use super::*;
use crate::domain::conversation::ConversationError::NotAMember;

const ALL: [u8; 6] = [1, 2, 3, 4, 5, 6];

/// A commit by 1 and so many more by `next`, which `goes_on` acknowledges; `behind` never acknowledge anything, and say that
/// they cannot follow the first. Whether they close the log there.
async fn closed(more: u64, (next, goes_on): (u8, &[u8]), behind: &[u8]) -> bool {
    let ward = Ward::with(&ALL).await;
    let commit = update(&ward, 1, 1, &ALL).await;
    let last = updates(&ward, next, 2, &ALL, more).await;
    for who in goes_on {
        ward.ack(*who, last).await.unwrap();
    }
    for who in behind {
        stuck(&ward, *who, commit).await.unwrap();
    }
    shut(&ward, commit).await
}

#[tokio::test]
async fn two_who_acknowledge_nothing_close_no_log_far_back() {
    assert!(closed(10, (2, &[2, 3]), &[5, 6]).await, "the control: so far members know who was in");
    assert!(!closed(11, (2, &[2, 3]), &[5, 6]).await);
    assert!(!closed(11, (2, &[2]), &[4, 5, 6]).await, "half of the people");
    arm("mutant.far_back");
    let without = closed(11, (2, &[2, 3]), &[5, 6]).await;
    disarm("mutant.far_back");
    assert!(without, "the guard taken away");
}

#[tokio::test]
async fn more_than_half_of_the_people_close_it_there_too() {
    // Or two who act together would only have to go on for long enough.
    assert!(closed(11, (2, &[1, 2]), &[3, 4, 5, 6]).await);
}

#[tokio::test]
async fn who_goes_on_alone_does_not_put_off_the_end() {
    assert!(closed(30, (1, &[1]), &[5, 6]).await);
    // Nor by whom she lets in, nor by taking others out and in who say nothing of it.
    let ward = Ward::with(&ALL).await;
    let commit = update(&ward, 1, 1, &ALL).await;
    let with: Vec<u8> = ALL.into_iter().chain([7]).collect();
    committed(&ward, 1, 2, Says { joins: &[7], roster: &with, seen: commit, ..Says::default() }).await;
    let last = updates(&ward, 1, 3, &with, 20).await;
    let says = Says { joins: &[2, 3], leaves: &[2, 3], roster: &with, seen: last, ..Says::default() };
    ward.pass(60);
    let last = committed(&ward, 1, 23, says).await;
    for who in [1, 7] {
        ward.ack(who, last).await.unwrap();
    }
    for who in [5, 6] {
        stuck(&ward, who, commit).await.unwrap();
    }
    assert!(shut(&ward, commit).await);
}

/// 1 declares four people out and goes on alone, or with 2. What they say then closes the log, or does not.
async fn closed_by_who_is_out(more: u64, accomplice: bool) -> bool {
    let ward = Ward::with(&ALL).await;
    let out = Says { leaves: &[3, 4, 5, 6], roster: &[1, 2], ..Says::default() };
    let commit = committed(&ward, 1, 1, out).await;
    let last = updates(&ward, 1, 2, &[1, 2], more).await;
    ward.ack(1, last).await.unwrap();
    if accomplice {
        ward.ack(2, last).await.unwrap();
    }
    for who in [3, 4, 5, 6] {
        assert!(!matches!(stuck(&ward, who, commit).await, Err(NotAMember)));
    }
    shut(&ward, commit).await
}

#[tokio::test]
async fn who_is_out_closes_nothing_far_back() {
    assert!(closed_by_who_is_out(10, true).await, "the control: four against two");
    assert!(!closed_by_who_is_out(11, true).await, "who has followed knows no more who was in");
    assert!(closed_by_who_is_out(30, false).await, "where only its author has, it is never too far");
    arm("mutant.far_back");
    let without = closed_by_who_is_out(11, true).await;
    disarm("mutant.far_back");
    assert!(without, "the guard taken away");
}

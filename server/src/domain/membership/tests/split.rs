//! A log that is broken for each by another commit: nobody alone says enough of any one, and all of them together do.

use wardline_proto::in_place::{arm, disarm};

use super::*;

/// 1 makes two commits; 2 cannot follow the first, 3 follows it and not the second.
async fn broken_for_each() -> (Ward, u64) {
    let ward = Ward::with(&[1, 2, 3]).await;
    for who in [2, 3] {
        ward.ack(who, 1).await.unwrap();
    }
    let first = update(&ward, 1, 1, &[1, 2, 3]).await;
    let second = update(&ward, 1, 2, &[1, 2, 3]).await;
    ward.ack(1, second).await.unwrap();
    ward.ack(3, first).await.unwrap();
    assert!(stuck(&ward, 2, first).await.unwrap());
    assert!(!shut(&ward, first).await, "one word of three");
    assert!(stuck(&ward, 3, second).await.unwrap());
    (ward, second)
}

#[tokio::test]
async fn who_breaks_a_log_for_each_by_another_commit_stops_nothing() {
    let (ward, second) = broken_for_each().await;
    assert!(shut(&ward, second).await);
    assert!(hears_of_the_end(&ward, 2).await && hears_of_the_end(&ward, 3).await);
    assert_eq!(makers(&ward, second, &[1, 2, 3]).await, [device(3)], "who has all that was before the last");
    let closed = ward.read(2, FeedPosition::after(EntryNumber::new(1)), 99).await.events;
    let reports = closed.iter().find_map(|event| match event {
        FeedEvent::Closed(closure) => Some(closure.reports.len()),
        _ => None,
    });
    assert_eq!(reports, Some(2), "both are shown");
    // Without the guard the log is open for ever, and nobody but its breaker can write in it.
    let (ward, second) = broken_for_each().await;
    arm("mutant.split_counts_apart");
    let closed = shut(&ward, second).await;
    disarm("mutant.split_counts_apart");
    assert!(!closed);
}

#[tokio::test]
async fn nor_by_taking_one_of_them_out_and_in_alone() {
    let ward = Ward::with(&[1, 2, 3]).await;
    for who in [2, 3] {
        ward.ack(who, 1).await.unwrap();
    }
    let first = update(&ward, 1, 1, &[1, 2, 3]).await;
    for who in [2, 3] {
        assert!(stuck(&ward, who, first).await.unwrap());
    }
    let says = Says { joins: &[2], leaves: &[2], roster: &[1, 2, 3], seen: first, ..Says::default() };
    let second = committed(&ward, 1, 2, says).await;
    ward.ack(1, second).await.unwrap();
    assert!(stuck(&ward, 2, second).await.unwrap());
    assert!(!stuck(&ward, 3, second).await.unwrap(), "it cannot follow the first");
    assert!(shut(&ward, second).await);
    assert_eq!(makers(&ward, second, &[1, 2, 3]).await, [device(2)]);
}

#[tokio::test]
async fn of_three_and_three_commits_two_are_enough() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let all = [1, 2, 3, 4];
    for who in [2, 3, 4] {
        ward.ack(who, 1).await.unwrap();
    }
    let commits =
        [update(&ward, 1, 1, &all).await, update(&ward, 1, 2, &all).await, update(&ward, 1, 3, &all).await];
    for (who, commit) in [2, 3, 4].into_iter().zip(commits) {
        if who > 2 {
            ward.ack(who, commit - 1).await.unwrap();
        }
        assert!(stuck(&ward, who, commit).await.unwrap());
    }
    assert!(!shut(&ward, commits[0]).await);
    assert!(shut(&ward, commits[1]).await);
    let able = makers(&ward, commits[1], &all).await;
    assert_eq!(able, [device(3), device(4)], "who had all before it");
}

#[tokio::test]
async fn a_false_word_beside_a_true_one_of_the_same_author_closes_nothing() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let all = [1, 2, 3, 4];
    for who in all {
        enrolled(&ward, who, who).await;
        ward.ack(who, 1).await.unwrap();
    }
    // 1 breaks the log for 2, and says of 3's good commit that it cannot follow it.
    let broken = update(&ward, 1, 1, &all).await;
    assert!(stuck(&ward, 2, broken).await.unwrap());
    for who in [3, 4] {
        ward.ack(who, broken).await.unwrap();
    }
    let good = update(&ward, 3, 2, &all).await;
    for who in [3, 4] {
        ward.ack(who, good).await.unwrap();
    }
    assert!(stuck(&ward, 1, good).await.unwrap());
    assert!(!shut(&ward, good).await && !shut(&ward, broken).await);
    arm("mutant.authors_counted");
    let closed = shut(&ward, good).await;
    disarm("mutant.authors_counted");
    assert!(closed, "the guard taken away");
    // The control: the true word of another.
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let broken = update(&ward, 1, 1, &all).await;
    assert!(stuck(&ward, 2, broken).await.unwrap());
    let next = update(&ward, 1, 2, &all).await;
    assert!(stuck(&ward, 3, next).await.unwrap());
    assert!(shut(&ward, next).await);
}

#[tokio::test]
async fn who_breaks_a_log_takes_nobodys_word_away_by_one_of_her_own() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let all = [1, 2, 3, 4];
    for who in all {
        enrolled(&ward, who, who).await;
        ward.ack(who, 1).await.unwrap();
    }
    // 3's commit is good; 1 breaks the log for 2 and then for 3, and says that she cannot follow 3's.
    let good = update(&ward, 3, 1, &all).await;
    for who in [2, 3, 4] {
        ward.ack(who, good).await.unwrap();
    }
    let first = update(&ward, 1, 2, &all).await;
    for who in [3, 4] {
        ward.ack(who, first).await.unwrap();
    }
    let second = update(&ward, 1, 3, &all).await;
    assert!(stuck(&ward, 1, good).await.unwrap());
    assert!(stuck(&ward, 2, first).await.unwrap());
    assert!(!shut(&ward, first).await, "one true word");
    assert!(stuck(&ward, 3, second).await.unwrap());
    assert!(shut(&ward, second).await);
}

#[tokio::test]
async fn a_word_of_long_before_counts_for_nothing_new() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let all = [1, 2, 3, 4];
    let broken = update(&ward, 1, 1, &all).await;
    assert!(stuck(&ward, 2, broken).await.unwrap());
    let last = updates(&ward, 3, 2, &all, 12).await;
    for who in [1, 3, 4] {
        ward.ack(who, last - 1).await.unwrap();
    }
    assert!(stuck(&ward, 4, last).await.unwrap());
    assert!(!shut(&ward, last).await);
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    let broken = update(&ward, 1, 1, &all).await;
    assert!(stuck(&ward, 2, broken).await.unwrap());
    let last = updates(&ward, 3, 2, &all, 5).await;
    assert!(stuck(&ward, 4, last).await.unwrap());
    assert!(shut(&ward, last).await, "the control: sooner");
}

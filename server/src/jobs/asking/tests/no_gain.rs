//! Claims about who tries to put off the end of a log, or to bring it about: whoever broke it gains nothing by what she and her
//! own devices do and say then.

use wardline_proto::in_place::{arm, disarm};

use super::*;

/// What 1 does once more every so many seconds.
#[derive(Clone, Copy)]
struct Liar<'a> {
    every: u64,
    all: &'a [u8],
    /// One who could mend it.
    off: u8,
    /// Whom it takes out and in by what does not open.
    victims: &'a [u8],
    /// Of whom one each time follows that.
    in_turn: &'a [u8],
    /// Its own second device, which goes out and in with them, follows, and says that it does not.
    own: &'a [u8],
}

/// Takes two out and in every four seconds.
const EVERY_FOUR: Liar<'_> =
    Liar { every: 4, all: &[1, 2, 3, 4], off: 4, victims: &[2, 3], in_turn: &[], own: &[] };

/// After how many seconds the log is closed, if it is within a minute.
async fn closed_after(liar: Liar<'_>) -> Option<u64> {
    let Liar { every, all, off, victims, in_turn, own } = liar;
    let mut scene = Scene::with(all).await;
    scene.goes(off);
    let out_and_in: Vec<u8> = victims.iter().chain(own).copied().collect();
    let mut follows = in_turn.iter().cycle();
    for (round, epoch) in (0..60 / every).zip(1..) {
        let says = Says { joins: &out_and_in, leaves: &out_and_in, roster: all, ..Says::default() };
        let outcome = scene.ward.commit(1, epoch, says).await;
        let number = match outcome {
            Ok(CommitOutcome::Accepted { receipt, .. }) => receipt.number.get(),
            Err(ConversationError::Closed { .. }) => return Some(round * every),
            // Ten a minute.
            Err(ConversationError::CommitRate { .. }) => break,
            other => panic!("{other:?}"),
        };
        scene.bell.moved(WARD);
        scene.pass().await;
        let follows = follows.next();
        for who in [1].iter().chain(own).chain(follows) {
            scene.ward.ack(*who, number).await.unwrap();
        }
        for who in out_and_in.iter().filter(|who| Some(*who) != follows) {
            scene.stuck(*who, number).await;
            scene.pass().await;
        }
        for second in 0..every {
            if scene.is_closed().await {
                return Some(round * every + second);
            }
            scene.ward.pass(1);
            scene.pass().await;
        }
    }
    None
}

/// The same with one guard taken away.
async fn closed_without(mutant: &'static str, liar: Liar<'_>) -> Option<u64> {
    arm(mutant);
    let closed = closed_after(liar).await;
    disarm(mutant);
    closed
}

#[tokio::test]
async fn who_takes_others_out_and_in_again_and_again_gains_no_time() {
    assert_eq!(closed_after(EVERY_FOUR).await, Some(10));
    assert_eq!(closed_without("mutant.again_is_mending", EVERY_FOUR).await, None);
}

#[tokio::test]
async fn who_lets_a_device_of_her_own_follow_gains_no_time() {
    let liar =
        Liar { every: 9, all: &[1, 2, 3, 4, 101], off: 4, victims: &[2, 3], in_turn: &[], own: &[101] };
    assert_eq!(closed_after(liar).await, Some(10));
    assert_eq!(closed_without("mutant.liars_time", liar).await, None);
}

#[tokio::test]
async fn who_lets_one_after_the_other_follow_gains_no_time_by_it_with_the_rest() {
    let all = &[1, 2, 3, 4, 5, 6, 7];
    let liar = Liar { every: 9, all, off: 7, victims: &[2, 3, 4, 5, 6], in_turn: &[2, 3, 4], own: &[] };
    assert_eq!(closed_after(liar).await, Some(10));
    assert_eq!(closed_without("mutant.liars_time", liar).await, None);
}

/// 2 and 3 cannot follow a commit of 1's, and its second device says the same; nine seconds later it says so of an earlier
/// one. After how many seconds more the log is closed.
async fn closed_after_a_lower_number() -> u64 {
    let all = [1, 2, 3, 4, 101];
    let mut scene = Scene::with(&all).await;
    let earlier = scene.commits(1, 1, &all).await;
    let commit = scene.commits(1, 2, &all).await;
    scene.ward.ack(4, commit).await.unwrap();
    for who in [2, 3, 101] {
        scene.stuck(who, commit).await;
    }
    scene.pass().await;
    scene.ward.pass(9);
    scene.pass().await;
    scene.stuck(101, earlier).await;
    scene.closes_in().await
}

#[tokio::test]
async fn who_says_so_of_an_earlier_commit_gains_no_time() {
    assert_eq!(closed_after_a_lower_number().await, 1);
    arm("mutant.liars_time");
    let without = closed_after_a_lower_number().await;
    disarm("mutant.liars_time");
    assert_eq!(without, 10, "the guard taken away");
}

/// 2 alone cannot follow a commit of 1's; 1's second device, which has not read it, says the same. Whether the log is closed
/// within a minute.
async fn closed_with_its_author() -> bool {
    let all = [1, 2, 3, 101];
    let mut scene = Scene::with(&all).await;
    let commit = scene.commits(1, 1, &all).await;
    scene.ward.ack(3, commit).await.unwrap();
    for who in [2, 101] {
        scene.stuck(who, commit).await;
    }
    for _ in 0..12 {
        scene.pass().await;
        scene.ward.pass(5);
    }
    scene.pass().await;
    scene.is_closed().await
}

#[tokio::test]
async fn an_author_closes_no_log_with_the_one_person_whom_she_has_broken() {
    assert!(!closed_with_its_author().await);
    arm("mutant.authors_time");
    let without = closed_with_its_author().await;
    disarm("mutant.authors_time");
    assert!(without, "the guard taken away");
}

/// 1 lets its second device and two that nobody has into a log of two, by a commit that 2 cannot follow, and has that device
/// say that it cannot either. After how many seconds the log is closed, if it is within a minute.
async fn closed_with_made_up_people() -> Option<u64> {
    let mut scene = Scene::with(&[1, 2]).await;
    scene.enrol(101).await;
    let says = Says { joins: &[4, 5, 101], roster: &[1, 2, 4, 5, 101], seen: 1, ..Says::default() };
    let outcome = scene.ward.commit(1, 1, says).await.unwrap();
    let CommitOutcome::Accepted { receipt, .. } = outcome else { panic!("{outcome:?}") };
    let commit = receipt.number.get();
    scene.ward.ack(1, commit).await.unwrap();
    for who in [2, 101] {
        scene.stuck(who, commit).await;
    }
    for second in 0..60 {
        scene.pass().await;
        if scene.is_closed().await {
            return Some(second);
        }
        scene.ward.pass(1);
    }
    None
}

#[tokio::test]
async fn an_author_makes_no_log_of_two_one_of_more_by_a_device_of_her_own_that_says_so() {
    assert_eq!(closed_with_made_up_people().await, Some(10));
    arm("mutant.authors_newcomers");
    let without = closed_with_made_up_people().await;
    disarm("mutant.authors_newcomers");
    assert_eq!(without, None, "the guard taken away");
}

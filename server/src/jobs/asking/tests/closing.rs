//! Claims about when a log is closed that too many cannot follow.

use wardline_proto::in_place::{arm, disarm};

use super::*;

#[tokio::test]
async fn a_log_that_two_cannot_follow_is_closed_after_ten_seconds_and_then_a_successor_is_asked_for() {
    let mut scene = Scene::with(&[1, 2, 3, 4]).await;
    let commit = scene.commits(1, 1, &[1, 2, 3, 4]).await;
    scene.ward.pass(60);
    scene.stuck(2, commit).await;
    scene.pass().await;
    scene.ward.pass(60);
    scene.pass().await;
    assert!(!scene.is_closed().await, "one is not enough, however long");
    scene.stuck(3, commit).await;
    scene.pass().await;
    scene.ward.pass(9);
    scene.pass().await;
    assert!(!scene.is_closed().await);
    scene.asked();
    scene.ward.pass(1);
    scene.pass().await;
    assert!(scene.is_closed().await);
    assert_eq!(scene.pass().await, 2_000);
    let asked = scene.asked();
    assert!(asked == [2] || asked == [3], "{asked:?}");
}

#[tokio::test]
async fn who_says_so_later_has_ten_seconds_too() {
    let mut scene = Scene::with(&[1, 2, 3, 4]).await;
    let all = [1, 2, 3, 4];
    let commit = scene.commits(1, 1, &all).await;
    scene.ward.pass(60);
    for who in [2, 3] {
        scene.stuck(who, commit).await;
    }
    scene.pass().await;
    scene.ward.pass(8);
    scene.anew(1, 2, &[2], &all).await;
    scene.pass().await;
    scene.ward.pass(8);
    scene.pass().await;
    assert!(!scene.is_closed().await, "one is left, and one is not enough");
    scene.stuck(4, commit).await;
    scene.pass().await;
    scene.ward.pass(9);
    scene.pass().await;
    assert!(!scene.is_closed().await);
    scene.ward.pass(1);
    scene.pass().await;
    assert!(scene.is_closed().await, "the control");
}

#[tokio::test]
async fn a_log_whose_state_nobody_can_open_is_closed_at_once() {
    let mut scene = Scene::with(&[1, 2, 3]).await;
    let commit = scene.commits(1, 1, &[1, 2, 3]).await;
    scene.stuck(2, commit).await;
    scene.pass().await;
    assert!(!scene.is_closed().await);
    scene.stuck(3, commit).await;
    scene.pass().await;
    assert!(scene.is_closed().await);
}

#[tokio::test]
async fn a_relay_that_has_just_started_gives_those_who_come_back_ten_seconds() {
    let mut scene = Scene::with(&[1, 2, 3, 4]).await;
    let commit = scene.commits(1, 1, &[1, 2, 3, 4]).await;
    for who in [2, 3] {
        scene.stuck(who, commit).await;
    }
    scene.ward.pass(3_600);
    // It was down for an hour; nobody is connected yet.
    (scene.board, scene.live) = (Board::default(), Live::default());
    scene.streams.clear();
    scene.pass().await;
    scene.ward.pass(9);
    scene.pass().await;
    assert!(!scene.is_closed().await);
    scene.ward.pass(1);
    scene.pass().await;
    assert!(scene.is_closed().await);
}

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
    closes_in(&mut scene).await
}

/// After how many seconds from now the log is closed.
async fn closes_in(scene: &mut Scene) -> u64 {
    for second in 0..20 {
        scene.pass().await;
        if scene.is_closed().await {
            return second;
        }
        scene.ward.pass(1);
    }
    panic!("it stays open");
}

#[tokio::test]
async fn who_says_so_of_an_earlier_commit_gains_no_time() {
    assert_eq!(closed_after_a_lower_number().await, 1);
    arm("mutant.liars_time");
    let without = closed_after_a_lower_number().await;
    disarm("mutant.liars_time");
    assert_eq!(without, 10, "the guard taken away");
}

/// 2 and 3 are taken out and in and say nothing for so long; after how many seconds from then, when they say that they cannot
/// follow that either, the log is closed.
async fn closed_after_silence(seconds: u64) -> u64 {
    let all = [1, 2, 3, 4];
    let mut scene = Scene::with(&all).await;
    let commit = scene.commits(1, 1, &all).await;
    for who in [2, 3] {
        scene.stuck(who, commit).await;
    }
    scene.pass().await;
    scene.ward.pass(5);
    scene.anew(1, 2, &[2, 3], &all).await;
    scene.pass().await;
    scene.ward.pass(seconds);
    for who in [2, 3] {
        scene.stuck(who, commit + 1).await;
    }
    scene.ward.ack(1, commit + 1).await.unwrap();
    closes_in(&mut scene).await
}

#[tokio::test]
async fn who_said_nothing_for_ten_seconds_has_its_time_again() {
    assert_eq!(closed_after_silence(11).await, 10);
    assert_eq!(closed_after_silence(9).await, 0, "the control: for a moment");
    arm("mutant.silence_is_waiting");
    let without = closed_after_silence(11).await;
    disarm("mutant.silence_is_waiting");
    assert_eq!(without, 0, "the guard taken away");
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

#[tokio::test]
async fn a_log_of_ones_own_devices_is_closed_by_ones_own_word() {
    let mut scene = Scene::with(&[1, 101]).await;
    let commit = scene.commits(1, 1, &[1, 101]).await;
    scene.stuck(101, commit).await;
    assert_eq!(closes_in(&mut scene).await, 10);
}

/// 2 and 3 cannot follow a commit, and then the clock is set back by an hour. Whether the log is closed ten seconds later.
async fn closed_after_a_step_back() -> bool {
    let all = [1, 2, 3, 4];
    let mut scene = Scene::with(&all).await;
    let commit = scene.commits(1, 1, &all).await;
    for who in [2, 3] {
        scene.stuck(who, commit).await;
    }
    scene.pass().await;
    scene.ward.set_back(3_600);
    for _ in 0..10 {
        assert!(!scene.is_closed().await);
        scene.pass().await;
        scene.ward.pass(1);
    }
    scene.pass().await;
    scene.is_closed().await
}

#[tokio::test]
async fn a_clock_that_is_set_back_puts_off_the_end_by_ten_seconds_at_most() {
    assert!(closed_after_a_step_back().await);
    arm("mutant.ahead_waits");
    let without = closed_after_a_step_back().await;
    disarm("mutant.ahead_waits");
    assert!(!without, "the guard taken away");
}

#[tokio::test]
async fn the_next_look_is_when_the_second_has_waited_long_enough() {
    let all = [1, 2, 3, 4];
    let mut scene = Scene::with(&all).await;
    let commit = scene.commits(1, 1, &all).await;
    all.into_iter().for_each(|who| scene.goes(who));
    scene.ward.pass(20);
    scene.stuck(2, commit).await;
    scene.pass().await;
    scene.ward.pass(1);
    assert_eq!(scene.pass().await, 39_000, "one is not enough, and nobody is there to ask");
    scene.stuck(3, commit).await;
    assert_eq!(scene.pass().await, 2_000);
    scene.ward.pass(2);
    scene.pass().await;
    assert!(scene.is_closed().await);
}

#[tokio::test]
async fn who_says_nothing_is_remembered_for_ten_seconds_where_nothing_else_is_owed() {
    let all = [1, 2, 3];
    let mut scene = Scene::with(&all).await;
    let commit = scene.commits(1, 1, &all).await;
    scene.stuck(2, commit).await;
    scene.pass().await;
    scene.anew(1, 2, &[2], &all).await;
    assert_eq!(scene.pass().await, 10_000);
    scene.ward.pass(10);
    assert_eq!(scene.pass().await, IDLE - 10_000, "and then forgotten");
}

#[tokio::test]
async fn who_could_follow_in_between_has_its_time_again() {
    let mut scene = Scene::with(&[1, 2, 3, 4]).await;
    let all = [1, 2, 3, 4];
    let commit = scene.commits(1, 1, &all).await;
    for who in [2, 3] {
        scene.stuck(who, commit).await;
    }
    scene.pass().await;
    scene.ward.pass(8);
    scene.anew(1, 2, &[2, 3], &all).await;
    for who in [1, 2, 3] {
        scene.ward.ack(who, commit + 1).await.unwrap();
    }
    scene.pass().await;
    let again = scene.commits(1, 3, &all).await;
    for who in [2, 3] {
        scene.stuck(who, again).await;
    }
    scene.pass().await;
    scene.ward.pass(9);
    scene.pass().await;
    assert!(!scene.is_closed().await);
    scene.ward.pass(1);
    scene.pass().await;
    assert!(scene.is_closed().await);
}

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
    scene.closes_in().await
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

#[tokio::test]
async fn a_log_of_ones_own_devices_is_closed_by_ones_own_word() {
    let mut scene = Scene::with(&[1, 101]).await;
    let commit = scene.commits(1, 1, &[1, 101]).await;
    scene.stuck(101, commit).await;
    assert_eq!(scene.closes_in().await, 10);
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

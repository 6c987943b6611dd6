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
async fn each_device_that_is_added_anew_gives_the_others_their_time_again() {
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

/// 1 takes 2 and 3 out and in by what does not open, once more every four seconds; 4 is off, and could mend it. After how many
/// seconds the log is closed, if it is within a minute.
async fn closed_after(scene: &mut Scene) -> Option<u64> {
    let all = [1, 2, 3, 4];
    scene.goes(4);
    for (round, epoch) in (0..15).zip(1..) {
        let says = Says { joins: &[2, 3], leaves: &[2, 3], roster: &all, ..Says::default() };
        let outcome = scene.ward.commit(1, epoch, says).await;
        let number = match outcome {
            Ok(CommitOutcome::Accepted { receipt, .. }) => receipt.number.get(),
            Err(ConversationError::Closed { .. }) => return Some(round * 4),
            // Ten a minute.
            Err(ConversationError::CommitRate { .. }) => break,
            other => panic!("{other:?}"),
        };
        scene.ward.ack(1, number).await.unwrap();
        scene.bell.moved(WARD);
        scene.pass().await;
        for who in [2, 3] {
            scene.stuck(who, number).await;
            scene.pass().await;
        }
        for second in 0..4 {
            if scene.is_closed().await {
                return Some(round * 4 + second);
            }
            scene.ward.pass(1);
            scene.pass().await;
        }
    }
    None
}

#[tokio::test]
async fn who_takes_others_out_and_in_again_and_again_gains_no_time() {
    let mut scene = Scene::with(&[1, 2, 3, 4]).await;
    assert_eq!(closed_after(&mut scene).await, Some(10));
    let mut scene = Scene::with(&[1, 2, 3, 4]).await;
    arm("mutant.again_is_mending");
    let closed = closed_after(&mut scene).await;
    disarm("mutant.again_is_mending");
    assert_eq!(closed, None, "the guard taken away");
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

//! Whom a task is asked of, and when.

use std::time::Duration;

use wardline_proto::{
    Epoch, UtcMillis,
    in_place::{arm, disarm},
};

use super::*;
use crate::domain::membership::{LEASE, REST_MAX, ROUND_MAX, Step, Turn, candidates};
use crate::domain::ward::EVENING;

fn later(millis: u64) -> UtcMillis {
    UtcMillis::new(EVENING.get() + millis)
}

fn ids(numbers: &[u8]) -> Vec<DeviceId> {
    numbers.iter().map(|number| device(*number)).collect()
}

#[test]
fn one_is_asked_for_two_seconds_then_the_next() {
    let (mut turn, able) = (Turn::default(), ids(&[1, 2]));
    assert_eq!(turn.step(&able, EVENING), Step::Ask(device(1), later(2_000)));
    assert_eq!(turn.step(&able, later(1_999)), Step::Wait(later(2_000)));
    assert_eq!(turn.step(&able, later(2_000)), Step::Ask(device(2), later(4_000)));
}

#[test]
fn one_who_goes_gives_its_turn_to_the_next_at_once() {
    let mut turn = Turn::default();
    turn.step(&ids(&[1, 2]), EVENING);
    assert_eq!(turn.step(&ids(&[2]), later(10)), Step::Ask(device(2), later(2_010)));
    assert_eq!(turn.step(&[], later(20)), Step::Wait(later(2_020)), "all were asked: a rest");
}

#[test]
fn nobody_there_is_nothing_to_do_until_somebody_comes() {
    let mut turn = Turn::default();
    assert_eq!(turn.step(&[], EVENING), Step::Sleep);
    assert_eq!(turn.step(&ids(&[3]), later(60_000)), Step::Ask(device(3), later(62_000)));
}

#[test]
fn what_nobody_can_do_is_asked_for_ever_more_rarely() {
    let (mut turn, able) = (Turn::default(), ids(&[1]));
    let (mut now, mut asked) = (EVENING, Vec::new());
    while now < later(3_600_000) {
        now = match turn.step(&able, now) {
            Step::Ask(_, until) => {
                asked.push(now);
                until
            }
            Step::Wait(until) => {
                assert!(until > now, "no busy loop");
                until
            }
            Step::Sleep => panic!("one is there"),
        };
    }
    let gaps: Vec<u64> = asked.windows(2).map(|pair| pair[1].get() - pair[0].get()).collect();
    assert_eq!(gaps[..3], [4_000, 6_000, 10_000]);
    assert!(gaps.is_sorted() && asked.len() < 24, "{}", asked.len());
    let most = u64::try_from((LEASE + REST_MAX).as_millis()).unwrap();
    assert_eq!(gaps.last(), Some(&most));
}

#[test]
fn one_who_comes_while_the_others_rest_is_asked_at_once() {
    let mut turn = Turn::default();
    turn.step(&ids(&[1]), EVENING);
    assert_eq!(turn.step(&ids(&[1]), later(2_000)), Step::Wait(later(4_000)));
    assert_eq!(turn.step(&ids(&[1, 2]), later(2_500)), Step::Ask(device(2), later(4_500)));
    turn.begin_anew();
    assert_eq!(turn.step(&ids(&[1]), later(4_500)), Step::Ask(device(1), later(6_500)));
}

#[test]
fn one_who_comes_back_is_asked_again_at_once() {
    let mut turn = Turn::default();
    turn.step(&ids(&[1]), EVENING);
    turn.forget(device(2));
    assert_eq!(turn.step(&ids(&[1]), later(100)), Step::Wait(later(2_000)), "another came");
    turn.forget(device(1));
    assert_eq!(turn.step(&ids(&[1]), later(100)), Step::Ask(device(1), later(2_100)));
}

#[test]
fn a_round_has_an_end_however_many_are_there() {
    let able: Vec<DeviceId> = (0..100).map(|n| DeviceId::from_bytes([n; 16])).collect();
    let (mut turn, mut now, mut asked) = (Turn::default(), EVENING, 0);
    loop {
        match turn.step(&able, now) {
            Step::Ask(_, until) => (asked, now) = (asked + 1, until),
            Step::Wait(until) => break assert_eq!(until.get() - now.get(), 2_000),
            Step::Sleep => panic!("they are there"),
        }
    }
    assert_eq!(asked, ROUND_MAX);
}

#[test]
fn a_clock_that_was_set_back_makes_no_long_wait() {
    let (mut turn, able) = (Turn::default(), ids(&[1, 2]));
    turn.step(&able, later(3_600_000));
    assert_eq!(turn.step(&able, EVENING), Step::Ask(device(2), later(2_000)));
}

/// Who can be asked of these, for a task of this kind.
async fn able(ward: &Ward, kind: TaskKind, connected: &[u8]) -> Vec<DeviceId> {
    let task = Task { conversation: WARD, kind, made_at: ward.now() };
    let mut able = candidates(&circle(ward).await, &task, &devices(connected), ward.now());
    able.sort_unstable();
    able
}

/// The same of 1 to 5 with a guard taken away.
async fn able_without(guard: &'static str, ward: &Ward, kind: TaskKind) -> Vec<DeviceId> {
    arm(guard);
    let able = able(ward, kind, &[1, 2, 3, 4, 5]).await;
    disarm(guard);
    able
}

fn let_go(who: u8) -> TaskKind {
    TaskKind::LetGo { user: user(who), ground: Bytes::new() }
}

/// All have acknowledged the log so far.
async fn read_all(ward: &Ward, all: &[u8]) {
    for who in all {
        let head = ward.stays(*who).await.last().unwrap().end();
        ward.ack(*who, head.get()).await.unwrap();
    }
}

#[tokio::test]
async fn members_who_are_there_have_come_in_and_stand_outside_the_fence_are_asked() {
    let ward = Ward::with(&[1, 2, 3, 4, 5]).await;
    read_all(&ward, &[1, 2, 3, 4]).await;
    enrolled(&ward, 2, 2).await;
    assert_eq!(able(&ward, let_go(2), &[1, 2, 3, 4, 5, 9]).await, ids(&[1, 3, 4]), "5 has not come in");
    assert_eq!(able_without("mutant.asked_unread", &ward, let_go(2)).await, ids(&[1, 3, 4, 5]));
    fence(&ward, 3).await;
    assert_eq!(able(&ward, let_go(2), &[1, 2, 3, 4, 5]).await, ids(&[1, 4]), "3 is inside the fence");
    assert_eq!(able_without("mutant.fenced_asked", &ward, let_go(2)).await, ids(&[1, 3, 4]));
    assert_eq!(able(&ward, let_go(2), &[4]).await, ids(&[4]));
    assert_eq!(able(&ward, TaskKind::Renew { epoch: Epoch::new(1) }, &[1, 2, 3]).await, ids(&[1, 2]));
}

#[tokio::test]
async fn only_those_who_merged_a_commit_add_anew_those_who_cannot() {
    let ward = Ward::with(&[1, 2, 3, 4]).await;
    read_all(&ward, &[1, 2, 3, 4]).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3, 4]).await;
    stuck(&ward, 2, commit).await.unwrap();
    let kind = TaskKind::AddAnew { number: EntryNumber::new(commit) };
    assert_eq!(able(&ward, kind.clone(), &[1, 2, 3, 4]).await, []);
    ward.ack(1, commit).await.unwrap();
    ward.ack(3, commit).await.unwrap();
    assert_eq!(able(&ward, kind.clone(), &[1, 2, 3, 4]).await, ids(&[1, 3]));
    let unread = able_without("mutant.asked_unread", &ward, kind.clone()).await;
    assert_eq!(unread, ids(&[1, 3, 4]), "the guard taken away: 4 does not have it");
    assert_eq!(able(&ward, let_go(9), &[1, 2, 3, 4]).await, ids(&[1, 3, 4]), "2 cannot commit at all");
    fence(&ward, 3).await;
    assert_eq!(able(&ward, kind, &[1, 2, 3, 4]).await, ids(&[1]));
}

#[tokio::test]
async fn the_device_that_is_replaced_is_not_asked_to_let_its_successor_in() {
    let ward = Ward::with(&[1, 2, 3]).await;
    read_all(&ward, &[1, 2, 3]).await;
    let kind = TaskKind::LetBack { device: device(5), replaces: device(2), ground: Bytes::new() };
    assert_eq!(able(&ward, kind, &[1, 2, 3]).await, ids(&[1, 3]));
}

#[tokio::test]
async fn renewing_goes_in_turn_by_whose_commit_is_the_oldest() {
    let ward = Ward::with(&[1, 2, 3]).await;
    read_all(&ward, &[1, 2, 3]).await;
    update(&ward, 3, 1, &[1, 2, 3]).await;
    ward.pass(60);
    update(&ward, 1, 2, &[1, 2, 3]).await;
    ward.post(1, 3).await.unwrap();
    ward.pass(86_400);
    let now = ward.now();
    let owe = ward.store.write("owe", move |tx| Box::pin(async move { tx.owe_renewals(now, 1).await }));
    let owed: Result<Vec<_>, StoreError> = owe.await;
    assert_eq!(owed.unwrap(), [WARD]);
    let circle = circle(&ward).await;
    let order = candidates(&circle, &circle.tasks[0], &devices(&[1, 2, 3]), now);
    assert_eq!(order, ids(&[2, 3, 1]), "2 never did");
}

#[tokio::test]
async fn a_successor_is_asked_of_those_who_still_hold_the_epoch_before_first_and_of_its_author_never() {
    let ward = Ward::with(&[1, 2, 3, 4, 5]).await;
    read_all(&ward, &[1, 2, 3, 4, 5]).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3, 4, 5]).await;
    read_all(&ward, &[1, 4]).await;
    stuck(&ward, 2, commit).await.unwrap();
    stuck(&ward, 5, commit).await.unwrap();
    fence(&ward, 5).await;
    stuck(&ward, 3, commit).await.unwrap();
    assert!(shut(&ward, commit).await);
    let circle = circle(&ward).await;
    let order = candidates(&circle, &circle.tasks[0], &devices(&[1, 2, 3, 4, 5]), ward.now());
    let first: BTreeSet<_> = order[..2].iter().copied().collect();
    assert_eq!(first, devices(&[2, 3]), "5 is inside the fence");
    assert_eq!(order[2..], ids(&[4]));
    assert_eq!(able(&ward, let_go(2), &[1, 4]).await, [], "all else is over with the log");
}

#[tokio::test]
async fn while_a_successors_maker_is_at_it_nobody_else_is_asked() {
    let ward = Ward::with(&[1, 2, 3]).await;
    read_all(&ward, &[1, 2, 3]).await;
    let commit = update(&ward, 1, 1, &[1, 2, 3]).await;
    stuck(&ward, 2, commit).await.unwrap();
    stuck(&ward, 3, commit).await.unwrap();
    shut(&ward, commit).await;
    follow(&ward, 2, 5, commit).await.unwrap();
    let order = async || {
        let circle = circle(&ward).await;
        candidates(&circle, &circle.tasks[0], &devices(&[1, 2, 3]), ward.now())
    };
    assert_eq!(order().await, []);
    ward.pass(10);
    let order = order().await;
    assert_eq!(order[0], device(3), "it had its turn");
    assert_eq!(order[1..], ids(&[2]), "and its author is never asked");
}

#[test]
fn work_on_many_conversations_goes_to_many_members() {
    let firsts: BTreeSet<DeviceId> = (0..100)
        .map(|n| {
            let task = Task { conversation: conversation(n), kind: let_go(9), made_at: EVENING };
            let mut able = ids(&[1, 2, 3, 4]);
            able.sort_by_key(|device| task.rank(*device));
            able[0]
        })
        .collect();
    assert_eq!(firsts.len(), 4);
}

#[test]
fn the_spans_are_those_of_the_design() {
    assert_eq!(LEASE, Duration::from_secs(2));
    assert_eq!(crate::domain::membership::MENDING, Duration::from_secs(10));
}

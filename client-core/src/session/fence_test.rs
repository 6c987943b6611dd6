//! Claims about a relay that takes nothing before somebody has left: whatever its reason, no other conversation waits with it, and
//! what it did not take is tried again over the same connection.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use wardline_identity::{Clock as _, RevocationAct, RevocationKind, RevocationReason};
use wardline_proto::{DeviceId, Reason, in_place, relay::PublishRevocationListRequest};

use super::{
    keep_list::keep_list,
    outbox::{Passing, pass},
    refused_test::{Answers, session},
    signed_list::{Wanted, put_in_force},
};
use crate::{
    conversation::{
        Change,
        broken_test::{house::House, lists::Lists, ward::Log},
        random,
    },
    vault::tables::intents::{self, Wish},
};

/// How often a relay says no before it is only busy.
const PATIENCE: usize = 50;

/// A relay that takes no commit of a conversation, while something is said in another one. How many commits came in one pass, and
/// how many messages it took.
async fn refused_without_end(guard: &'static str) -> (usize, u32) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    let other = Log::begin(&mut a, &mut [&mut c]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[b.core.device.id()]);
    lists.reaches(&mut a).await;
    a.say(&log.conversation, "waits").await;
    a.say(&other.conversation, "goes").await;
    let said = AtomicUsize::new(0);
    let commits = Box::new(move |_: &_| {
        let said = said.fetch_add(1, Ordering::Relaxed);
        Some(if said < PATIENCE { Reason::RevocationPending } else { Reason::Internal })
    });
    let answers = Arc::new(Answers { commits, lists: Mutex::new(Some(lists.copy())), ..Answers::yes() });
    let (session, relay, _home) = session(a, &answers);
    {
        // Its time has come.
        let core = session.core().await;
        let mut tx = core.vault.begin("wish").await.unwrap();
        let now = house.clock.now();
        let request = random(&*core.entropy).unwrap();
        intents::insert(&mut tx, &log.conversation, &Wish::RemoveRevoked, &request, now, now).await.unwrap();
        tx.commit().await.unwrap();
    }
    in_place::arm(guard);
    pass(&session, &relay, &mut Passing::default()).await.unwrap();
    in_place::disarm(guard);
    let commits = answers.committed.lock().unwrap().len();
    let taken = answers.came.lock().unwrap().1;
    (commits, taken)
}

#[tokio::test]
async fn a_fence_that_lets_nothing_pass_keeps_no_other_conversation_waiting() {
    assert_eq!(refused_without_end("").await, (1, 1));
    let (commits, _) = refused_without_end("mutant.fence_spins").await;
    assert!(commits > PATIENCE, "the guard taken away: it goes on until the relay has another answer");
}

/// A commit is under way when the list comes that names a member, and the relay does not say at first whether it has taken it. How
/// many commits come over that connection.
async fn asked_once_more(guard: &'static str, refusals: usize) -> usize {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let log = Log::begin(&mut a, &mut [&mut b]).await;
    a.stages(&log.conversation, Change::default()).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[b.core.device.id()]);
    lists.reaches(&mut a).await;
    let said = AtomicUsize::new(0);
    let winners = Box::new(move |_: &_| {
        (said.fetch_add(1, Ordering::Relaxed) < refusals).then_some(Reason::LimitReached)
    });
    let answers = Arc::new(Answers { winners, lists: Mutex::new(Some(lists.copy())), ..Answers::yes() });
    let (session, relay, _home) = session(a, &answers);
    in_place::arm(guard);
    let mut passing = Passing::default();
    for _ in 0..4 {
        pass(&session, &relay, &mut passing).await.unwrap();
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    in_place::disarm(guard);
    answers.committed.lock().unwrap().len()
}

#[tokio::test]
async fn a_commit_that_is_held_back_is_looked_at_again_over_the_same_connection() {
    assert_eq!(asked_once_more("", 0).await, 1, "the control: the removal goes in its place");
    assert_eq!(asked_once_more("", 1).await, 1);
    assert_eq!(asked_once_more("mutant.waits_for_next_connection", 1).await, 0, "the guard taken away");
}

/// An order is under way that the relay refuses for what it says, and another is given. Which devices each list names that the relay is
/// asked to take.
async fn under_way_and_refused(guard: &'static str) -> Vec<Vec<DeviceId>> {
    let house = House::found();
    let a = house.administrator("admin").await;
    let [never, wanted] = [7, 8].map(|byte| DeviceId::from_bytes([byte; 16]));
    let (kind, reason) = (RevocationKind::Revoked, RevocationReason::Lost);
    let names = |request: &PublishRevocationListRequest| -> Vec<DeviceId> {
        request.acts.iter().map(|act| RevocationAct::read(act).unwrap().device).collect()
    };
    let publishes =
        Box::new(move |request: &_| names(request).contains(&never).then_some(Reason::StatementInvalid));
    let answers = Arc::new(Answers { publishes, ..Answers::yes() });
    let (session, relay, _home) = session(a, &answers);
    let order = |device| Wanted { device, kind, reason };
    let _ = put_in_force(&session, &relay, &[order(never)]).await.expect_err("it is refused");
    in_place::arm(guard);
    // What this relay answers to a list that it takes is no proof, and ends it.
    let _ = put_in_force(&session, &relay, &[order(wanted)]).await;
    in_place::disarm(guard);
    answers.published.lock().unwrap().iter().map(names).collect()
}

#[tokio::test]
async fn what_the_relay_will_never_take_keeps_no_other_order_from_being_carried_out() {
    let [never, wanted] = [7, 8].map(|byte| DeviceId::from_bytes([byte; 16]));
    let blocked = [vec![never], vec![never], vec![never, wanted]];
    let lists = under_way_and_refused("").await;
    assert_eq!((&lists[..3], &lists[3..]), (&blocked[..], &[vec![wanted]][..]));
    assert_eq!(under_way_and_refused("mutant.refused_act_blocks").await, blocked, "the guard taken away");
}

/// An order is under way that the relay does not take by its clock, and the list was signed two hours ago. How many acts each list has
/// that the relay is asked to take by the next pass of the registrar, which fails.
async fn kept_fresh(guard: &'static str) -> Vec<usize> {
    let house = House::found();
    let mut a = house.administrator("admin").await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[DeviceId::from_bytes([6; 16])]);
    lists.reaches(&mut a).await;
    let publishes = Box::new(|request: &PublishRevocationListRequest| {
        (!request.acts.is_empty()).then_some(Reason::FieldInvalid)
    });
    let answers = Arc::new(Answers { publishes, lists: Mutex::new(Some(lists.copy())), ..Answers::yes() });
    let (session, relay, _home) = session(a, &answers);
    let (device, kind, reason) =
        (DeviceId::from_bytes([7; 16]), RevocationKind::Revoked, RevocationReason::Lost);
    let _ = put_in_force(&session, &relay, &[Wanted { device, kind, reason }])
        .await
        .expect_err("not by this clock");
    house.clock.advance_seconds(7_200);
    answers.published.lock().unwrap().clear();
    in_place::arm(guard);
    let _ = keep_list(&session, &relay).await.expect_err("what is under way is told");
    in_place::disarm(guard);
    answers.published.lock().unwrap().iter().map(|request| request.acts.len()).collect()
}

#[tokio::test]
async fn the_list_lives_on_whatever_became_of_what_is_under_way() {
    assert_eq!(kept_fresh("").await.last(), Some(&0), "it is signed again");
    assert!(!kept_fresh("mutant.stuck_is_unkept").await.contains(&0), "the guard taken away");
}

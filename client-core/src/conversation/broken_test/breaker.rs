//! What a member can do to a log with one commit: declare everybody out, throw somebody out and bring in another device as
//! theirs. The others are heard, and it is put right.

use wardline_proto::in_place::{arm, arm_once, disarm};

use super::{
    going_on::{adds, made},
    *,
};
use crate::conversation::broken_test::scene::completes;

/// Mallory declares everybody else out, by a commit that can be followed or not; the others' reports close the log, and it goes
/// on.
async fn everybody_out(worthless: bool) {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    arm_once("member.everybody_out");
    let mut pending = m.stages(&old, Change::default()).await;
    disarm("member.everybody_out");
    if worthless {
        pending = m.makes_worthless(pending).await;
    }
    let broken = log.head() + 1;
    log.commit(&m, pending);
    for phone in [&mut a, &mut b, &mut c, &mut m] {
        log.deliver(phone).await;
    }
    for phone in [&a, &b, &c] {
        assert_eq!(phone.row(&old).await.standing, Standing::OutOfStep, "they say that they are cut off");
    }
    let reports = vec![reported(&a, &old).await, reported(&b, &old).await];
    // Whoever is declared out counts: one word of four is not enough.
    assert!(closed(&mut c.core, &end(&log, broken, reports[..1].to_vec())).await.unwrap().is_empty());
    for phone in [&mut a, &mut b, &mut c, &mut m] {
        let effects = closed(&mut phone.core, &end(&log, broken, reports.clone())).await.unwrap();
        assert_eq!(effects, [Effect::Closed(old)]);
    }
    let mut next = made(&mut b, &log, broken).await;
    assert_eq!(wished(&b, &next.conversation).await, ["doctor-a", "locum-c", "mallory"]);
    let welcome = adds(&mut next, &mut b, &[&a, &c, &m]).await;
    for phone in [&mut a, &mut c, &mut m] {
        named(phone, &log, &next.conversation).await;
        assert!(next.welcome(phone, &welcome).await);
        assert!(phone.row(&next.conversation).await.held.is_none());
    }
    next.talk(&mut a, "it goes on", &mut [&mut b, &mut c]).await;
    assert!(c.texts(&old).await.contains(&"it goes on".to_owned()));
}

#[tokio::test]
async fn a_commit_that_declares_everybody_out_and_cannot_be_followed_stops_nothing() {
    everybody_out(true).await;
}

#[tokio::test]
async fn a_commit_that_declares_everybody_out_and_can_be_followed_stops_nothing() {
    everybody_out(false).await;
}

/// Mallory throws nurse-b's phone out and brings another device in as hers. Whether it is held.
async fn in_place_of_another() -> bool {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut m, other) = (house.phone("mallory").await, house.phone("nurse-b").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m]).await;
    let old = log.conversation;
    m.core.load_group(&old).await.unwrap();
    let roster =
        crate::conversation::roster::Roster::read(&m.core.device.organisation, &m.core.groups[&old].roster());
    let victim = roster.device(&b.core.device.id()).unwrap().clone();
    let removes = vec![(victim, wardline_proto::relay::RemovalGround::default())];
    commit(&mut log, &mut m, Change { removes, ..Change::default() }, &mut [&mut a]).await;
    adds(&mut log, &mut m, &[&other]).await;
    log.deliver(&mut a).await;
    a.row(&old).await.held.is_some()
}

#[tokio::test]
async fn who_is_thrown_out_is_not_replaced_by_another_device() {
    assert!(in_place_of_another().await);
    arm("mutant.mend_by_user");
    let held = in_place_of_another().await;
    disarm("mutant.mend_by_user");
    assert!(!held, "without the guard it is in, and nobody lets the right one in");
}

/// Mallory declares somebody out who is in: the relay sends them nothing more, until another puts it right. What they read of what
/// was said meanwhile, and how often.
async fn cut_off(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut m) = (house.phone("locum-c").await, house.phone("mallory").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c, &mut m]).await;
    let old = log.conversation;
    arm_once("member.false_leaves");
    let pending = m.stages(&old, Change::default()).await;
    log.commit(&m, pending);
    let mut phones = vec![a, b, c, m];
    let mut victim = None;
    for (place, phone) in phones.iter_mut().enumerate() {
        log.deliver(phone).await;
        if phone.row(&old).await.standing == Standing::OutOfStep {
            victim = Some(place);
        }
    }
    let mut victim = phones.remove(victim.expect("somebody is declared out"));
    let [mut speaker, mut other, mut m] = <[Phone; 3]>::try_from(phones).ok().unwrap();
    log.talk(&mut speaker, "meanwhile", &mut [&mut other, &mut m]).await;
    let adds = vec![victim.package().await];
    other.core.load_group(&old).await.unwrap();
    let change = completes(&mut other, &old, &Wish::Correct, adds).await;
    let pending = other.stages(&old, change).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(&other, pending);
    arm(guard);
    for phone in [&mut speaker, &mut other, &mut m] {
        log.deliver(phone).await;
    }
    disarm(guard);
    assert!(log.welcome(&mut victim, &welcome).await);
    log.take(&mut speaker).await;
    log.deliver(&mut other).await;
    log.deliver(&mut victim).await;
    assert_eq!(other.texts(&old).await, ["meanwhile"], "who has it is shown it once");
    victim.texts(&old).await
}

#[tokio::test]
async fn who_was_declared_out_falsely_is_told_what_was_said_meanwhile() {
    assert_eq!(cut_off("").await, ["meanwhile"]);
    assert!(cut_off("mutant.cut_off_unread").await.is_empty(), "the guard taken away");
}

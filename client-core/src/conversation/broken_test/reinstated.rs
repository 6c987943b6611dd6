//! Claims about people who come back to their conversations when a hold has ended. Each has its control.

use wardline_identity::{
    Clock as _, DeviceCertificate,
    RevocationKind::{Held, Reinstated, Revoked},
    UserId,
};
use wardline_proto::{
    in_place,
    relay::{KeeperRight, removal_ground::Ground},
};

use super::{
    house::House,
    lists::Lists,
    revoked::{goes_on_without, removal as planned, removes},
    scene::{commit, member, removal, wishes},
    ward::{Log, Phone},
};
use crate::conversation::{Change, Plan, missing, plan, revoked::look_in};
use crate::vault::tables::intents::{self, Outcome, Wish};

/// Whom a device wishes to add.
async fn adds(phone: &Phone) -> Vec<String> {
    let wishes = wishes(phone).await.into_iter();
    wishes.filter_map(|wish| if let Wish::AddBack { user, .. } = wish { Some(user) } else { None }).collect()
}

/// The list comes to a device, which looks through the conversation by it.
async fn hears(phone: &mut Phone, log: &Log, lists: &Lists) {
    lists.reaches(phone).await;
    let now = phone.core.clock.now();
    look_in(&mut phone.core, &log.conversation, now).await.unwrap();
}

/// A device is on hold and is taken out; then this is done to it. Whom those who stayed wish to add: who took it out, and another.
async fn after_hold(guard: &'static str, then: wardline_identity::RevocationKind) -> [Vec<String>; 2] {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let mut lists = Lists::none(&house);
    lists.act(&house, Held, &[c.core.device.id()]);
    for phone in [&mut a, &mut b] {
        hears(phone, &log, &lists).await;
    }
    removes(&mut log, &mut a, &mut [&mut b]).await;
    for phone in [&a, &b] {
        assert!(adds(phone).await.is_empty(), "not while it is on hold");
    }
    lists.act(&house, then, &[c.core.device.id()]);
    in_place::arm(guard);
    for phone in [&mut a, &mut b] {
        hears(phone, &log, &lists).await;
    }
    in_place::disarm(guard);
    let wished = [adds(&a).await, adds(&b).await];
    if wished[0].is_empty() {
        return wished;
    }
    // One of them does it, and it is done for the other; and they talk.
    lists.reaches(&mut c).await;
    log.deliver(&mut c).await;
    house.clock.advance_seconds(3);
    let wish = wishes(&b).await.into_iter().find(|wish| matches!(wish, Wish::AddBack { .. })).unwrap();
    let Plan::People(people) = plan(&mut b.core, &log.conversation, &wish).await.unwrap() else {
        panic!("it can be done")
    };
    assert_eq!(people.iter().map(UserId::as_str).collect::<Vec<_>>(), ["doctor-c"]);
    // The very device that went, and no other of that person's.
    let (other, package) = (house.phone("doctor-c").await, c.package().await);
    let of_person = vec![other.core.device.certificate.clone(), package.1.clone()];
    let back = missing(&mut b.core, &log.conversation, &wish, of_person).await.unwrap();
    assert_eq!(back.iter().map(DeviceCertificate::device).collect::<Vec<_>>(), [c.core.device.id()]);
    let change = Change { adds: vec![package], ..Change::default() };
    let pending = b.stages(&log.conversation, change).await;
    let welcome = pending.welcome.clone().unwrap();
    log.commit(&b, pending);
    for phone in [&mut b, &mut a] {
        log.deliver(phone).await;
    }
    assert!(log.welcome(&mut c, &welcome).await);
    log.talk(&mut c, "here again", &mut [&mut a, &mut b]).await;
    assert_eq!(a.texts(&log.conversation).await, ["here again"]);
    // What is known of it is used up.
    hears(&mut a, &log, &lists).await;
    assert!(matches!(plan(&mut a.core, &log.conversation, &wish).await.unwrap(), Plan::Nothing));
    wished
}

#[tokio::test]
async fn who_was_taken_out_while_on_hold_is_added_back_when_it_ends() {
    let (back, nobody) = (|| vec!["doctor-c".to_owned()], Vec::<String>::new);
    assert_eq!(after_hold("", Reinstated).await, [back(), back()]);
    assert_eq!(after_hold("", Revoked).await, [nobody(), nobody()], "the control: it is revoked");
    assert_eq!(
        after_hold("mutant.held_stays_out", Reinstated).await,
        [nobody(), nobody()],
        "the guard taken away"
    );
}

/// A hold that has ended brings back nobody whom somebody removed by name, and no further device of a person who is in.
#[tokio::test]
async fn a_hold_that_ends_brings_back_nobody_else() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut b2, mut c) = (house.phone("nurse-b").await, house.phone("doctor-c").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    log.add(&mut b, &mut [&mut b2]).await;
    for phone in [&mut a, &mut c] {
        log.deliver(phone).await;
    }
    let change = removal(member(&mut a, &log, &c).await, Ground::Keeper(KeeperRight {}));
    commit(&mut log, &mut a, change, &mut [&mut b, &mut b2]).await;
    let mut lists = Lists::none(&house);
    let named = [b2.core.device.id(), c.core.device.id()];
    lists.act(&house, Held, &named);
    for phone in [&mut a, &mut b] {
        hears(phone, &log, &lists).await;
    }
    removes(&mut log, &mut a, &mut [&mut b]).await;
    lists.act(&house, Reinstated, &named);
    for phone in [&mut a, &mut b] {
        hears(phone, &log, &lists).await;
        assert!(adds(phone).await.is_empty());
    }
}

/// A person's one device is on hold and out, then a keeper puts the person out with the other, or not. Whom another wishes to add
/// when the hold ends.
async fn put_out_meanwhile(guard: &'static str, put_out: bool) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let (mut c, mut laptop) = (house.phone("doctor-c").await, house.phone("doctor-c").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    log.add(&mut c, &mut [&mut laptop]).await;
    for phone in [&mut a, &mut b] {
        log.deliver(phone).await;
    }
    let mut lists = Lists::none(&house);
    lists.act(&house, Held, &[c.core.device.id()]);
    for phone in [&mut a, &mut b] {
        hears(phone, &log, &lists).await;
    }
    removes(&mut log, &mut a, &mut [&mut b]).await;
    in_place::arm(guard);
    if put_out {
        let change = removal(member(&mut a, &log, &laptop).await, Ground::Keeper(KeeperRight {}));
        commit(&mut log, &mut a, change, &mut [&mut b]).await;
    }
    lists.act(&house, Reinstated, &[c.core.device.id()]);
    hears(&mut b, &log, &lists).await;
    in_place::disarm(guard);
    adds(&b).await
}

#[tokio::test]
async fn who_was_put_out_meanwhile_does_not_come_back_by_a_device_that_was_on_hold() {
    assert!(put_out_meanwhile("", true).await.is_empty());
    assert_eq!(put_out_meanwhile("mutant.back_for_all", true).await, ["doctor-c"], "the guard taken away");
    assert!(put_out_meanwhile("", false).await.is_empty(), "while another device of theirs is in");
}

/// A removal is under way when the hold ends, and the relay takes it after that. Whom its author wishes to add.
async fn removed_after_the_end(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let mut lists = Lists::none(&house);
    lists.act(&house, Held, &[c.core.device.id()]);
    hears(&mut a, &log, &lists).await;
    let change = planned(&mut a, &log.conversation).await.unwrap();
    let pending = a.stages(&log.conversation, change).await;
    lists.act(&house, Reinstated, &[c.core.device.id()]);
    hears(&mut a, &log, &lists).await;
    log.commit(&a, pending);
    in_place::arm(guard);
    log.deliver(&mut a).await;
    in_place::disarm(guard);
    adds(&a).await
}

/// Found by the simulation: nobody added back who had gone so.
#[tokio::test]
async fn who_took_out_somebody_whose_hold_had_ended_by_then_adds_them_back() {
    assert_eq!(removed_after_the_end("").await, ["doctor-c"]);
    assert!(removed_after_the_end("mutant.own_after_end").await.is_empty(), "the guard taken away");
}

/// Somebody is put on hold while their log is closed, so that what goes on from it is made without them; then this is done to them.
/// Whom those wish to add who are in it.
async fn left_out(guard: &'static str, then: wardline_identity::RevocationKind) -> [Vec<String>; 2] {
    let house = House::found();
    let (log, mut lists, [mut a, mut b], c) = goes_on_without(&house, Held, guard).await;
    lists.act(&house, then, &[c.core.device.id()]);
    for phone in [&mut a, &mut b] {
        hears(phone, &log, &lists).await;
    }
    [adds(&a).await, adds(&b).await]
}

#[tokio::test]
async fn who_was_on_hold_while_their_log_was_closed_is_added_back_where_it_goes_on() {
    let (back, nobody) = (|| vec!["doctor-c".to_owned()], Vec::<String>::new);
    assert_eq!(left_out("", Reinstated).await, [back(), back()]);
    assert_eq!(left_out("", Revoked).await, [nobody(), nobody()], "the control: it is revoked");
    assert_eq!(
        left_out("mutant.held_left_out", Reinstated).await,
        [nobody(), nobody()],
        "the guard taken away"
    );
}

/// A hold ends, and before anybody has added the person back, another begins; what was wished for comes to nothing. Whom one who
/// stayed wishes to add when that ends too.
async fn held_twice(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let mut lists = Lists::none(&house);
    lists.act(&house, Held, &[c.core.device.id()]);
    hears(&mut a, &log, &lists).await;
    removes(&mut log, &mut a, &mut [&mut b]).await;
    in_place::arm(guard);
    lists.act(&house, Reinstated, &[c.core.device.id()]);
    hears(&mut a, &log, &lists).await;
    lists.act(&house, Held, &[c.core.device.id()]);
    hears(&mut a, &log, &lists).await;
    let wish = Wish::AddBack { user: "doctor-c".to_owned(), devices: vec![c.core.device.id().to_string()] };
    let found = vec![c.core.device.certificate.clone()];
    assert!(
        missing(&mut a.core, &log.conversation, &wish, found).await.unwrap().is_empty(),
        "not while held"
    );
    let mut tx = a.core.vault.begin("end").await.unwrap();
    intents::end_where(&mut tx, &log.conversation, &Outcome::Done, |one| *one == wish).await.unwrap();
    tx.commit().await.unwrap();
    lists.act(&house, Reinstated, &[c.core.device.id()]);
    for _ in 0..2 {
        hears(&mut a, &log, &lists).await;
    }
    in_place::disarm(guard);
    adds(&a).await
}

/// Found by the simulation: nobody knew any more who had gone.
#[tokio::test]
async fn who_is_put_on_hold_again_before_they_are_back_comes_back_when_that_ends() {
    assert_eq!(held_twice("").await, ["doctor-c"], "once");
    assert!(held_twice("mutant.back_once").await.is_empty(), "the guard taken away");
}

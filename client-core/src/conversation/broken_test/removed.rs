//! Claims about judging removals by the revocation list, and commits that bring in who is named by it. Each has its control.

use wardline_identity::{Clock as _, RevocationKind};
use wardline_proto::{in_place, relay::removal_ground::Ground};

use super::{
    house::House,
    lists::Lists,
    revoked::{removal as planned, removes},
    scene::{commit, member, removal, wishes},
    ward::{Log, Phone},
};
use crate::{
    conversation::{
        Change,
        revoked::{look_in, outdated},
    },
    vault::tables::{faults, intents::Wish},
};

/// What a device was told of faults in a conversation.
async fn faults(phone: &Phone, log: &Log) -> Vec<(String, bool)> {
    let mut tx = phone.core.vault.begin("faults").await.unwrap();
    let found = faults::list(&mut tx, &log.conversation).await.unwrap();
    found.into_iter().map(|fault| (fault.why, fault.proven)).collect()
}

async fn held(phone: &Phone, log: &Log) -> bool {
    phone.row(&log.conversation).await.held.is_some()
}

/// Whom a device wishes to have back.
async fn mends(phone: &Phone) -> Vec<String> {
    let wishes = wishes(phone).await.into_iter();
    wishes
        .filter_map(|wish| match wish {
            Wish::Mend { user, .. } => Some(user),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_removal_by_a_list_that_is_not_here_is_held_until_it_is() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    lists.reaches(&mut a).await;
    removes(&mut log, &mut a, &mut [&mut b]).await;
    assert!(held(&b, &log).await);
    assert_eq!((faults(&b, &log).await, mends(&b).await), (Vec::new(), Vec::new()), "nobody is accused");
    let head = log.head();
    b.say(&log.conversation, "waits").await;
    log.take(&mut b).await;
    assert_eq!(log.head(), head, "nothing is said meanwhile");
    lists.reaches(&mut b).await;
    let now = house.clock.now();
    look_in(&mut b.core, &log.conversation, now).await.unwrap();
    assert!(!held(&b, &log).await && mends(&b).await.is_empty());
    log.take(&mut b).await;
    log.deliver(&mut a).await;
    assert_eq!(a.texts(&log.conversation).await, ["waits"]);
}

/// A member removes another by a list that does not name them, which is here, or comes later. Whom another wishes back, and what
/// is said of the liar.
async fn removes_by_a_lie(guard: &'static str, number: u64) -> (Vec<String>, Vec<(String, bool)>) {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let mut victim = house.phone("nurse-b").await;
    let mut log = Log::begin(&mut a, &mut [&mut m, &mut victim]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[]);
    lists.reaches(&mut a).await;
    let change = removal(member(&mut m, &log, &victim).await, Ground::RevocationListNumber(number));
    in_place::arm(guard);
    commit(&mut log, &mut m, change, &mut [&mut a]).await;
    assert_eq!(held(&a, &log).await, number > lists.number() && guard.is_empty());
    while lists.number() < number {
        lists.revoke(&house, &[]);
    }
    lists.reaches(&mut a).await;
    look_in(&mut a.core, &log.conversation, house.clock.now()).await.unwrap();
    in_place::disarm(guard);
    assert!(!held(&a, &log).await);
    (mends(&a).await, faults(&a, &log).await)
}

#[tokio::test]
async fn who_is_removed_by_a_list_that_does_not_name_them_is_added_back() {
    let shown = vec![("removed someone without the right to".to_owned(), false)];
    assert_eq!(removes_by_a_lie("", 1).await, (vec!["nurse-b".to_owned()], shown.clone()));
    assert_eq!(removes_by_a_lie("", 0).await, (vec!["nurse-b".to_owned()], shown));
    assert_eq!(removes_by_a_lie("", 3).await, (vec!["nurse-b".to_owned()], Vec::new()), "once it is here");
    for number in [1, 3] {
        let believed = removes_by_a_lie("mutant.any_list_removes", number).await;
        assert_eq!(believed, (Vec::new(), Vec::new()), "the guard taken away");
    }
}

#[tokio::test]
async fn who_was_reinstated_since_is_added_back_and_nobody_accused() {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut c]).await;
    let mut lists = Lists::none(&house);
    lists.act(&house, RevocationKind::Held, &[c.core.device.id()]);
    lists.reaches(&mut a).await;
    let change = planned(&mut a, &log.conversation).await.unwrap();
    house.clock.advance_seconds(60);
    lists.act(&house, RevocationKind::Reinstated, &[c.core.device.id()]);
    lists.reaches(&mut b).await;
    commit(&mut log, &mut a, change, &mut [&mut b]).await;
    assert_eq!(mends(&b).await, ["doctor-c"]);
    assert!(faults(&b, &log).await.is_empty() && !held(&b, &log).await);
}

/// A member who goes by the list lets in a device that it names. What another is told, and whether that one wishes for the removal.
async fn lets_in_revoked(guard: &'static str, knows: bool) -> (Vec<(String, bool)>, bool) {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let mut c = house.phone("doctor-c").await;
    let mut log = Log::begin(&mut a, &mut [&mut m]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    lists.reaches(&mut a).await;
    if knows {
        lists.reaches(&mut m).await;
    }
    let change = Change { adds: vec![c.package().await], ..Change::default() };
    in_place::arm("mutant.commit_to_revoked");
    let pending = m.stages(&log.conversation, change).await;
    in_place::disarm("mutant.commit_to_revoked");
    let welcome = pending.welcome.clone().unwrap();
    log.commit(&m, pending);
    log.deliver(&mut m).await;
    in_place::arm(guard);
    log.deliver(&mut a).await;
    in_place::disarm(guard);
    assert!(log.welcome(&mut c, &welcome).await, "the relay lets it pass");
    let told = faults(&a, &log).await;
    let wishes = wishes(&a).await.contains(&Wish::RemoveRevoked);
    // Nothing is said before it is out.
    log.talk(&mut a, "not to them", &mut [&mut c]).await;
    assert!(c.texts(&log.conversation).await.is_empty());
    removes(&mut log, &mut a, &mut [&mut m]).await;
    log.talk(&mut a, "and now", &mut [&mut m]).await;
    log.deliver(&mut c).await;
    assert!(c.texts(&log.conversation).await.is_empty());
    assert_eq!(m.texts(&log.conversation).await, ["not to them", "and now"]);
    (told, wishes)
}

#[tokio::test]
async fn who_lets_a_revoked_device_in_against_the_list_they_name_is_shown_and_it_goes_out_again() {
    let shown = vec![("let in a device that was revoked".to_owned(), false)];
    assert_eq!(lets_in_revoked("", true).await, (shown, true));
    assert_eq!(
        lets_in_revoked("", false).await,
        (Vec::new(), true),
        "who did not know is accused of nothing"
    );
    assert_eq!(lets_in_revoked("mutant.judge_revoked_joins", true).await, (Vec::new(), true), "taken away");
}

#[tokio::test]
async fn a_correction_takes_out_who_is_named_with_the_rest() {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let (mut b, mut c) = (house.phone("nurse-b").await, house.phone("doctor-c").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m, &mut c]).await;
    // Mallory lets in a device of somebody who did not approve it.
    let further = house.phone("nurse-b").await;
    let change = Change { adds: vec![further.package().await], ..Change::default() };
    commit(&mut log, &mut m, change, &mut [&mut a, &mut b]).await;
    assert!(held(&a, &log).await);
    house.clock.advance_seconds(2);
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    for phone in [&mut a, &mut b] {
        lists.reaches(phone).await;
    }
    assert!(planned(&mut a, &log.conversation).await.is_none(), "what is wrong is put right first");
    let correct = crate::conversation::plan(&mut a.core, &log.conversation, &Wish::Correct).await.unwrap();
    let crate::conversation::Plan::Commit(change) = correct else { panic!("a commit") };
    commit(&mut log, &mut a, *change, &mut [&mut b]).await;
    for phone in [&mut a, &mut b] {
        assert!(!held(phone, &log).await);
        assert!(planned(phone, &log.conversation).await.is_none(), "nobody is left to go");
        let lines = phone.reads(&log.conversation).await;
        assert!(lines.last().unwrap().contains("doctor-c's device (phone) was revoked"), "{lines:?}");
    }
    log.talk(&mut a, "among us", &mut [&mut b]).await;
    log.deliver(&mut c).await;
    assert!(c.texts(&log.conversation).await.is_empty());
    assert_eq!(b.texts(&log.conversation).await, ["among us"]);
}

#[tokio::test]
async fn who_is_declared_out_and_kept_in_goes_by_the_first_correction() {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let (mut b, mut c) = (house.phone("nurse-b").await, house.phone("doctor-c").await);
    let mut log = Log::begin(&mut a, &mut [&mut b, &mut m, &mut c]).await;
    let conversation = log.conversation;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[c.core.device.id()]);
    for phone in [&mut a, &mut b, &mut m] {
        lists.reaches(phone).await;
    }
    in_place::arm("member.keep_removed");
    removes(&mut log, &mut m, &mut [&mut a, &mut b]).await;
    in_place::disarm("member.keep_removed");
    let correct = crate::conversation::plan(&mut a.core, &conversation, &Wish::Correct).await.unwrap();
    let crate::conversation::Plan::Commit(change) = correct else { panic!("a commit") };
    // The relay does not hold the device to be in: the commit says nothing of it, and takes it out.
    let pending = a.stages(&conversation, *change).await;
    assert!(!outdated(&mut a.core, &conversation, &pending.commit).await.unwrap(), "it is sent");
    in_place::arm("mutant.outdated_by_word");
    let taken_back = outdated(&mut a.core, &conversation, &pending.commit).await.unwrap();
    in_place::disarm("mutant.outdated_by_word");
    assert!(taken_back, "the guard taken away: again and again, and the conversation stands still");
}

/// A member removes another by a list that there never was, or that the relay hides. Whether it is held and whom another wishes back
/// once an issuer has signed the list again: a minute after that, and an hour.
async fn by_no_list(guard: &'static str) -> [(bool, Vec<String>); 2] {
    let house = House::found();
    let (mut a, mut m) = (house.phone("doctor-a").await, house.phone("mallory").await);
    let mut victim = house.phone("nurse-b").await;
    let mut log = Log::begin(&mut a, &mut [&mut m, &mut victim]).await;
    let mut lists = Lists::none(&house);
    lists.revoke(&house, &[]);
    lists.reaches(&mut a).await;
    let change = removal(member(&mut m, &log, &victim).await, Ground::RevocationListNumber(u64::MAX));
    commit(&mut log, &mut m, change, &mut [&mut a]).await;
    assert!(held(&a, &log).await);
    in_place::arm(guard);
    let mut wished = [(true, Vec::new()), (true, Vec::new())];
    for (wished, seconds) in wished.iter_mut().zip([60, 3_600]) {
        house.clock.advance_seconds(seconds);
        lists.sign_again(&house);
        lists.reaches(&mut a).await;
        look_in(&mut a.core, &log.conversation, house.clock.now()).await.unwrap();
        *wished = (held(&a, &log).await, mends(&a).await);
    }
    in_place::disarm(guard);
    wished
}

#[tokio::test]
async fn a_list_that_there_never_was_holds_nothing_once_an_issuer_has_signed_a_lower_one_since() {
    let nobody = Vec::<String>::new;
    assert_eq!(
        by_no_list("").await,
        [(true, nobody()), (false, nobody())],
        "and nobody is let in again by that"
    );
    let held = by_no_list("mutant.held_for_ever").await;
    assert_eq!(held, [(true, nobody()), (true, nobody())], "the guard taken away");
    let back = by_no_list("mutant.mend_by_lower_list").await;
    assert_eq!(back, [(true, nobody()), (false, vec!["nurse-b".to_owned()])], "the guard taken away");
}

/// A person's further device is on hold and is taken out; who hears of the list after the hold has ended. Whom that one wishes back.
async fn further_ended(guard: &'static str) -> Vec<String> {
    let house = House::found();
    let (mut a, mut b) = (house.phone("doctor-a").await, house.phone("nurse-b").await);
    let mut further = house.phone("doctor-a").await;
    let mut log = Log::begin(&mut a, &mut [&mut b]).await;
    log.add(&mut a, &mut [&mut further]).await;
    log.deliver(&mut b).await;
    let mut lists = Lists::none(&house);
    lists.act(&house, RevocationKind::Held, &[further.core.device.id()]);
    lists.reaches(&mut a).await;
    let change = planned(&mut a, &log.conversation).await.unwrap();
    house.clock.advance_seconds(60);
    lists.act(&house, RevocationKind::Reinstated, &[further.core.device.id()]);
    lists.reaches(&mut b).await;
    in_place::arm(guard);
    commit(&mut log, &mut a, change, &mut [&mut b]).await;
    in_place::disarm(guard);
    mends(&b).await
}

/// Found by the simulation: who had seen it go while it was on hold took adding it back for a fault.
#[tokio::test]
async fn a_further_device_whose_hold_has_ended_comes_back_by_its_persons_approval_only() {
    assert!(further_ended("").await.is_empty());
    assert_eq!(further_ended("mutant.ended_adds_further").await, ["doctor-a"], "the guard taken away");
}
